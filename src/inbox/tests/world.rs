//! A directory, keys in memory, a store that is told what it knows, a clock that moves and a disk that fails or waits when
//! told.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::FutureExt;
use tempfile::TempDir;

use crate::clock::{Clock, ManualClock};
use crate::id::{FormId, LeadgenId};
use crate::inbox::frame::{self, Frame};
use crate::inbox::segment::{Disk, FIRST_FRAME, Media, Medium};
use crate::inbox::{Held, Inbox, InboxCode, InboxError, Known, Looked, Settings};
use crate::keyring::memory::MemoryKeyring;
use crate::notification::{Claims, Lane, LeadRef, sample};
use crate::random::SystemRandom;

/// The first moment of a day, in milliseconds.
const MIDNIGHT_MS: i64 = 20_000 * 86_400_000;

/// What the inbox asks of a store, as the test tells it: its port is narrower than a store.
#[derive(Default)]
pub struct Told {
    pub ends: Mutex<HashSet<LeadgenId>>,
    pub parked: AtomicU64,
    /// What is claimed; none: nothing is told apart.
    pub claims: Mutex<Option<Claims>>,
    /// What is held, by form.
    pub held: Mutex<Vec<(FormId, u64)>>,
    pub fails: AtomicBool,
    /// Runs once between the next look-up and its answer.
    pub meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[async_trait]
impl Known for Told {
    async fn look(&self, references: &[LeadRef]) -> Result<Looked, InboxCode> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(InboxCode::Store);
        }
        let known = {
            let ends = self.ends.lock().expect("no panic");
            references.iter().map(|reference| ends.contains(&reference.leadgen)).collect()
        };
        if references.is_empty() {
            return Ok(Looked { known, parked: self.parked.load(Ordering::SeqCst) });
        }
        let meanwhile = self.meanwhile.lock().expect("no panic").take();
        meanwhile.into_iter().for_each(|run| run());
        Ok(Looked { known, parked: self.parked.load(Ordering::SeqCst) })
    }

    fn claims(&self) -> Option<Claims> {
        self.claims.lock().expect("no panic").clone()
    }

    async fn held(&self, forms: &[FormId]) -> Result<Held, InboxCode> {
        let held = self.held.lock().expect("no panic");
        let of = |form: &FormId| held.iter().filter(|(of, _)| of == form).map(|(_, count)| count).sum();
        Ok(Held {
            total: held.iter().map(|(_, count)| count).sum(),
            of_forms: forms.iter().map(of).collect(),
        })
    }
}

/// What the test tells the disk.
#[derive(Default)]
pub struct Faults {
    pub write_fails: AtomicBool,
    pub sync_fails: AtomicBool,
    pub syncs: AtomicU64,
    /// After so many more, syncs wait.
    held: Mutex<Option<u64>>,
    released: Condvar,
}

impl Faults {
    /// Syncs do not return until it is told `false`.
    pub fn hold(&self, held: bool) {
        *self.held.lock().expect("no panic") = held.then_some(0);
        self.released.notify_all();
    }

    /// So many more syncs return, then they wait.
    pub fn hold_after(&self, syncs: u64) {
        *self.held.lock().expect("no panic") = Some(syncs);
        self.released.notify_all();
    }
}

struct FaultyMedia(Arc<Faults>);
struct FaultyMedium(File, Arc<Faults>);

impl Media for FaultyMedia {
    fn medium(&self, file: File) -> Box<dyn Medium> {
        Box::new(FaultyMedium(file, self.0.clone()))
    }
}

impl Medium for FaultyMedium {
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        match self.1.write_fails.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::InvalidData.into()),
            false => Medium::write_all_at(&self.0, bytes, at),
        }
    }
    fn sync_data(&self) -> io::Result<()> {
        let mut held = self.1.held.lock().expect("no panic");
        while *held == Some(0) {
            held = self.1.released.wait(held).expect("no panic");
        }
        *held = held.map(|left| left - 1);
        drop(held);
        if self.1.sync_fails.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.1.syncs.fetch_add(1, Ordering::SeqCst);
        Medium::sync_data(&self.0)
    }
}

pub struct World {
    root: TempDir,
    pub settings: Settings,
    pub keyring: Arc<MemoryKeyring>,
    pub store: Arc<Told>,
    pub clock: Arc<ManualClock>,
    pub faults: Arc<Faults>,
}

