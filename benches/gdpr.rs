//! The mixes of GDPRbench (Shastri, Banakar, Wasserman, Chidambaram: "Understanding and Benchmarking the Impact of GDPR on
//! Database Systems", VLDB 2020), written anew: what a controller, a customer and a processor ask of a store of personal data.
//! `cargo bench --bench gdpr` (`-- --records 10000 --operations 1000 --rounds 3`; the paper's larger one is 100000 and 10000).
//!
//! The same operations in turn against tamis' store and keyring, and against plain sled twice: once as it is, each change
//! synced, and once with a line for each operation that is synced too, since the law asks who read what (GDPRbench has its
//! databases log each). Neither seals anything, destroys a key, or knows a purpose.
//!
//! What the benchmark calls metadata (who owns a record, for what, until when, who objected) stands with tamis' record or in its
//! config. It is read by a condition, as GDPRbench's client of a key-value store reads it: plain sled has no index, and looks at each
//! record's. Of whom it is: tamis looks for the address of a person in everything, as `tamis find` does, and shows the one record that
//! has it. Of a purpose, one in 25 of all: tamis opens a page of as many records, with its line of the trail. Changing it is a restriction
//! of the record, set or lifted. Where GDPRbench changes the metadata of a whole purpose, tamis changes a line of its config and no
//! record: both sides change one record here.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::ok_expect,
    reason = "a bench fails by panicking and speaks to people; what holds answers has no Debug"
)]

mod support;

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tamis::clock::Day;
use tamis::current::Current;
use tamis::forget::address::Sought;
use tamis::lead::correction;
use tamis::purpose::RecordId;
use tamis::store::{
    Asked, ErasureRequest, PageRequest, Restricting, RewriteCause, RewriteRequest, TestFilter, Wanted,
    last_day_of_restriction,
};
use tamis::telemetry::metrics::Metrics;
use tamis::trail::{Action, Entry, Operator, Reason};
use tamis::workers::{SearchTools, Searcher};
use zeroizing_alloc::ZeroAlloc;

