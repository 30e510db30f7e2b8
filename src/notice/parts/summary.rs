//! The first layer: one screen (art. 12(1); guidelines on transparency, WP 260, 35).

use super::{Telling, row};
use crate::notice::document::{Inline, Row, mailto};
use crate::notice::saying::say;
use crate::purpose::law::Basis;

impl Telling<'_> {
    /// Who, what, why, how long, and what one can do.
    pub(super) fn summary(&self) -> Vec<Row> {
        let (words, controller) = (self.words, self.facts.controller);
        let purpose = self.facts.purpose;
        let can = match (purpose.consents.is_empty(), purpose.basis) {
            (false, _) => words.sum_can_withdraw,
            (true, Basis::LegitimateInterest) => words.sum_can_object,
            (true, _) => words.sum_can_text,
        };
        let basis = match self.facts.purpose.basis {
            Basis::Consent => words.short_consent,
            Basis::PreContract => words.short_pre_contract,
            Basis::Contract => words.short_contract,
            Basis::LegitimateInterest => words.short_interest,
        };
        let mut why = vec![self.title()];
        why.push(Inline::text(format!(" ({basis})")));
        vec![
            row(words.sum_who, vec![say(&controller.name), say(&controller.address)]),
            row(words.sum_why, vec![why]),
            row(words.sum_what, vec![say(&self.fields_in_short())]),
            row(words.sum_long, vec![say(&self.held())]),
            row(words.sum_can, vec![say(can)]),
        ]
    }

    /// The act that is nearest to hand. Until people have pages of their own it is a letter.
    pub(super) fn action(&self) -> Inline {
        Inline::link(self.words.action, mailto(&self.facts.controller.email))
    }
}
