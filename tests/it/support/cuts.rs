//! A daemon under load with every change of its files written down, and after it power cuts at moments that matter: just
//! after an answer, and while a file of each part of the house is being synced.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tamis_simulator::Simulator;

use super::account::{Records, Tally, knows, look_up, settled, trail};
use super::deeds::{self, RECIPIENT};
use super::power::{self, Disk, Record, Unsynced, What};
use super::process::{Daemon, Home};
use super::rights::Rights;
use super::senders::{Chance, Fate, Senders};

const LIVES: usize = 6;
/// A life lasts until so much was answered beside the load, and no longer than this: a machine may have much else to do.
const ANSWERS: usize = 10;
const PATIENT_FOR: Duration = Duration::from_secs(3);
const A_MOMENT: Duration = Duration::from_millis(5);
/// So many records of a kind are looked at closely after a cut.
const LOOKED_AT: usize = 2;

/// How many moments, each of them with both fates of what was not synced. Every kind of moment has its turn.
#[derive(Clone, Copy)]
pub struct Plan {
    pub cuts: usize,
    pub seed: u64,
    /// How long each of the daemon's lives takes.
    pub life: Duration,
    /// A pause of each of the senders after each call: none to press as hard as it goes.
    pub pause: Duration,
}

impl Plan {
    /// Lives long enough for some hundred leads each.
    pub fn of(cuts: usize, seed: u64) -> Self {
        Self { cuts, seed, life: Duration::from_millis(350), pause: Duration::from_millis(8) }
    }
}

/// A home whose daemon has its changes written down.
pub struct Watched {
    pub home: Home,
    pub log: PathBuf,
    layer: PathBuf,
    aside: tempfile::TempDir,
    /// Where in the log each life begins.
    pub lives: Vec<usize>,
    /// The files while the daemon has not written anything.
    pub disk: Disk,
}

impl Watched {
    pub fn new(meta: &Simulator) -> Self {
        let home = deeds::home(meta);
        let aside = tempfile::tempdir().expect("a directory");
        let (layer, log) = (power::layer(aside.path()), aside.path().join("changes"));
        let disk = Disk::new(home.directory.path());
        Self { home, log, layer, aside, lives: Vec::new(), disk }
    }

    /// A new home with the same library.
    pub fn again(&self, meta: &Simulator) -> Self {
        let home = deeds::home(meta);
        let aside = tempfile::tempdir().expect("a directory");
        let log = aside.path().join("changes");
        let disk = Disk::new(home.directory.path());
        let layer = aside.path().join("unsynced.so");
        fs::copy(&self.layer, &layer).expect("a copy");
        Self { home, log, layer, aside, lives: Vec::new(), disk }
    }

    /// Starts the daemon; it kills itself after so many steps if told so. `Err`: what it said.
    pub fn serve(&mut self, kill_at: Option<u64>) -> Result<Daemon, String> {
        self.lives.push(fs::metadata(&self.log).map_or(0, |data| data.len() as usize));
        let kill_at = kill_at.map(|step| step.to_string());
        let mut environment: Vec<(&str, &Path)> = vec![
            ("LD_PRELOAD", &self.layer),
            ("TAMIS_UNSYNCED_LOG", &self.log),
            ("TAMIS_UNSYNCED_ROOT", self.home.directory.path()),
        ];
        if let Some(step) = &kill_at {
            environment.push(("TAMIS_UNSYNCED_KILL_AT", Path::new(step)));
        }
        self.home.try_serve(&[], &environment)
    }

    /// All that was written down.
    pub fn changes(&self) -> Vec<u8> {
        fs::read(&self.log).expect("a log")
    }

    /// Keeps the directories for a look. Where they are.
    pub fn keep(self) -> String {
        format!("{} and {}", self.home.directory.keep().display(), self.aside.keep().display())
    }
}

