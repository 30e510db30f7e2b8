//! Mails that somebody asked for: the links to what is held under an address, and a copy of it. One mail for all records whose mails go
//! to that mailbox, found when it is written. A record that only names the address somewhere is not among them: a form takes what is
//! typed into it, also what is somebody else's.
//!
//! Neither being restricted nor the list of those who objected is in the way of an answer that the person themselves asked for
//! (docs/decisions, 262, 263). It writes no line of the log.

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::Day;
use crate::forget::address::Sought;
use crate::language::Language;
use crate::lead::OpenedLead;
use crate::mail::{
    Addressee, Copied, Link, LinkOf, Linked, OwnMailbox, Settings, Stamp, copied, goes_to, linked,
};
use crate::people::PassKind;
use crate::purpose::{Policy, Purpose, RecordId};
use crate::store::{
    Found, GivenPass, MailAttempt, MailId, MailKind, SHOWN_AT_ONCE_MAX, SeenState, StoreError, ToPass, Wanted,
};
use crate::trail::{Action, Entry};
use crate::workers::judging::Unsent;
use crate::workers::postman::copying::{Answering, CopyFiles, CopyOf, Lacks};
use crate::workers::postman::writing::{Desk, Letterhead, Written, language_of, title_of};

/// For so many days a link opens its page: who asked for it uses it now.
const LINK_DAYS: u32 = 30;
/// So many links stand in one mail: a person has a handful of records.
const LINKS_MAX: usize = 20;
/// The largest copy, in bytes: as a mail it has a third more, and many servers take ten million and not more.
const COPY_BYTES_MAX: usize = 6_000_000;

/// A record whose mails go to a mailbox.
struct Own {
    id: RecordId,
    purpose: Arc<Purpose>,
    lead: OpenedLead,
}

impl Desk {
    /// Reads the record, and all others of its mailbox, each with a line in the trail, and writes the mail.
    pub(super) async fn write_asked_for(
        &self,
        mail: &MailId,
        attempt: &MailAttempt,
        settings: &Settings,
    ) -> Result<Written, StoreError> {
        let Some(answering) = &self.answering else { return Ok(Written::Not(Unsent::NotWanted)) };
        let (policy, now) = (self.policy.pin(), self.store.now());
        let entry = Entry::by_system(Action::MailBegun);
        let found = self.store.find(Wanted::Record(mail.record.clone()), entry).await?.pop();
        let own = found.and_then(|found| own_of(found, &policy));
        let Some(own) = own else { return Ok(Written::Not(Unsent::Gone)) };
        let Some(mailbox) = OwnMailbox::of(&own.lead, &own.purpose, now) else {
            return Ok(Written::Not(Unsent::NoAddress));
        };
        let sought = mailbox.sought();
        let OwnMailbox { to, address, .. } = mailbox;
        let written = self.store.correspondence(vec![mail.record.clone()]).await?;
        let is_reached = written.first().is_none_or(|written| written.unreachable.is_none());
        // Anybody may ask for links; whoever asks for a copy reads that mailbox.
        if mail.kind == MailKind::Link && !is_reached {
            return Ok(Written::Not(Unsent::Unreachable));
        }
        let (all, lacks) = self.of_mailbox(own, sought, (answering, &*policy), now).await?;
        let letterhead = self.letterhead.pin();
        let stamp = Stamp { at: attempt.queued, number: attempt.stamp };
        let message = match mail.kind {
            MailKind::Copy => {
                let (records, language) = (all.iter().map(|own| own.id.clone()).collect(), language(&all));
                let typed = address.spelled();
                let made = (answering.copying)(CopyOf { records, address: typed, language, lacks }).await;
                let CopyFiles { json, html } = match made {
                    Ok(copy) => copy,
                    Err(code) => return Ok(Written::Later(code)),
                };
                if json.len() + html.len() > COPY_BYTES_MAX {
                    return Ok(Written::Not(Unsent::TooLarge));
                }
                Some(copied(Copied { to, language, house: letterhead.house(), json, html }))
            }
            _ => self.links(to, (&all, lacks.total.is_some()), &letterhead, now).await?,
        };
        let raw = message.and_then(|message| message.written(settings, stamp).ok());
        Ok(raw.map_or(Written::Not(Unsent::NotWritten), Written::Mail))
    }

    /// All records whose mails go to this mailbox, that one first, and what may be missing among them.
    async fn of_mailbox(
        &self,
        own: Own,
        sought: Option<Sought>,
        (answering, policy): (&Answering, &Policy),
        now: Timestamp,
    ) -> Result<(Vec<Own>, Lacks), StoreError> {
        // What cannot be looked for by itself has no other records.
        let Some(sought) = sought else { return Ok((vec![own], Lacks::default())) };
        let entry = Entry::by_system(Action::MailBegun);
        let matches = answering.searcher.look(sought.clone(), None, entry.clone()).await?;
        // What only names it elsewhere is not read.
        let others = matches.first.iter().filter(|found| found.may_be_mailbox && found.record != own.id);
        let mut others: Vec<RecordId> = others.map(|found| found.record.clone()).collect();
        let is_more = others.len() > SHOWN_AT_ONCE_MAX || matches.are_cut();
        others.truncate(SHOWN_AT_ONCE_MAX);
        let lacks = Lacks { total: is_more.then_some(matches.total), unreadable: matches.unreadable };
        let mut all = vec![own];
        if !others.is_empty() {
            let found = self.store.find_records(others, entry).await?;
            let found = found.into_iter().filter_map(|found| own_of(found, policy));
            all.extend(found.filter(|own| goes_to(&own.lead, policy, now, &sought)));
        }
        Ok((all, lacks))
    }

    /// The mail with the links; none: people do not reach tamis by `https:`, or all of it is gone.
    async fn links(
        &self,
        to: Addressee,
        (all, are_cut): (&[Own], bool),
        letterhead: &Letterhead,
        now: Timestamp,
    ) -> Result<Option<crate::mail::Message>, StoreError> {
        let language = language(all);
        let last_day = Day::of(now).plus(LINK_DAYS - 1);
        let mut links = Vec::new();
        for own in all.iter().take(LINKS_MAX) {
            let wanted = ToPass { record: own.id.clone(), kind: PassKind::Page, last_day: Some(last_day) };
            let given = self.store.give_pass(wanted, Entry::by_system(Action::PassGiven)).await?;
            let GivenPass::Given(pass) = given else { continue };
            self.note_given(pass.hash());
            let page = format!("{}{}", letterhead.public_url, pass.path(PassKind::Page).as_str());
            let Some(page) = Link::parse(&page) else { return Ok(None) };
            let title = title_of(&own.purpose, language);
            links.push(LinkOf { title, day: language.day(own.lead.sent()), page });
        }
        if links.is_empty() {
            return Ok(None);
        }
        let until = Timestamp::from_second(i64::from(last_day.0) * 86_400).unwrap_or(now);
        Ok(Some(linked(Linked {
            to,
            language,
            house: letterhead.house(),
            until: language.day(until),
            are_cut: are_cut || all.len() > LINKS_MAX,
            links,
        })))
    }
}

fn own_of(found: Found, policy: &Policy) -> Option<Own> {
    let SeenState::Stored(id) = found.state else { return None };
    let purpose = Arc::clone(policy.purpose(id.purpose.as_str())?);
    Some(Own { id, purpose, lead: found.lead? })
}

/// That of the record that was asked for.
fn language(all: &[Own]) -> Language {
    all.first().map_or(Language::En, |own| language_of(&own.lead, &own.purpose))
}
