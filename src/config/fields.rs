//! `[purposes.X.fields]`: the whitelist.

use std::collections::BTreeMap;

use crate::config::consents::{META_KEY_MEND, read_keys};
use crate::config::fault::FaultCode;
use crate::config::findings::Findings;
use crate::config::section::{ConfigItem, Section};
use crate::config::shown::{At, ShownValue};
use crate::config::suggest::{self, nearest};
use crate::config::table::{Key, Value, table};
use crate::config::titles::read_texts;
use crate::purpose::law::{
    Basis, Category, Contact, ForbiddenTrade, TypeKnown, standard_type, type_known, type_of_key, types,
};
use crate::purpose::{ConsentKey, ConsentRule, FieldName, FieldRule, Need, QuestionTypes, Whitelist};

/// The longest reason, in characters: people are to read it.
const WHY_CHARS_MAX: usize = 300;

/// What of its purpose a field is held against.
pub(super) struct Frame<'p> {
    /// The purpose's basis, if it could be read.
    pub(super) basis: Option<Basis>,
    /// The purpose's consents, if they could be read.
    pub(super) consents: Option<&'p [ConsentRule]>,
    /// The ground for special categories stands at the purpose.
    pub(super) has_special_basis: bool,
    /// The controller's trade, if nobody may be called for it.
    pub(super) trade: Option<ForbiddenTrade>,
}

table! {
    impl FieldRule by name as Inline(
        section, item: &ConfigItem<'_>, given: &str, name: Option<FieldName>, frame: &Frame<'_>
    ) {
        required: bool = or(false, |item| item.flag());
        types("type"): QuestionTypes = or(standard_type(given).into_iter().collect(), read_types);
        from: Vec<String> = or(Vec::new(), read_keys), if |rule| !rule.from.is_empty();
        labels: bool = or(false, |item| item.flag()), if |rule| rule.labels;
        consent: Option<ConsentKey> = may(|item| read_consent(item, frame));
        why: Option<Need> = or(None, |item| Some(read_need(item)));
    }
    unkept { special_category_basis = may(|item| item.prose(WHY_CHARS_MAX)); }
    check {
        if section.is_broken() {
            return None;
        }
        let asked = || types.iter().flat_map(QuestionTypes::iter);
        if !section.is_given("why") && standard_type(given).is_none() {
            item.fault(
                FaultCode::WhyMissing,
                "a field other than name, e-mail and phone must say why it is needed (GDPR art. 5(1)(c)); people are to be told it",
                "Add `why = { fr = \"…\", en = \"…\", de = \"…\" }`.",
            );
        }
        let names = || std::iter::once(given).chain(from.iter().flatten().map(String::as_str));
        let has_basis = frame.has_special_basis || special_category_basis != Some(None);
        check_special(item, Category::of(names(), asked()), has_basis);
        let contact = Contact::of(names(), asked().collect::<Vec<_>>());
        check_contact(item, contact, consent.as_ref(), frame);
        check_trade(item, contact, frame);
        if asked().next().is_none() && from.as_ref().is_some_and(Vec::is_empty) {
            advise_type(item, given);
        }
    }
    with { name: name?, e164_of: None }
}

impl Value for Whitelist {
    const KEYS: &'static [Key] = FieldRule::KEYS;

    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        let declared = self.rules().iter().filter(|rule| rule.e164_of.is_none());
        Some(match FieldRule::show_all(declared, at) {
            ShownValue::Inline(fields) => ShownValue::Table(fields),
            shown => shown,
        })
    }
}

/// The name of the field in which the numbers of the purpose's telephone field stand as E.164 writes them. Where it has
/// several, it is the first's, `phone_number`'s before all others; those of another field are in `<its name>_e164`.
const E164: &str = "phone_e164";

/// Puts behind each telephone field the one that is worked out from it.
pub(super) fn with_e164(rules: Vec<FieldRule>, findings: &Findings, key: &str) -> Option<Vec<FieldRule>> {
    let is_number = |rule: &FieldRule| {
        let names = [rule.name.as_str()].into_iter().chain(rule.from.iter().map(String::as_str));
        Contact::of(names, rule.types.iter().collect::<Vec<_>>()) == Some(Contact::Number)
    };
    let numbers: Vec<FieldName> =
        rules.iter().filter(|rule| is_number(rule)).map(|rule| rule.name.clone()).collect();
    let main = numbers.iter().find(|name| name.as_str() == "phone_number").or(numbers.first()).cloned();
    let taken: Vec<FieldName> = rules.iter().map(|rule| rule.name.clone()).collect();
    let mut with = Vec::with_capacity(rules.len() + numbers.len());
    for rule in rules {
        let is_main = main.as_ref() == Some(&rule.name);
        let name = if is_main { E164.to_owned() } else { format!("{}_e164", rule.name) };
        let worked_out = match numbers.contains(&rule.name).then(|| FieldName::parse(&name)) {
            None => None,
            Some(Some(name)) if !taken.contains(&name) => Some(rule.e164(name)),
            Some(_) => {
                let reason =
                    format!("with `phone_region` its numbers stand in `{name}` too, and that cannot be");
                let mend = "Give the field of that name another, or this one a shorter one.";
                findings.fault(FaultCode::Duplicate, &format!("{key}.{}", rule.name), reason, mend);
                return None;
            }
        };
        with.push(rule);
        with.extend(worked_out);
    }
    Some(with)
}

