//! What there is to say: one sheet, filled in for each language.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::Day;
use crate::forget::receipt::content::{AskedBy, Ground, KeyStorage};
use crate::language::Language;
use crate::purpose::law::RecipientRole;

/// Every sentence of a receipt. `{controller}` and other words in braces stand for what the receipt says: see [`fill`].
pub(in crate::forget::receipt) struct Words {
    /// Whose words they are.
    pub language: Language,
    /// What the paper is.
    pub title: &'static str,
    /// Whose it is.
    pub intro: &'static str,
    /// To which earlier one it belongs: `{number}`.
    pub adds: &'static str,

    // What stands before a fact.
    pub number: &'static str,
    pub issuer: &'static str,
    pub asked: &'static str,
    pub done: &'static str,
    pub asked_by: &'static str,
    pub why: &'static str,
    pub by: fn(AskedBy) -> &'static str,
    pub ground: fn(Ground) -> &'static str,

    pub erased: &'static str,
    pub purpose: &'static str,
    pub records: &'static str,
    pub how: &'static str,
    pub references_one: &'static str,
    /// `{count}` of them.
    pub references_many: &'static str,
    pub nothing: &'static str,

    pub remains: &'static str,
    pub what: &'static str,
    pub until: &'static str,
    pub backups: &'static str,
    pub tombstones: &'static str,
    pub day_keys: &'static str,
    pub trail: &'static str,
    /// Where no record has a number.
    pub trail_alone: &'static str,
    pub log: &'static str,
    pub suppression: &'static str,
    pub meta: &'static str,
    pub evidence: &'static str,
    pub residue: &'static str,
    pub residue_until: &'static str,
    pub memory: &'static str,
    /// None: there is nothing to say.
    pub storage: fn(KeyStorage) -> Option<&'static str>,
    /// Of what nobody can say until when.
    pub no_date: &'static str,

    pub others: &'static str,
    pub to_be_told: &'static str,
    pub role: fn(RecipientRole) -> &'static str,
    pub nobody: &'static str,
    /// Where nothing was found.
    pub not_known: &'static str,
    pub locally: &'static str,
    pub elsewhere: &'static str,

    pub unread: &'static str,
    pub unread_none: &'static str,
    pub unread_one: &'static str,
    /// `{count}` of them.
    pub unread_many: &'static str,

    pub questions: &'static str,
    /// `{email}`.
    pub ask: &'static str,

    pub genuine: &'static str,
    pub check: &'static str,
    pub command: &'static str,
    pub key_name: &'static str,
    pub key_id: &'static str,
    pub generation: &'static str,
    pub line: &'static str,
    pub note: &'static str,

    /// `{date}`, `{hour}`, `{minute}`.
    pub moment: &'static str,
    /// After what is explained.
    pub colon: &'static str,
    /// Between thousands.
    pub thousands: &'static str,
}

impl Words {
    /// A day as it is written in a letter.
    pub fn day(&self, day: Day) -> String {
        self.language.day(Timestamp::from_second(i64::from(day.0) * 86_400).unwrap_or(Timestamp::MAX))
    }

    /// A moment, to the minute, in UTC: a receipt does not know where it is read.
    pub fn moment(&self, moment: Timestamp) -> String {
        let time = moment.to_zoned_datetime(TimeZone::UTC).time();
        let (hour, minute) = (format!("{:02}", time.hour()), format!("{:02}", time.minute()));
        fill(self.moment, &[("date", &self.language.day(moment)), ("hour", &hour), ("minute", &minute)])
    }

    /// A count with its thousands apart.
    pub fn count(&self, count: u64) -> String {
        let digits = count.to_string();
        let mut apart = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                apart.push_str(self.thousands);
            }
            apart.push(digit);
        }
        apart
    }
}

/// Puts values into the places of a sentence that have their names in braces. What a value says is not looked at again.
pub(in crate::forget::receipt) fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::new(), sentence);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled + rest
}
