//! `[controller]` and `[[recipients]]`: who answers for the data, and who may receive it.

use std::collections::BTreeSet;

use crate::config::fault::FaultCode;
use crate::config::section::{Item, Section};
use crate::purpose::law::{Controller, Dpo, Recipient, RecipientRole, is_country};

/// The longest name or address, in characters.
const PROSE_CHARS_MAX: usize = 500;

/// Why the controller is named.
const IDENTITY: &str = "people must be told who answers for their data: GDPR art. 13(1)(a)";

pub(super) fn read_controller(mut section: Section<'_>) -> Option<Controller> {
    let prose = |item: Item<'_>| item.prose(PROSE_CHARS_MAX);
    let name = section.must_by_law("name", "name = \"…\"", IDENTITY).and_then(prose);
    let address = section.must_by_law("address", "address = \"…\"", IDENTITY).and_then(prose);
    let country = section.must("country", "country = \"FR\"").and_then(|item| country(&item));
    let email = section.must_by_law("email", "email = \"privacy@example.com\"", IDENTITY).and_then(|item| {
        item.parsed(mailbox, "an e-mail address", "Write one address, as in \"privacy@example.com\".")
    });
    let sample = "dpo = { contact = \"…\" }` or `dpo = { none_reason = \"…\" }";
    let dpo = section.must_by_law("dpo", sample, "GDPR art. 13(1)(b)").and_then(|item| read_dpo(&item));
    section.finish();
    Some(Controller { name: name?, address: address?, country: country?, email: email?, dpo: dpo? })
}

fn read_dpo(item: &Item<'_>) -> Option<Dpo> {
    let mut section = item.section();
    let contact = section.item("contact");
    let none_reason = section.item("none_reason");
    let is_broken = section.is_broken();
    section.finish();
    match (contact, none_reason) {
        (Some(contact), None) => contact.prose(PROSE_CHARS_MAX).map(Dpo::Contact),
        (None, Some(reason)) => reason.prose(PROSE_CHARS_MAX).map(Dpo::NoneReason),
        _ if is_broken => None,
        (contact, _) => {
            let (code, given) = match contact {
                Some(_) => (FaultCode::Duplicate, "both are given"),
                None => (FaultCode::Missing, "neither is given"),
            };
            let reason = format!(
                "a data protection officer has either a contact or a reason for having none; {given}"
            );
            item.fault(code, reason, "Give one of `contact` and `none_reason` (GDPR arts. 13(1)(b), 37).");
            None
        }
    }
}

pub(super) fn read_recipients(item: Option<&Item<'_>>) -> Option<Vec<Recipient>> {
    let Some(item) = item else { return Some(Vec::new()) };
    let mut ids = BTreeSet::new();
    let recipients: Vec<Option<Recipient>> = item
        .list()?
        .iter()
        .map(|item| {
            let recipient = read_recipient(item)?;
            if !ids.insert(recipient.id.clone()) {
                item.fault(FaultCode::Duplicate, "another recipient has this id", "Give each its own `id`.");
            }
            Some(recipient)
        })
        .collect();
    recipients.into_iter().collect()
}

fn read_recipient(item: &Item<'_>) -> Option<Recipient> {
    let mut section = item.section();
    let id = section.must("id", "id = \"crm\"").and_then(|item| {
        let mend = "Write lower-case letters, digits, _ and -, a letter first, at most 63.";
        item.parsed(|text| Recipient::is_id(text).then(|| text.to_owned()), "a recipient's id", mend)
    });
    let name = section.must("name", "name = \"…\"").and_then(|item| item.prose(PROSE_CHARS_MAX));
    let country = section.must("country", "country = \"FR\"").and_then(|item| country(&item));
    let role = section
        .must("role", "role = \"processor\"")
        .and_then(|item| item.one_of(RecipientRole::ALL, RecipientRole::as_str));
    section.finish();
    Some(Recipient { id: id?, name: name?, country: country?, role: role? })
}

fn country(item: &Item<'_>) -> Option<String> {
    let known = |text: &str| is_country(text).then(|| text.to_owned());
    item.parsed(known, "a country's code", "Write two capital letters (ISO 3166-1), as in \"FR\" or \"GB\".")
}

/// Enough to catch a slip; whether a mailbox exists, only a mail can tell.
fn mailbox(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let good = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
    };
    (good(local) && good(domain) && text.len() <= 254).then(|| text.to_owned())
}
