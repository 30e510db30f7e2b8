//! What somebody agreed to: what of it a mail may name, and what becomes of it once they say yes once more.

use jiff::Timestamp;

use crate::clock::Day;
use crate::purpose::{ConsentKey, ConsentRule};

/// A consent that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Which.
    pub consent: ConsentKey,
    /// From when on it holds no more; none: as long as the record.
    pub valid_until: Option<Timestamp>,
}

/// The consents that a mail may name: those that still hold. One that ended is not asked for by the way.
pub fn named(agreed: &[Agreed], now: Timestamp) -> Vec<&ConsentKey> {
    let today = Day::of(now);
    let holds = |agreed: &&Agreed| agreed.valid_until.is_none_or(|until| today < Day::of(until));
    agreed.iter().filter(holds).map(|agreed| &agreed.consent).collect()
}

/// What somebody has agreed to once they said yes to these boxes: for them, and for no other, its time begins anew (as it does for
/// the record). None: there is nothing among them that they had agreed to, and that the purpose still asks for (`rules`).
pub fn confirmed(
    rules: &[ConsentRule],
    agreed: &[Agreed],
    boxes: &[ConsentKey],
    at: Timestamp,
) -> Option<Vec<Agreed>> {
    let mut counts = false;
    let renewed = agreed.iter().map(|one| {
        let rule = rules.iter().find(|rule| rule.key == one.consent);
        match rule.filter(|_| boxes.contains(&one.consent)) {
            Some(rule) => {
                counts = true;
                Agreed { valid_until: rule.valid_until(at, at), ..one.clone() }
            }
            None => one.clone(),
        }
    });
    let renewed = renewed.collect();
    counts.then_some(renewed)
}

#[cfg(test)]
mod tests;
