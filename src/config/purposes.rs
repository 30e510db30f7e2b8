//! `[purposes.X]`: why data is held, and until when.

use std::collections::BTreeMap;

use crate::config::consents::read_consents;
use crate::config::fault::FaultCode;
use crate::config::fields::{Frame, read_fields};
use crate::config::section::{Item, Section};
use crate::config::suggest::nearest;
use crate::id::FormId;
use crate::purpose::law::{
    Basis, GRACE_DAYS, GRACE_DAYS_DEFAULT, PROSPECT_MONTHS_RECOMMENDED, RECONFIRM_MONTHS, RETENTION_MONTHS,
    Recipient, Unproven,
};
use crate::purpose::{ConsentRule, FieldRule, Keep, Purpose, PurposeId, Whitelist};

/// The languages of notices.
const LANGUAGES: [&str; 3] = ["fr", "en", "de"];

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// Reads all purposes. What depends on `recipients` is left out where those cannot be read.
pub(super) fn read_purposes(section: Section<'_>, recipients: Option<&[Recipient]>) -> Option<Vec<Purpose>> {
    let (findings, is_broken) = (section.findings(), section.is_broken());
    let entries = section.into_entries();
    if entries.is_empty() && !is_broken {
        findings.warn(
            FaultCode::NothingClaimed,
            "purposes",
            "no purpose is declared: nothing will be fetched, every reference is held, for at most 90 days",
            "Declare one, as in config/tamis.example.toml.",
        );
    }
    let mut claims = BTreeMap::new();
    let purposes: Vec<Option<Purpose>> =
        entries.iter().map(|(name, item)| read_purpose(name, item, recipients, &mut claims)).collect();
    if is_broken { None } else { purposes.into_iter().collect() }
}

fn read_purpose(
    name: &str,
    item: &Item<'_>,
    recipients: Option<&[Recipient]>,
    claims: &mut BTreeMap<FormId, String>,
) -> Option<Purpose> {
    let id = PurposeId::parse(name);
    if id.is_none() {
        let mend = "Write lower-case letters, digits and _, a letter first, at most 63.";
        item.fault(FaultCode::Malformed, "this is not a purpose's name", mend);
    }
    let mut section = item.section();
    let titles = "title = { fr = \"…\", en = \"…\", de = \"…\" }";
    let title = section
        .must_by_law("title", titles, "GDPR arts. 5(1)(b), 13(1)(c)")
        .and_then(|item| read_title(&item));
    let forms = section.must("forms", "forms = [\"…\"]").and_then(|item| read_forms(&item, name, claims));
    let basis = section.must_by_law("basis", "basis = \"consent\"", "GDPR arts. 6(1), 13(1)(c)");
    let basis = basis.and_then(|item| item.one_of(Basis::ALL, Basis::as_str));
    let periods = read_periods(&mut section, basis);
    let recipients = match section.item("recipients") {
        Some(item) => read_recipients(&item, recipients),
        None => Some(Vec::new()),
    };
    let keep = section.item("keep").map_or(Some(Vec::new()), |item| read_keep(&item));
    let special_basis = section.item("special_category_basis").map(|item| item.prose(TITLE_CHARS_MAX));
    let consents = read_consents(section.section("consents"));
    let frame = Frame { basis, consents: consents.as_deref(), has_special_basis: special_basis.is_some() };
    let fields = read_fields(section.section("fields"), &frame);
    check_consents(&section, basis, consents.as_deref(), fields.as_deref());
    section.finish();
    let periods = periods?;
    Some(Purpose {
        id: id?,
        title: title?,
        forms: forms?,
        basis: basis?,
        retention_months: periods.retention_months,
        reconfirm_months: periods.reconfirm_months,
        grace_days: periods.grace_days,
        recipients: recipients?,
        keep: keep?,
        whitelist: Whitelist::new(fields?)?,
        consents: consents?,
    })
}

fn read_title(item: &Item<'_>) -> Option<Vec<(String, String)>> {
    let mut section = item.section();
    let mut titles = Some(Vec::new());
    let mut missing = Vec::new();
    for language in LANGUAGES {
        match section.item(language) {
            None => missing.push(language),
            Some(item) => {
                let title = item.prose(TITLE_CHARS_MAX);
                titles = titles.zip(title).map(|(mut titles, title)| {
                    titles.push((language.to_owned(), title));
                    titles
                });
            }
        }
    }
    let is_broken = section.is_broken();
    section.finish();
    if is_broken {
        return None;
    }
    if missing.len() == LANGUAGES.len() {
        item.fault(FaultCode::Empty, "there is no title in any language", "Add one in `fr`, `en` or `de`.");
        return None;
    }
    if !missing.is_empty() {
        let reason = format!(
            "there is no title in: {}; people who read these will find the notice in another language",
            missing.join(", ")
        );
        item.warn(FaultCode::LanguageMissing, reason, "Add them.");
    }
    titles
}

