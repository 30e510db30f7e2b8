//! French.

use super::Words;

pub(super) const WORDS: Words = Words {
    welcome_subject: "Votre formulaire\u{a0}: ce que nous conservons",
    welcome_why: "Le {day}, vous avez envoyé notre formulaire sur Facebook ou Instagram.",
    welcome_for: "C’était pour ceci\u{a0}: {title}.",
    welcome_meta: "Ces données nous viennent de Meta, qui a transmis vos réponses.",
    welcome_not_you: "Vous n’avez pas envoyé ce formulaire\u{a0}? Répondez à ce message, et nous effacerons tout.",
    asked_subject: "À confirmer ou à effacer",
    reminded_subject: "Rappel\u{a0}: à confirmer ou à effacer",
    asked_agreed: "Le {day}, vous nous avez donné votre accord pour ceci\u{a0}: {title}.",
    asked_requested: "Le {day}, vous nous avez demandé ceci\u{a0}: {title}.",
    asked_now: "Nous vérifions de temps en temps si cela vaut toujours.",
    reminded_why: "Nous vous avons déjà demandé si cela vaut toujours. C’est notre seul rappel.",
    asked_silence: "Sans réponse de votre part, nous effacerons ces données le {until}.",
    asked_choose: "Les trois liens mènent à votre page. Rien ne se passe avant que vous n’y confirmiez votre choix.",
    yes: "Oui, cela vaut toujours",
    no: "Non, effacez mes données",
    see: "Voir ou corriger mes données",
    held: "Nous conservons\u{a0}: {held}.",
    held_until: "Au plus tard le {until}, nous effacerons ces données.",
    rights: "Vous pouvez consulter vos données, les faire corriger ou effacer, ou vous opposer à leur usage. Écrivez à {email}, c’est gratuit.",
    complain: "Vous pouvez aussi adresser une réclamation à cette autorité\u{a0}: {authority}, {authority_url}",
    withdraw: "Vous pouvez retirer votre accord à tout moment.",
    notice: "Lire comment nous utilisons vos données",
    who: "{house}, {address}",
    and: " et ",
};
