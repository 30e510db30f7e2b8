//! The scene: the daemon, the people's mailboxes and browsers, the clock; and what the story does with them, each looked at until it is so.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::Mailboxes;

use crate::client::{Daemon, parse, written};
use crate::clock::{Clock, Day};
use crate::play::demo::life::ahead::Ahead;
use crate::play::demo::life::people::Person;
use crate::play::demo::life::reader::{Links, Reader};
use crate::play::demo::stage::Stage;
use crate::play::house::{list, number, read};
use crate::terminal::{Failure, Sheet, Tone};

const DAY_S: i64 = 86_400;
/// How long a step may take, and how often it is looked at.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// After so many looks the clock goes on by a minute: what was refused while a copy was made is tried again by it.
const LOOKS_A_MINUTE: u32 = 30;
/// So wide is what happens; beside it stands what one would type.
const WIDTH: usize = 52;

/// How it stands with the letter's asking: to be asked, to be reminded, with time to answer, out of reach.
pub(super) type Standing = [usize; 4];

/// Everything that the story needs.
pub(super) struct Scene<'s> {
    pub(super) stage: &'s Stage,
    pub(super) daemon: Daemon,
    pub(super) mailboxes: &'s Mailboxes,
    pub(super) clock: &'s Ahead,
    sheet: &'s dyn Fn() -> Sheet,
    pub(super) reader: Reader<'s>,
    /// Of the mail that somebody had last, by their address.
    links: BTreeMap<&'static str, Links>,
    /// The receipts that were handed out, and whose they are.
    pub(super) receipts: Vec<(&'static Person, Value)>,
}

/// Fails where the story is not as it is told.
pub(super) fn holds(is_so: bool, what: &str) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(Failure::failed(format!("this was to be seen, and was not: {what}"))) }
}

impl<'s> Scene<'s> {
    pub(super) fn begin(
        stage: &'s Stage,
        mailboxes: &'s Mailboxes,
        clock: &'s Ahead,
        sheet: &'s dyn Fn() -> Sheet,
    ) -> Result<Self, Failure> {
        let daemon = Daemon::at(stage.socket().to_owned())?;
        let (reader, links, receipts) = (Reader::new(stage)?, BTreeMap::new(), Vec::new());
        Ok(Self { stage, daemon, mailboxes, clock, sheet, reader, links, receipts })
    }

    /// Days pass: until Graph has confirmed it, and what is cleared out monthly is, as while that goes on nothing is written.
    pub(super) async fn pass_days(&self, days: i64) -> Result<(), Failure> {
        self.pass(days * DAY_S).await?;
        self.until("a vacuum", async || Ok(self.ask(Method::POST, "/vacuum", None).await.is_ok())).await?;
        self.clock.pass(61);
        // Each day's turn, which the vacuum may have put off.
        self.ask(Method::POST, "/reconfirmations/run", None).await.map(drop)
    }

    /// Time passes, until Graph has confirmed it.
    pub(super) async fn pass(&self, seconds: i64) -> Result<(), Failure> {
        self.clock.pass(seconds);
        self.until("Graph confirms the clock", async || {
            Ok(read(&self.daemon, "/status").await?["clock"]["trust"] == "confirmed-by-graph")
        })
        .await
    }

