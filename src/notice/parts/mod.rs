//! The sections of a notice, by subject. Each function names the articles of the GDPR that ask for what it says.

mod data;
mod parties;
mod rights;
mod summary;
mod time;
mod why;

pub use parties::META_ADDENDUM;

use crate::language::Language;
use crate::notice::Facts;
use crate::notice::document::{Block, Inline, Notice, Row, Section, SectionKey};
use crate::notice::saying;
use crate::notice::words::{Words, field_label, words};
use crate::purpose::law::Channel;
use crate::purpose::{ConsentRule, FieldName};

/// What every section is made from.
pub(in crate::notice) struct Telling<'c> {
    facts: Facts<'c>,
    language: Language,
    words: &'static Words,
}

/// The notice in this language: the elements of arts. 13 and 14 in an order in which people ask.
pub(in crate::notice) fn notice(facts: Facts<'_>, language: Language) -> Notice {
    let telling = Telling { facts, language, words: words(language) };
    let sections = SectionKey::ALL.iter().filter_map(|key| {
        let blocks = match key {
            SectionKey::Who => telling.who(),
            SectionKey::Why => telling.why(),
            SectionKey::What => telling.what(),
            SectionKey::Source => telling.source(),
            SectionKey::Meta => telling.meta(),
            SectionKey::Recipients => telling.recipients(),
            SectionKey::Transfers => telling.transfers(),
            SectionKey::Duration => telling.duration(),
            SectionKey::Rights => telling.rights(),
            SectionKey::Withdrawal => telling.withdrawal(),
            SectionKey::Complaint => telling.complaint(),
            SectionKey::Obligation => telling.obligation(),
            SectionKey::Automated => telling.automated(),
            SectionKey::Protection => telling.protection(),
        };
        let heading = key.heading(language).to_owned();
        (!blocks.is_empty()).then(|| Section { key: key.as_str().to_owned(), heading, blocks })
    });
    Notice {
        language,
        controller: facts.controller.name.clone(),
        title: telling.title(),
        summary: telling.summary(),
        action: telling.action(),
        sections: sections.collect(),
    }
}

impl Telling<'_> {
    /// What the data are for, in the operator's words.
    fn title(&self) -> Inline {
        let title = Inline::chosen(self.language, &self.facts.purpose.title);
        match title.text.is_empty() {
            true => Inline::text(self.facts.purpose.id.as_str()),
            false => title,
        }
    }

    fn email(&self) -> Inline {
        Inline::mail(&self.facts.controller.email)
    }

    /// What one agrees to by a box.
    fn consent(&self, rule: &ConsentRule) -> String {
        let words = self.words;
        match rule.channel {
            Channel::Email => words.ch_email.to_owned(),
            Channel::Phone => words.ch_phone.to_owned(),
            Channel::Sms => words.ch_sms.to_owned(),
            Channel::Whatsapp => words.ch_whatsapp.to_owned(),
            Channel::Post => words.ch_post.to_owned(),
            Channel::ThirdParty => {
                let id = rule.recipient.as_deref().unwrap_or_default();
                let known = self.facts.recipients.iter().find(|recipient| recipient.id == id);
                let name = known.map_or(id, |recipient| &recipient.name);
                saying::line(words.ch_third_party, &[("recipient", name)])
            }
        }
    }

    fn label(&self, name: &FieldName) -> String {
        field_label(name, self.language)
    }

    /// The same within a sentence.
    fn label_inside(&self, name: &FieldName) -> String {
        inside(&self.label(name), self.language)
    }
}

