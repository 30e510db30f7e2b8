//! `[controller]` and `[[recipients]]`: who answers for the data, and who may receive it.

use std::collections::BTreeSet;

use crate::config::fault::FaultCode;
use crate::config::section::ConfigItem;
use crate::config::shown::{At, ShownValue};
use crate::config::table::{Value, table};
use crate::purpose::law::{
    Authority, Controller, Dpo, Recipient, RecipientRole, TransferBasis, is_country, is_in_eea,
};

/// The longest name or address, in characters.
const PROSE_CHARS_MAX: usize = 500;

/// The longest link, in characters.
const LINK_CHARS_MAX: usize = 500;

/// Why the controller is named.
const IDENTITY: &str = "people must be told who answers for their data: GDPR art. 13(1)(a)";

table! {
    impl Controller as Table(section) {
        name: String = must_by_law("\"…\"", IDENTITY, prose);
        address: String = must_by_law("\"…\"", IDENTITY, prose);
        country: String = must("\"FR\"", country);
        email: String = must_by_law("\"privacy@example.com\"", IDENTITY, |item| {
            item.parsed(mailbox, "an e-mail address", "Write one address, as in \"privacy@example.com\".")
        });
        dpo: Dpo = must_by_law(
            "{ contact = \"…\" }` or `dpo = { none_reason = \"…\" }", "GDPR art. 13(1)(b)", read_dpo
        );
        trade: Option<String> = or(None, |item| Some(prose(item)));
        authority: Option<Authority> = may(|item| Authority::read(item.section()));
        eu_representative: Option<String> = may(prose);
    }
}

table! {
    impl Authority as Inline(section) {
        name: String = must("\"…\"", prose);
        url: String = must("\"https://…\"", link);
        address: Option<String> = may(prose);
    }
}

table! {
    impl Recipient as Table(section) {
        id: String = must("\"crm\"", |item| {
            let mend = "Write lower-case letters, digits, _ and -, a letter first, at most 63.";
            item.parsed(|text| Recipient::is_id(text).then(|| text.to_owned()), "a recipient's id", mend)
        });
        name: String = must("\"…\"", prose);
        country: String = must("\"FR\"", country);
        role: RecipientRole = must("\"processor\"", |item| {
            item.one_of(RecipientRole::ALL, RecipientRole::as_str)
        });
        transfer_basis: Option<TransferBasis> = may(|item| {
            let basis = item.one_of(TransferBasis::ALL, TransferBasis::as_str);
            if country.as_deref().is_some_and(is_in_eea) {
                let reason = "data that go there stay in the EEA: no basis is needed";
                item.warn(FaultCode::NoEffect, reason, "Remove it.");
            }
            basis
        });
        doc_url: Option<String> = may(link);
    }
}

impl Value for Dpo {
    fn show(&self, _: &At<'_>) -> Option<ShownValue> {
        let (key, text) = match self {
            Self::Contact(contact) => ("contact", contact),
            Self::NoneReason(reason) => ("none_reason", reason),
        };
        Some(ShownValue::Inline(vec![(key.to_owned(), ShownValue::text(text))]))
    }
}

fn read_dpo(item: &ConfigItem<'_>) -> Option<Dpo> {
    let mut section = item.section();
    let contact = section.item("contact");
    let none_reason = section.item("none_reason");
    section.finish();
    match (contact, none_reason) {
        (Some(contact), None) => prose(&contact).map(Dpo::Contact),
        (None, Some(reason)) => prose(&reason).map(Dpo::NoneReason),
        _ if section.is_broken() => None,
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

pub(super) fn read_recipients(item: &ConfigItem<'_>) -> Option<Vec<Recipient>> {
    let mut ids = BTreeSet::new();
    item.each(|item| {
        let recipient = Recipient::read(item.section())?;
        if !ids.insert(recipient.id.clone()) {
            item.fault(FaultCode::Duplicate, "another recipient has this id", "Give each its own `id`.");
        }
        Some(recipient)
    })
}

fn prose(item: &ConfigItem<'_>) -> Option<String> {
    item.prose(PROSE_CHARS_MAX)
}

fn country(item: &ConfigItem<'_>) -> Option<String> {
    let known = |text: &str| is_country(text).then(|| text.to_owned());
    item.parsed(known, "a country's code", "Write two capital letters (ISO 3166-1), as in \"FR\" or \"GB\".")
}

/// Something that people are given to read: never without TLS, and of letters that stand in a link as they are.
fn link(item: &ConfigItem<'_>) -> Option<String> {
    let fit = |text: &str| {
        let rest = text.strip_prefix("https://")?;
        let good = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`');
        let has_host = rest.starts_with(|first: char| first.is_ascii_alphanumeric());
        (has_host && rest.bytes().all(good) && text.len() <= LINK_CHARS_MAX).then(|| text.to_owned())
    };
    item.parsed(fit, "a link", "Write a whole https:// address.")
}

/// Enough to catch a slip; whether a mailbox exists, only a mail can tell.
fn mailbox(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let good = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
    };
    (good(local) && good(domain) && text.len() <= 254).then(|| text.to_owned())
}
