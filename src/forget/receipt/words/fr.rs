//! French.

use crate::forget::receipt::content::{AskedBy, Ground, KeyStorage};
use crate::forget::receipt::words::sheet::Words;
use crate::language::Language;
use crate::purpose::law::RecipientRole;

pub(super) const WORDS: Words = Words {
    language: Language::Fr,
    title: "Reçu d’effacement",
    intro: "Ce document indique ce qui a été effacé chez {controller}, ce qui reste, et jusqu’à quand.",
    adds: "Il complète le reçu {number}\u{a0}: les envois qui n’avaient pas encore été lus l’ont été depuis.",

    number: "Numéro",
    issuer: "Établi par",
    asked: "Demandé le",
    done: "Effectué le",
    asked_by: "À la demande de",
    why: "Motif",
    by: |by| match by {
        AskedBy::Person => "la personne concernée",
        AskedBy::Controller => "{controller}, de sa propre initiative",
        AskedBy::Authority => "une autorité ou un tribunal",
    },
    ground: |ground| match ground {
        Ground::PersonRequest => "la personne a demandé l’effacement",
        Ground::Withdrawal => "la personne a retiré son consentement",
        Ground::Objection => "la personne s’est opposée à l’utilisation de ses données",
        Ground::Error => "les données avaient été enregistrées à tort",
        Ground::Audit => "un contrôle a montré que les données n’avaient plus à être conservées",
    },

    erased: "Ce qui a été effacé",
    purpose: "À quoi servaient les données",
    records: "Fiches effacées",
    how: "Une fiche contient les réponses d’un formulaire envoyé. Chacune était chiffrée avec une clé qui lui était propre. Les \
        fiches ont été retirées et leurs clés détruites. Sans sa clé, personne ne peut lire une fiche, pas même {controller}. \
        Seule exception\u{a0}: d’anciennes sauvegardes, voir ci-dessous.",
    references_one: "Un envoi avait été annoncé par Meta sans avoir encore été lu. Il a été rayé et ne sera pas lu.",
    references_many: "{count} envois avaient été annoncés par Meta sans avoir encore été lus. Ils ont été rayés et ne seront pas \
        lus.",
    nothing: "Aucune fiche n’a été trouvée\u{a0}: il n’y avait rien à effacer. Si elle a été effacée plus tôt, cet effacement-là \
        a son propre reçu.",

    remains: "Ce qui reste, et jusqu’à quand",
    what: "Ce qui reste",
    until: "Au plus tard",
    backups: "D’anciennes sauvegardes des clés. Avec l’une d’elles et une ancienne copie des fiches, les données effacées \
        pourraient encore être lues. Ces sauvegardes sont supprimées au plus tard à cette date.",
    tombstones: "Une empreinte de l’envoi\u{a0}: un code calculé, avec une clé secrète, à partir du numéro que Meta a donné au \
        formulaire envoyé. Elle sert uniquement à refuser cet envoi s’il arrivait de nouveau. Tant que sa clé existe, c’est une \
        donnée personnelle.",
    day_keys: "Le numéro donné par Meta à ce qui a été rayé sans être lu, sous forme chiffrée. La clé est détruite au plus tard \
        à cette date.",
    trail: "La ligne du registre des opérations\u{a0}: le numéro de la fiche, son effacement, la date et le motif. Aucune des \
        réponses.",
    trail_alone: "La ligne du registre des opérations\u{a0}: que cet effacement a été demandé, quand et pourquoi.",
    log: "Des lignes du journal technique, où un code court désigne l’envoi. La clé qui permettrait de relier ce code à l’envoi \
        est détruite au plus tard à cette date.",
    suppression: "Une empreinte de l’adresse e-mail ou du numéro de téléphone. Elle permet de le reconnaître, et de ne plus \
        l’enregistrer là où cela repose sur un consentement ou un intérêt légitime. C’est une donnée personnelle.",
    meta: "La copie que Meta (Facebook, Instagram) garde de son côté. {controller} ne peut pas l’effacer\u{a0}; Meta indique la \
        supprimer au bout de 90\u{a0}jours.",
    evidence: "La preuve du consentement\u{a0}: les cases cochées, la date et la suite. Elle ne contient aucune réponse. Elle se retrouve \
        par une empreinte de l’adresse ou du numéro, faite avec une clé secrète. C’est une donnée personnelle.",
    residue: "Des restes chiffrés dans les fichiers de la base de données. Leurs clés ont été détruites\u{a0}: sans l’une des \
        sauvegardes ci-dessus, personne ne peut les lire. Jusque-là, les mêmes fichiers peuvent aussi contenir une empreinte de \
        l’envoi, avec le numéro de la fiche et un jour. C’est une donnée personnelle.",
    residue_until: "prochaine réécriture de ces fichiers",
    memory: "Des traces dans la mémoire vive de l’ordinateur. Le programme les écrase par des zéros quand il libère cette mémoire.",
    storage: |storage| match storage {
        KeyStorage::InPlace => None,
        KeyStorage::CopyOnWrite => Some(
            "D’anciennes copies des clés détruites sur le support de stockage lui-même, qui écrit à un autre endroit ce qui \
             change. Elles sont chiffrées avec la clé principale.",
        ),
        KeyStorage::Overlay | KeyStorage::Network | KeyStorage::Unknown => Some(
            "Peut-être d’anciennes copies des clés détruites sur le support de stockage\u{a0}: le programme ne peut pas savoir si \
             elles y ont vraiment été écrasées. Elles sont chiffrées avec la clé principale.",
        ),
    },
    no_date: "aucune date possible",

    others: "Qui d’autre avait reçu les données",
    to_be_told: "Ces destinataires avaient reçu les données, ou ont pu les recevoir. Ils doivent être informés de l’effacement (article\u{a0}19 du RGPD). Ce \
        reçu ne dit pas s’ils l’ont déjà été, car il n’est jamais modifié\u{a0}; {controller} peut vous le dire.",
    role: |role| match role {
        RecipientRole::Processor => "agit pour {controller}",
        RecipientRole::JointController => "décide avec {controller} de l’utilisation des données",
        RecipientRole::Controller => "décide seul de l’utilisation des données",
    },
    nobody: "Ce système n’avait transmis les données effacées ici à aucun destinataire.",
    not_known: "Rien n’a été trouvé\u{a0}: on ne sait donc pas ici si quelqu’un avait reçu des données. Si elles ont été effacées \
        plus tôt, le reçu de cet effacement-là le dit.",
    locally: "Les données avaient aussi été exportées dans des fichiers chez {controller}. L’effacement n’atteint pas ces \
        fichiers\u{a0}: {controller} doit les supprimer.",
    elsewhere: "Le programme ne sait rien des impressions, ni des copies faites autrement.",

    unread: "Ce qui n’avait pas encore été lu",
    unread_none: "Au moment de l’effacement, aucun envoi n’attendait d’être lu.",
    unread_one: "Au moment de l’effacement, un envoi était arrivé mais n’avait pas encore été lu\u{a0}: personne ne savait de qui il \
        venait. À sa lecture, il est comparé à l’adresse ou au numéro de la demande. S’il y correspond, il n’est pas enregistré. \
        Un second reçu suivra.",
    unread_many: "Au moment de l’effacement, {count} envois étaient arrivés mais n’avaient pas encore été lus\u{a0}: personne ne \
        savait de qui ils venaient. À sa lecture, chacun est comparé à l’adresse ou au numéro de la demande. S’il y correspond, \
        il n’est pas enregistré. Un second reçu suivra.",

    questions: "Questions et réclamations",
    ask: "Vous pouvez écrire à {controller}\u{a0}: {email}. Vous pouvez aussi adresser une réclamation à votre autorité de \
        protection des données.",

    genuine: "Ce reçu est-il authentique\u{202f}?",
    check: "Un texte signé, qui dit la même chose, accompagne ce reçu. Si l’on y change quoi que ce soit, sa signature n’est plus \
        valable. Pour le vérifier, enregistrez ce reçu, ou le texte signé seul, tel quel dans un fichier. Il faut aussi la clé \
        publique, que vous pouvez demander à {controller}. Cette commande montre ce qui a été signé\u{a0}:",
    command: "tamis receipt verify FICHIER --key CLÉ",
    key_name: "Signé avec la clé",
    key_id: "Identifiant de la clé",
    generation: "État du trousseau de clés",
    line: "Ligne du registre",
    note: "Texte signé",

    moment: "{date} à {hour}\u{a0}h\u{a0}{minute} (UTC)",
    colon: "\u{a0}:",
    thousands: "\u{202f}",
};
