//! What the verbs share that look for an address: how long such a look may take, and what it could not look at.

use std::time::Duration;

use crate::terminal::thousands;

/// Everything that is stored is looked through for an address, maybe after another look: at most twice ten minutes.
pub(super) const SEARCH_WITHIN: Duration = Duration::from_secs(21 * 60);

/// Said of records that do not open.
pub(super) fn unreadable(count: u64) -> String {
    format!("records that do not open: {}. They may hold the address: the log says more", thousands(count))
}

/// Said of submissions that are not read yet, and what to do then.
pub(super) fn unread(count: u64, then: &str) -> String {
    let count = thousands(count);
    format!("submissions that are not read yet: {count}. Nobody knows whose they are: {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_looked_at_is_counted() {
        assert_eq!(
            (unreadable(1), unread(1_200, "look again once they are")),
            (
                "records that do not open: 1. They may hold the address: the log says more".to_owned(),
                "submissions that are not read yet: 1,200. Nobody knows whose they are: look again once they are"
                    .to_owned()
            )
        );
    }
}
