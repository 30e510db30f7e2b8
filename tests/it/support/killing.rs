//! `kill -9` under load, again and again, and what must hold after each restart. The test kills a few times, the program
//! `examples/kill.rs` as often as it is told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tamis_simulator::notification::{Change, Entry, Notification};
use tamis_simulator::{Lead, Setup, Simulator};

use super::process::{Daemon, Home};
use super::{Caller, DEVIS_FORM, LETTRE_FORM, PAGE, add_forms, an_hour_ago};

/// A form that no purpose claims.
const FOREIGN_FORM: &str = "901000000000009";
/// How many calls are under way at once.
const SENDERS: usize = 8;
/// At most so many references that were not stored are looked up one by one at the end.
const FINDS_MAX: usize = 2_000;

/// How often, and from where chance starts.
#[derive(Clone, Copy)]
pub struct Plan {
    pub kills: usize,
    pub seed: u64,
    /// The export is held against what was sent after so many kills.
    pub check_every: usize,
}

/// What is to become of a lead. Of its number alone, so that it can be told afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Stored,
    Refused,
    Held,
    Buried,
}

impl Fate {
    pub fn of(number: usize) -> Self {
        match number % 20 {
            17 => Self::Refused,
            18 => Self::Held,
            19 => Self::Buried,
            _ => Self::Stored,
        }
    }

    fn form(self) -> &'static str {
        match self {
            Self::Stored | Self::Buried => DEVIS_FORM,
            Self::Refused => LETTRE_FORM,
            Self::Held => FOREIGN_FORM,
        }
    }
}

/// The leadgen of this number.
pub fn leadgen(number: usize) -> String {
    format!("77300{number:011}")
}

fn email(number: usize) -> String {
    format!("p{number}@example.org")
}

/// A notification of these leads.
pub fn notification(numbers: &[usize]) -> Vec<u8> {
    let change =
        |number: &usize| Change::leadgen(&leadgen(*number), PAGE, Fate::of(*number).form(), an_hour_ago());
    let entry = Entry::of(PAGE).time(an_hour_ago());
    Notification::page().entry(numbers.iter().map(change).fold(entry, Entry::change)).bytes()
}

/// Meta's side with its forms.
pub async fn meta() -> Simulator {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    meta
}

/// Gives Meta the lead of this number, unless it is one that Meta no longer has.
pub fn add_lead(meta: &Simulator, number: usize) {
    let fate = Fate::of(number);
    let lead = Lead::new(PAGE, fate.form(), an_hour_ago())
        .with_id(&leadgen(number))
        .answer("full_name", &[&format!("Person {number}")])
        .answer("email", &[&email(number)]);
    if fate != Fate::Buried {
        meta.add_lead(lead);
    }
}

/// Chance that can be repeated (SplitMix64).
pub struct Chance(AtomicU64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub fn below(&self, bound: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// What was done and seen.
#[derive(Debug, Default)]
pub struct Summary {
    pub kills: usize,
    /// Kills before the daemon said that it had started.
    pub kills_while_starting: usize,
    pub sent: usize,
    pub acknowledged: usize,
    pub stored: usize,
    pub by_fate: BTreeMap<Fate, usize>,
    pub trail_lines: usize,
    pub slowest_start: Duration,
    pub took: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills ({} while starting) in {:.0} s: {} sent, {} acknowledged {:?}, {} stored; none lost, none twice, \
             every record opens, {} trail lines hold together; slowest start {} ms",
            self.kills,
            self.kills_while_starting,
            self.took.as_secs_f64(),
            self.sent,
            self.acknowledged,
            self.by_fate,
            self.stored,
            self.trail_lines,
            self.slowest_start.as_millis()
        )
    }
}

/// The load, and what was answered.
struct Load {
    meta: Simulator,
    next: AtomicUsize,
    acknowledged: Mutex<Vec<usize>>,
}

impl Load {
    /// Sends until the daemon no longer answers.
    async fn send(&self, webhook: &str) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            add_lead(&self.meta, number);
            match self.meta.deliver(webhook, &notification(&[number])).await {
                Ok(delivery) if delivery.status == 200 => {
                    self.acknowledged.lock().expect("no panic").push(number);
                }
                Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(_) => return,
            }
        }
    }
}

