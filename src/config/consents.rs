//! `[purposes.X.consents]`: the tick-boxes that count.

use std::collections::BTreeMap;

use crate::config::fault::FaultCode;
use crate::config::section::{ConfigItem, Section};
use crate::config::table::table;
use crate::purpose::{Channel, ConsentKey, ConsentRule};

/// Meta's keys may be whole questions; none is longer.
pub(super) const META_KEY_CHARS_MAX: usize = 500;

/// Where Meta's own name belongs.
pub(super) const META_KEY_MEND: &str = "; Meta's own key goes into `from`";

table! {
    impl ConsentRule by key as Inline(section, name: &str, key: Option<ConsentKey>) {
        channel: Channel = must("\"email\"", |item| item.one_of(Channel::ALL, Channel::as_str));
        required: bool = or(false, |item| item.flag());
        from: Vec<String> = or(vec![name.to_owned()], read_keys);
    }
    with { key: key? }
}

pub(super) fn read_consents(section: Section<'_>) -> Option<Vec<ConsentRule>> {
    let findings = section.findings();
    let mut boxes: BTreeMap<String, ConsentKey> = BTreeMap::new();
    let mut rules = Some(Vec::new());
    for (name, item) in section.into_entries() {
        let Some(rule) = read_consent(name, &item) else {
            rules = None;
            continue;
        };
        for from in &rule.from {
            if let Some(other) = boxes.insert(from.clone(), rule.key.clone()) {
                findings.fault(
                    FaultCode::Duplicate,
                    &format!("{}.from", item.key()),
                    format!("consent `{other}` counts the same tick-box, and consent is given for each channel apart (GDPR art. 7(2))"),
                    "Give the form a tick-box for each.",
                );
            }
        }
        if let Some(rules) = rules.as_mut() {
            rules.push(rule);
        }
    }
    rules
}

fn read_consent(name: &str, item: &ConfigItem<'_>) -> Option<ConsentRule> {
    let key = item.named(ConsentKey::parse(name), "a consent's name", META_KEY_MEND);
    ConsentRule::read(item.section(), name, key)
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
        let key = element.text()?;
        if key.chars().count() > META_KEY_CHARS_MAX {
            let reason = format!("a key of Meta has at most {META_KEY_CHARS_MAX} characters");
            element.fault(FaultCode::Malformed, reason, "Copy the question's key from the form.");
            return None;
        }
        if keys.iter().any(|known| known == key) {
            element.fault(FaultCode::Duplicate, "this key stands here twice", "Remove one.");
            return None;
        }
        keys.push(key.to_owned());
    }
    Some(keys)
}
