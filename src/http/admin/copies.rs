//! The copy that a person has sent to their mailbox: asked for on their page, made when the mail is written, by what an officer's is made
//! of (`access`).

use zeroize::Zeroizing;

use crate::desk;
use crate::http::admin::access::Gathering;
use crate::http::admin::person_acts::{Own, PersonActs};
use crate::http::problem::{Problem, ProblemCode};
use crate::language::Language;
use crate::purpose::RecordId;
use crate::purpose::law::RequestKind;
use crate::store::{MailId, MailKind};
use crate::trail::{Action, Entry, Operator, Reason};

/// What came of asking for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Asked {
    /// It is on its way.
    Queued,
    /// One is, or went, or could not be made, so short a time ago that none goes now.
    Already,
    /// None can be sent: no mail reaches the record's person, or as many wait as may.
    Not,
}

impl PersonActs {
    /// Has a copy of all that is held under the mailbox of a record sent there. It stands in the register of requests from now on, and is
    /// answered there once a mail server took it.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::http) async fn send_copy(&self, operator: &Operator, own: &Own) -> Result<Asked, Problem> {
        let store = &self.state.store;
        let mail = MailId { record: own.held.id.clone(), kind: MailKind::Copy };
        if own.mailbox().is_none() {
            return Ok(Asked::Not);
        }
        let written = store.correspondence(vec![mail.record.clone()]).await?;
        let is_recent = written.iter().any(|written| written.is_recent(MailKind::Copy, self.now()));
        if is_recent || store.mail_waits(&mail) {
            return Ok(Asked::Already);
        }
        let opened = self.open_request(RequestKind::Access, operator).await?;
        let request = opened.map(|(id, _)| id);
        // Where it is not queued the request stays open, and the officer sees it.
        let is_queued = store.ask_for_mail(mail, request).await?;
        Ok(if is_queued { Asked::Queued } else { Asked::Not })
    }

    /// The copy of what these records hold, for a program and to be read, with what the list has of that mailbox, and what it may lack: how
    /// many records hold the address, where that is more than were looked into, and how many do not open. Each record leaves its line in the
    /// trail, as read by its person.
    ///
    /// # Errors
    /// The code of what is in the way now.
    pub async fn copy(
        &self,
        records: Vec<RecordId>,
        address: &str,
        language: Language,
        lacks: (Option<u64>, u64),
    ) -> Result<(Zeroizing<String>, Zeroizing<String>), ProblemCode> {
        self.copied(&records, address, language, lacks).await.map_err(|problem| problem.code)
    }

    async fn copied(
        &self,
        records: &[RecordId],
        address: &str,
        language: Language,
        lacks: (Option<u64>, u64),
    ) -> Result<(Zeroizing<String>, Zeroizing<String>), Problem> {
        // Counted first: what is read in between is met.
        let unread = self.queue.count() + self.state.store.parked().await?;
        let gathering = Gathering { state: &self.state, receipts: &self.receipts, language };
        let entry = Entry::by_person(Action::Accessed, Reason::PersonRequest);
        let mut held = gathering.file(records, entry, (Some(address), None)).await?;
        // A record that is gone may have only named the address, and nothing tells any more: the officer can ask whose it was.
        held.evidence = Vec::new();
        let (total, unreadable) = lacks;
        let counted = |count: u64| (count > 0).then_some(count);
        (held.total, held.unreadable, held.unread) = (total, counted(unreadable), counted(unread));
        let json = serde_json::to_string_pretty(&held).map_err(|_| ProblemCode::Internal)?;
        let html = desk::access_page(&held, language);
        Ok((Zeroizing::new(json), Zeroizing::new(html)))
    }
}
