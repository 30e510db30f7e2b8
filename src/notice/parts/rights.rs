//! What people can do, and to whom they can turn.

use super::{Telling, row, text};
use crate::notice::document::{Block, Inline, Row};
use crate::notice::saying::{fill, say};
use crate::purpose::law::Basis;

/// The authorities of all countries of the EEA, as the European Data Protection Board lists its members.
const AUTHORITIES: &str = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en";

impl Telling<'_> {
    /// Rights by basis, and how to use them: arts. 12(2) to (5), 13(2)(b), 14(2)(c), 15 to 21.
    pub(super) fn rights(&self) -> Vec<Block> {
        let (purpose, controller, words) = (self.facts.purpose, self.facts.controller, self.words);
        let right = |name: &str, said: &[&str]| row(name, said.iter().map(|text| say(text)).collect());
        let mut rows: Vec<Row> = vec![
            right(words.right_access, &[words.right_access_text]),
            right(words.right_correct, &[words.right_correct_text]),
            right(words.right_erase, &[words.right_erase_text]),
            right(words.right_restrict, &[words.right_restrict_text]),
        ];
        // Art. 20(1)(a): consent and contract alone.
        if purpose.basis != Basis::LegitimateInterest {
            rows.push(right(words.right_port, &[words.right_port_text]));
        }
        // Art. 21(1): under legitimate interest; 21(2): wherever people are marketed to.
        match purpose.basis {
            Basis::LegitimateInterest => rows.push(right(
                words.right_object,
                &[words.right_object_marketing, words.right_object_interest],
            )),
            Basis::Consent => rows.push(right(words.right_object, &[words.right_object_marketing])),
            Basis::PreContract | Basis::Contract => {}
        }
        if controller.country == "FR" {
            rows.push(right(words.right_death, &[words.right_death_text]));
        }
        let postal = Inline::text(format!("{}, {}", controller.name, controller.address));
        let mut blocks =
            vec![Block::Text(fill(words.rights_how, &[("email", self.email()), ("postal", postal)]))];
        if let Some(url) = self.facts.lost_url() {
            let page = Inline::link(url.as_str(), url.as_str());
            blocks.push(Block::Text(fill(words.rights_page, &[("page", page)])));
        }
        blocks.extend([text(words.rights_term), Block::Facts(rows)]);
        blocks
    }

    /// Taking an agreement back: arts. 7(3), 13(2)(c), 14(2)(d). Nothing, where nobody is asked to agree.
    pub(super) fn withdrawal(&self) -> Vec<Block> {
        if self.facts.purpose.consents.is_empty() {
            return Vec::new();
        }
        let words = self.words;
        vec![
            Block::Text(fill(words.withdrawal_text, &[("email", self.email())])),
            text(words.withdrawal_past),
        ]
    }

    /// The authority: arts. 13(2)(d), 14(2)(e), 77.
    pub(super) fn complaint(&self) -> Vec<Block> {
        let words = self.words;
        let mut blocks = Vec::new();
        if let Some(authority) = self.facts.authority() {
            let mut said: Vec<Vec<Inline>> = authority.address.iter().map(|address| say(address)).collect();
            said.push(vec![Inline::link(&authority.url, &authority.url)]);
            let list = Block::Facts(vec![row(&authority.name, said)]);
            blocks.extend([text(words.complaint_text), list]);
        }
        let link = Inline::link(words.complaint_list, AUTHORITIES);
        blocks.push(Block::Text(fill(words.complaint_other, &[("list", link)])));
        blocks
    }
}