/// Words as they stand within a sentence: the first letter small, save where the first word has another capital (SMS,
/// WhatsApp), and in German, where nouns keep theirs.
fn inside(text: &str, language: Language) -> String {
    let first_word = text.split(' ').next().unwrap_or(text);
    let has_capitals = first_word.chars().skip(1).any(char::is_uppercase);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if language != Language::De && !has_capitals => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

fn row(name: impl Into<String>, said: Vec<Vec<Inline>>) -> Row {
    Row { name: vec![Inline::text(name)], said }
}

fn text(text: &str) -> Block {
    Block::Text(saying::say(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::facts::sample::House;
    use crate::notice::{Abilities, Edition};
    use crate::purpose::law::{Authority, Basis, Dpo, RecipientRole};
    use crate::purpose::sample::purpose;
    use crate::purpose::{Lifespan, Term};

    /// All words of a notice.
    fn said(house: &House, language: Language) -> String {
        let edition = Edition::of(house.facts());
        crate::notice::markdown(edition.in_language(language).expect("each is there"))
    }

    fn heading(key: SectionKey) -> String {
        format!("## {}\n", key.heading(Language::En))
    }

    #[test]
    fn words_stand_within_a_sentence_as_they_are_written_there() {
        for (text, language, wanted) in [
            ("E-mails from us", Language::En, "e-mails from us"),
            ("WhatsApp messages from us", Language::En, "WhatsApp messages from us"),
            ("SMS de notre part", Language::Fr, "SMS de notre part"),
            ("Adresse e-mail", Language::Fr, "adresse e-mail"),
            ("Anrufe von uns", Language::De, "Anrufe von uns"),
            ("", Language::En, ""),
        ] {
            assert_eq!(inside(text, language), wanted);
        }
    }

    /// A lawyer's list: GDPR arts. 13 and 14, each element in each language, with nothing left to put in.
    #[test]
    fn every_element_of_the_law_is_there_in_every_language() {
        let house = House::new();
        let edition = Edition::of(house.facts());
        for language in Language::ALL {
            let notice = edition.in_language(language).expect("each is there");
            let keys: Vec<&str> = notice.sections.iter().map(|section| section.key.as_str()).collect();
            assert_eq!(keys, SectionKey::ALL.iter().map(|key| key.as_str()).collect::<Vec<_>>());
            assert_eq!(notice.summary.len(), 5);
            let text = said(&house, language);
            assert!(!text.contains('{') && !text.contains('}'), "{text}");
            for element in [
                "Atelier Lumen SARL",
                "12 rue des Lices, 49100 Angers",
                "vie-privee@lumen.example",
                "CRM SAS",
                "MAILER SAS",
                "to find the nearest shop",
                "cnil.fr",
                "controller\\_addendum",
                "privacy/policy",
            ] {
                assert!(
                    text.replace("controller_addendum", "controller\\_addendum").contains(element),
                    "{element}: {text}"
                );
            }
            assert!(!text.contains("OTHER SAS"), "another purpose's recipient");
            assert!(
                !text.contains("below the threshold"),
                "the reason for having no officer is the operator's"
            );
        }
    }

    /// The periods that are printed are those by which records are dated.
    #[test]
    fn the_period_is_that_of_the_records() {
        let mut house = House::new();
        assert_eq!(Lifespan::of(&house.purpose).terms(), [Term { months: 18, days: 30 }]);
        assert!(said(&house, Language::En).contains("we use your data for 18 months and 30 days."));
        assert!(!said(&house, Language::En).contains("36 months"), "nothing lives so long");
        (house.purpose.retention_months, house.purpose.reconfirm_months) = (Some(7), None);
        assert!(said(&house, Language::De).contains("für 7 Monate."));
    }

    /// What tamis cannot do is promised nowhere, and said as soon as it can.
    #[test]
    fn what_is_not_built_is_not_promised() {
        let mut house = House::new();
        let today = said(&house, Language::En);
        assert!(today.contains("After that, they are erased."), "{today}");
        assert!(today.contains("We hold each line for 12 months, and a month more at most."), "{today}");
        assert!(!today.contains("we ask you whether"), "{today}");
        assert!(!today.contains("on a page of your own"), "{today}");
        house.abilities = Abilities { asks_again: true, sends_links: true };
        let told = said(&house, Language::En);
        assert!(told.contains("on a page of your own") && told.contains("/p/lost"), "{told}");
        let asks = |house: &House| said(house, Language::En).contains("we ask you whether you still agree");
        assert!(asks(&house));
        // Nobody is asked who cannot be: their agreement to e-mail is over by then, or there is no address.
        let consents = house.purpose.consents.clone();
        house.purpose.consents.iter_mut().for_each(|rule| rule.valid_months = house.purpose.reconfirm_months);
        assert!(!asks(&house));
        house.purpose.consents = consents;
        assert!(asks(&house));
        house.purpose.whitelist = purpose("lettre", &["first_name"]).whitelist;
        assert!(!asks(&house));
        assert!(!said(&house, Language::En).contains("/p/lost"), "no mail reaches whoever left no address");
    }

    /// What outlives a record is said to whoever is asked for a consent, and only where it does.
    #[test]
    fn evidence_is_named_where_it_is_kept_and_somebody_agrees_to_something() {
        let mut house = House::new();
        let says = |house: &House, text: &str| said(house, Language::En).contains(text);
        assert!(!says(&house, "Once your record is gone"));
        house.evidence_months = 36;
        assert!(says(&house, "Once your record is gone") && says(&house, "We hold it for 36 months"));
        house.purpose.consents.clear();
        assert!(!says(&house, "Once your record is gone"), "nobody agrees to anything");
    }

    #[test]
    fn rights_and_withdrawal_go_by_the_basis() {
        let mut house = House::new();
        let has = |house: &House, text: &str| said(house, Language::En).contains(text);
        assert!(
            has(&house, "Portability")
                && has(&house, "Object to direct marketing")
                && has(&house, "After your death")
        );
        assert!(has(&house, &heading(SectionKey::Withdrawal)));
        house.purpose.basis = Basis::LegitimateInterest;
        house.purpose.legitimate_interest = vec![("en".to_owned(), "Winning customers".to_owned())];
        house.purpose.consents.clear();
        house.controller.country = "DE".to_owned();
        assert!(!has(&house, "Portability") && has(&house, "grounds relating to your situation"));
        assert!(has(&house, "Winning customers") && !has(&house, "After your death"));
        assert!(!has(&house, &heading(SectionKey::Withdrawal)), "nobody was asked to agree");
        house.purpose.basis = Basis::Contract;
        assert!(has(&house, "Portability") && !has(&house, "Objection (Article\u{a0}21)"));
    }

    #[test]
    fn a_controller_from_outside_its_officer_and_its_authority_are_named() {
        let mut house = House::new();
        house.controller.country = "CH".to_owned();
        house.controller.eu_representative = Some("Vertreter GmbH, Wien".to_owned());
        house.controller.dpo = Dpo::Contact("dpo@lumen.example".to_owned());
        house.controller.authority = Some(Authority {
            name: "LDI NRW".to_owned(),
            url: "https://www.ldi.nrw.de/".to_owned(),
            address: None,
        });
        house.recipients[0].role = RecipientRole::JointController;
        house.purpose.third_parties = vec!["crm".to_owned()];
        let text = said(&house, Language::De);
        for wanted in [
            "Vertreter GmbH, Wien",
            "mailto:dpo@lumen.example",
            "LDI NRW",
            "Schweiz",
            "Gemeinsam Verantwortlicher",
            "Nur, wenn Sie darin eingewilligt haben.",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!text.contains("CNIL"));
        house.purpose.recipients.clear();
        assert!(said(&house, Language::De).contains("Wir geben sie an niemanden weiter."));
    }

    #[test]
    fn a_revision_is_its_words_and_says_which_sections_changed() {
        let mut house = House::new();
        let first = Edition::of(house.facts());
        assert_eq!(first.revision(), Edition::of(house.facts()).revision());
        let read = Edition::read(first.content().to_vec()).expect("what was kept");
        assert_eq!(read, first);
        assert!(Edition::read(b"{}".to_vec()).is_none() && Edition::read(Vec::new()).is_none());
        house.purpose.retention_months = Some(6);
        house.purpose.recipients.pop();
        let second = Edition::of(house.facts());
        assert_ne!(second.revision(), first.revision());
        let changed = [SectionKey::Recipients, SectionKey::Transfers, SectionKey::Duration];
        assert_eq!(second.changed_since(&first), changed);
        assert_eq!(second.changed_since(&second), []);
    }
}
