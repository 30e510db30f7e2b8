//! A process of its own that settles, corrects, erases, and ends what has had its time, and says before and after each what it does: this test binary once more,
//! with one ignored test of its own. It is killed, or watched by a layer that writes down what it does to its files.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tamis::purpose::RecordId;
use tamis::store::{ErasureRequest, SeenState, Settled, Wanted};
use tamis::trail::Action;

use super::house::{House, by_leadgen, by_officer, first_page, kind_of, purpose, request};
use super::ledger::{Ledger, SAYS};
use crate::dice::Dice;

/// Beside the home, in the working directory of the process.
const ORDER: &str = "order";
/// An order to start and end.
const LOOK: &str = "look";
/// Of an order: what is done is done once, and then ends.
const ONCE: &str = "once";
/// The same, one thing after the other, with a pause after each erasure.
const IN_TURN: &str = "in-turn";
/// It erases beside an export that is read no further.
const READING: &str = "reading";
const PAUSE: Duration = Duration::from_millis(50);
/// How long a line of it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a home, and what is said in its lives.
pub struct Place {
    pub directory: tempfile::TempDir,
}

/// A running life.
pub struct Life {
    child: Child,
    heard: mpsc::Receiver<String>,
    reader: JoinHandle<Vec<String>>,
}

impl Place {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// A life that goes on from what is known, until it is killed; `once`: with a beginning and an end.
    pub fn begin(&self, ledger: &Ledger, seed: u64, once: bool, environment: &[(&str, &Path)]) -> Life {
        self.run(&order(ledger, seed, if once { ONCE } else { "on" }), &[], environment)
    }

    /// A life that does one thing after the other, behind a wrapper that watches it.
    pub fn in_turn(&self, ledger: &Ledger, seed: u64, wrapper: &[&str]) -> Life {
        self.run(&order(ledger, seed, IN_TURN), wrapper, &[])
    }

    /// A life that erases beside an export that it began and reads no further; then it rests.
    pub fn begin_reading(&self, ledger: &Ledger, seed: u64) -> Life {
        self.run(&order(ledger, seed, READING), &[], &[])
    }

    /// A life that starts and ends.
    pub fn look(&self, environment: &[(&str, &Path)]) -> Life {
        self.run(LOOK, &[], environment)
    }

    fn run(&self, order: &str, wrapper: &[&str], environment: &[(&str, &Path)]) -> Life {
        fs::write(self.directory.path().join(ORDER), order).expect("written");
        // A socket: what leaves by it is taken for an answer.
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let own = std::env::current_exe().expect("known");
        let mut command = Command::new(wrapper.first().map_or(own.as_os_str(), |program| program.as_ref()));
        if let Some((_, arguments)) = wrapper.split_first() {
            command.args(arguments).arg(&own);
        }
        command
            .args(["--exact", "erasing::life::settles_and_erases", "--ignored", "--nocapture"])
            .current_dir(self.directory.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::null());
        let child = command.spawn().expect("started");
        // With the command the last of their ends that this process holds.
        drop(command);
        let (said, heard) = mpsc::channel();
        let reading = std::thread::Builder::new().name("lines".to_owned()).spawn(move || {
            let lines = BufReader::new(ours).lines().map_while(Result::ok);
            let lines = lines.filter(|line| line.starts_with(SAYS));
            // The end of whoever listens is no end of what is read.
            lines.inspect(|line| said.send(line.clone()).unwrap_or(())).collect()
        });
        Life { child, heard, reader: reading.expect("a thread") }
    }
}

/// From where a life goes on, on which day, and how; then the people.
fn order(ledger: &Ledger, seed: u64, mode: &str) -> String {
    let shown = |(person, records): (u64, &[RecordId])| {
        records.iter().fold(person.to_string(), |shown, id| format!("{shown},{id}"))
    };
    let people: Vec<String> = ledger.untouched().into_iter().map(shown).collect();
    let (person, asked, edition) = (ledger.next_person(), ledger.next_request(), ledger.next_edition());
    let first = format!("{person} {asked} {edition} {} {seed} {mode}", ledger.day());
    format!("{first}\n{}", people.join(" "))
}

