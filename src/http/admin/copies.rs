//! The copy that a person has sent to their mailbox: asked for on their page, made when the mail is written, by what an officer's is made
//! of (`access`).

use crate::clock::Day;
use crate::desk;
use crate::http::admin::access::Gathering;
use crate::http::admin::own_record::Own;
use crate::http::admin::person_acts::PersonActs;
use crate::http::problem::{Problem, ProblemCode};
use crate::language::Language;
use crate::purpose::RecordId;
use crate::purpose::law::RequestKind;
use crate::secret::Wiped;
use crate::store::{AskedFor, MailId, MailKind, ToRequest};
use crate::trail::{Action, Entry, Operator};

impl PersonActs {
    /// Has a copy of all that is held under the mailbox of a record sent there. It stands in the register of requests from now on, once
    /// however often it is asked for at one moment, and is answered there once a mail server took it. Nothing of it where no mail reaches
    /// the record's person.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::http) async fn send_copy(
        &self,
        operator: &Operator,
        own: &Own,
    ) -> Result<AskedFor, Problem> {
        if own.mailbox().is_none() {
            return Ok(AskedFor::Not);
        }
        let mail = MailId { record: own.held.id.clone(), kind: MailKind::Copy };
        let entry = Entry::by(operator, Action::RequestOpened);
        let request = ToRequest { kind: RequestKind::Access, received: Day::of(self.now()), entry };
        Ok(self.state.store.ask_by_right(mail, request).await?)
    }

    /// The copy of what these records hold, for a program and to be read, with what the list has of that mailbox, and what it may lack: how
    /// many records hold the address, where that is more than were looked into, and how many do not open. Each record leaves its line in the
    /// trail (`by`).
    ///
    /// # Errors
    /// The code of what is in the way now.
    pub async fn copy(
        &self,
        records: Vec<RecordId>,
        address: &str,
        language: Language,
        lacks: (Option<u64>, u64),
        by: Entry,
    ) -> Result<(Wiped<String>, Wiped<String>), ProblemCode> {
        self.copied(&records, address, language, lacks, by).await.map_err(|problem| problem.code)
    }

    async fn copied(
        &self,
        records: &[RecordId],
        address: &str,
        language: Language,
        lacks: (Option<u64>, u64),
        by: Entry,
    ) -> Result<(Wiped<String>, Wiped<String>), Problem> {
        // Counted first: what is read in between is met.
        let unread = self.queue.count() + self.state.store.parked().await?;
        let gathering = Gathering { state: &self.state, receipts: &self.receipts, language };
        let mut held = gathering.file(records, by, (Some(address), None)).await?;
        // A record that is gone may have only named the address, and nothing tells any more: the officer can ask whose it was.
        held.evidence = Vec::new();
        let (total, unreadable) = lacks;
        let counted = |count: u64| (count > 0).then_some(count);
        (held.total, held.unreadable, held.unread) = (total, counted(unreadable), counted(unread));
        let json = serde_json::to_string_pretty(&held).map_err(|_| ProblemCode::Internal)?;
        let html = desk::access_page(&held, language);
        Ok((Wiped::new(json), Wiped::new(html)))
    }
}
