//! A record as its person is shown it, and what in it is an address: theirs, by which the rest of theirs is found, or anybody's.

use std::sync::Arc;

use jiff::Timestamp;

use crate::api::access::HeldRecord;
use crate::api::erasures::ErasedBy;
use crate::forget::address::{Address, Sought};
use crate::language::Language;
use crate::lead::{EventEntity, OpenedLead, Said};
use crate::mail::OwnMailbox;
use crate::purpose::law::Contact;
use crate::purpose::{FieldRule, Purpose, TextHash};

/// A record as its person is shown it, and by what else of theirs is found.
pub(in crate::http) struct Own {
    /// What is held, whole: to be masked before it is shown.
    pub(in crate::http) held: HeldRecord,
    /// The purpose; none: it has left the config.
    pub(in crate::http) purpose: Option<Arc<Purpose>>,
    /// The revisions of its purpose's notice, the oldest first: the last one is in force.
    pub(super) notices: Vec<TextHash>,
    /// The mailbox that its mails go to. Whoever holds a pass is known to read that one, and no other address: a form takes what is
    /// typed into it, also what is somebody else's.
    pub(super) mailbox: Option<ErasedBy>,
    /// It holds other addresses or numbers. By those nothing is looked for here.
    pub(super) has_others: bool,
}

impl Own {
    /// The notice that is in force; none: there is none.
    pub(in crate::http) fn notice(&self) -> Option<TextHash> {
        self.notices.last().copied()
    }

    /// How its person says something on a page in this language, which showed this notice (as hex): one that there was, else what is in
    /// force.
    pub(in crate::http) fn said(&self, notice: &str, language: Language) -> Said {
        let shown = TextHash::parse(notice).filter(|revision| self.notices.contains(revision));
        Said {
            entity: EventEntity::Person,
            notice_revision: shown.or_else(|| self.notice()),
            language: Some(language.tag().to_owned()),
        }
    }

    /// The mailbox that its mails go to; none: it has none.
    pub(in crate::http) fn mailbox(&self) -> Option<&str> {
        match &self.mailbox {
            Some(ErasedBy::Email(typed)) => Some(typed),
            _ => None,
        }
    }
}

/// True of what nobody may be reached by: on this page it goes into no record.
pub(in crate::http) fn is_an_address(value: &str) -> bool {
    Sought::email(value).is_some() || (value.trim_start().starts_with('+') && Sought::phone(value).is_some())
}

/// True of a field that holds what a person is reached by: with it they could have their data sent elsewhere.
pub(in crate::http) fn holds_an_address(rule: &FieldRule) -> bool {
    let names = [rule.name.as_str()].into_iter().chain(rule.from.iter().map(String::as_str));
    let is_mail = |name: &str| name.contains("mail");
    let by_name = is_mail(rule.name.as_str()) || rule.from.iter().any(|key| is_mail(key));
    rule.e164_of.is_some() || by_name || Contact::of(names, rule.types.iter().collect::<Vec<_>>()).is_some()
}

/// The mailbox that mails about it go to; and whether anything else in it might be an address.
pub(super) fn addresses_of(
    lead: &OpenedLead,
    purpose: Option<&Purpose>,
    now: Timestamp,
) -> (Option<ErasedBy>, bool) {
    let mailbox = purpose.and_then(|purpose| OwnMailbox::of(lead, purpose, now));
    let is_it = |address: &Address| mailbox.as_ref().is_some_and(|mailbox| mailbox.address.is(address));
    let has_others = lead.held().any(|(name, values)| {
        let rule = purpose.and_then(|purpose| purpose.whitelist.rule(name.as_str()));
        let dials = rule.is_some_and(|rule| {
            let names = [rule.name.as_str()].into_iter().chain(rule.from.iter().map(String::as_str));
            rule.e164_of.is_some()
                || Contact::of(names, rule.types.iter().collect::<Vec<_>>()) == Some(Contact::Number)
        });
        values.iter().map(|value| value.expose()).any(|value| match Address::email_given(value) {
            Some(address) => !is_it(&address),
            None => (dials || value.trim_start().starts_with('+')) && Sought::phone(value).is_some(),
        })
    });
    // It is looked for, and put on the list, as whoever types it there: that must be the same one.
    let mailbox = mailbox.filter(|mailbox| mailbox.sought().is_some());
    (mailbox.map(|mailbox| ErasedBy::Email(mailbox.typed.to_owned())), has_others)
}
