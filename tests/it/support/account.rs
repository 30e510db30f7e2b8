//! The account after a kill or a power cut: what became of every lead that was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tamis_simulator::Simulator;

use super::Caller;
use super::process::Daemon;
use super::rights::Rights;
use super::senders::{Fate, Senders, leadgen, notification, number_of};

/// At most so many references are looked up one by one at the end.
const FINDS_MAX: usize = 2_000;
/// How long all that is queued may take to come to its end.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What was done and found.
#[derive(Debug, Default)]
pub struct Tally {
    pub kills: usize,
    /// Of these, before the daemon said that it had started.
    pub kills_while_starting: usize,
    pub power_cuts: BTreeMap<String, usize>,
    pub sent: usize,
    pub acknowledged: usize,
    /// What the acknowledged had become; of power cuts: over all cuts, as found after each.
    pub by_fate: BTreeMap<Fate, usize>,
    /// The most that was queued or waiting when a daemon came back.
    pub queued: u64,
    pub lost: Vec<usize>,
    pub twice: Vec<usize>,
    /// Drops of what no sync covered: in how many cuts, and how many changes of files and names.
    pub dropped: BTreeMap<&'static str, (usize, usize)>,
    /// What was asked for beside the calls and was answered, by its kind; and what was looked at of that.
    pub deeds: BTreeMap<&'static str, usize>,
    /// Lives of which a predecessor, killed, had left something of sled's unsynced.
    pub inherited: usize,
    pub trail_lines: usize,
    pub slowest_start: Duration,
    pub took: Duration,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = |fate| self.by_fate.get(&fate).copied().unwrap_or(0);
        let mut row = |name: &str, value: String| writeln!(f, "{name:<28} {value:>9}");
        row("kills", self.kills.to_string())?;
        row("  while starting", self.kills_while_starting.to_string())?;
        row("power cuts", self.power_cuts.values().sum::<usize>().to_string())?;
        for (kind, cuts) in &self.power_cuts {
            row(&format!("  {kind}"), cuts.to_string())?;
        }
        row("leads sent", self.sent.to_string())?;
        row("acknowledged", self.acknowledged.to_string())?;
        for kind in [Fate::Stored, Fate::Held, Fate::Refused, Fate::Buried] {
            row(&format!("  {}", kind.word()), fate(kind).to_string())?;
        }
        row("most queued at a start", self.queued.to_string())?;
        row("lost", self.lost.len().to_string())?;
        row("twice", self.twice.len().to_string())?;
        for (room, (cuts, changes)) in &self.dropped {
            row(&format!("unsynced and dropped: {room}"), changes.to_string())?;
            row("  in so many cuts", cuts.to_string())?;
        }
        for (deed, count) in &self.deeds {
            row(&format!("beside: {deed}"), count.to_string())?;
        }
        row("opened on unsynced remains", self.inherited.to_string())?;
        row("trail lines, chain intact", self.trail_lines.to_string())?;
        row("slowest start, ms", self.slowest_start.as_millis().to_string())?;
        row("seconds", format!("{:.1}", self.took.as_secs_f64()))
    }
}

impl Tally {
    /// Adds what was done and found elsewhere meanwhile.
    pub fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.kills_while_starting += other.kills_while_starting;
        for (kind, cuts) in other.power_cuts {
            *self.power_cuts.entry(kind).or_default() += cuts;
        }
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        for (fate, leads) in other.by_fate {
            *self.by_fate.entry(fate).or_default() += leads;
        }
        self.queued = self.queued.max(other.queued);
        self.lost.extend(other.lost);
        self.twice.extend(other.twice);
        for (room, (cuts, changes)) in other.dropped {
            let all = self.dropped.entry(room).or_default();
            *all = (all.0 + cuts, all.1 + changes);
        }
        for (deed, count) in other.deeds {
            self.count(deed, count);
        }
        self.inherited += other.inherited;
        self.trail_lines += other.trail_lines;
        self.slowest_start = self.slowest_start.max(other.slowest_start);
        self.took += other.took;
    }

    /// Adds to what was asked for beside, or looked at.
    pub fn count(&mut self, deed: &'static str, many: usize) {
        *self.deeds.entry(deed).or_default() += many;
    }

    /// Adds what a cut dropped.
    pub fn drop_all(&mut self, unsynced: &BTreeMap<&'static str, usize>) {
        for (room, changes) in unsynced {
            let (cuts, all) = self.dropped.entry(room).or_default();
            *cuts += 1;
            *all += changes;
        }
    }
}