    pub(super) async fn until(
        &self,
        what: &str,
        is_so: impl AsyncFn() -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let looking = async {
            for look in 1_u32.. {
                if is_so().await? {
                    break;
                }
                if look.is_multiple_of(LOOKS_A_MINUTE) {
                    self.clock.pass(61);
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        let late = |_| Failure::failed(format!("this was to be seen in time, and was not: {what}"));
        tokio::time::timeout(PATIENCE, looking).await.map_err(late)?
    }

    /// The mails that come now are to these people and no other; from here on their links are these.
    pub(super) async fn mailed(&mut self, whom: &[&'static Person]) -> Result<(), Failure> {
        let mut left = whom.to_vec();
        let collected = Mutex::new(Vec::new());
        self.until("mails", async || {
            let mut mails = collected.lock();
            mails.extend(self.mailboxes.collect());
            Ok(mails.len() >= whom.len())
        })
        .await?;
        for mail in collected.into_inner() {
            let at = left.iter().position(|person| person.email == mail.to);
            let person = at.map(|at| left.remove(at));
            let person = person.ok_or_else(|| Failure::failed("a mail went to who was not to have one"))?;
            holds(!mail.text().contains(person.name), "a mail says no answer")?;
            self.links.insert(person.email, Links::of(&mail)?);
        }
        holds(left.is_empty(), "a mail to each")
    }

    pub(super) fn links_of(&self, person: &Person) -> Result<&Links, Failure> {
        self.links.get(person.email).ok_or_else(|| Failure::failed("somebody without a mail has no link"))
    }

    /// Somebody sends a form of their page, to which the mail that they had last leads.
    pub(super) async fn acts(
        &self,
        person: &Person,
        act: &str,
        filled: &str,
        said: &str,
    ) -> Result<(), Failure> {
        let page = self.reader.act(&self.links_of(person)?.page, act, filled).await?;
        holds(page.contains(said) && !page.contains(person.email), "their page says so, and masks")
    }

    /// The receipt that the register of requests names last.
    pub(super) async fn receipt(&mut self, person: &'static Person, why: &str) -> Result<Value, Failure> {
        let requests = read(&self.daemon, "/requests").await?;
        let mut answered =
            list(&requests["requests"]).iter().filter_map(|one| one["answered"]["erasure"].as_str());
        let is_new = |erasure: &&str| !self.receipts.iter().any(|(_, known)| known["number"] == **erasure);
        let erasure = answered.rfind(is_new).map(str::to_owned);
        let erasure = erasure.ok_or_else(|| Failure::failed("no request was answered by an erasure"))?;
        let shown = self.ask(Method::GET, &format!("/erasures/{erasure}"), None).await?;
        let note = shown["receipt"].as_str().and_then(|note| note.lines().next()).unwrap_or_default();
        let receipt: Value = parse(note.as_bytes())?;
        let count: usize = list(&receipt["records"]).iter().map(|of| number(&of["count"])).sum();
        holds(receipt["why"] == why && count == 1, "a receipt of one record, with its reason")?;
        self.receipts.push((person, receipt.clone()));
        Ok(receipt)
    }

    /// Writes down that a request is answered, as `tamis person` does.
    pub(super) async fn answered(&self, request: &Value, by: Value) -> Result<(), Failure> {
        let id = request["id"].as_str().unwrap_or_default();
        self.ask(Method::POST, &format!("/requests/{id}/answer"), Some(by)).await.map(drop)
    }

    /// A call of the admin side; where it needs a reason, the person's own request.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let mut call = self.daemon.call(method, path).header("Tamis-Reason", "person-request");
        if let Some(body) = body {
            call = call.body(written(&body)?);
        }
        parse(&self.daemon.fetch(call).await?)
    }

    /// How many records the letter has.
    pub(super) async fn held(&self) -> Result<usize, Failure> {
        let status = read(&self.daemon, "/status").await?;
        let letter = list(&status["purposes"]).iter().find(|one| one["id"] == "lettre");
        Ok(letter.map_or(0, |letter| number(&letter["stored"])))
    }

    pub(super) async fn standing(&self) -> Result<Standing, Failure> {
        let asking = read(&self.daemon, "/reconfirmations").await?;
        let letter = &asking["purposes"][0];
        Ok(["to_ask", "to_remind", "answering", "unreachable"].map(|count| number(&letter[count])))
    }

    /// Somebody's record, whole.
    pub(super) async fn found(&self, person: &Person) -> Result<Value, Failure> {
        let question = json!({ "id": person.record, "unmask": true });
        let found = self.ask(Method::POST, "/find", Some(question)).await?;
        Ok(found["records"][0].clone())
    }

    /// What became of somebody's form; nothing: it is not known any more.
    pub(super) async fn state(&self, person: &Person) -> Result<String, Failure> {
        let found = self.ask(Method::POST, "/find", Some(json!({ "leadgen_id": person.lead }))).await?;
        Ok(found["records"][0]["state"].as_str().unwrap_or_default().to_owned())
    }

    /// The lines of the trail that say this.
    pub(super) async fn lines(&self, action: &str) -> Result<Vec<Value>, Failure> {
        let call = self.daemon.call(Method::GET, "/trail?limit=10000").header("Tamis-Reason", "audit");
        let body = self.daemon.fetch(call).await?;
        let lines: Vec<Value> = body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(parse)
            .collect::<Result<_, _>>()?;
        Ok(lines.into_iter().filter(|line| line["action"] == action).collect())
    }

    pub(super) fn today(&self) -> Day {
        Day::of(self.clock.now())
    }

    /// An empty page.
    pub(super) fn sheet(&self) -> Sheet {
        (self.sheet)()
    }

    /// Tells a part: the day, what it was, and each step with what one would type, or where it stands.
    pub(super) fn told(&self, heading: &str, steps: &[(&str, &str)]) -> Result<(), Failure> {
        let mut sheet = self.sheet();
        sheet.end();
        sheet.put(Tone::Heading, &format!("{}  {heading}", self.today())).end();
        for (what, typed) in steps {
            sheet.put(Tone::Plain, "  ").cell(Tone::Plain, what, WIDTH).put(Tone::Faint, typed).end();
        }
        sheet.print()
    }
}