pub(super) fn read_fields(section: Section<'_>, frame: &Frame<'_>) -> Option<Vec<FieldRule>> {
    let (findings, key, is_broken) = (section.findings(), section.key().to_owned(), section.is_broken());
    let entries = section.into_entries();
    if entries.is_empty() && !is_broken {
        findings.fault(
            FaultCode::WhitelistEmpty,
            &key,
            "the whitelist is empty: nothing could be held, and nothing would be fetched (GDPR art. 5(1)(c))",
            "Name the fields that this purpose needs, as in `email = {}`.",
        );
        return None;
    }
    let rules: Vec<Option<FieldRule>> =
        entries.iter().map(|(name, item)| read_field(name, item, frame)).collect();
    let read: Vec<(&ConfigItem<'_>, &FieldRule)> =
        entries.iter().zip(&rules).filter_map(|((_, item), rule)| Some((item, rule.as_ref()?))).collect();
    check_overlaps(&read);
    rules.into_iter().collect()
}

fn read_field(name: &str, item: &ConfigItem<'_>, frame: &Frame<'_>) -> Option<FieldRule> {
    let field = item.named(FieldName::parse(name), "a field's name", META_KEY_MEND);
    let rule = FieldRule::read(item.section(), item, name, field, frame)?;
    warn_of_required(item, &rule, frame);
    Some(rule)
}

/// Why the field is needed: by language, or one text for all, of which it is said that others read it too.
fn read_need(item: &ConfigItem<'_>) -> Option<Need> {
    if !item.is_text() {
        return read_texts(item, "reason", WHY_CHARS_MAX).map(Need::Told);
    }
    let plain = item.prose(WHY_CHARS_MAX)?;
    item.warn(
        FaultCode::LanguageMissing,
        "this is one text for people of all languages, and the notice says it in fr, en and de",
        "Give it in each: `why = { fr = \"…\", en = \"…\", de = \"…\" }`.",
    );
    Some(Need::Plain(plain))
}

/// One question type, or several, of which the first is the best.
fn read_types(item: &ConfigItem<'_>) -> Option<QuestionTypes> {
    if !item.is_list() {
        return read_type(item).map(|one| [one].into_iter().collect());
    }
    let types = item.distinct("this type stands here twice", read_type)?;
    if types.is_empty() {
        item.fault(FaultCode::Empty, "this list is empty", "Name a question type, or remove `type`.");
        return None;
    }
    Some(types.into_iter().collect())
}

/// A question type as Meta writes it.
fn read_type(item: &ConfigItem<'_>) -> Option<String> {
    let good = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let shaped = |text: &str| (text.len() <= 64 && text.bytes().all(good)).then(|| text.to_owned());
    let question_type =
        item.parsed(shaped, "a question type", "Write it in capitals, as Meta does: \"POST_CODE\".")?;
    match type_known(&question_type) {
        TypeKnown::Precise => {}
        TypeKnown::Wide => item.fault(
            FaultCode::TypeTooWide,
            "questions of this type ask whatever the form's author likes, so that it would let any answer in",
            "Name the question's exact key instead: `from = [\"…\"]`.",
        ),
        TypeKnown::Not => {
            let mend = nearest_type(&question_type).map_or_else(
                || "Compare it with the form's definition.".into(),
                |known| format!("Did you mean \"{known}\"?"),
            );
            item.warn(FaultCode::TypeUnknown, "Meta is not known to have this question type", mend);
        }
    }
    Some(question_type)
}

/// The type that was meant, also where the key of its answer was written (`PHONE_NUMBER`).
fn nearest_type(given: &str) -> Option<&'static str> {
    let lower = given.to_lowercase();
    let is_near = |known: &&str| nearest(&lower, [known.to_lowercase().as_str()]).is_some();
    type_of_key(&lower).or_else(|| types().find(is_near))
}

fn read_consent(item: &ConfigItem<'_>, frame: &Frame<'_>) -> Option<ConsentKey> {
    let (text, consents) = (item.text()?, frame.consents?);
    if let Some(rule) = consents.iter().find(|rule| rule.key.as_str() == text) {
        return Some(rule.key.clone());
    }
    let names: Vec<&str> = consents.iter().map(|rule| rule.key.as_str()).collect();
    let mend = suggest::mend(text, names.iter().copied(), || match names.as_slice() {
        [] => "Declare it in this purpose's `consents`.".into(),
        names => format!("Declare it in this purpose's `consents`, or name one of: {}.", names.join(", ")),
    });
    item.fault(FaultCode::ConsentUnknown, "this purpose declares no such consent", mend);
    None
}