use support::home::{Home, NO_GRAPH};
use support::leads::reference;
use support::rooms::Rooms;
use support::spread::Spread;
use support::{machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// Bytes of a record of the plain ones: as many as a lead of tamis has sealed.
const RECORD_BYTES: usize = 300;
/// The exponent of YCSB's zipfian choice.
const ZIPF: f64 = 0.99;
/// Purposes, each with as many records.
const PURPOSES: usize = 25;

#[derive(Clone, Copy)]
enum Operation {
    ReadData(usize),
    ReadMetadataOfPurpose(usize),
    ReadMetadataOfPerson(usize),
    UpdateData(usize),
    UpdateMetadata(usize),
    Delete(usize),
    Insert(usize),
}

/// A role's operations, in percent, in the order of [`Operation`], and whether some records are asked for far more often.
struct Mix {
    role: &'static str,
    percent: [u32; 7],
    zipfian: bool,
}

/// As GDPRbench's files say (`gdpr_controller`, `gdpr_customer`, `gdpr_processor`).
const MIXES: [Mix; 3] = [
    Mix { role: "controller", percent: [0, 0, 0, 0, 50, 25, 25], zipfian: false },
    Mix { role: "customer", percent: [20, 10, 10, 20, 20, 20, 0], zipfian: true },
    Mix { role: "processor", percent: [20, 40, 40, 0, 0, 0, 0], zipfian: false },
];

/// The same choices in every run.
struct Dice(u64);

impl Dice {
    /// In [0, 1).
    fn throw(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Mix {
    /// What is asked for, so that each is there when it is asked for.
    fn operations(&self, records: usize, count: usize, seed: u64) -> Vec<Operation> {
        let mut dice = Dice(seed);
        let weights = (1..=records).scan(0.0, |sum, rank| {
            *sum += if self.zipfian { (rank as f64).powf(-ZIPF) } else { 1.0 };
            Some(*sum)
        });
        let weights: Vec<f64> = weights.collect();
        let mut living: Vec<usize> = (0..records).collect();
        let mut next = records;
        let mut asked = Vec::with_capacity(count);
        for _ in 0..count {
            let most = weights[living.len().min(records) - 1];
            let wanted = dice.throw() * most;
            let at = weights.partition_point(|sum| *sum <= wanted).min(living.len() - 1);
            let (mut left, one) = (dice.throw() * 100.0, living[at]);
            let which = self.percent.iter().position(|percent| {
                left -= f64::from(*percent);
                left < 0.0
            });
            asked.push(match which {
                Some(0) => Operation::ReadData(one),
                Some(1) => Operation::ReadMetadataOfPurpose(one % PURPOSES),
                Some(2) => Operation::ReadMetadataOfPerson(one),
                Some(3) => Operation::UpdateData(one),
                Some(4) => Operation::UpdateMetadata(one),
                Some(5) => {
                    living.remove(at);
                    Operation::Delete(one)
                }
                _ => {
                    living.push(next);
                    next += 1;
                    Operation::Insert(next - 1)
                }
            });
        }
        asked
    }
}

fn main() {
    let (records, operations, rounds) =
        (option("records", 10_000_usize), option("operations", 1_000_usize), option("rounds", 3_u64));
    machine::describe(&std::env::temp_dir());
    println!("{records} records, {operations} operations, {rounds} rounds in turn");
    println!(
        "\n| | tamis, µs each | with a line each | of that (aim 1.5) | plain sled | of that | disk, of plain (aim 2) |"
    );
    println!("|---|---|---|---|---|---|---|");
    for mix in &MIXES {
        let (mut ours, mut noted, mut bare) = (Spread::default(), Spread::default(), Spread::default());
        let (mut our_room, mut bare_room) = (Spread::default(), Spread::default());
        for round in 0..rounds {
            let asked = mix.operations(records, operations, round);
            let (time, room) = tamis(records, &asked);
            ours.push(time);
            our_room.push(room);
            let (time, room) = plain(records, &asked, true);
            noted.push(time);
            bare_room.push(room);
            bare.push(plain(records, &asked, false).0);
        }
        println!(
            "| {} | {ours} | {noted} | **{}** | {bare} | {} | {} |",
            mix.role,
            ours.over(&noted),
            ours.over(&bare),
            our_room.over(&bare_room)
        );
    }
    println!("\nload average after: {}", machine::load_average());
}

fn micros_each(begun: Instant, operations: usize) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / operations as f64
}

/// By tamis: the time of an operation, and the bytes on the disk at the end.
fn tamis(records: usize, asked: &[Operation]) -> (f64, f64) {
    let home = Home::new(NO_GRAPH);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let rooms = Rooms::open(home.path());
        rooms.fill(0..records).await;
        let asking = Asking {
            searcher: searcher(&rooms),
            first: look_up(&rooms, 0).await,
            page: records / PURPOSES,
            rooms: &rooms,
        };
        let begun = Instant::now();
        for operation in asked {
            asking.operate(*operation).await;
        }
        let time = micros_each(begun, asked.len());
        asking.searcher.end().await;
        rooms.store.close().await.expect("closes");
        (time, machine::disk_bytes(home.path()) as f64)
    })
}

/// By whom and why all of it is asked for.
fn because(action: Action) -> Entry {
    Entry::by(&Operator::recognised_by_kernel(0).because(Reason::PersonRequest), action)
}

/// Reads a record by its submission; which it is.
async fn look_up(rooms: &Rooms, number: usize) -> RecordId {
    let wanted = Wanted::Leadgen(reference(number).leadgen);
    let found = rooms.store.find(wanted, because(Action::FoundUnmasked)).await.expect("answered");
    let lead = found.first().and_then(|found| found.lead.as_ref()).expect("it is there");
    black_box(lead.held().count());
    lead.id().clone()
}