/// The last account: what was never answered is sent again until it is; then everything that was sent has its end,
/// once, and everything opens; what was asked for beside that is as it was answered.
///
/// # Errors
/// What does not hold.
pub async fn hold_to_account(
    daemon: &Daemon,
    meta: &Simulator,
    senders: &Senders,
    (records, rights): (&mut Records, &Rights),
    tally: &mut Tally,
) -> Result<(), String> {
    let admin = daemon.admin();
    let standing = rights.standing(|_| true);
    let erased = standing.erased_numbers(&rights.held);
    senders.send_the_rest(&daemon.webhook()).await?;
    let acknowledged: BTreeSet<usize> = senders.answered(0).into_iter().map(|(number, _)| number).collect();
    let all: Vec<usize> = (0..senders.sent()).collect();
    if acknowledged.len() != all.len() {
        return Err(format!("{} of {} leads have their 200", acknowledged.len(), all.len()));
    }
    knows(meta, daemon, &all).await?;
    settled(&admin).await?;
    // From where it stood, and once more from the start: both must say the same.
    records.read_up_to(&admin, all.len()).await?;
    let mut again = Records::default();
    again.read_up_to(&admin, all.len()).await?;
    standing.check_export(&again)?;
    // What was restricted when a piece passed it is in the whole alone; what was erased since, in a piece alone.
    let skipped = standing.ever_restricted.iter().filter_map(|place| Some(rights.held.get(place)?.0));
    let apart: BTreeSet<usize> = skipped.chain(erased.iter().copied()).collect();
    let rest = |records: &Records| -> BTreeMap<usize, String> {
        let rest = records.by_number.iter().filter(|(number, _)| !apart.contains(number));
        rest.map(|(number, record)| (*number, record.id.clone())).collect()
    };
    if rest(&again) != rest(records) {
        return Err("an export in pieces and one from the start differ".to_owned());
    }
    (tally.sent, tally.acknowledged) = (all.len(), acknowledged.len());
    for number in &all {
        *tally.by_fate.entry(Fate::of(*number)).or_default() += 1;
        let is_there = again.by_number.contains_key(number) || erased.contains(number);
        if Fate::of(*number) == Fate::Stored && !is_there {
            tally.lost.push(*number);
        }
    }
    for fate in [Fate::Held, Fate::Refused] {
        let (found, sent) =
            (parked(&admin, fate).await, tally.by_fate.get(&fate).copied().unwrap_or_default());
        if found != sent as u64 {
            return Err(format!("{}: {found} of {sent}", fate.word()));
        }
    }
    look_up(&admin, all.iter().step_by(all.len() / FINDS_MAX + 1), &erased, tally).await?;
    tally.trail_lines = trail(&admin).await?;
    let (lost, twice) = (&tally.lost, &tally.twice);
    if lost.is_empty() && twice.is_empty() {
        Ok(())
    } else {
        Err(format!("lost {lost:?}, twice {twice:?}\n{tally}"))
    }
}

/// Meta sends all of these again: the daemon must know every one.
///
/// # Errors
/// It took one for new, so it had lost it; or it refused.
pub async fn knows(meta: &Simulator, daemon: &Daemon, numbers: &[usize]) -> Result<(), String> {
    if numbers.is_empty() {
        return Ok(());
    }
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

/// How many references are queued or wait.
pub async fn queued(admin: &Caller) -> u64 {
    let inbox = admin.get("/admin/v1/inbox").await.json();
    ["queued", "waiting"].iter().filter_map(|list| inbox[list].as_u64()).sum()
}

/// Waits until nothing is queued and nothing waits.
///
/// # Errors
/// It takes longer than [`SETTLED_WITHIN`].
pub async fn settled(admin: &Caller) -> Result<(), String> {
    let begun = Instant::now();
    while queued(admin).await > 0 {
        if begun.elapsed() > SETTLED_WITHIN {
            return Err(format!("still not settled: {}", admin.get("/admin/v1/inbox").await.text()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// What the export has given so far.
#[derive(Default)]
pub struct Records {
    pub by_number: BTreeMap<usize, Exported>,
    /// So many numbers were passed over.
    pub gaps: u64,
    cursor: Option<String>,
    last: u64,
}

/// A record as it was exported.
#[derive(Debug)]
pub struct Exported {
    pub id: String,
    pub name: String,
    /// The boxes that count, and whether one of them holds no longer.
    pub boxes: Vec<String>,
    pub is_over: bool,
}

impl Records {
    /// Reads what came since.
    ///
    /// # Errors
    /// A record twice, or out of its order, a record that nobody sent or that should not have been stored.
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
        let number = number_of(record["fields"]["email"][0].as_str().unwrap_or_default());
        let Some(number) = number.filter(|number| *number < sent && Fate::of(*number) == Fate::Stored) else {
            return Err(format!("a record that nobody sent: {record}"));
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, name) = (text(&record["id"]), text(&record["fields"]["full_name"][0]));
        let place = place_of(&id);
        if place <= self.last {
            return Err(format!("number {place} after {}", self.last));
        }
        self.gaps += place - self.last - 1;
        self.last = place;
        let consents = record["consents"].as_object();
        let boxes = consents.map(|of| of.keys().cloned().collect()).unwrap_or_default();
        let is_over = consents.is_some_and(|of| of.values().any(|one| !one["valid_until"].is_null()));
        match self.by_number.insert(number, Exported { id, name, boxes, is_over }) {
            None => Ok(()),
            Some(first) => Err(format!("lead {number} is stored twice: {} and {record}", first.id)),
        }
    }
}

/// The number in a record's id.
pub fn place_of(id: &str) -> u64 {
    id.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// How many are parked so.
async fn parked(admin: &Caller, fate: Fate) -> u64 {
    let inbox = admin.get("/admin/v1/inbox").await.json();
    let forms = inbox[fate.word()].as_array().map(Vec::as_slice).unwrap_or_default();
    forms.iter().filter_map(|form| form["count"].as_u64()).sum()
}

/// Looks these up one by one: each is there once, and has become what was to become of it, or is erased.
///
/// # Errors
/// One has become something else. What is lost or there twice is added to the tally.
pub async fn look_up(
    admin: &Caller,
    numbers: impl Iterator<Item = &usize>,
    erased: &BTreeSet<usize>,
    tally: &mut Tally,
) -> Result<(), String> {
    for number in numbers {
        let answer = admin.post("/admin/v1/find", &json!({ "leadgen_id": leadgen(*number) })).await.json();
        let records = answer["records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let states: Vec<&str> = records.iter().filter_map(|record| record["state"].as_str()).collect();
        match states.as_slice() {
            [] => tally.lost.push(*number),
            ["erased"] if erased.contains(number) => {}
            [state] if *state == Fate::of(*number).word() && !erased.contains(number) => {}
            [state] => return Err(format!("lead {number} is {state}: {answer}")),
            _ => tally.twice.push(*number),
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