fn check_special(item: &ConfigItem<'_>, category: Option<Category>, has_basis: bool) {
    let Some(category) = category else { return };
    if has_basis {
        let reason = format!("this field seems to hold {category}");
        item.warn(
            FaultCode::SpecialCategory,
            reason,
            "Make sure that its impact assessment is written (GDPR art. 35).",
        );
        return;
    }
    item.fault(
        FaultCode::SpecialCategory,
        format!("this field seems to hold {category}, and no ground for that is stated"),
        "Remove it from the form and from here, or state the ground: `special_category_basis = \"explicit consent, art. 9(2)(a)\"`.",
    );
}

/// Under basis consent a number or an address is of use only on the channel that was agreed to. `consent` is none where it
/// could not be read.
fn check_contact(
    item: &ConfigItem<'_>,
    contact: Option<Contact>,
    consent: Option<&Option<ConsentKey>>,
    frame: &Frame<'_>,
) {
    // A consent that is not declared, and consents that cannot be read, have their own fault.
    let (Some(Basis::Consent), Some(consents)) = (frame.basis, frame.consents) else { return };
    let (Some(contact), Some(consent)) = (contact, consent) else { return };
    let fits = |rule: &&ConsentRule| contact.channels().contains(&rule.channel);
    let named = consent.as_ref().and_then(|key| consents.iter().find(|rule| rule.key == *key));
    if named.as_ref().is_some_and(fits) {
        return;
    }
    let mend =
        format!("Add `consent = \"{}\"`.", consents.iter().find(fits).map_or("…", |rule| rule.key.as_str()));
    match contact {
        Contact::Number => item.fault(
            FaultCode::PhoneWithoutConsent,
            "a phone number under basis \"consent\" must name a consent of channel \"phone\", \"sms\" or \"whatsapp\" (Code de la consommation art. L. 223-1, law 2025-594, since 11 August 2026)",
            mend,
        ),
        Contact::Address => item.warn(
            FaultCode::EmailWithoutConsent,
            "an e-mail address under basis \"consent\" that names no consent of channel \"email\" may not be used for prospecting (CPCE art. L.34-5)",
            mend,
        ),
    }
}

/// For some trades a number collected by consent is of no use: nobody may be called for them, whatever was agreed to.
fn check_trade(item: &ConfigItem<'_>, contact: Option<Contact>, frame: &Frame<'_>) {
    let Some(trade) = frame.trade else { return };
    if contact == Some(Contact::Number) && frame.basis == Some(Basis::Consent) {
        item.warn(
            FaultCode::TradeForbidsCalls,
            format!(
                "marketing calls about {} are forbidden even with consent, the running contract of a customer excepted (Code de la consommation art. L. 223-1 al. 5, law 2025-594, since 11 August 2026)",
                trade.about()
            ),
            "Remove the field, or use the number for nothing but messages, and have a lawyer read it.",
        );
    }
}

fn advise_type(item: &ConfigItem<'_>, name: &str) {
    if let Some(question_type) = type_of_key(name) {
        item.warn(
            FaultCode::TypeAdvised,
            "Meta translates the keys of its standard questions, so that this matches forms in English only",
            format!("Add `type = \"{question_type}\"`."),
        );
    }
}

fn warn_of_required(item: &ConfigItem<'_>, rule: &FieldRule, frame: &Frame<'_>) {
    let optional =
        |key: &ConsentKey| frame.consents.into_iter().flatten().any(|c| c.key == *key && !c.required);
    if rule.required && rule.consent.as_ref().is_some_and(optional) {
        item.warn(
            FaultCode::ConsentNotRequired,
            "this required field hangs on a consent that is not required: a lead without that tick is refused whole",
            "Make both required, or neither.",
        );
    }
}

/// No question feeds two fields.
fn check_overlaps(rules: &[(&ConfigItem<'_>, &FieldRule)]) {
    let mut by_type: BTreeMap<&str, &FieldName> = BTreeMap::new();
    let mut by_key: BTreeMap<&str, &FieldName> = BTreeMap::new();
    for (item, rule) in rules {
        for question_type in rule.types.iter() {
            if let Some(other) =
                by_type.insert(question_type, &rule.name).filter(|other| **other != rule.name)
            {
                let reason = format!("field `{other}` takes the answers to questions of the same type");
                item.fault(FaultCode::Duplicate, reason, "Give one of them another `type`, or `from` alone.");
            }
        }
        let own_name = rule.types.is_empty() && rule.from.is_empty();
        let keys = rule.from.iter().map(String::as_str).chain(own_name.then(|| rule.name.as_str()));
        for key in keys {
            if let Some(other) = by_key.insert(key, &rule.name) {
                let reason = format!("field `{other}` takes the answer under the same key");
                item.fault(FaultCode::Duplicate, reason, "Leave the key to one of them.");
            }
        }
    }
}
