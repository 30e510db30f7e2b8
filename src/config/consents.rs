//! `[purposes.X.consents]`: the tick-boxes that count.

use crate::config::fault::FaultCode;
use crate::config::section::{ConfigItem, Section};
use crate::config::shown::{At, ShownValue};
use crate::config::suggest;
use crate::config::table::{Value, table};
use crate::id::FormId;
use crate::purpose::law::{CALL_CONSENT_MONTHS_FR, CONSENT_MONTHS, Recipient, RecipientRole};
use crate::purpose::{BoxKey, Channel, ConsentKey, ConsentRule};

/// Meta's keys may be whole questions; none is longer.
pub(super) const META_KEY_CHARS_MAX: usize = 500;

/// Where Meta's own name belongs.
pub(super) const META_KEY_MEND: &str = "; Meta's own key goes into `from`";

/// What of its purpose and of the house a consent is held against; none: it could not be read, which has its own fault.
#[derive(Clone, Copy)]
pub(super) struct Ground<'p> {
    /// The purpose's forms.
    pub(super) forms: Option<&'p [FormId]>,
    /// The controller's country.
    pub(super) country: Option<&'p str>,
    /// The declared recipients.
    pub(super) recipients: Option<&'p [Recipient]>,
}

impl Ground<'_> {
    fn is_call_in_france(&self, channel: Option<Channel>) -> bool {
        channel == Some(Channel::Phone) && self.country == Some("FR")
    }
}

table! {
    impl ConsentRule by key as Inline(section, name: &str, key: Option<ConsentKey>, ground: &Ground<'_>) {
        channel: Channel = must("\"email\"", |item| item.one_of(Channel::ALL, Channel::as_str));
        required: bool = or(false, |item| item.flag());
        from: Vec<BoxKey> = or(vec![BoxKey::anywhere(name)], |item| read_boxes(item, ground));
        valid_months: Option<u32> = or(
            channel.zip(ground.country).and_then(|(channel, country)| channel.consent_months(country)),
            |item| Some(Some(read_validity(item, ground.is_call_in_france(channel))?))
        );
        recipient: Option<String> = or(None, |item| Some(Some(read_recipient(item, ground)?)));
    }
    check {
        match (channel, section.is_given("recipient")) {
            (Some(Channel::ThirdParty), false) => section.findings().fault(
                FaultCode::Missing,
                &section.path("recipient"),
                "a consent to hand data on names to whom: people agree to one recipient at a time (GDPR art. 4(11))",
                "Add `recipient = \"…\"`, an id of `[[recipients]]`.",
            ),
            (Some(channel), true) if channel != Channel::ThirdParty => section.findings().warn(
                FaultCode::NoEffect,
                &section.path("recipient"),
                "only a consent of channel \"third_party\" is a consent to hand data on",
                "Remove it, or make the channel \"third_party\".",
            ),
            _ => {}
        }
    }
    with { key: key? }
}

impl Value for BoxKey {
    fn show(&self, _: &At<'_>) -> Option<ShownValue> {
        let key = ShownValue::text(&self.key);
        Some(match &self.form {
            None => key,
            Some(form) => {
                ShownValue::Inline(vec![("form".to_owned(), ShownValue::text(form)), ("key".to_owned(), key)])
            }
        })
    }
}

pub(super) fn read_consents(section: Section<'_>, ground: &Ground<'_>) -> Option<Vec<ConsentRule>> {
    let findings = section.findings();
    let mut rules: Vec<ConsentRule> = Vec::new();
    let mut is_whole = true;
    for (name, item) in section.into_entries() {
        let Some(rule) = read_consent(name, &item, ground) else {
            is_whole = false;
            continue;
        };
        let twice = rules
            .iter()
            .find(|other| other.from.iter().any(|theirs| rule.from.iter().any(|ours| ours.meets(theirs))));
        if let Some(other) = twice {
            findings.fault(
                FaultCode::Duplicate,
                &format!("{}.from", item.key()),
                format!("consent `{}` counts the same tick-box, and consent is given for each channel apart (GDPR art. 7(2))", other.key),
                "Give the form a tick-box for each, or say of which form each key is: `from = [{ form = \"…\", key = \"…\" }]`.",
            );
        }
        rules.push(rule);
    }
    is_whole.then_some(rules)
}

fn read_consent(name: &str, item: &ConfigItem<'_>, ground: &Ground<'_>) -> Option<ConsentRule> {
    let key = item.named(ConsentKey::parse(name), "a consent's name", META_KEY_MEND);
    ConsentRule::read(item.section(), name, key, ground)
}

/// Tick-boxes: plain keys, and keys of one form; none twice.
fn read_boxes(item: &ConfigItem<'_>, ground: &Ground<'_>) -> Option<Vec<BoxKey>> {
    let items = item.list()?;
    if items.is_empty() {
        item.fault(FaultCode::Empty, "this list is empty", "Name Meta's key, or remove `from`.");
        return None;
    }
    let mut boxes: Vec<BoxKey> = Vec::new();
    for element in &items {
        let found = if element.is_text() {
            BoxKey { form: None, key: read_key(element)? }
        } else {
            read_box_of_form(element, ground)?
        };
        if boxes.iter().any(|known| known.meets(&found)) {
            element.fault(FaultCode::Duplicate, "this key stands here twice", "Remove one.");
            return None;
        }
        boxes.push(found);
    }
    Some(boxes)
}

