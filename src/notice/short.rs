//! The few sentences that fit into a lead form, above its boxes: the first layer where the data are asked for (art. 13(1):
//! "at the time when personal data are obtained").

use crate::language::Language;
use crate::notice::Facts;
use crate::notice::document::Inline;
use crate::notice::saying::{first_of, line};
use crate::notice::words::words;
use crate::purpose::law::Basis;

/// Meta publishes no limit for a disclaimer's text. Beyond so many characters a form on a telephone hides it below its fold.
pub const SHORT_CHARS_ADVISED: usize = 600;

/// The text for the disclaimer of Meta's form.
pub fn short(facts: Facts<'_>, language: Language) -> String {
    let (words, purpose) = (words(language), facts.purpose);
    let title = Inline::chosen(language, &purpose.title).text;
    let basis = match purpose.basis {
        Basis::Consent => words.short_consent,
        Basis::PreContract => words.short_pre_contract,
        Basis::Contract => words.short_contract,
        Basis::LegitimateInterest => words.short_interest,
    };
    let term = first_of(&facts.lifespan().terms(), language);
    let given = [
        ("controller", facts.controller.name.as_str()),
        ("title", &title),
        ("basis", basis),
        ("term", &term),
    ];
    let mut sentences = vec![line(words.short, &given)];
    let names: Vec<&str> = facts.listed().into_iter().map(|recipient| recipient.name.as_str()).collect();
    if !names.is_empty() {
        sentences.push(line(words.short_recipients, &[("recipients", &names.join(", "))]));
    }
    let rights = if purpose.basis.is_prospecting() { words.short_rights_object } else { words.short_rights };
    sentences.push(line(rights, &[("email", &facts.controller.email)]));
    if !purpose.consents.is_empty() {
        sentences.push(words.short_withdraw.to_owned());
    }
    sentences.push(line(words.short_more, &[("url", facts.url)]));
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::facts::sample::House;

    #[test]
    fn it_names_who_why_how_long_and_where_there_is_more() {
        let house = House::new();
        assert_eq!(
            short(house.facts(), Language::En),
            "Atelier Lumen SARL uses your answers for this purpose: Send you our letter. Basis: your consent. Period: 18 months \
             and 30 days. Recipients: CRM SAS, MAILER SAS. Access, correction, erasure, objection: vie-privee@lumen.example. \
             You may withdraw your agreement at any time. More: https://leads.lumen.example/notice/lettre"
        );
        for language in Language::ALL {
            let text = short(house.facts(), language);
            assert!(text.chars().count() <= SHORT_CHARS_ADVISED && !text.contains('{'), "{text}");
        }
    }
}
