//! Why the data are used, on what basis, and whether they must be given.

use super::{Telling, row, text};
use crate::notice::document::{Block, Inline, Row};
use crate::notice::saying::{line, list, say, term};
use crate::purpose::law::Basis;
use crate::purpose::{ConsentRule, Term};

impl Telling<'_> {
    /// Purpose and basis, by channel; the interest, where that is the basis: arts. 13(1)(c) and (d), 14(1)(c), 14(2)(b).
    pub(super) fn why(&self) -> Vec<Block> {
        let (purpose, words) = (self.facts.purpose, self.words);
        let basis = match purpose.basis {
            Basis::Consent => words.basis_consent,
            Basis::PreContract => words.basis_pre_contract,
            Basis::Contract => words.basis_contract,
            Basis::LegitimateInterest => words.basis_interest,
        };
        let mut rows = vec![row(words.purpose, vec![vec![self.title()]]), row(words.basis, vec![say(basis)])];
        if purpose.basis == Basis::LegitimateInterest && !purpose.legitimate_interest.is_empty() {
            let interest = Inline::chosen(self.language, &purpose.legitimate_interest);
            rows.push(row(words.interest, vec![vec![interest]]));
        }
        let mut blocks = vec![Block::Facts(rows)];
        if !purpose.consents.is_empty() {
            let rows: Vec<Row> = purpose.consents.iter().map(|rule| self.agreed(rule)).collect();
            blocks.extend([text(words.by_consent), Block::Facts(rows)]);
        }
        blocks
    }

    /// A consent: art. 6(1)(a), for each channel apart (art. 7(2), recital 43).
    fn agreed(&self, rule: &ConsentRule) -> Row {
        let words = self.words;
        let mut said = vec![say(words.consent_basis)];
        said.extend(rule.valid_months.map(|months| {
            say(&line(words.consent_valid, &[("term", &term(Term::months(months), self.language))]))
        }));
        if rule.required {
            said.push(say(words.consent_required));
        }
        row(self.consent(rule), said)
    }

    /// Whether the data must be given, and what happens if not: art. 13(2)(e).
    pub(super) fn obligation(&self) -> Vec<Block> {
        let (purpose, words) = (self.facts.purpose, self.words);
        let mut blocks = vec![text(words.obligation_free)];
        let rules = purpose.whitelist.rules();
        let required: Vec<String> =
            rules.iter().filter(|rule| rule.required).map(|rule| self.label_inside(&rule.name)).collect();
        if !required.is_empty() {
            let fields = list(&required, words.and);
            blocks.push(Block::Text(say(&line(words.obligation_required, &[("fields", &fields)]))));
        }
        let one_of: Vec<String> = purpose.require_one_of.iter().map(|name| self.label_inside(name)).collect();
        if !one_of.is_empty() {
            let fields = list(&one_of, words.or);
            blocks.push(Block::Text(say(&line(words.obligation_one_of, &[("fields", &fields)]))));
        }
        if rules.iter().any(|rule| !rule.required && rule.e164_of.is_none()) {
            blocks.push(text(words.obligation_rest));
        }
        blocks
    }

    /// Decisions by machines alone: there are none, arts. 13(2)(f), 14(2)(g), 22.
    pub(super) fn automated(&self) -> Vec<Block> {
        vec![text(self.words.automated_none)]
    }

    /// How the data are protected: art. 32, in a sentence.
    pub(super) fn protection(&self) -> Vec<Block> {
        vec![text(self.words.protection_text)]
    }
}