/// Runs a daemon, cuts, and starts one on what each cut leaves.
///
/// # Errors
/// What did not hold. The rebuilt directory is kept then.
pub async fn power_cuts(meta: &Simulator, plan: Plan) -> Result<Tally, String> {
    let begun = Instant::now();
    let mut watched = Watched::new(meta);
    let senders = Senders::new(meta, plan.pause);
    let mut rights = Rights::new(plan.seed);
    for life in 0..LIVES {
        let daemon = watched.serve(None)?;
        daemon.misses_nothing()?;
        rights.hold(&daemon.admin(), senders.sent()).await?;
        let (over, webhook) = (AtomicBool::new(false), daemon.webhook());
        let load = senders.send(&webhook, &over, usize::MAX);
        let (admin, recipient) = (daemon.admin(), daemon.admin().on_behalf_of(RECIPIENT));
        let heard = Arc::clone(&rights.heard);
        let enough = heard.load(Ordering::Relaxed) + ANSWERS;
        let (sent, is_over) = (|| senders.sent(), || over.load(Ordering::Relaxed));
        let officer = rights.exercise(&admin, &recipient, (&sent, &is_over));
        let end = async {
            let begun = Instant::now();
            tokio::time::sleep(plan.life).await;
            while heard.load(Ordering::Relaxed) < enough && begun.elapsed() < PATIENT_FOR {
                tokio::time::sleep(A_MOMENT).await;
            }
            if life % 2 == 0 {
                // In the middle of calls, which are sent again in the next life.
                daemon.kill();
                return Ok(());
            }
            over.store(true, Ordering::Relaxed);
            let (status, said) = daemon.terminate();
            if status.success() { Ok(()) } else { Err(said) }
        };
        let (_, exercised, ended) = tokio::join!(load, officer, end);
        exercised.and(ended)?;
    }
    let log = watched.changes();
    let records = power::records(&log);
    let chance = Chance::new(plan.seed);
    let answered: HashMap<String, usize> =
        senders.answered(0).into_iter().map(|(number, id)| (id, number)).collect();
    let mut rooms = Disk::new(watched.home.directory.path());
    let requests: HashSet<&str> = rights.requests().collect();
    let moments = moments(&records, &mut rooms, (&answered, &requests), &chance, plan.cuts);
    let mut tally = Tally { sent: senders.sent(), acknowledged: answered.len(), ..Tally::default() };
    tally.kills = LIVES.div_ceil(2);
    rights.answered.iter().for_each(|(deed, many)| tally.count(deed, *many));
    let (mut before_cut, mut requests_before): (HashSet<usize>, HashSet<String>) = Default::default();
    let mut opening = Opening::new(&watched.lives);
    for (at, record) in records.iter().enumerate() {
        if let Some(kind) = moments.get(&at) {
            for unsynced in [Unsynced::Gone, Unsynced::InPart] {
                let acknowledged: Vec<usize> = before_cut.iter().copied().collect();
                let what = format!("{kind}, {unsynced:?}");
                let rights = Some((&rights, &requests_before));
                let cut = Cut { meta, disk: &watched.disk, unsynced, chance: &chance, rights };
                cut.check(&acknowledged, senders.sent(), &mut tally)
                    .await
                    .map_err(|fault| format!("{what}, record {at}, {fault}"))?;
                *tally.power_cuts.entry(what).or_default() += 1;
            }
        }
        opening.look(&watched.disk, record)?;
        watched.disk.take(record);
        if let Some(id) = record.request_id() {
            before_cut.extend(answered.get(&id));
            requests_before.insert(id);
        }
    }
    tally.inherited = opening.inherited;
    tally.took = begun.elapsed();
    Ok(tally)
}

/// What sled finds when it is opened must be durable before it writes: its snapshots speak of what it found.
pub struct Opening<'l> {
    lives: &'l [usize],
    /// Lives at whose begin something of sled's was not synced.
    pub inherited: usize,
    waiting: bool,
}

impl<'l> Opening<'l> {
    pub fn new(lives: &'l [usize]) -> Self {
        Self { lives, inherited: 0, waiting: false }
    }

    /// To be called with each record before it is taken.
    ///
    /// # Errors
    /// sled writes while something that it found is not synced.
    pub fn look(&mut self, disk: &Disk, record: &Record<'_>) -> Result<(), String> {
        if let Some((begins, later)) = self.lives.split_first()
            && record.begins >= *begins
        {
            self.lives = later;
            self.waiting = true;
            self.inherited += usize::from(disk.unsynced().contains_key("sled"));
        }
        // The remains of a snapshot, or of a creation, are removed first.
        let removes = matches!(record.what, What::Unlink | What::RemoveDirectory);
        if !self.waiting || removes || disk.changed(record) != Some("sled") {
            return Ok(());
        }
        self.waiting = false;
        match disk.unsynced().get("sled") {
            Some(changes) if record.what != What::MakeDirectory => {
                Err(format!("sled writes while {changes} changes that it found are not synced"))
            }
            _ => Ok(()),
        }
    }
}

