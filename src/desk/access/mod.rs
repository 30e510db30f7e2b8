//! What a person is handed about their data (GDPR art. 15): what titles and sentences say in their language, and the page.

mod page;
mod words;

pub use page::access_page;

use crate::api::access::Remaining;
use crate::desk::access::words::words;
use crate::language::Language;
use crate::notice::naming::{self, line};
use crate::purpose::{Channel, FieldName, Keep, Purpose, Term};

/// What people read a purpose under; else its name.
pub fn purpose_title(purpose: &Purpose, language: Language) -> String {
    let texts = purpose.title.iter().map(|(tag, text)| (tag, text));
    language.choose(texts).map_or(purpose.id.as_str(), |(_, text)| text).to_owned()
}

/// What people call a field.
pub fn field_title(name: &FieldName, language: Language) -> String {
    naming::field(name, language)
}

/// What is kept beside the answers.
pub fn beside_title(keep: Keep, language: Language) -> String {
    let mut letters = naming::kept(keep, language).chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What one agreed to, where that is asked still: the channel, or to whom data may be handed.
pub fn consent_title(channel: Channel, recipient: Option<&str>, language: Language) -> String {
    let words = crate::desk::words::words(language);
    match channel {
        Channel::Email => words.ch_email.to_owned(),
        Channel::Phone => words.ch_phone.to_owned(),
        Channel::Sms => words.ch_sms.to_owned(),
        Channel::Whatsapp => words.ch_whatsapp.to_owned(),
        Channel::Post => words.ch_post.to_owned(),
        Channel::ThirdParty => line(words.ch_third_party, &[("recipient", recipient.unwrap_or_default())]),
    }
}

/// The same of what is asked no more.
pub fn consent_title_gone(key: &str, language: Language) -> String {
    line(words(language).consent_gone, &[("key", key)])
}

/// What is kept beside the records, as receipts say it: by how long backups of the keys live, lines of the trail, and evidence of consents
/// (0: it goes with the record), and whether there is a ledger.
pub fn remaining(
    (key_backups_days, trail_months, evidence_months): (u32, u32, u32),
    has_ledger: bool,
    controller: &str,
    language: Language,
) -> Vec<Remaining> {
    let words = words(language);
    let backups = naming::term(Term::days(key_backups_days), language);
    let trail = naming::term(Term::months(trail_months), language);
    let mut said = vec![
        (words.r_backup, line(words.r_backup_until, &[("term", &backups)])),
        (words.r_seen, words.r_seen_until.to_owned()),
        (words.r_trail, line(words.r_trail_until, &[("term", &trail)])),
        (words.r_log, words.r_log_until.to_owned()),
        (words.r_meta, words.r_meta_until.to_owned()),
        (words.r_files, words.r_files_until.to_owned()),
    ];
    if has_ledger {
        said.push((words.r_ledger, words.r_ledger_until.to_owned()));
    }
    let evidence = naming::term(Term::months(evidence_months), language);
    let evidence_until = line(words.r_evidence_until, &[("term", &evidence)]);
    if evidence_months > 0 {
        said.push((words.r_evidence, evidence_until));
    }
    let one = |(what, until)| Remaining { what: line(what, &[("controller", controller)]), until };
    said.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_named_where_there_is_one() {
        for language in Language::ALL {
            let told = |has_ledger| remaining((7, 12, 0), has_ledger, "Atelier Lumen", language);
            let (without, with) = (told(false), told(true));
            assert_eq!(with.len(), without.len() + 1);
            assert_eq!(with.last().map(|last| last.what.as_str()), Some(words(language).r_ledger));
        }
    }

    #[test]
    fn evidence_is_named_where_it_outlives_the_record() {
        for language in Language::ALL {
            let told = |months| remaining((7, 12, months), false, "Atelier Lumen", language);
            let (without, with) = (told(0), told(36));
            assert_eq!(with.len(), without.len() + 1);
            assert_eq!(with.last().map(|last| last.what.as_str()), Some(words(language).r_evidence));
        }
    }
}
