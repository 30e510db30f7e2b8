//! A daemon under load with every change of its files written down, and after it power cuts at moments that matter: just
//! after an answer, and while a file of each part of the house is being synced.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use tamis_simulator::{Setup, Simulator};

use super::killing::{self, Chance, Fate, Records};
use super::power::{self, Disk, Record, Unsynced, What};
use super::process::Home;

const SENDERS: usize = 8;
/// How long each of the daemon's lives takes.
const LIFE: Duration = Duration::from_millis(700);
const LIVES: usize = 4;

/// How many cuts of each kind, each of them with both fates of what was not synced.
#[derive(Clone, Copy)]
pub struct Plan {
    pub cuts: usize,
    pub seed: u64,
}

/// What was done and seen.
#[derive(Default)]
pub struct Summary {
    pub acknowledged: usize,
    pub log_bytes: usize,
    /// Cuts by the moment, and how many of the daemons that came after had how much unsynced beneath them.
    pub cuts: BTreeMap<String, usize>,
    /// In how many cuts something of this part of the house was dropped.
    pub dropped: BTreeMap<&'static str, usize>,
    /// After how many cuts that kept unsynced writes *in part* the daemon refused to start with `store-damaged`: sled does
    /// not open such a file. A refusal with a code, never a silent loss; it counts as a failure where all of it is gone.
    pub refused: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cuts: usize = self.cuts.values().sum();
        write!(
            f,
            "{cuts} power cuts {:?} over {} acknowledged references and {} MB of changes; unsynced and dropped in {:?}; \
             {} refused with store-damaged, every other daemon started and none had lost what was answered before its cut",
            self.cuts,
            self.acknowledged,
            self.log_bytes / 1_000_000,
            self.dropped,
            self.refused
        )
    }
}

/// Sends calls and keeps which of them was answered by which request.
struct Load {
    meta: Simulator,
    client: reqwest::Client,
    next: AtomicUsize,
    answered: Mutex<HashMap<String, usize>>,
}

impl Load {
    fn new(meta: &Simulator) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { meta: meta.clone(), client, next: AtomicUsize::new(0), answered: Mutex::default() }
    }

    async fn send(&self, webhook: &str, over: &tokio_util::sync::CancellationToken) {
        while !over.is_cancelled() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            killing::add_lead(&self.meta, number);
            let body = killing::notification(&[number]);
            let secret = &Setup::default().app_secrets[0];
            let mut mac =
                <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("any key");
            mac.update(&body);
            let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
            let call = self.client.post(webhook).header("X-Hub-Signature-256", signature).body(body);
            let Ok(answer) = call.send().await else { return };
            if answer.status() == 200
                && let Some(id) = answer.headers().get("tamis-request-id").and_then(|id| id.to_str().ok())
            {
                self.answered.lock().expect("no panic").insert(id.to_owned(), number);
            }
        }
    }
}

