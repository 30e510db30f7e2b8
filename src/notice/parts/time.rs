//! How long: from the struct by which records are dated.

use super::{Telling, text};
use crate::notice::document::Block;
use crate::notice::saying::{first_of, line, say, term};
use crate::purpose::{Basis, Channel, Purpose, Term};

impl Telling<'_> {
    /// The period, and what exists beside the record: arts. 13(2)(a), 14(2)(a).
    pub(super) fn duration(&self) -> Vec<Block> {
        let (purpose, words, abilities) = (self.facts.purpose, self.words, self.facts.abilities);
        let mut blocks = vec![Block::Text(say(&line(words.duration_use, &[("term", &self.held())])))];
        if abilities.asks_again && is_asked(purpose) {
            blocks.push(text(words.duration_asked));
        }
        blocks.push(text(words.duration_erased));
        for rule in &purpose.consents {
            let Some(months) = rule.valid_months else { continue };
            let term = term(Term::months(months), self.language);
            let given = [("consent", self.consent(rule)), ("term", term)];
            let given = given.each_ref().map(|(name, value)| (*name, value.as_str()));
            blocks.push(Block::Text(say(&line(words.duration_consent, &given))));
        }
        let trail = term(Term::months(self.facts.trail_months), self.language);
        let mut remains = vec![
            say(words.remains_queue),
            say(words.remains_seen),
            say(words.remains_erased),
            say(words.remains_objection),
            say(&line(words.remains_trail, &[("term", &trail)])),
            say(words.remains_meta),
        ];
        if self.facts.evidence_months > 0 && !purpose.consents.is_empty() {
            let term = term(Term::months(self.facts.evidence_months), self.language);
            remains.push(say(&line(words.remains_evidence, &[("term", &term)])));
        }
        if !purpose.recipients.is_empty() {
            remains.push(say(words.remains_recipients));
        }
        blocks.extend([text(words.remains), Block::List(remains)]);
        blocks
    }

    /// The period in words.
    pub(super) fn held(&self) -> String {
        first_of(&self.facts.lifespan().terms(), self.language)
    }
}

/// True if people can be asked whether they still agree: by a mail to an address that is held, and under consent as long as they agree
/// to be mailed.
fn is_asked(purpose: &Purpose) -> bool {
    let Some(after) = purpose.reconfirm_months else { return false };
    let outlasts = |months: Option<u32>| months.is_none_or(|months| months > after);
    let mut mailed = purpose.consents.iter().filter(|rule| rule.channel == Channel::Email);
    let may_be_mailed = purpose.basis != Basis::Consent || mailed.any(|rule| outlasts(rule.valid_months));
    may_be_mailed && purpose.whitelist.mailboxes().next().is_some()
}
