//! Pages of an export: what is asked for, what their heads say, and how they go where they are to go.

use reqwest::{Method, RequestBuilder, Response};

use crate::cli::export::Arguments;
use crate::cli::export::sink::Sink;

use crate::client::{Daemon, broken};
use crate::export::{Format, Join, LeftOut, StateFile};
use crate::purpose::{Cursor, RecordId};
use crate::terminal::{Failure, Progress, shell_word};

/// An export under way.
pub(super) struct Run<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) arguments: &'a Arguments,
    pub(super) format: Format,
    pub(super) join: Join,
    pub(super) sink: Sink,
    pub(super) state: Option<StateFile>,
    /// Where the last whole page ended.
    pub(super) after: Option<Cursor>,
    pub(super) left_out: LeftOut,
    /// So many records of the purpose are missing, as the daemon says.
    pub(super) missing: u64,
    /// What has come and is not written: the rest of a record, or a head before the first one.
    pub(super) out: Vec<u8>,
    pub(super) progress: Option<Progress>,
}

impl Run<'_> {
    /// Takes the next page whole. True: there is more.
    pub(super) async fn page(&mut self) -> Result<bool, Failure> {
        let call = self.call();
        let page = self.daemon.send(call).await.map_err(|failure| self.with_way_out(failure))?;
        let head = Head::of(&page)?;
        let before = self.join.records();
        self.copy(page).await?;
        let got = self.join.records() - before;
        self.left_out += LeftOut {
            others: head.records.map_or(0, |records| records.saturating_sub(got)),
            ..head.left_out
        };
        self.missing = self.missing.max(head.missing);
        if !self.waits_for_a_record() {
            self.sink.commit(&head.next, self.join.records(), self.left_out)?;
        }
        if head.more && self.after.as_ref() == Some(&head.next) {
            return Err(Failure::failed("the export does not advance: is the daemon another version?"));
        }
        self.after = Some(head.next);
        Ok(head.more)
    }

    /// With a state file nothing is written before there is something new.
    pub(super) fn waits_for_a_record(&self) -> bool {
        self.state.is_some() && self.join.records() == 0
    }

    /// Writes what is whole of what has come.
    pub(super) fn write_whole(&mut self) -> Result<(), Failure> {
        if self.waits_for_a_record() {
            return Ok(());
        }
        let whole = self.out.len() - self.join.unfinished();
        self.sink.write(self.out.get(..whole).unwrap_or_default())?;
        self.out.drain(..whole);
        Ok(())
    }

    /// The state file says that all up to the last whole page is where it belongs.
    pub(super) fn settle_state(&self) -> Result<(), Failure> {
        match (&self.state, &self.after) {
            (Some(state), Some(after)) => state.replace(after),
            _ => Ok(()),
        }
    }

    /// Takes page after page until there is no more, and ends what they became.
    pub(super) async fn read_out(&mut self) -> Result<(), Failure> {
        let from = self.after.clone();
        while self.page().await? {}
        if self.waits_for_a_record() {
            self.sink = Sink::Nowhere;
        } else {
            let last = self.after.as_ref().map(ToString::to_string).unwrap_or_default();
            self.join.finish(&last, &mut self.out);
            self.write_whole()?;
            if self.state.is_some() {
                self.sink.sync()?;
            }
            std::mem::replace(&mut self.sink, Sink::Nowhere).finish()?;
        }
        if self.after == from { Ok(()) } else { self.settle_state() }
    }

    async fn copy(&mut self, mut page: Response) -> Result<(), Failure> {
        self.join.begin_page();
        while let Some(chunk) = page.chunk().await.map_err(|_| broken())? {
            self.join.push(&chunk, &mut self.out)?;
            self.write_whole()?;
            if let Some(progress) = &mut self.progress {
                progress.at(self.join.records());
            }
        }
        self.join.end_page()
    }

    fn call(&self) -> RequestBuilder {
        let Arguments { purpose, test, limit_page, .. } = self.arguments;
        let format = self.format.of_pages();
        let mut path = format!("/purposes/{purpose}/leads?format={format}&limit={limit_page}&test={test}");
        if let Some(dialect) = &self.arguments.dialect {
            path.push_str("&dialect=");
            path.push_str(dialect);
        }
        if self.arguments.incomplete {
            path.push_str("&incomplete=allow");
        }
        if self.arguments.evidence {
            path.push_str("&evidence=true");
        }
        if let Some(after) = &self.after {
            path.push_str(&format!("&after={after}"));
        }
        let call = self.daemon.call(Method::GET, &path).header("Tamis-Reason", &self.arguments.reason);
        match &self.arguments.recipient {
            Some(recipient) => call.header("Tamis-Recipient", recipient),
            None => call,
        }
    }

    /// A cursor of a state file that is ahead of the store is for a person to look at, not for us to mend.
    fn with_way_out(&self, failure: Failure) -> Failure {
        let resume_after = failure.refusal().and_then(|refusal| refusal.resume_after.as_deref());
        let resume_after = resume_after.and_then(RecordId::parse);
        let (Some(state), Some(resume_after)) = (&self.arguments.state, resume_after) else { return failure };
        failure.and(&format!(
            ". Find out which, then put that cursor into the state file: printf %s {resume_after} > {}. What comes twice has \
             the same id",
            shell_word(&state.display().to_string())
        ))
    }
}

/// What the head of a page says.
struct Head {
    next: Cursor,
    more: bool,
    /// At most so many records; none: a daemon that does not say.
    records: Option<u64>,
    left_out: LeftOut,
    missing: u64,
}

impl Head {
    /// The cursor goes into an address again, so it must be one.
    fn of(page: &Response) -> Result<Self, Failure> {
        let header = |name| page.headers().get(name).and_then(|value| value.to_str().ok());
        let number = |name| header(name).and_then(|text| text.parse::<u64>().ok());
        let more = match header("tamis-more") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let (Some(next), Some(more)) = (header("tamis-next-cursor").and_then(RecordId::parse), more) else {
            return Err(Failure::failed("the daemon's page has no cursor: is it another version?"));
        };
        let left_out = LeftOut {
            tests: number("tamis-test-left-out").unwrap_or(0),
            expired: number("tamis-expired-left-out").unwrap_or(0),
            restricted: number("tamis-restricted-left-out").unwrap_or(0),
            others: 0,
        };
        let missing = number("tamis-missing").unwrap_or(0);
        Ok(Self { next, more, records: number("tamis-records"), left_out, missing })
    }
}