/// Where to cut: before the record at that place. As many as are asked for, each kind in its turn, by chance.
fn moments(
    records: &[Record<'_>],
    rooms: &mut Disk,
    (answered, requests): (&HashMap<String, usize>, &HashSet<&str>),
    chance: &Chance,
    cuts: usize,
) -> BTreeMap<usize, String> {
    let mut by_kind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        match record.what {
            What::Answer if record.request_id().is_some_and(|id| answered.contains_key(&id)) => {
                by_kind.entry("after an answer".to_owned()).or_default().push(at + 1);
            }
            What::Answer if record.request_id().is_some_and(|id| requests.contains(id.as_str())) => {
                by_kind.entry("after an officer's answer".to_owned()).or_default().push(at + 1);
            }
            What::SyncEnd => {
                let room = rooms.room_of(record);
                // Of a file that nobody had changed there is nothing to lose.
                if rooms.unsynced().contains_key(room) {
                    by_kind.entry(format!("in a sync of {room}")).or_default().push(at);
                }
            }
            What::Rename => by_kind.entry("after a rename".to_owned()).or_default().push(at + 1),
            _ => {}
        }
        rooms.take(record);
    }
    let mut chosen = BTreeMap::new();
    while chosen.len() < cuts && by_kind.values().any(|places| !places.is_empty()) {
        for (kind, places) in &mut by_kind {
            if chosen.len() < cuts && !places.is_empty() {
                let at = places.swap_remove(chance.place(places.len()));
                chosen.entry(at).or_insert_with(|| kind.clone());
            }
        }
    }
    chosen
}

/// A power cut.
pub struct Cut<'c> {
    pub meta: &'c Simulator,
    pub disk: &'c Disk,
    pub unsynced: Unsynced,
    pub chance: &'c Chance,
    /// What was asked for beside the calls, and which requests were answered by then.
    pub rights: Option<(&'c Rights, &'c HashSet<String>)>,
}

impl Cut<'_> {
    /// Starts a daemon on what it leaves; all that was acknowledged before must be there.
    ///
    /// # Errors
    /// What does not hold, and the directory that shows it, as the daemon left it and as the cut did (`cut`).
    pub async fn check(&self, acknowledged: &[usize], sent: usize, tally: &mut Tally) -> Result<(), String> {
        tally.drop_all(&self.disk.unsynced());
        let home = deeds::home(self.meta);
        self.disk.rebuild(home.directory.path(), self.unsynced, self.chance);
        let checked = self.start(&home, acknowledged, sent, tally).await;
        checked.map_err(|fault| format!("{}: {fault}", home.directory.keep().display()))
    }

    async fn start(
        &self,
        home: &Home,
        acknowledged: &[usize],
        sent: usize,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let started = Instant::now();
        let daemon = home.try_serve::<&str>(&[], &[]).map_err(|said| format!("it did not start:\n{said}"))?;
        daemon.misses_nothing()?;
        tally.slowest_start = tally.slowest_start.max(started.elapsed());
        knows(self.meta, &daemon, acknowledged).await?;
        let admin = daemon.admin();
        settled(&admin).await?;
        let mut records = Records::default();
        records.read_up_to(&admin, sent).await?;
        let (standing, held) = match self.rights {
            None => Default::default(),
            Some((rights, requests)) => (rights.standing(|id| requests.contains(id)), rights.held.clone()),
        };
        standing.check_restrictions(&admin).await?;
        standing.check_export(&records)?;
        let left_out = standing.left_out(&held);
        for number in acknowledged {
            *tally.by_fate.entry(Fate::of(*number)).or_default() += 1;
            let is_there = records.by_number.contains_key(number) || left_out.contains(number);
            if Fate::of(*number) == Fate::Stored && !is_there {
                tally.lost.push(*number);
            }
        }
        let parked = acknowledged.iter().filter(|number| Fate::of(**number) != Fate::Stored);
        look_up(&admin, parked, &BTreeSet::new(), tally).await?;
        if !tally.lost.is_empty() || !tally.twice.is_empty() {
            return Err(format!("lost {:?}, twice {:?}", tally.lost, tally.twice));
        }
        if self.rights.is_some() {
            tally.count("looked at: evidence", standing.check_evidence(&admin, &held, LOOKED_AT).await?);
            let recipient = daemon.admin().on_behalf_of(RECIPIENT);
            tally.count("looked at: changes", standing.check_changes(&recipient).await?);
            tally.count("looked at: receipts", standing.check_told(&admin, &records, LOOKED_AT).await?);
        }
        tally.trail_lines += trail(&admin).await?;
        let (status, said) = daemon.terminate();
        if status.success() { Ok(()) } else { Err(format!("it did not end well: {said}")) }
    }
}