/// As the daemon starts it.
fn searcher(rooms: &Rooms) -> Searcher {
    let tools = SearchTools {
        kept: rooms.store.clone(),
        policy: Arc::new(Current::of(rooms.config.policy())),
        metrics: Arc::new(Metrics::new()),
        busy: Box::new(|| false),
    };
    Searcher::start(tools, |work| std::thread::Builder::new().spawn(work)).expect("a thread")
}

/// Tamis as it is asked.
struct Asking<'a> {
    rooms: &'a Rooms,
    searcher: Searcher,
    /// They were stored in their order, in one purpose.
    first: RecordId,
    /// Records that count as one purpose.
    page: usize,
}

impl Asking<'_> {
    fn id(&self, number: usize) -> RecordId {
        RecordId { number: self.first.number + number as u64, ..self.first.clone() }
    }

    /// The records of a purpose that still are: as many as lie between two numbers.
    async fn page_of(&self, purpose: usize) {
        let request = PageRequest {
            purpose: self.first.purpose.clone(),
            after: (purpose > 0).then(|| self.id(purpose * self.page - 1)),
            limit: self.page,
            test: TestFilter::Include,
            today: Day::of(self.rooms.clock.now()),
            incomplete: false,
            evidence: false,
            may_leave: None,
        };
        let page = self.rooms.store.open_page(request, because(Action::Exported)).await.expect("answered");
        let read = tokio::task::spawn_blocking(move || {
            page.records.fold(0_usize, |count, record| {
                black_box(record.ok().expect("it opens"));
                count + 1
            })
        });
        assert!(read.await.expect("no panic") > 0, "some are left");
    }

    /// Whose address it is.
    async fn person(&self, number: usize) {
        let address = format!("amelie.durand{number}@example.org");
        let sought = Sought::email(&address).expect("an address");
        let matches =
            self.searcher.look(sought, None, because(Action::FoundUnmasked)).await.expect("answered");
        let records: Vec<_> = matches.first.into_iter().map(|found| found.record).collect();
        let found = self.rooms.store.find_records(records, because(Action::FoundUnmasked)).await;
        black_box(found.expect("answered").len());
    }

    async fn operate(&self, operation: Operation) {
        let (rooms, store) = (self.rooms, &self.rooms.store);
        let id = |number: usize| self.id(number);
        match operation {
            Operation::ReadData(number) => {
                black_box(look_up(rooms, number).await);
            }
            Operation::ReadMetadataOfPurpose(purpose) => self.page_of(purpose).await,
            Operation::ReadMetadataOfPerson(number) => self.person(number).await,
            Operation::UpdateData(number) => {
                // Each value is another than the one before.
                let value = format!("jeanne.martin{}@example.org", rooms.keyring.generation());
                let fields = vec![("email".to_owned(), vec![value.into()])];
                let revision = correction(&rooms.purpose, fields).ok().expect("a correction");
                let request =
                    RewriteRequest { records: vec![(id(number), revision)], cause: RewriteCause::Person };
                let done = store.rewrite(request, because(Action::Corrected)).await.expect("answered");
                assert!(done.keys_destroyed, "the old value is nowhere");
            }
            Operation::UpdateMetadata(number) => {
                if store.restriction(&id(number)).is_some() {
                    let lifted = store.lift_restriction(id(number), because(Action::RestrictionLifted)).await;
                    assert!(lifted.expect("answered"), "it stood");
                } else {
                    let until = last_day_of_restriction(rooms.clock.now());
                    let stands = store.restrict(id(number), until, because(Action::Restricted)).await;
                    assert!(matches!(stands.expect("answered"), Restricting::Restricted(_)), "it stands");
                }
            }
            Operation::Delete(number) => {
                let what = vec![Wanted::Leadgen(reference(number).leadgen)];
                let request = ErasureRequest { what, ..ErasureRequest::default() };
                let asked = store.erase(request, because(Action::ErasureAsked)).await.expect("answered");
                assert!(
                    matches!(asked, Asked::Erasure(erasure) if erasure.extent.total() == 1),
                    "it is gone"
                );
            }
            Operation::Insert(number) => rooms.fill(number..number + 1).await,
        }
    }
}

