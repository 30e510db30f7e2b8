//! Who answers for the data, who receives them, and where they go.

use super::{Telling, row, text};
use crate::notice::countries;
use crate::notice::document::{Block, Inline, Row};
use crate::notice::saying::{fill, line, say};
use crate::purpose::law::{Dpo, Recipient, RecipientRole, TransferBasis, is_in_eea};

/// Meta's agreement on joint control (GDPR art. 26(2)): it covers what the product terms put under it.
pub const META_ADDENDUM: &str = "https://www.facebook.com/legal/controller_addendum";
const META_POLICY: &str = "https://www.facebook.com/privacy/policy/";

impl Telling<'_> {
    /// Identity and contact of the controller, its representative and its officer: arts. 13(1)(a) and (b), 14(1)(a) and (b).
    pub(super) fn who(&self) -> Vec<Block> {
        let (controller, words) = (self.facts.controller, self.words);
        let place =
            format!("{}, {}", controller.address, countries::name(&controller.country, self.language));
        let mut rows = vec![row(
            words.controller,
            vec![say(&controller.name), say(&place), fill(words.write_to, &[("email", self.email())])],
        )];
        if let Some(representative) = &controller.eu_representative {
            rows.push(row(words.representative, vec![say(representative)]));
        }
        rows.push(match &controller.dpo {
            Dpo::Contact(contact) => row(words.dpo, vec![vec![reach(contact)]]),
            Dpo::NoneReason(_) => row(words.dpo, vec![fill(words.dpo_none, &[("email", self.email())])]),
        });
        vec![Block::Facts(rows)]
    }

    /// Where the data come from: art. 14(2)(f).
    pub(super) fn source(&self) -> Vec<Block> {
        vec![text(self.words.source_text), text(self.words.source_public)]
    }

    /// What Meta does and for what each answers, with the essence of the arrangement: arts. 13(1)(a), 26(2).
    pub(super) fn meta(&self) -> Vec<Block> {
        let words = self.words;
        let addendum = Inline::link(words.meta_addendum, META_ADDENDUM);
        let policy = Inline::link(words.meta_policy, META_POLICY);
        vec![
            text(words.meta_who),
            Block::Text(fill(words.meta_joint, &[("addendum", addendum)])),
            Block::Text(fill(words.meta_own, &[("policy", policy)])),
            text(words.meta_ours),
        ]
    }

    /// Recipients by name, and what each is: arts. 13(1)(e), 14(1)(e); CJEU C-154/21 wants names on request.
    pub(super) fn recipients(&self) -> Vec<Block> {
        let (words, listed) = (self.words, self.facts.listed());
        let own = text(words.recipients_own);
        if listed.is_empty() {
            return vec![text(words.recipients_none), own];
        }
        let rows = listed.into_iter().map(|recipient| {
            let role = match recipient.role {
                RecipientRole::Processor => words.role_processor,
                RecipientRole::JointController => words.role_joint,
                RecipientRole::Controller => words.role_controller,
            };
            let mut said = vec![say(role), self.country(&recipient.country)];
            if self.facts.purpose.third_parties.contains(&recipient.id) {
                said.push(say(words.recipient_consent));
            }
            row(&recipient.name, said)
        });
        let rows: Vec<Row> = rows.collect();
        vec![text(words.recipients_some), Block::Facts(rows), own]
    }

    /// Transfers and their safeguards, and how to have a copy of these: arts. 13(1)(f), 14(1)(f).
    pub(super) fn transfers(&self) -> Vec<Block> {
        let (words, controller, listed) = (self.words, self.facts.controller, self.facts.listed());
        let mut blocks = Vec::new();
        let is_outside = !is_in_eea(&controller.country);
        if is_outside {
            let country = countries::name(&controller.country, self.language);
            blocks.push(Block::Text(say(&line(words.transfers_own, &[("country", country)]))));
        }
        let abroad: Vec<Row> = listed
            .iter()
            .filter(|recipient| !is_in_eea(&recipient.country))
            .map(|recipient| row(&recipient.name, self.safeguards(recipient)))
            .collect();
        if !abroad.is_empty() {
            blocks.extend([text(words.transfers_some), Block::Facts(abroad)]);
        } else if !is_outside {
            let none = if listed.is_empty() { words.transfers_nobody } else { words.transfers_none };
            blocks.push(text(none));
        }
        let policy = Inline::link(words.meta_policy, META_POLICY);
        blocks.push(Block::Text(fill(words.transfers_meta, &[("policy", policy)])));
        blocks
    }

    fn safeguards(&self, recipient: &Recipient) -> Vec<Vec<Inline>> {
        let words = self.words;
        let mut said = vec![self.country(&recipient.country)];
        said.extend(recipient.transfer_basis.map(|basis| {
            say(match basis {
                TransferBasis::Adequacy => words.adequacy,
                TransferBasis::StandardClauses => words.clauses,
                TransferBasis::BindingRules => words.binding,
            })
        }));
        match (&recipient.doc_url, recipient.transfer_basis) {
            (Some(url), _) => said.push(fill(words.safeguard_link, &[("link", Inline::link(url, url))])),
            (None, Some(TransferBasis::StandardClauses | TransferBasis::BindingRules)) => {
                said.push(say(words.safeguard_copy));
            }
            (None, _) => {}
        }
        said
    }

    fn country(&self, code: &str) -> Vec<Inline> {
        say(&line(self.words.country, &[("country", countries::name(code, self.language))]))
    }
}

/// A contact, as a link where it is an address.
fn reach(contact: &str) -> Inline {
    let is_address = contact.contains('@') && !contact.contains(char::is_whitespace);
    if is_address { Inline::mail(contact) } else { Inline::text(contact) }
}