fn read_box_of_form(item: &ConfigItem<'_>, ground: &Ground<'_>) -> Option<BoxKey> {
    let mut section = item.section();
    let form = section.must("form", "\"…\"", |item| {
        let form = item.id(FormId::parse)?;
        if ground.forms.is_some_and(|forms| !forms.contains(&form)) {
            let reason = "this purpose does not claim the form: no tick of it counts here";
            item.warn(FaultCode::NoEffect, reason, "Add the form to `forms`, or remove this.");
        }
        Some(form)
    });
    let key = section.must("key", "\"…\"", read_key);
    section.finish();
    Some(BoxKey { form: Some(form?), key: key? })
}

fn read_validity(item: &ConfigItem<'_>, is_call_in_france: bool) -> Option<u32> {
    let months = item.number(CONSENT_MONTHS)?;
    if is_call_in_france && months > CALL_CONSENT_MONTHS_FR {
        item.warn(
            FaultCode::ConsentLong,
            "in France a consent to marketing calls ends twelve months after it was given, without tacit renewal (Code de la consommation art. R. 223-1, decree 2026-662, since 11 August 2026; the decree is known to tamis at second hand)",
            "Choose 12 or less, or have a lawyer read it.",
        );
    }
    Some(months)
}

fn read_recipient(item: &ConfigItem<'_>, ground: &Ground<'_>) -> Option<String> {
    let (id, declared) = (item.text()?, ground.recipients?);
    if !declared.iter().any(|known| known.id == id) {
        let undeclared =
            || "Declare it under `[[recipients]]`, since people must be told (GDPR art. 13(1)(e)).".into();
        let mend = suggest::mend(id, declared.iter().map(|known| known.id.as_str()), undeclared);
        item.fault(FaultCode::RecipientUnknown, "no such recipient is declared", mend);
        return None;
    }
    Some(id.to_owned())
}

/// Those of a purpose's recipients that decide by themselves what to do with the data.
pub(super) fn third_parties(listed: Option<&[String]>, declared: Option<&[Recipient]>) -> Vec<String> {
    let decides = |id: &String| {
        let known = declared.into_iter().flatten().find(|known| known.id == *id);
        known.is_some_and(|known| known.role != RecipientRole::Processor)
    };
    listed.into_iter().flatten().filter(|id| decides(id)).cloned().collect()
}

/// Who is listed and decides by itself receives only what people agreed to hand to it.
pub(super) fn check_recipients(
    section: &Section<'_>,
    listed: Option<&[String]>,
    declared: Option<&[Recipient]>,
    consents: Option<&[ConsentRule]>,
) {
    let Some(consents) = consents else { return };
    let allows = |rule: &ConsentRule, id: &String| {
        rule.channel == Channel::ThirdParty && rule.recipient.as_ref() == Some(id)
    };
    for id in third_parties(listed, declared) {
        if !consents.iter().any(|rule| allows(rule, &id)) {
            section.findings().fault(
                FaultCode::RecipientWithoutConsent,
                &section.path("recipients"),
                format!("recipient `{id}` is no processor, and no consent of this purpose lets its data be handed to it (GDPR arts. 4(11), 6(1)(a))"),
                format!("Add `consents = {{ … = {{ channel = \"third_party\", recipient = \"{id}\" }} }}`, or leave it out of `recipients`."),
            );
        }
    }
    for rule in consents.iter().filter(|rule| rule.channel == Channel::ThirdParty) {
        if let (Some(id), Some(listed)) = (&rule.recipient, listed)
            && !listed.contains(id)
        {
            section.findings().warn(
                FaultCode::NoEffect,
                &section.path("recipients"),
                format!("consent `{}` lets data be handed to `{id}`, which this purpose does not list: nothing goes to it", rule.key),
                "Add it to `recipients`, or remove the consent.",
            );
        }
    }
}

/// Meta's exact keys: any UTF-8, compared byte by byte; none twice.
pub(super) fn read_keys(item: &ConfigItem<'_>) -> Option<Vec<String>> {
    let items = item.list()?;
    if items.is_empty() {
        item.fault(FaultCode::Empty, "this list is empty", "Name Meta's key, or remove `from`.");
        return None;
    }
    let mut keys: Vec<String> = Vec::new();
    for element in &items {
        let key = read_key(element)?;
        if keys.contains(&key) {
            element.fault(FaultCode::Duplicate, "this key stands here twice", "Remove one.");
            return None;
        }
        keys.push(key);
    }
    Some(keys)
}

fn read_key(element: &ConfigItem<'_>) -> Option<String> {
    let key = element.text()?;
    if key.chars().count() > META_KEY_CHARS_MAX {
        let reason = format!("a key of Meta has at most {META_KEY_CHARS_MAX} characters");
        element.fault(FaultCode::Malformed, reason, "Copy the key from the form.");
        return None;
    }
    Some(key.to_owned())
}