/// Runs a daemon, cuts, and starts one on what each cut leaves.
///
/// # Errors
/// What did not hold. The rebuilt directory is kept then.
pub async fn power_cuts(meta: &Simulator, plan: Plan) -> Result<Summary, String> {
    let home = Home::new(meta, "page-token", |text| text);
    let aside = tempfile::tempdir().expect("a directory");
    let (layer, log) = (power::layer(aside.path()), aside.path().join("changes"));
    let load = Load::new(meta);
    // While the daemon has not written anything.
    let fresh = || Disk::new(home.directory.path());
    let (mut rooms, mut disk) = (fresh(), fresh());
    for life in 0..LIVES {
        let environment = [
            ("LD_PRELOAD", layer.as_path()),
            ("TAMIS_UNSYNCED_LOG", log.as_path()),
            ("TAMIS_UNSYNCED_ROOT", home.directory.path()),
        ];
        let daemon = home.try_serve(&[], &environment)?;
        let over = tokio_util::sync::CancellationToken::new();
        let webhook = daemon.webhook();
        let senders = join_all((0..SENDERS).map(|_| load.send(&webhook, &over)));
        let timer = async {
            tokio::time::sleep(LIFE).await;
            over.cancel();
        };
        tokio::join!(senders, timer);
        if life % 2 == 0 {
            daemon.kill();
        } else {
            let (status, said) = daemon.terminate();
            assert!(status.success(), "{said}");
        }
    }
    let log = fs::read(&log).expect("a log");
    let records = power::records(&log);
    let chance = Chance::new(plan.seed);
    let answered = load.answered.lock().expect("no panic").clone();
    let moments = moments(&records, &mut rooms, &answered, &chance, plan.cuts);
    let sent = load.next.load(Ordering::Relaxed);
    let mut summary = Summary { acknowledged: answered.len(), log_bytes: log.len(), ..Summary::default() };
    let mut before_cut: HashSet<usize> = HashSet::new();
    for (at, record) in records.iter().enumerate() {
        if let Some(kind) = moments.get(&at) {
            for unsynced in [Unsynced::Gone, Unsynced::InPart] {
                let cut = Home::new(meta, "page-token", |text| text);
                disk.rebuild(cut.directory.path(), unsynced, &chance);
                let numbers: Vec<usize> = before_cut.iter().copied().collect();
                let checked = check(&cut, meta, &numbers, sent).await;
                if unsynced == Unsynced::InPart
                    && checked.as_ref().is_err_and(|fault| fault.contains("refuses: store-damaged"))
                {
                    summary.refused += 1;
                    continue;
                }
                if let Err(fault) = checked {
                    let path = cut.directory.keep();
                    return Err(format!("{kind}, {unsynced:?}, record {at}, {}: {fault}", path.display()));
                }
                *summary.cuts.entry(format!("{kind}, {unsynced:?}")).or_default() += 1;
                for (room, files) in disk.unsynced() {
                    *summary.dropped.entry(room).or_default() += usize::from(files > 0);
                }
            }
        }
        disk.take(record);
        if let Some(number) = record.request_id().and_then(|id| answered.get(&id)) {
            before_cut.insert(*number);
        }
    }
    Ok(summary)
}

/// Where to cut: before the record at that place. `cuts` of each kind, by chance.
fn moments(
    records: &[Record<'_>],
    rooms: &mut Disk,
    answered: &HashMap<String, usize>,
    chance: &Chance,
    cuts: usize,
) -> BTreeMap<usize, String> {
    let mut by_kind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        match record.what {
            What::Answer if record.request_id().is_some_and(|id| answered.contains_key(&id)) => {
                by_kind.entry("after an answer".to_owned()).or_default().push(at + 1);
            }
            What::SyncEnd => {
                let kind = format!("during a sync of the {}", rooms.room_of(record));
                by_kind.entry(kind).or_default().push(at);
            }
            What::Rename => by_kind.entry("after a rename".to_owned()).or_default().push(at + 1),
            _ => {}
        }
        rooms.take(record);
    }
    let mut chosen = BTreeMap::new();
    for (kind, mut places) in by_kind {
        for _ in 0..cuts.min(places.len()) {
            let at = places.swap_remove(chance.below(places.len() as u64) as usize);
            chosen.entry(at).or_insert_with(|| kind.clone());
        }
    }
    chosen
}

async fn check(home: &Home, meta: &Simulator, acknowledged: &[usize], sent: usize) -> Result<(), String> {
    let daemon = home.try_serve::<&str>(&[], &[]).map_err(|said| format!("it did not start:\n{said}"))?;
    killing::knows(meta, &daemon, acknowledged).await?;
    let admin = daemon.admin();
    killing::settled(&admin).await?;
    let mut records = Records::default();
    records.read_up_to(&admin, sent).await?;
    let stored = acknowledged.iter().filter(|number| Fate::of(**number) == Fate::Stored);
    for number in stored {
        if !records.by_number.contains_key(number) {
            return Err(format!("lead {number} was acknowledged and is not in the export"));
        }
    }
    killing::trail(&admin).await?;
    let (status, said) = daemon.terminate();
    if status.success() { Ok(()) } else { Err(format!("it did not end well: {said}")) }
}