impl Life {
    /// Waits for so many lines.
    pub fn hear(&self, lines: usize) {
        for _ in 0..lines {
            self.heard.recv_timeout(PATIENCE).expect("it goes on");
        }
    }

    /// Waits for a line with this verb; all lines before it.
    pub fn until(&self, verb: &str) -> Vec<String> {
        let lines = || self.heard.recv_timeout(PATIENCE).expect("it goes on");
        std::iter::repeat_with(lines)
            .take_while(|line| !line.starts_with(&format!("{SAYS}{verb} ")))
            .collect()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`; all that was said.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
        self.reader.join().expect("read")
    }

    /// Waits for its end; all that was said.
    pub fn end(mut self) -> Vec<String> {
        let ended = self.child.wait().expect("gone");
        assert!(ended.success(), "it did not end well");
        self.reader.join().expect("read")
    }
}

/// One line at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{SAYS}{line}\n").as_bytes()).and_then(|()| out.flush()).expect("somebody listens");
}

/// Only in the process that another test starts: alone it has no order, and fails.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "other tests start it"]
async fn settles_and_erases() {
    let order = fs::read_to_string(ORDER).expect("an order from another test");
    let here = std::env::current_dir().expect("known").join("home");
    // The test's harness says which test it runs, without an end of its line.
    std::io::stdout().write_all(b"\n").expect("somebody listens");
    if order == LOOK {
        let house = House::new(&here).await;
        return house.close().await;
    }
    let (first, people) = order.split_once('\n').expect("two lines");
    let words: Vec<&str> = first.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    let (person, asked, edition, seed, mode) = (number(0), number(1), number(2), number(4), words[5]);
    let day = words[3].parse().expect("a day");
    let house = House::open_on(&here, day).await.unwrap_or_else(|refusal| panic!("{refusal}"));
    let once = mode != "on";
    let living: Living = Mutex::new(people.split(' ').filter_map(Person::read).collect());
    if mode == READING {
        let mut page =
            house.store.open_page(first_page("devis"), by_officer(Action::Exported)).await.expect("a page");
        let begun: Vec<_> = page.records.by_ref().take(3).collect();
        assert!(begun.iter().all(Result::is_ok), "it reads");
        drop(begun);
        house.expire().await;
        say(&format!("swept {day}"));
        correct(&house, edition, Dice::new(seed + 1), true, &living).await;
        erase(&house, asked, Dice::new(seed), Some(Duration::ZERO), &living).await;
        say("rests now");
        std::future::pending::<()>().await;
        drop(page);
    }
    let settling = settle(&house, person, Dice::new(seed), once, &living);
    let pause = if mode == IN_TURN { PAUSE } else { Duration::ZERO };
    let erasing = erase(&house, asked, Dice::new(seed + 1), once.then_some(pause), &living);
    let sweeping = sweep(&house, day, Dice::new(seed + 2));
    if mode == IN_TURN {
        settling.await;
        sweeping.await;
        erasing.await;
    } else {
        let correcting = correct(&house, edition, Dice::new(seed + 3), once, &living);
        tokio::join!(settling, sweeping, correcting, erasing);
    }
    house.close().await;
}

/// Who may be asked to go.
struct Person {
    number: u64,
    /// As whom they are asked to go; none: by Meta's number.
    by: Option<Wanted>,
    records: Vec<RecordId>,
}

impl Person {
    /// What [`order`] wrote.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(',');
        let number = words.next()?.parse().ok()?;
        let records = words.map(|id| RecordId::parse(id).expect("an id")).collect();
        Some(Self { number, by: None, records })
    }
}

type Living = Mutex<VecDeque<Person>>;

/// What has had its time ends, once, a moment after the start.
async fn sweep(house: &House, day: u32, mut dice: Dice) {
    tokio::time::sleep(Duration::from_micros(dice.below(15_000) as u64)).await;
    say(&format!("asked-sweep {day}"));
    house.expire().await;
    say(&format!("swept {day}"));
}

/// Corrects one record after another of those who are there.
async fn correct(house: &House, first: u64, mut dice: Dice, once: bool, living: &Living) {
    let mut edition = first;
    while !once || edition < first + 4 {
        let picked = {
            let living = living.lock().expect("no panic");
            let nth = dice.below(living.len());
            let person = living.get(nth).filter(|person| !person.records.is_empty());
            person.map(|person| (person.number, person.records[dice.below(person.records.len())].clone()))
        };
        // As often as somebody is erased, or less.
        tokio::time::sleep(Duration::from_micros(1_000 + dice.below(6_000) as u64)).await;
        let Some((person, record)) = picked else {
            // There may be nobody left, and nobody who comes.
            if once && living.lock().expect("no panic").is_empty() {
                return;
            }
            continue;
        };
        say(&format!("asked-correction {edition} {record}"));
        let verb = if house.correct(&record, person, edition).await { "corrected" } else { "uncorrected" };
        say(&format!("{verb} {edition}"));
        edition += 1;
    }
}

async fn settle(house: &House, first: u64, mut dice: Dice, once: bool, living: &Living) {
    let mut next = first;
    loop {
        let people: Vec<u64> = (next..next + 1 + dice.below(6) as u64).collect();
        next = people.last().expect("one") + 1;
        say(&format!("sent {}", joined(&people)));
        let settled = house.take(people.iter().copied()).await;
        for (person, settled) in people.iter().zip(settled) {
            let records: Vec<RecordId> = match &settled {
                Settled::Sieved(fates) => fates
                    .iter()
                    .filter_map(|fate| match &fate.state {
                        SeenState::Stored(id) => Some(id.clone()),
                        _ => None,
                    })
                    .collect(),
                Settled::Parked(_) => Vec::new(),
                Settled::Known => panic!("{person} is known: {:?}", kind_of(*person)),
            };
            let ids = records.iter().map(|id| format!(" {id}")).collect::<String>();
            say(&format!("settled {person}{ids}"));
            let by = records.first().filter(|_| person % 3 == 0).cloned().map(Wanted::Record);
            living.lock().expect("no panic").push_back(Person { number: *person, by, records });
        }
        if once && next > first + 8 {
            return;
        }
    }
}

/// `pauses`: of a life with an end, how long it waits after each.
async fn erase(house: &House, first: u64, mut dice: Dice, pauses: Option<Duration>, living: &Living) {
    let mut asked = first;
    loop {
        let mut people = Vec::new();
        {
            let mut living = living.lock().expect("no panic");
            let many = dice.of(&[1, 1, 1, 2, 5]).min(living.len());
            for _ in 0..many {
                let at = dice.below(living.len());
                people.extend(living.remove(at));
            }
        }
        if people.is_empty() {
            if pauses.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let narrowed = dice.below(5) == 0;
        let numbers: Vec<u64> = people.iter().map(|person| person.number).collect();
        let verb = if narrowed { "asked-letter" } else { "asked" };
        say(&format!("{verb} {asked} {}", joined(&numbers)));
        let wanted = |person: Person| person.by.unwrap_or_else(|| by_leadgen(person.number));
        let what = people.into_iter().map(wanted).collect();
        let purposes = if narrowed { vec![purpose("lettre")] } else { Vec::new() };
        house.erase(ErasureRequest { purposes, ..request(what) }).await;
        say(&format!("erased {asked}"));
        asked += 1;
        if let Some(pause) = pauses {
            tokio::time::sleep(pause).await;
            if asked > first + 5 {
                return;
            }
        }
    }
}

fn joined(numbers: &[u64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