impl World {
    /// Small segments (76 KiB), so that they fill and a scan of every byte is quick.
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let settings = Settings {
            path: root.path().join("inbox"),
            witness: root.path().join("witness"),
            max_references: 100_000,
            max_held_by_form: 10_000,
            free_disk_min_bytes: 1,
            body_max_bytes: 1_000,
        };
        let start = jiff::Timestamp::from_millisecond(MIDNIGHT_MS).expect("in range");
        Self {
            root,
            settings,
            keyring: MemoryKeyring::of_instance(9),
            store: Arc::default(),
            clock: Arc::new(ManualClock::new(start)),
            faults: Arc::default(),
        }
    }

    pub fn try_open(&self) -> Result<Inbox, InboxError> {
        let (keyring, store) = (self.keyring.clone(), self.store.clone());
        let media: Box<dyn Media> = Box::new(FaultyMedia(self.faults.clone()));
        Inbox::open_on(
            media,
            0,
            self.settings.clone(),
            keyring,
            store,
            self.clock.clone(),
            Arc::new(SystemRandom),
        )
        .now_or_never()
        .expect("this store answers at once")
    }

    pub fn open(&self) -> Inbox {
        self.try_open().expect("opens")
    }

    /// What a `kill -9` would leave now, in a world of its own with the same keys and store. Copied while no call is
    /// under way, and again if the keeper made or removed a file meanwhile.
    pub fn killed(&self) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let (path, witness) = (root.path().join("inbox"), root.path().join("witness"));
        eventually("a quiet moment", || {
            // Never a witness that saw later segments than are copied, nor segments that it no longer speaks of.
            let said = self.witness();
            fs::write(&witness, &said).expect("written");
            let before = self.files();
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).expect("made");
            let copy = |file: &PathBuf| fs::copy(file, path.join(file.file_name().expect("a name"))).is_ok();
            let whole = |file: &PathBuf| file.extension().is_some_and(|end| end == "seg");
            before.iter().all(|file| whole(file) && copy(file))
                && before == self.files()
                && said == self.witness()
        });
        Self {
            root,
            settings: Settings { path, witness, ..self.settings.clone() },
            keyring: self.keyring.clone(),
            store: self.store.clone(),
            clock: Arc::new(ManualClock::new(self.clock.now())),
            faults: Arc::default(),
        }
    }

    /// A reference that arrives now.
    pub fn reference(&self, leadgen: u64) -> LeadRef {
        sample::reference((FIRST_ID + leadgen, sample::PAGE, sample::FORM), self.clock.now())
    }

    pub fn references(&self, leadgens: impl IntoIterator<Item = u64>) -> Vec<LeadRef> {
        leadgens.into_iter().map(|leadgen| self.reference(leadgen)).collect()
    }

    /// The store has made an end of these durable, and says so to the inbox.
    pub fn settle(&self, inbox: &Inbox, leadgens: impl IntoIterator<Item = u64>) {
        let leadgens: Vec<LeadgenId> = leadgens.into_iter().map(id).collect();
        self.store.ends.lock().expect("no panic").extend(leadgens.iter().copied());
        inbox.done(&lane(), &leadgens);
    }

    /// Every byte of the witness.
    pub fn witness(&self) -> Vec<u8> {
        fs::read(&self.settings.witness).expect("a witness")
    }

    /// The segment files, in order of name.
    pub fn files(&self) -> Vec<PathBuf> {
        files(&self.settings.path)
    }

    /// Every byte under the world's root.
    pub fn all_bytes(&self) -> Vec<u8> {
        assert!(self.settings.path.starts_with(self.root.path()));
        let files = self.files().into_iter().chain([self.settings.witness.clone()]);
        files.flat_map(|file| fs::read(file).expect("read")).collect()
    }

    /// The segment with frames whose use number is the highest, and where its frames are.
    pub fn last_segment(&self) -> (PathBuf, Vec<std::ops::Range<usize>>) {
        let frames = self.files().into_iter().filter_map(|file| {
            let content = fs::read(&file).expect("read");
            let used = Frame::decode(&content[FIRST_FRAME..])?.used;
            Some((used, file, frames(&content)))
        });
        let (_, file, frames) = frames.max_by_key(|(used, ..)| *used).expect("a segment with frames");
        (file, frames)
    }
}

/// Ids of these tests begin here.
const FIRST_ID: u64 = 777_000_000_000_000;

pub fn id(leadgen: u64) -> LeadgenId {
    sample::leadgen(FIRST_ID + leadgen)
}

/// The lane of these tests' references.
pub fn lane() -> Lane {
    Lane { page: sample::page(sample::PAGE), form: sample::form(sample::FORM) }
}

/// Everything that is queued, claimed away, in the order of arrival.
pub fn drain(inbox: &Inbox) -> Vec<LeadgenId> {
    let claims = std::iter::from_fn(|| inbox.claim(1_000));
    claims.flat_map(|(_, references)| references).map(|reference| reference.leadgen).collect()
}

pub fn ids(leadgens: impl IntoIterator<Item = u64>) -> Vec<LeadgenId> {
    leadgens.into_iter().map(id).collect()
}

/// Compares without showing ids.
pub fn same(left: &[LeadgenId], right: &[LeadgenId]) -> bool {
    left == right
}

pub fn code<T>(result: Result<T, InboxError>) -> Option<InboxCode> {
    result.err().map(|error| error.code)
}

/// A call that is accepted while the test goes on: how many of its references were new.
pub fn spawn(inbox: &Arc<Inbox>, call: Vec<LeadRef>) -> tokio::task::JoinHandle<usize> {
    let inbox = inbox.clone();
    #[expect(clippy::disallowed_methods, reason = "a test's own tasks, joined in it")]
    tokio::spawn(async move { inbox.accept(call).await.expect("accepted").new.len() })
}

/// Waits until it is so; the threads of the room need a moment.
pub fn eventually(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Changes one byte of a file.
pub fn flip(file: &Path, at: usize) {
    let mut content = fs::read(file).expect("read");
    content[at] ^= 0x40;
    fs::write(file, content).expect("written");
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn frames(content: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = FIRST_FRAME;
    let Some(used) = Frame::decode(&content[at..]).map(|frame| frame.used) else { return found };
    while let Some(frame) = Frame::decode(&content[at..]).filter(|frame| frame.used == used) {
        found.push(at..at + frame.len());
        at += frame.len();
        if frame.kind == frame::Kind::End {
            break;
        }
    }
    found
}

/// The medium that production uses is exercised too.
pub fn open_on_disk(world: &World) -> Inbox {
    let (keyring, store) = (world.keyring.clone(), world.store.clone());
    Inbox::open_on(
        Box::new(Disk),
        0,
        world.settings.clone(),
        keyring,
        store,
        world.clock.clone(),
        Arc::new(SystemRandom),
    )
    .now_or_never()
    .expect("this store answers at once")
    .expect("opens")
}