/// Kills as planned. `Err` says what did not hold; the directory is left for a look then.
pub async fn siege(home: &Home, meta: &Simulator, plan: Plan) -> Result<Summary, String> {
    let begun = Instant::now();
    let chance = Chance::new(plan.seed);
    let load =
        Arc::new(Load { meta: meta.clone(), next: AtomicUsize::new(0), acknowledged: Mutex::default() });
    let mut summary = Summary::default();
    let mut records = Records::default();
    let mut looked_at = 0;
    while summary.kills < plan.kills {
        summary.kills += 1;
        if chance.below(5) == 0 {
            home.spawn_and_kill(Duration::from_millis(chance.below(60)));
            summary.kills_while_starting += 1;
            continue;
        }
        let started = Instant::now();
        let daemon = home.serve(&[]);
        summary.slowest_start = summary.slowest_start.max(started.elapsed());
        let fresh = load.acknowledged.lock().expect("no panic")[looked_at..].to_vec();
        looked_at += fresh.len();
        knows(meta, &daemon, &fresh)
            .await
            .map_err(|fault| format!("after kill {}: {fault}", summary.kills))?;
        if summary.kills.is_multiple_of(plan.check_every) {
            records.read(&daemon.admin(), &load).await?;
        }
        let webhook = daemon.webhook();
        let senders = join_all((0..SENDERS).map(|_| load.send(&webhook)));
        let killer = async {
            tokio::time::sleep(Duration::from_millis(5 + chance.below(300))).await;
            daemon.kill();
        };
        tokio::join!(senders, killer);
    }
    let acknowledged = load.acknowledged.lock().expect("no panic").clone();
    account(home, meta, &load, &acknowledged, &mut summary, &mut records).await?;
    summary.sent = load.next.load(Ordering::Relaxed);
    summary.took = begun.elapsed();
    Ok(summary)
}

/// The last account: everything has its end, once, and everything opens.
async fn account(
    home: &Home,
    meta: &Simulator,
    load: &Load,
    acknowledged: &[usize],
    summary: &mut Summary,
    records: &mut Records,
) -> Result<(), String> {
    let daemon = home.serve(&[]);
    knows(meta, &daemon, acknowledged).await?;
    let admin = daemon.admin();
    settled(&admin).await?;
    // From where it stood, and once more from the start: both must say the same.
    records.read(&admin, load).await?;
    let mut again = Records::default();
    again.read(&admin, load).await?;
    if again.by_number != records.by_number {
        return Err("an export in pieces and one from the start differ".to_owned());
    }
    for number in acknowledged {
        *summary.by_fate.entry(Fate::of(*number)).or_default() += 1;
        if Fate::of(*number) == Fate::Stored && !records.by_number.contains_key(number) {
            return Err(format!("lead {number} was acknowledged and is not in the export"));
        }
    }
    parked(&admin, acknowledged, load.next.load(Ordering::Relaxed)).await?;
    summary.trail_lines = trail(&admin).await?;
    summary.acknowledged = acknowledged.len();
    summary.stored = records.by_number.len();
    let (status, said) = daemon.terminate();
    if status.success() { Ok(()) } else { Err(format!("it did not end well: {said}")) }
}

/// Meta sends all of these again: the daemon must know every one.
///
/// # Errors
/// It took one for new, so it had lost it; or it refused.
pub async fn knows(meta: &Simulator, daemon: &Daemon, numbers: &[usize]) -> Result<(), String> {
    let admin = daemon.admin();
    let before = (metric(&admin, "known").await, metric(&admin, "new").await);
    for chunk in numbers.chunks(1_000) {
        let answer = meta.deliver(&daemon.webhook(), &notification(chunk)).await;
        let status = answer.map_err(|error| error.to_string())?.status;
        if status != 200 {
            return Err(format!("{status} for what it had acknowledged"));
        }
    }
    let known = metric(&admin, "known").await - before.0;
    let new = metric(&admin, "new").await - before.1;
    if new > 0 || known != numbers.len() as u64 {
        return Err(format!(
            "LOST: of {} acknowledged references it knew {known} and took {new} for new; numbers {:?}…",
            numbers.len(),
            &numbers[..numbers.len().min(20)]
        ));
    }
    Ok(())
}

