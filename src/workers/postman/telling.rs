//! The letter that goes before an erasure: one for all that waits for it and goes to the same mailbox. Whether its person objected or is
//! restricted is in nobody's way: nothing is offered, and they are told what becomes of their data (GDPR arts. 12(3), 19). It writes no
//! line of the log.

use crate::forget::Untold;
use crate::language::Language;
use crate::lead::OpenedLead;
use crate::mail::{Erasing, OwnMailbox, Settings, Stamp, erasing};
use crate::purpose::law::{Authority, authority_of};
use crate::purpose::{Purpose, RecordId};
use crate::store::{Found, MailAttempt, MailId, SHOWN_AT_ONCE_MAX, SeenState, StoreError};
use crate::trail::{Action, Entry, Reason};
use crate::workers::judging::Unsent;
use crate::workers::postman::writing::{Desk, Written, language_of, title_of};

impl Desk {
    /// Reads the record, and whatever else waits for the same erasure, each with a line in the trail, and writes the letter.
    pub(super) async fn write_telling(
        &self,
        mail: &MailId,
        attempt: &MailAttempt,
        settings: &Settings,
    ) -> Result<Written, StoreError> {
        let Some(to_tell) = self.store.to_tell(mail.record.clone()).await? else {
            return Ok(Written::Not(Unsent::Gone));
        };
        let (policy, now) = (self.policy.pin(), self.store.now());
        if to_tell.until <= now {
            return Ok(Written::Not(Unsent::TooLate));
        }
        let written = self.store.correspondence(vec![mail.record.clone()]).await?;
        if written.iter().any(|written| written.unreachable.is_some()) {
            return Ok(Written::Not(Unsent::Unreachable));
        }
        let purpose_of = |id: &RecordId| policy.purpose(id.purpose.as_str());
        let (mut own, mut forms, mut told) = (None, Vec::new(), Vec::new());
        // In pieces, of which the first has that one; of the others only whether their mails go to the same mailbox.
        for some in to_tell.records.chunks(SHOWN_AT_ONCE_MAX) {
            let found = self.store.find_records(some.to_vec(), Entry::by_system(Action::MailBegun)).await?;
            let mut opened: Vec<(RecordId, OpenedLead)> = found.into_iter().filter_map(opened).collect();
            opened.sort_by_key(|(id, _)| *id != mail.record);
            for (id, lead) in opened {
                let Some(purpose) = purpose_of(&id) else { continue };
                let Some(OwnMailbox { to, address, .. }) = OwnMailbox::of(&lead, purpose, now) else {
                    continue;
                };
                let goes_there = match &own {
                    None => id == mail.record,
                    Some((_, mailbox, _)) => address.is(mailbox),
                };
                if !goes_there {
                    continue;
                }
                let (_, _, language) = own.get_or_insert_with(|| (to, address, language_of(&lead, purpose)));
                forms.push(form(&lead, purpose, *language));
                told.push(id);
            }
            if own.is_none() {
                return Ok(Written::Not(Unsent::NoAddress));
            }
        }
        let Some((to, _, language)) = own else { return Ok(Written::Not(Unsent::NoAddress)) };
        let letterhead = self.letterhead.pin();
        let controller = &letterhead.controller;
        let authority = match &controller.authority {
            Some(Authority { name, url, .. }) => Some((name.clone(), url.clone())),
            None => authority_of(&controller.country).map(|authority| (authority.name, authority.url)),
        };
        let message = erasing(Erasing {
            to,
            language,
            house: letterhead.house(),
            authority,
            is_asked_for: is_asked_for(to_tell.reason),
            forms,
            until: language.day(to_tell.until),
            number: to_tell.erasure.to_string(),
        });
        let raw = message.written(settings, Stamp { at: attempt.queued, number: attempt.stamp });
        Ok(raw.map_or(Written::Not(Unsent::NotWritten), |raw| Written::Telling(raw, told)))
    }
}

/// What people read of a form: its purpose, and the day.
fn form(lead: &OpenedLead, purpose: &Purpose, language: Language) -> (String, String) {
    (title_of(purpose, language), language.day(lead.sent()))
}

fn opened(found: Found) -> Option<(RecordId, OpenedLead)> {
    let SeenState::Stored(id) = found.state else { return None };
    Some((id, found.lead?))
}

/// The person said so, one way or another.
fn is_asked_for(reason: Option<Reason>) -> bool {
    matches!(reason, Some(Reason::PersonRequest | Reason::Withdrawal | Reason::Objection))
}

/// Why nobody is told, of a letter that is not sent; none: it waits on, or what it is about is gone.
pub(super) fn untold(why: Unsent) -> Option<Untold> {
    match why {
        Unsent::Gone => None,
        Unsent::Unreachable => Some(Untold::Unreachable),
        Unsent::TooLate => Some(Untold::NotInTime),
        Unsent::NotWritten | Unsent::TooLarge => Some(Untold::NotWritten),
        Unsent::Restricted
        | Unsent::NotWanted
        | Unsent::NoAddress
        | Unsent::Suppressed
        | Unsent::NotDue
        | Unsent::NotAsking => Some(Untold::NoAddress),
    }
}