fn read_forms(item: &Item<'_>, purpose: &str, claims: &mut BTreeMap<FormId, String>) -> Option<Vec<FormId>> {
    let items = item.list()?;
    if items.is_empty() {
        item.warn(
            FaultCode::NothingClaimed,
            "this purpose claims no form: nothing new comes in",
            "Name the form's id.",
        );
    }
    let read = |item: &Item<'_>| {
        let form = item.id(FormId::parse)?;
        match claims.insert(form, purpose.to_owned()) {
            None => {}
            Some(other) if other == purpose => {
                item.fault(FaultCode::Duplicate, "this form stands here twice", "Remove one.");
            }
            Some(other) => item.fault(
                FaultCode::FormClaimedTwice,
                format!("purpose `{other}` claims this form too, and a lead is held for one purpose (GDPR art. 5(1)(b))"),
                "Leave the form to one of them.",
            ),
        }
        Some(form)
    };
    let forms: Vec<Option<FormId>> = items.iter().map(read).collect();
    forms.into_iter().collect()
}

struct Periods {
    retention_months: u32,
    reconfirm_months: Option<u32>,
    grace_days: u32,
}

fn read_periods(section: &mut Section<'_>, basis: Option<Basis>) -> Option<Periods> {
    let months = |item: &Item<'_>, bounds| u32::try_from(item.number(bounds)?).ok();
    let sample = "retention_months = 12";
    let retention_item =
        section.must_by_law("retention_months", sample, "there is no \"never\": GDPR art. 5(1)(e)");
    let retention = retention_item.as_ref().and_then(|item| months(item, RETENTION_MONTHS));
    if let (Some(item), Some(retention)) = (&retention_item, retention)
        && basis.is_some_and(Basis::is_prospecting)
        && retention > PROSPECT_MONTHS_RECOMMENDED
    {
        item.warn(
            FaultCode::RetentionLong,
            "longer than the three years after the last contact that the CNIL recommends for prospects",
            "Write down your reason, or choose 36.",
        );
    }
    let reconfirm = match section.item("reconfirm_months") {
        None => Some(basis.and_then(Basis::reconfirm_months)),
        Some(item) => {
            let given = months(&item, RECONFIRM_MONTHS);
            if let (Some(given), Some(retention)) = (given, retention)
                && given >= retention
            {
                let reason = "nothing lives that long here: `retention_months` ends first";
                item.warn(FaultCode::NoEffect, reason, "Lower it, or remove it.");
            }
            given.map(Some)
        }
    };
    let grace = match section.item("grace_days") {
        None => Some(GRACE_DAYS_DEFAULT),
        Some(item) => {
            if basis.is_some() && reconfirm == Some(None) {
                let reason = "nobody is asked again here, so that there is no grace";
                item.warn(FaultCode::NoEffect, reason, "Remove it, or add `reconfirm_months`.");
            }
            months(&item, GRACE_DAYS)
        }
    };
    Some(Periods { retention_months: retention?, reconfirm_months: reconfirm?, grace_days: grace? })
}

fn read_recipients(item: &Item<'_>, declared: Option<&[Recipient]>) -> Option<Vec<String>> {
    let mut ids: Vec<String> = Vec::new();
    for element in item.list()? {
        let Some(id) = element.text() else { continue };
        let known = |known: &Recipient| known.id == id;
        if let Some(declared) = declared
            && !declared.iter().any(known)
        {
            let names: Vec<&str> = declared.iter().map(|recipient| recipient.id.as_str()).collect();
            let mend = match nearest(id, names) {
                Some(near) => format!("Did you mean \"{near}\"?"),
                None => "Declare it under `[[recipients]]`, since people must be told (GDPR art. 13(1)(e))."
                    .into(),
            };
            element.fault(FaultCode::RecipientUnknown, "no such recipient is declared", mend);
        }
        if ids.iter().any(|known| known == id) {
            element.fault(FaultCode::Duplicate, "this recipient stands here twice", "Remove one.");
        }
        ids.push(id.to_owned());
    }
    Some(ids)
}

fn read_keep(item: &Item<'_>) -> Option<Vec<Keep>> {
    let mut kept = Vec::new();
    for element in item.list()? {
        let Some(keep) = element.one_of(Keep::ALL, Keep::as_str) else { continue };
        if kept.contains(&keep) {
            element.fault(FaultCode::Duplicate, "this stands here twice", "Remove one.");
        }
        kept.push(keep);
    }
    Some(kept)
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