async fn metric(admin: &Caller, what: &str) -> u64 {
    let text = admin.get("/admin/v1/metrics").await.text();
    let name = format!("tamis_references_{what}_total ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
    value.expect("the metric")
}

/// Waits until nothing is queued and nothing waits.
///
/// # Errors
/// It takes longer than a minute.
pub async fn settled(admin: &Caller) -> Result<(), String> {
    let mut inbox = Value::Null;
    for _ in 0..3_000 {
        inbox = admin.get("/admin/v1/inbox").await.json();
        if inbox["queued"] == 0 && inbox["waiting"] == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("a minute, and still not settled: {inbox}"))
}

/// What the export has given so far.
#[derive(Default)]
pub struct Records {
    pub by_number: BTreeMap<usize, String>,
    cursor: Option<String>,
    last: u64,
}

impl Records {
    async fn read(&mut self, admin: &Caller, load: &Load) -> Result<(), String> {
        self.read_up_to(admin, load.next.load(Ordering::Relaxed)).await
    }

    /// Reads what came since.
    ///
    /// # Errors
    /// A record twice, a number that goes back, a record that nobody sent or that should not have been stored.
    pub async fn read_up_to(&mut self, admin: &Caller, sent: usize) -> Result<(), String> {
        loop {
            let after = self.cursor.as_ref().map_or(String::new(), |cursor| format!("&after={cursor}"));
            let page = admin.get(&format!("/admin/v1/purposes/devis/leads?limit=10000{after}")).await;
            if page.status != 200 {
                return Err(format!("the export answers {}: {}", page.status, page.text()));
            }
            for record in page.lines() {
                self.take(&record, sent)?;
            }
            self.cursor = Some(page.header("tamis-next-cursor").to_owned());
            if page.header("tamis-more") != "true" {
                return Ok(());
            }
        }
    }

    fn take(&mut self, record: &Value, sent: usize) -> Result<(), String> {
        let address = record["fields"]["email"][0].as_str().unwrap_or_default();
        let number =
            address.strip_prefix('p').and_then(|rest| rest.strip_suffix("@example.org")?.parse().ok());
        let Some(number) = number.filter(|number| *number < sent && Fate::of(*number) == Fate::Stored) else {
            return Err(format!("a record that nobody sent: {record}"));
        };
        let id = record["id"].as_str().unwrap_or_default().to_owned();
        let place: u64 = id.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        if place <= self.last {
            return Err(format!("number {place} after {}", self.last));
        }
        self.last = place;
        match self.by_number.insert(number, id) {
            None => Ok(()),
            Some(first) => Err(format!("lead {number} is stored twice: {first} and {record}")),
        }
    }
}

/// What is not stored is refused, held or buried: by count, and a part of it one by one.
async fn parked(admin: &Caller, acknowledged: &[usize], sent: usize) -> Result<(), String> {
    let inbox = admin.get("/admin/v1/inbox").await.json();
    let count = |list: &str| -> u64 {
        let all = inbox[list].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(|entry| entry["count"].as_u64()).sum()
    };
    for (fate, found) in [(Fate::Held, count("held")), (Fate::Refused, count("refused"))] {
        let least = acknowledged.iter().filter(|number| Fate::of(**number) == fate).count() as u64;
        let most = (0..sent).filter(|number| Fate::of(*number) == fate).count() as u64;
        if found < least || found > most {
            return Err(format!("{fate:?}: {found}, acknowledged {least}, sent {most}; {inbox}"));
        }
    }
    let others = acknowledged.iter().filter(|number| Fate::of(**number) != Fate::Stored);
    for number in others.take(FINDS_MAX) {
        let answer = admin.post("/admin/v1/find", &json!({ "leadgen_id": leadgen(*number) })).await.json();
        let records = answer["records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let wanted = match Fate::of(*number) {
            Fate::Held => "held",
            Fate::Refused => "refused",
            _ => "buried",
        };
        let states: Vec<&str> = records.iter().filter_map(|record| record["state"].as_str()).collect();
        if states != [wanted] {
            return Err(format!("lead {number} should be {wanted}: {answer}"));
        }
    }
    Ok(())
}

/// Reads the trail from end to end; the daemon checks its chain while it reads.
///
/// # Errors
/// The chain is broken, or a number is missing.
pub async fn trail(admin: &Caller) -> Result<usize, String> {
    let mut last = 0;
    loop {
        let answer = admin.get(&format!("/admin/v1/trail?after={last}&limit=10000")).await;
        if answer.status != 200 {
            return Err(format!("the trail answers {}: {}", answer.status, answer.text()));
        }
        let lines = answer.lines();
        if lines.is_empty() {
            return Ok(usize::try_from(last).unwrap_or(0));
        }
        for line in lines {
            let seq = line["seq"].as_u64().unwrap_or(0);
            if seq != last + 1 {
                return Err(format!("trail line {seq} after {last}"));
            }
            last = seq;
        }
    }
}
