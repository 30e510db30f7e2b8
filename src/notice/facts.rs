//! What a notice is made from.

use crate::purpose::law::{Authority, Controller, Recipient, authority_of};
use crate::purpose::{Lifespan, Purpose};

/// Everything, as it is enforced.
#[derive(Clone, Copy)]
pub struct Facts<'c> {
    /// Who answers for the data.
    pub controller: &'c Controller,
    /// All who may receive data of some purpose.
    pub recipients: &'c [Recipient],
    /// The purpose.
    pub purpose: &'c Purpose,
    /// Where its page stands, without the language.
    pub url: &'c str,
    /// How long the lines of the trail are kept, in months.
    pub trail_months: u32,
    /// How long what shows of consents outlives a record, in months; 0: it goes with it.
    pub evidence_months: u32,
    /// What tamis can do.
    pub abilities: Abilities,
}

/// What tamis can do for people by itself. A notice promises nothing else: whoever builds one of these switches its words on
/// here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// People are asked whether they still agree before their record lapses.
    pub asks_again: bool,
    /// Whoever asks for the link to their own page by their e-mail address is sent it.
    pub sends_links: bool,
}

impl<'c> Facts<'c> {
    /// Where people ask for the link to their own page: beside the notices. None where no mail is sent, or where a record of the purpose
    /// has no mailbox that one could go to.
    pub(in crate::notice) fn lost_url(&self) -> Option<String> {
        let (house, _) = self.url.rsplit_once("/notice/")?;
        let is_reached = self.purpose.whitelist.mailboxes().next().is_some();
        (self.abilities.sends_links && is_reached).then(|| format!("{house}/p/lost"))
    }

    /// Those who receive data of this purpose, in its order.
    pub(in crate::notice) fn listed(&self) -> Vec<&'c Recipient> {
        let find = |id: &String| self.recipients.iter().find(|recipient| recipient.id == *id);
        self.purpose.recipients.iter().filter_map(find).collect()
    }

    /// The authority that people may complain to.
    pub(in crate::notice) fn authority(&self) -> Option<Authority> {
        self.controller.authority.clone().or_else(|| authority_of(&self.controller.country))
    }

    /// How long records are held: the struct by which they are dated.
    pub(in crate::notice) fn lifespan(&self) -> Lifespan {
        Lifespan::of(self.purpose)
    }
}

#[cfg(test)]
pub(in crate::notice) mod sample {
    use super::*;
    use crate::purpose::law::{Basis, Channel, RecipientRole, TransferBasis};
    use crate::purpose::sample::{consent, controller, field, purpose};
    use crate::purpose::{ConsentRule, FieldName, FieldRule, Keep, Need, Whitelist};

    /// What a letter is told from that has nearly everything.
    pub(in crate::notice) struct House {
        pub(in crate::notice) controller: Controller,
        pub(in crate::notice) recipients: Vec<Recipient>,
        pub(in crate::notice) purpose: Purpose,
        pub(in crate::notice) abilities: Abilities,
        pub(in crate::notice) evidence_months: u32,
    }

    impl House {
        pub(in crate::notice) fn new() -> Self {
            let recipient = |id: &str, country: &str, transfer_basis| Recipient {
                id: id.to_owned(),
                name: format!("{} SAS", id.to_uppercase()),
                country: country.to_owned(),
                role: RecipientRole::Processor,
                transfer_basis,
                doc_url: None,
            };
            let mut lettre = purpose("lettre", &["first_name"]);
            lettre.title = [
                ("fr", "Vous envoyer notre lettre"),
                ("en", "Send you our letter"),
                ("de", "Ihnen schreiben"),
            ]
            .map(|(tag, title)| (tag.to_owned(), title.to_owned()))
            .to_vec();
            lettre.basis = Basis::Consent;
            (lettre.retention_months, lettre.reconfirm_months) = (Some(36), Some(18));
            lettre.recipients = vec!["crm".to_owned(), "mailer".to_owned()];
            lettre.keep = vec![Keep::CampaignId, Keep::Platform];
            let call = ConsentRule { valid_months: Some(12), ..consent("call_optin", Channel::Phone) };
            let email = ConsentRule { required: true, ..consent("email_optin", Channel::Email) };
            let phone = FieldRule { consent: Some(call.key.clone()), ..field("phone_number") };
            let e164 = phone.e164(FieldName::parse("phone_e164").expect("a name"));
            let town =
                FieldRule { why: Some(Need::Plain("to find the nearest shop".to_owned())), ..field("city") };
            let address = FieldRule { required: true, consent: Some(email.key.clone()), ..field("email") };
            lettre.consents = vec![email, call];
            lettre.whitelist =
                Whitelist::new(vec![field("first_name"), address, phone, e164, town]).expect("fields");
            Self {
                controller: controller(),
                recipients: vec![
                    recipient("crm", "FR", None),
                    recipient("mailer", "US", Some(TransferBasis::StandardClauses)),
                    recipient("other", "US", Some(TransferBasis::Adequacy)),
                ],
                purpose: lettre,
                abilities: Abilities { asks_again: false, sends_links: false },
                evidence_months: 0,
            }
        }

        pub(in crate::notice) fn facts(&self) -> Facts<'_> {
            Facts {
                controller: &self.controller,
                recipients: &self.recipients,
                purpose: &self.purpose,
                url: "https://leads.lumen.example/notice/lettre",
                trail_months: 12,
                evidence_months: self.evidence_months,
                abilities: self.abilities,
            }
        }
    }
}
