//! What the papers are made from.

use std::sync::Arc;

use crate::desk::words::{Words, words};
use crate::language::Language;
use crate::notice::naming;
use crate::purpose::law::{Channel, Controller, Dpo, Recipient};
use crate::purpose::{ConsentKey, ConsentRule, Purpose};

/// The config in force, as far as the papers speak of it.
#[derive(Clone, Copy)]
pub struct House<'c> {
    /// Who answers for the data.
    pub controller: &'c Controller,
    /// All who may receive data of some purpose.
    pub recipients: &'c [Recipient],
    /// The purposes, in the order of the config.
    pub purposes: &'c [Arc<Purpose>],
    /// What is kept beside records, and how.
    pub keeping: Keeping,
    /// What `tamis check` warns of.
    pub warned: &'c [Warned],
}

/// What is kept beside records, and what is switched on or off.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long lines of the trail are kept, in calendar months.
    pub trail_months: u32,
    /// How long an entry of the suppression list lives, in calendar months.
    pub suppression_months: u32,
    /// How long what shows of consents outlives a record, in calendar months; 0: it goes with it.
    pub evidence_months: u32,
    /// How long a request of a person is kept once it is answered, in calendar months.
    pub request_months: u32,
    /// How long the oldest backup of the keys is kept, in days.
    pub backup_days: u32,
    /// How long files of the log are kept, in days; none: the log has no file of its own.
    pub log_days: Option<u32>,
    /// Programs come in over TCP, with tokens.
    pub has_tcp_door: bool,
    /// So many references wait at one time at the most.
    pub waiting_max: u64,
}

/// A warning of the config, without its words: those are for an operator, in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warned {
    /// The key that it is about.
    pub key: String,
    /// What `tamis explain` takes.
    pub code: String,
}

/// Who writes a paper: the house, in a language.
#[derive(Clone, Copy)]
pub(super) struct Scribe<'c> {
    pub(super) house: House<'c>,
    pub(super) language: Language,
    pub(super) words: &'static Words,
}

impl<'c> Scribe<'c> {
    pub(super) fn new(house: House<'c>, language: Language) -> Self {
        Self { house, language, words: words(language) }
    }

    /// What the purpose is called for people; else its name.
    pub(super) fn title(&self, purpose: &Purpose) -> String {
        let texts = purpose.title.iter().map(|(tag, text)| (tag, text));
        self.language.choose(texts).map_or(purpose.id.as_str(), |(_, text)| text).to_owned()
    }

    /// What one agrees to by a box.
    pub(super) fn channel(&self, rule: &ConsentRule) -> String {
        let words = self.words;
        match rule.channel {
            Channel::Email => words.ch_email.to_owned(),
            Channel::Phone => words.ch_phone.to_owned(),
            Channel::Sms => words.ch_sms.to_owned(),
            Channel::Whatsapp => words.ch_whatsapp.to_owned(),
            Channel::Post => words.ch_post.to_owned(),
            Channel::ThirdParty => {
                let id = rule.recipient.as_deref().unwrap_or_default();
                let known = self.house.recipients.iter().find(|recipient| recipient.id == id);
                let name = known.map_or(id, |recipient| &recipient.name);
                naming::line(words.ch_third_party, &[("recipient", name)])
            }
        }
    }

    /// The same, by the consent's name.
    pub(super) fn channel_of(&self, purpose: &Purpose, key: &ConsentKey) -> String {
        let rule = purpose.consents.iter().find(|rule| rule.key == *key);
        rule.map_or_else(|| key.to_string(), |rule| self.channel(rule))
    }

    /// Those who receive data of this purpose, in its order.
    pub(super) fn recipients_of(&self, purpose: &Purpose) -> Vec<&'c Recipient> {
        let recipients = self.house.recipients;
        let find = |id: &String| recipients.iter().find(|recipient| recipient.id == *id);
        purpose.recipients.iter().filter_map(find).collect()
    }

    /// Name, address, country and e-mail address of who answers for the data.
    pub(super) fn controller(&self) -> Vec<String> {
        let Controller { name, address, country, email, .. } = self.house.controller;
        let country = naming::country(country, self.language).to_owned();
        vec![name.clone(), address.clone(), country, email.clone()]
    }

    /// How to reach the officer, or why there is none. These papers are the controller's own: the reason is said.
    pub(super) fn officer(&self) -> String {
        match &self.house.controller.dpo {
            Dpo::Contact(contact) => contact.clone(),
            Dpo::NoneReason(reason) => naming::line(self.words.dpo_none, &[("reason", reason)]),
        }
    }
}

