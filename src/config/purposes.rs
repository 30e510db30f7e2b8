//! `[purposes.X]`: why data is held, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::config::consents::{Ground, check_recipients, read_consents, third_parties};
use crate::config::fault::FaultCode;
use crate::config::fields::{Frame, read_fields, with_e164};
use crate::config::section::{ConfigItem, Section, each};
use crate::config::shown::{At, ShownValue};
use crate::config::suggest;
use crate::config::table::{Key, Value, table};
use crate::config::titles::{read_texts, read_title};
use crate::config::untold::untold;
use crate::id::FormId;
use crate::purpose::law::{
    Basis, Controller, GRACE_DAYS, GRACE_DAYS_DEFAULT, PROSPECT_MONTHS_RECOMMENDED, PURPOSES_OF_A_FORM_MAX,
    RECONFIRM_MONTHS, RETENTION_DAYS, RETENTION_MONTHS, Recipient, Unproven,
};
use crate::purpose::{
    ConsentKey, ConsentRule, FieldName, FieldRule, Keep, PhoneRegion, Policy, Purpose, PurposeId, Whitelist,
};

/// A month has no more days: by it months and days are held against one another.
const MONTH_DAYS_MAX: u32 = 31;

/// The longest interest, in characters: people read it in the notice.
const INTEREST_CHARS_MAX: usize = 300;

/// The longest ground, in characters.
const GROUND_CHARS_MAX: usize = 200;

table! {
    impl Purpose by id as Table(
        section, name: &str, id: Option<PurposeId>, house: &House<'_>, claims: &mut Claims
    ) {
        title: Vec<(String, String)> = must_by_law(
            "{ fr = \"…\", en = \"…\", de = \"…\" }", "GDPR arts. 5(1)(b), 13(1)(c)", read_title
        );
        forms: Vec<FormId> = must("[\"…\"]", read_forms);
        copies: bool = or(false, |item| item.flag()), if |purpose| purpose.copies;
        basis: Basis = must_by_law("\"consent\"", "GDPR arts. 6(1), 13(1)(c)", |item| {
            item.one_of(Basis::ALL, Basis::as_str)
        });
        retention_months: Option<u32> = may(|item| {
            read_retention(item, RETENTION_MONTHS, PROSPECT_MONTHS_RECOMMENDED, basis)
        });
        retention_days: Option<u32> = may(|item| {
            read_retention(item, RETENTION_DAYS, PROSPECT_MONTHS_RECOMMENDED * MONTH_DAYS_MAX, basis)
        });
        reconfirm_months: Option<u32> = or(basis.and_then(Basis::reconfirm_months), |item| {
            read_reconfirm(item, retention_months.flatten(), retention_days.flatten())
        });
        grace_days: u32 = or(GRACE_DAYS_DEFAULT, |item| {
            let is_asked_again = basis.is_none() || reconfirm_months != Some(None);
            read_grace(item, is_asked_again)
        }), if |purpose| purpose.reconfirm_months.is_some();
        recipients: Vec<String> = or(Vec::new(), |item| read_recipients(item, house.recipients));
        keep: Vec<Keep> = or(Vec::new(), read_keep);
        phone_region: Option<PhoneRegion> = or(None, |item| {
            let mend = "Write its two letters, as in \"FR\".";
            item.parsed(PhoneRegion::parse, "a country whose numbers are known", mend).map(Some)
        });
        welcome: bool = or(false, |item| item.flag()), if |purpose| purpose.welcome;
        consents: Vec<ConsentRule> = within(|section| {
            let country = house.controller.map(|controller| controller.country.as_str());
            let ground = Ground { forms: forms.as_deref(), country, recipients: house.recipients };
            read_consents(section, &ground)
        });
        whitelist("fields"): Whitelist = within(|section| {
            let has_special_basis = special_category_basis != Some(None);
            let trade = house.controller.and_then(Controller::forbidden_trade);
            let frame = Frame { basis, consents: consents.as_deref(), has_special_basis, trade };
            let (findings, key) = (section.findings(), section.key().to_owned());
            let rules = read_fields(section, &frame)?;
            Whitelist::new(match phone_region {
                Some(Some(_)) => with_e164(rules, findings, &key)?,
                _ => rules,
            })
        });
        require_one_of: Vec<FieldName> = or(Vec::new(), |item| read_one_of(item, whitelist.as_ref())),
            if |purpose| !purpose.require_one_of.is_empty();
        legitimate_interest: Vec<(String, String)> = or(Vec::new(), |item| read_interest(item, basis)),
            if |purpose| !purpose.legitimate_interest.is_empty();
    }
    unkept { special_category_basis = may(|item| item.prose(GROUND_CHARS_MAX)); }
    check {
        check_retention(&section);
        check_consents(&section, basis, consents.as_deref(), whitelist.as_ref().map(Whitelist::rules));
        check_region(&section, phone_region, whitelist.as_ref());
        check_welcome(&section, welcome, whitelist.as_ref(), house);
        check_recipients(&section, recipients.as_deref(), house.recipients, consents.as_deref());
        check_claims(&section, name, forms.as_deref(), consents.as_deref(), claims);
    }
    with { id: id?, third_parties: third_parties(recipients.as_deref(), house.recipients) }
}