/// By sled: the time of an operation, and the bytes on the disk at the end.
fn plain(records: usize, asked: &[Operation], noted: bool) -> (f64, f64) {
    let below = option("directory", std::env::temp_dir());
    let place = tempfile::Builder::new().prefix("tamis-bench").tempdir_in(below).expect("a directory");
    let plain = Plain::new(place.path(), records);
    let begun = Instant::now();
    for (at, operation) in asked.iter().enumerate() {
        let changed = plain.operate(*operation);
        if noted {
            let line =
                format!(r#"{{"seq":{at},"time":"2026-11-30T10:00:00Z","actor":"local:0","action":"read"}}"#);
            plain.lines.insert((at as u64).to_be_bytes(), line.as_bytes()).expect("room");
        }
        if noted || changed {
            plain.sync();
        }
    }
    let time = micros_each(begun, asked.len());
    drop(plain);
    (time, machine::disk_bytes(place.path()) as f64)
}

/// For which purpose, of whom, and what may change.
fn metadata(number: usize, changing: u8) -> Vec<u8> {
    let mut row = vec![changing; 32];
    row[0] = (number % PURPOSES) as u8;
    row[8..16].copy_from_slice(&(number as u64).to_be_bytes());
    row
}

struct Plain {
    database: sled::Db,
    /// What `flush` leaves to the system's cache of the disk is synced as tamis does it.
    file: File,
    records: sled::Tree,
    metadata: sled::Tree,
    lines: sled::Tree,
}

impl Plain {
    fn new(directory: &Path, records: usize) -> Self {
        let database = sled::open(directory).expect("a database");
        let tree = |name: &str| database.open_tree(name).expect("a tree");
        let (records_tree, metadata, lines) = (tree("records"), tree("metadata"), tree("lines"));
        let file = File::open(directory.join("db")).expect("sled's file");
        let plain = Self { records: records_tree, metadata, lines, database, file };
        for number in 0..records {
            plain.operate(Operation::Insert(number));
        }
        plain.sync();
        plain
    }

    fn sync(&self) {
        self.database.flush().expect("a sync");
        self.file.sync_data().expect("a sync");
    }

    /// How many records there are of which that is so.
    fn holding(&self, is: impl Fn(&[u8]) -> bool) -> usize {
        let found = self.metadata.iter().values().filter(|row| is(row.as_ref().expect("reads")));
        found.filter(|row| black_box(row.is_ok())).count()
    }

    /// Whether something was changed.
    fn operate(&self, operation: Operation) -> bool {
        let key = |number: usize| (number as u64).to_be_bytes();
        match operation {
            Operation::ReadData(number) => {
                black_box(self.records.get(key(number)).expect("reads").expect("it is there"));
                false
            }
            Operation::ReadMetadataOfPurpose(purpose) => {
                assert!(self.holding(|row| row[0] as usize == purpose) > 0, "some are left");
                false
            }
            Operation::ReadMetadataOfPerson(number) => {
                assert_eq!(self.holding(|row| row[8..16] == key(number)), 1, "it is there");
                false
            }
            Operation::UpdateData(number) => {
                self.records.insert(key(number), vec![8; RECORD_BYTES]).expect("room").is_some()
            }
            Operation::UpdateMetadata(number) => {
                self.metadata.insert(key(number), metadata(number, 8)).expect("room").is_some()
            }
            Operation::Delete(number) => {
                self.metadata.remove(key(number)).expect("removes");
                self.records.remove(key(number)).expect("removes").is_some()
            }
            Operation::Insert(number) => {
                self.metadata.insert(key(number), metadata(number, 7)).expect("room");
                self.records.insert(key(number), vec![7; RECORD_BYTES]).expect("room").is_none()
            }
        }
    }
}
