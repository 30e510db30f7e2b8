//! What is said of an erasure whose person is told first: what waits, and what came of the letter.

use crate::api::Word;
use crate::api::erasures::{ErasureTold, ToBeErased};
use crate::cli::address::{unread, unreadable};
use crate::forget::TellingState;
use crate::terminal::{printable, thousands};

/// What waits, and until when.
pub(super) fn to_be_erased(waits: &ToBeErased) -> Vec<String> {
    let ToBeErased { erasure, until, records, before, unseen, ahead } = waits;
    let mut lines = vec![
        format!("to be erased once its person was told, on {until} at the latest: {erasure}"),
        format!("nobody uses it any more (records: {})", thousands(*records)),
    ];
    lines.extend(before.iter().map(|number| format!("and before it: {number}")));
    let counted = |count: &Option<u64>| count.filter(|count| *count > 0);
    lines.extend(counted(&unseen.unreadable).map(unreadable));
    lines.extend(counted(&unseen.unread).map(|count| unread_then(count, waits)));
    lines.extend(
        ahead
            .suppressed_until
            .as_ref()
            .map(|until| format!("the address is on the list of who objected until {until}")),
    );
    lines.push(format!("`tamis erasure {erasure}` says how far it is, and has the receipt afterwards"));
    lines
}

fn unread_then(count: u64, waits: &ToBeErased) -> String {
    let then = match (waits.ahead.awaited, waits.ahead.suppressed_until.is_some()) {
        (Some(true), _) => {
            "what holds the address is not stored when it is read, and a second receipt follows"
        }
        (_, true) => "what of them is the address's is judged by the list",
        (_, false) => "look again once they are",
    };
    unread(count, then)
}

/// How it stands with the letter to its person, in a sentence.
pub(super) fn how_told(told: &ErasureTold) -> String {
    let code = told.code.as_ref().map_or("", |code| code.as_str());
    match &told.state {
        Word::Known(TellingState::Waiting) => {
            format!("its person is told first; it is erased on {} at the latest", told.until)
        }
        Word::Known(TellingState::Told) if told.untold == 0 => {
            "told: its person had a letter before".to_owned()
        }
        Word::Known(TellingState::Told) => {
            format!(
                "told: of {} records; not of {}, because: {code}",
                thousands(told.told),
                thousands(told.untold)
            )
        }
        Word::Known(TellingState::NotTold) => format!("told: no, because: {code}"),
        other => format!("told: {}", printable(other.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::parse;

    #[test]
    fn whether_their_person_was_told_is_said() {
        let said = |body: &str| how_told(&parse(body.as_bytes()).unwrap_or_else(|_| panic!("an answer")));
        let told = |state: &str, told: u64, untold: u64, code: &str| {
            said(&format!(
                r#"{{"state":"{state}","until":"2026-12-03T08:00:00Z","told":{told},"untold":{untold},"code":{code}}}"#
            ))
        };
        assert_eq!(told("told", 2, 0, "null"), "told: its person had a letter before");
        assert_eq!(
            told("told", 2, 1, r#""no-address""#),
            "told: of 2 records; not of 1, because: no-address"
        );
        assert_eq!(told("not-told", 0, 1, r#""not-in-time""#), "told: no, because: not-in-time");
        assert!(told("waiting", 0, 0, "null").contains("on 2026-12-03"));
        assert_eq!(told("of-later", 0, 0, "null"), "told: of-later");
    }
}
