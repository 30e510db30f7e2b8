//! English.

use crate::forget::receipt::content::{AskedBy, Ground, KeyStorage};
use crate::forget::receipt::words::sheet::Words;
use crate::language::Language;
use crate::purpose::law::RecipientRole;

pub(super) const WORDS: Words = Words {
    language: Language::En,
    title: "Receipt of erasure",
    intro: "This paper says what {controller} has erased, what is left, and until when.",
    adds: "It adds to receipt {number}: the submissions that had not been read then have been read now.",

    number: "Number",
    issuer: "Issued by",
    asked: "Asked for",
    done: "Done",
    asked_by: "At the request of",
    why: "Why",
    by: |by| match by {
        AskedBy::Person => "the person whose data it was",
        AskedBy::Controller => "{controller} itself",
        AskedBy::Authority => "an authority or a court",
    },
    ground: |ground| match ground {
        Ground::PersonRequest => "the person asked for the erasure",
        Ground::Withdrawal => "the person withdrew their consent",
        Ground::Objection => "the person objected to the use of their data",
        Ground::Error => "the data should not have been stored",
        Ground::Audit => "a check found that the data was no longer to be kept",
    },

    erased: "What was erased",
    purpose: "What the data was for",
    records: "Records erased",
    how: "A record holds the answers of one form that was sent in. Each was encrypted with a key of its own. The records \
        have been removed and their keys destroyed. Without its key nobody can read a record, not even {controller}. The \
        one exception is older backups: see below.",
    references_one: "One submission had been announced by Meta and had not been read yet. It has been struck off and will not \
        be read.",
    references_many: "{count} submissions had been announced by Meta and had not been read yet. They have been struck off and \
        will not be read.",
    nothing: "No record was found, so there was none to erase. If it was erased earlier, that erasure has a receipt of its own.",

    remains: "What remains, and until when",
    what: "What remains",
    until: "Until, at the latest",
    backups: "Older backups of the keys. With one of these and an old copy of the records, the erased data could still be \
        read. The backups are deleted by this date.",
    tombstones: "A fingerprint of the submission: a code made, with a secret key, from the number that Meta gave to the form \
        that was sent in. It only serves to turn the submission away if it arrives again. As long as its key exists, it is \
        personal data.",
    day_keys: "Meta’s number for what was struck off unread, encrypted. The key is destroyed by this date.",
    trail: "The entry in the register of what is done with data: the record’s number, that it was erased, when and why. None \
        of the answers.",
    trail_alone: "The entry in the register of what is done with data: that this erasure was asked for, when and why.",
    log: "Lines in the technical log, where a short code stands for the submission. The key that could link the code to the \
        submission is destroyed by this date.",
    suppression: "A fingerprint of the e-mail address or telephone number. It is recognised by it, and not stored again where that \
        rests on consent or a legitimate interest. The fingerprint is personal data.",
    meta: "Meta’s own copy (Facebook, Instagram). {controller} cannot erase it; Meta says that it deletes it after 90 days.",
    evidence: "Evidence of consent: which boxes were ticked, when, and what came of it. It holds none of the answers. It is found by a \
        fingerprint of the address or number, made with a secret key. It is personal data.",
    residue: "Encrypted remains in the files of the database. Their keys have been destroyed: without one of the \
        backups above nobody can read them. Until then the same files may also hold a fingerprint of the submission, with the record’s \
        number and a day. That is personal data.",
    residue_until: "the next time those files are rewritten",
    memory: "Traces in the computer’s working memory. The program overwrites them with zeros when it gives that memory back.",
    storage: |storage| match storage {
        KeyStorage::InPlace => None,
        KeyStorage::CopyOnWrite => Some(
            "Old copies of the destroyed keys on the storage itself, which writes changes to another place. They are \
             encrypted with the main key.",
        ),
        KeyStorage::Overlay | KeyStorage::Network | KeyStorage::Unknown => Some(
            "Possibly old copies of the destroyed keys on the storage: the program cannot tell whether they were really \
             overwritten there. They are encrypted with the main key.",
        ),
    },
    no_date: "no date can be given",

    others: "Who else had the data",
    to_be_told: "These recipients had been given the data, or may have been. They must be told that it has been erased (article 19 of the GDPR). \
        Whether they have been told already, this receipt does not say, because it is never changed; {controller} can tell you.",
    role: |role| match role {
        RecipientRole::Processor => "works on behalf of {controller}",
        RecipientRole::JointController => "decides together with {controller} how the data is used",
        RecipientRole::Controller => "decides by itself how the data is used",
    },
    nobody: "This system had given the data erased here to no recipient.",
    not_known: "Nothing was found, so it is not known here whether anybody had been given data. If it was erased earlier, the \
        receipt of that erasure says so.",
    locally: "The data had also been exported to files at {controller}. This erasure does not reach those files: {controller} \
        must delete them.",
    elsewhere: "Of printouts, and of copies made in other ways, the program knows nothing.",

    unread: "What had not been read yet",
    unread_none: "At the time of the erasure no submission was waiting to be read.",
    unread_one: "At the time of the erasure one submission had arrived and had not been read yet: nobody knew whose it was. When \
        it is read, it is compared with the address or number in the request. If it matches, it is not stored. A second \
        receipt will follow.",
    unread_many: "At the time of the erasure {count} submissions had arrived and had not been read yet: nobody knew whose they \
        were. When one is read, it is compared with the address or number in the request. If it matches, it is not stored. A \
        second receipt will follow.",

    questions: "Questions and complaints",
    ask: "Write to {controller}: {email}. You can also complain to your data protection authority.",

    genuine: "Is this receipt genuine?",
    check: "A signed text that says the same belongs to this receipt. If anything in that text is changed, its signature no \
        longer holds. To check it, save this receipt, or the signed text alone, to a file as it is. You also need the public \
        key, which you can ask {controller} for. This command shows what was signed:",
    command: "tamis receipt verify FILE --key KEY",
    key_name: "Signed with the key",
    key_id: "Identifier of the key",
    generation: "State of the keyring",
    line: "Entry in the register",
    note: "Signed text",

    moment: "{date}, {hour}:{minute} (UTC)",
    colon: ":",
    thousands: ",",
};
