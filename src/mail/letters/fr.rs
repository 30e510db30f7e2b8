//! French.

use super::Words;

pub(super) const WORDS: Words = Words {
    welcome_subject: "Votre formulaire\u{a0}: ce que nous conservons",
    welcome_why: "Le {day}, vous avez envoyé notre formulaire sur Facebook ou Instagram.",
    welcome_for: "C’était pour ceci\u{a0}: {title}.",
    welcome_meta: "Ces données nous viennent de Meta, qui a transmis vos réponses.",
    welcome_not_you: "Vous n’avez pas envoyé ce formulaire\u{a0}? Répondez à ce message, et nous effacerons tout.",
    held: "Nous conservons\u{a0}: {held}.",
    held_until: "Au plus tard le {until}, nous effacerons ces données.",
    rights: "Vous pouvez consulter vos données, les faire corriger ou effacer, ou vous opposer à leur usage. Écrivez à {email}, c’est gratuit.",
    complain: "Vous pouvez aussi adresser une réclamation à cette autorité\u{a0}: {authority}, {authority_url}",
    withdraw: "Vous pouvez retirer votre accord à tout moment.",
    notice: "Lire comment nous utilisons vos données",
    who: "{house}, {address}",
    and: " et ",
};