#[cfg(test)]
pub(super) mod sample {
    use super::*;
    use crate::purpose::law::{Basis, RecipientRole, TransferBasis};
    use crate::purpose::sample::{consent, controller, field, purpose};
    use crate::purpose::{FieldName, FieldRule, Keep, Need, Whitelist};

    /// A house with two purposes that have nearly everything.
    pub(in crate::desk) struct Sample {
        pub(in crate::desk) controller: Controller,
        pub(in crate::desk) recipients: Vec<Recipient>,
        pub(in crate::desk) purposes: Vec<Arc<Purpose>>,
        pub(in crate::desk) keeping: Keeping,
        pub(in crate::desk) warned: Vec<Warned>,
    }

    impl Sample {
        pub(in crate::desk) fn new() -> Self {
            let recipient = |id: &str, country: &str, role, transfer_basis| Recipient {
                id: id.to_owned(),
                name: format!("{} SAS", id.to_uppercase()),
                country: country.to_owned(),
                role,
                transfer_basis,
                doc_url: None,
            };
            let titled = |texts: [(&str, &str); 3]| {
                texts.map(|(tag, title)| (tag.to_owned(), title.to_owned())).to_vec()
            };
            let mut devis = purpose("devis", &["full_name", "email"]);
            devis.title = titled([
                ("fr", "Répondre à votre demande de devis"),
                ("en", "Answer your request for a quote"),
                ("de", "Ihre Anfrage beantworten"),
            ]);
            devis.recipients = vec!["crm".to_owned()];
            let mut lettre = purpose("lettre", &["first_name"]);
            lettre.title = titled([
                ("fr", "Vous envoyer notre lettre"),
                ("en", "Send you our letter"),
                ("de", "Ihnen schreiben"),
            ]);
            lettre.basis = Basis::Consent;
            (lettre.retention_months, lettre.reconfirm_months) = (Some(36), Some(18));
            lettre.recipients = vec!["mailer".to_owned(), "partner".to_owned()];
            lettre.third_parties = vec!["partner".to_owned()];
            lettre.keep = vec![Keep::CampaignId];
            let call = ConsentRule { valid_months: Some(12), ..consent("call_optin", Channel::Phone) };
            let email = ConsentRule { required: true, ..consent("email_optin", Channel::Email) };
            let phone = FieldRule { consent: Some(call.key.clone()), ..field("phone_number") };
            let e164 = phone.e164(FieldName::parse("phone_e164").expect("a name"));
            let town = Need::Plain("to find the nearest shop".to_owned());
            let town = FieldRule { why: Some(town), ..field("city") };
            let address = FieldRule { required: true, consent: Some(email.key.clone()), ..field("email") };
            lettre.consents = vec![email, call];
            lettre.whitelist = Whitelist::new(vec![address, phone, e164, town]).expect("fields");
            Self {
                controller: controller(),
                recipients: vec![
                    recipient("crm", "FR", RecipientRole::Processor, None),
                    recipient("mailer", "US", RecipientRole::Processor, Some(TransferBasis::StandardClauses)),
                    recipient("partner", "DE", RecipientRole::Controller, None),
                ],
                purposes: vec![Arc::new(devis), Arc::new(lettre)],
                keeping: Keeping {
                    trail_months: 12,
                    suppression_months: 36,
                    evidence_months: 0,
                    request_months: 36,
                    backup_days: 7,
                    log_days: None,
                    has_tcp_door: false,
                    waiting_max: 500_000,
                },
                warned: Vec::new(),
            }
        }

        pub(in crate::desk) fn house(&self) -> House<'_> {
            House {
                controller: &self.controller,
                recipients: &self.recipients,
                purposes: &self.purposes,
                keeping: self.keeping,
                warned: &self.warned,
            }
        }
    }
}
