//! `[controller]` and `[[recipients]]`: who answers for the data, and who may receive it.

use std::collections::BTreeSet;

use crate::config::fault::FaultCode;
use crate::config::section::{Item, Section};

/// The longest name or address, in characters.
const PROSE_CHARS_MAX: usize = 500;

/// Why the controller is named.
const IDENTITY: &str = "people must be told who answers for their data: GDPR art. 13(1)(a)";

/// ISO 3166-1 alpha-2, the officially assigned codes.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG \
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX \
    MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG \
    VI VN VU WF WS YE YT ZA ZM ZW";

/// Who answers for the data (GDPR arts. 4(7), 13(1)(a)).
#[derive(Clone, Debug)]
pub struct Controller {
    /// Its name, as people know it.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Where people write about their data.
    pub email: String,
    /// The data protection officer.
    pub dpo: Dpo,
}

/// The data protection officer (GDPR arts. 13(1)(b), 37).
#[derive(Clone, Debug)]
pub enum Dpo {
    /// How to reach one.
    Contact(String),
    /// Why there is none.
    NoneReason(String),
}

/// Who may receive data (GDPR art. 13(1)(e)).
#[derive(Clone, Debug)]
pub struct Recipient {
    /// What purposes and tokens name it by.
    pub id: String,
    /// Its name, as people know it.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What it is in law.
    pub role: RecipientRole,
}

crate::codes! {
    /// What a recipient is in law.
    pub enum RecipientRole {
        /// Acts on the controller's behalf (GDPR art. 28).
        Processor = "processor",
        /// Decides with the controller (GDPR art. 26).
        JointController = "joint_controller",
        /// Decides by itself.
        Controller = "controller",
    }
}

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
        item.parsed(|text| is_recipient_id(text).then(|| text.to_owned()), "a recipient's id", mend)
    });
    let name = section.must("name", "name = \"…\"").and_then(|item| item.prose(PROSE_CHARS_MAX));
    let country = section.must("country", "country = \"FR\"").and_then(|item| country(&item));
    let role = section
        .must("role", "role = \"processor\"")
        .and_then(|item| item.one_of(RecipientRole::ALL, RecipientRole::as_str));
    section.finish();
    Some(Recipient { id: id?, name: name?, country: country?, role: role? })
}

fn is_recipient_id(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    text.len() <= 63 && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(good)
}

fn country(item: &Item<'_>) -> Option<String> {
    let known = |text: &str| COUNTRIES.split_whitespace().find(|code| *code == text).map(str::to_owned);
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