impl Value for Policy {
    const KEYS: &'static [Key] = Purpose::KEYS;

    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        Some(Purpose::show_all(self.purposes().iter().map(Arc::as_ref), at))
    }
}

impl Value for (String, String) {
    fn show(&self, _: &At<'_>) -> Option<ShownValue> {
        Some(ShownValue::text(&self.1))
    }

    fn name(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

/// What purposes are held against; none: it could not be read.
pub(super) struct House<'c> {
    /// Who answers for the data.
    pub(super) controller: Option<&'c Controller>,
    /// Who may receive it.
    pub(super) recipients: Option<&'c [Recipient]>,
    /// A mail server is named.
    pub(super) has_mail: bool,
}

/// Of each form how many purposes claim it, and which of them holds its leads whatever their boxes say.
type Claims = BTreeMap<FormId, Claimed>;

#[derive(Default)]
pub(in crate::config) struct Claimed {
    purposes: usize,
    unconditional: Option<String>,
    /// The boxes on this form that purposes cannot do without, each with the purpose and its consent.
    needed: BTreeMap<String, (String, ConsentKey)>,
}

/// Reads all purposes. What depends on the controller or the recipients is left out where those cannot be read.
pub(super) fn read_purposes(section: Section<'_>, house: &House<'_>) -> Option<Arc<Policy>> {
    let (findings, is_broken) = (section.findings(), section.is_broken());
    let entries = section.into_entries();
    if entries.is_empty() && !is_broken {
        findings.warn(
            FaultCode::NothingClaimed,
            "purposes",
            "no purpose is declared: nothing will be fetched, every reference is held, for at most 90 days",
            "Declare one: `[purposes.NAME]` with title, forms, basis, retention and fields (`tamis init DIR` writes two to start from).",
        );
    }
    let mut claims = Claims::new();
    let purposes: Vec<Option<Purpose>> =
        entries.iter().map(|(name, item)| read_purpose(name, item, house, &mut claims)).collect();
    let purposes: Vec<Purpose> = purposes.into_iter().collect::<Option<_>>()?;
    let held = match (house.controller, house.recipients) {
        (Some(controller), Some(recipients)) => untold(&purposes, controller, recipients, findings),
        _ => BTreeSet::new(),
    };
    (!is_broken).then(|| Arc::new(Policy::holding(purposes, &held)))
}

fn read_interest(item: &ConfigItem<'_>, basis: Option<Basis>) -> Option<Vec<(String, String)>> {
    if basis.is_some_and(|basis| basis != Basis::LegitimateInterest) {
        let reason = "the basis is another one: nobody is told of an interest";
        item.warn(FaultCode::NoEffect, reason, "Remove it.");
    }
    read_texts(item, "interest", INTEREST_CHARS_MAX)
}

fn read_purpose(
    name: &str,
    item: &ConfigItem<'_>,
    house: &House<'_>,
    claims: &mut Claims,
) -> Option<Purpose> {
    let id = item.named(PurposeId::parse(name), "a purpose's name", "");
    Purpose::read(item.section(), name, id, house, claims)
}

fn read_forms(item: &ConfigItem<'_>) -> Option<Vec<FormId>> {
    let items = item.list()?;
    if items.is_empty() {
        item.warn(
            FaultCode::NothingClaimed,
            "this purpose claims no form: nothing new comes in",
            "Name the form's id.",
        );
    }
    let mut named = BTreeSet::new();
    each(&items, |item| {
        let form = item.id(FormId::parse)?;
        if !named.insert(form) {
            item.fault(FaultCode::Duplicate, "this form stands here twice", "Remove one.");
        }
        Some(form)
    })
}

/// A form may stand under several purposes if a person chooses each by a box of its own, save one.
fn check_claims(
    section: &Section<'_>,
    purpose: &str,
    forms: Option<&[FormId]>,
    consents: Option<&[ConsentRule]>,
    claims: &mut Claims,
) {
    // Of boxes that cannot be read nobody knows which are required.
    let is_conditional = consents.is_none_or(|consents| consents.iter().any(|consent| consent.required));
    for (at, form) in forms.unwrap_or_default().iter().enumerate() {
        let path = format!("{}[{at}]", section.path("forms"));
        let claimed = claims.entry(*form).or_default();
        claimed.purposes += 1;
        if claimed.purposes == PURPOSES_OF_A_FORM_MAX + 1 {
            let reason = format!("more than {PURPOSES_OF_A_FORM_MAX} purposes claim this form");
            section.findings().fault(FaultCode::OutOfRange, &path, reason, "Leave it to fewer.");
        }
        check_boxes(section, purpose, form, consents.unwrap_or_default(), claimed);
        if is_conditional {
            continue;
        }
        if let Some(other) = &claimed.unconditional {
            section.findings().fault(
                FaultCode::FormHeldTwice,
                &path,
                format!("purpose `{other}` holds every lead of this form too: of several purposes of a form all but one need a consent that is required (GDPR art. 5(1)(b), recital 43)"),
                "Add `required = true` to the consent whose box on this form is for this purpose, or leave the form to one of them.",
            );
        } else {
            claimed.unconditional = Some(purpose.to_owned());
        }
    }
}

/// One tick is one choice: it cannot bring a lead to two purposes (GDPR recital 43). Where a purpose merely counts another's
/// box as a channel, nothing is chosen by it twice.
fn check_boxes(
    section: &Section<'_>,
    purpose: &str,
    form: &FormId,
    consents: &[ConsentRule],
    claimed: &mut Claimed,
) {
    for rule in consents.iter().filter(|rule| rule.required) {
        for key in rule.keys_on(form) {
            match claimed.needed.get(key) {
                Some((other, consent)) if other != purpose => section.findings().fault(
                    FaultCode::BoxShared,
                    &format!("{}.{}.from", section.path("consents"), rule.key),
                    format!("on form {form} purpose `{other}` needs a tick in the same box, {key:?} (its consent `{consent}`): one tick cannot choose two purposes (GDPR art. 4(11), recital 43)"),
                    "Give each purpose a box of its own on the form and name it in `from`, or leave the form to one of them.",
                ),
                Some(_) => {}
                None => {
                    claimed.needed.insert(key.to_owned(), (purpose.to_owned(), rule.key.clone()));
                }
            }
        }
    }
}

fn read_retention(
    item: &ConfigItem<'_>,
    bounds: RangeInclusive<u64>,
    recommended: u32,
    basis: Option<Basis>,
) -> Option<u32> {
    let number = item.number(bounds)?;
    if basis.is_some_and(Basis::is_prospecting) && number > recommended {
        item.warn(
            FaultCode::RetentionLong,
            "longer than the three years after the last contact that the CNIL recommends for prospects",
            "Write down your reason, or choose 36 months.",
        );
    }
    Some(number)
}

/// A record's life is counted in months or in days, and it has an end.
fn check_retention(section: &Section<'_>) {
    let (in_months, in_days) = (section.is_given("retention_months"), section.is_given("retention_days"));
    if in_months && in_days {
        let key = section.path("retention_days");
        let reason = "`retention_months` stands here too, and a record has one end";
        section.findings().fault(FaultCode::Duplicate, &key, reason, "Remove one of them.");
    } else if !in_months && !in_days && !section.is_broken() {
        let mend = "Add `retention_months = 12` or `retention_days = 30` (there is no \"never\": GDPR art. 5(1)(e)).";
        let key = section.path("retention_months");
        section.findings().fault(FaultCode::Missing, &key, "this key is missing", mend);
    }
}

fn read_reconfirm(
    item: &ConfigItem<'_>,
    by_months: Option<u32>,
    by_days: Option<u32>,
) -> Option<Option<u32>> {
    let months = item.number(RECONFIRM_MONTHS)?;
    let ends_first = by_months.is_some_and(|retention| months >= retention)
        || by_days.is_some_and(|days| months * MONTH_DAYS_MAX >= days);
    if ends_first {
        let reason = "nothing lives that long here: the retention ends first";
        item.warn(FaultCode::NoEffect, reason, "Lower it, or remove it.");
    }
    Some(Some(months))
}

fn read_grace(item: &ConfigItem<'_>, is_asked_again: bool) -> Option<u32> {
    if !is_asked_again {
        let reason = "nobody is asked again here, so that there is no grace";
        item.warn(FaultCode::NoEffect, reason, "Remove it, or add `reconfirm_months`.");
    }
    item.number(GRACE_DAYS)
}

fn read_recipients(item: &ConfigItem<'_>, declared: Option<&[Recipient]>) -> Option<Vec<String>> {
    item.distinct("this recipient stands here twice", |element| {
        let id = element.text()?;
        if let Some(declared) = declared
            && !declared.iter().any(|known| known.id == id)
        {
            let undeclared = || {
                "Declare it under `[[recipients]]`, since people must be told (GDPR art. 13(1)(e)).".into()
            };
            let mend = suggest::mend(id, declared.iter().map(|known| known.id.as_str()), undeclared);
            element.fault(FaultCode::RecipientUnknown, "no such recipient is declared", mend);
        }
        Some(id.to_owned())
    })
}

fn read_keep(item: &ConfigItem<'_>) -> Option<Vec<Keep>> {
    item.distinct("this stands here twice", |element| element.one_of(Keep::ALL, Keep::as_str))
}

fn read_one_of(item: &ConfigItem<'_>, whitelist: Option<&Whitelist>) -> Option<Vec<FieldName>> {
    let names = item.distinct("this field stands here twice", |element| {
        let (text, whitelist) = (element.text()?, whitelist?);
        let Some(rule) = whitelist.rule(text) else {
            let names = || whitelist.rules().iter().map(|rule| rule.name.as_str());
            let listed = || format!("Name some of: {}.", names().collect::<Vec<_>>().join(", "));
            let mend = suggest::mend(text, names(), listed);
            element.fault(FaultCode::FieldUnknown, "this purpose has no such field", mend);
            return None;
        };
        if rule.required {
            let reason = "this field is required anyway, so that the others are never looked for";
            element.warn(FaultCode::NoEffect, reason, "Remove `required` there, or this list.");
        }
        Some(rule.name.clone())
    })?;
    if names.is_empty() && item.list().is_some_and(|items| items.is_empty()) {
        item.fault(FaultCode::Empty, "this list is empty", "Name the fields, or remove it.");
    }
    Some(names)
}

fn check_region(section: &Section<'_>, region: Option<Option<PhoneRegion>>, whitelist: Option<&Whitelist>) {
    let (Some(Some(_)), Some(whitelist)) = (region, whitelist) else { return };
    if whitelist.rules().iter().all(|rule| rule.e164_of.is_none()) {
        let reason = "no field of this purpose holds a telephone number";
        let mend = "Remove it, or name the field.";
        section.findings().warn(FaultCode::NoEffect, &section.path("phone_region"), reason, mend);
    }
}

/// Nobody is written to without a server that takes the mail, or an address that it goes to.
fn check_welcome(
    section: &Section<'_>,
    welcome: Option<bool>,
    whitelist: Option<&Whitelist>,
    house: &House<'_>,
) {
    let (Some(true), Some(whitelist)) = (welcome, whitelist) else { return };
    let key = section.path("welcome");
    if !house.has_mail {
        let reason = "there is no `[mail]`: no server takes the mail";
        section.findings().fault(
            FaultCode::Missing,
            &key,
            reason,
            "Add `[mail]` with `server` and `from`, or remove it.",
        );
    }
    if whitelist.mailboxes().next().is_none() {
        let reason = "no field of this purpose holds an e-mail address";
        section.findings().warn(FaultCode::NoEffect, &key, reason, "Remove it, or name the field.");
    }
}

fn check_consents(
    section: &Section<'_>,
    basis: Option<Basis>,
    consents: Option<&[ConsentRule]>,
    fields: Option<&[FieldRule]>,
) {
    let (Some(basis), Some(consents)) = (basis, consents) else { return };
    let (code, reason, mend) = match basis.unproven(consents, fields) {
        None => return,
        Some(Unproven::NoConsent) => (
            FaultCode::PurposeWithoutConsent,
            "basis \"consent\" needs at least one tick-box that proves it (GDPR art. 7(1))",
            "Add `consents = { email_optin = { channel = \"email\", required = true } }`.",
        ),
        Some(Unproven::NoneRequired) => (
            FaultCode::ConsentNotRequired,
            "a lead without any tick would be held: no consent is required, and some fields name none (GDPR art. 7(1))",
            "Add `required = true` to a consent, or `consent = \"…\"` to every field.",
        ),
    };
    section.findings().fault(code, &section.path("consents"), reason, mend);
}
