//! A process of its own that settles and erases, and says before and after each what it does: this test binary once more,
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

/// From where a life goes on, and how.
fn order(ledger: &Ledger, seed: u64, mode: &str) -> String {
    let people: Vec<String> = ledger.untouched().iter().map(ToString::to_string).collect();
    let first = format!("{} {} {seed} {mode}", ledger.next_person(), ledger.next_request());
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
    let house = House::open(&here).await.unwrap_or_else(|refusal| panic!("{refusal}"));
    if order == LOOK {
        return house.close().await;
    }
    let (first, people) = order.split_once('\n').expect("two lines");
    let words: Vec<&str> = first.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number");
    let (person, asked, seed, mode) = (number(0), number(1), number(2), words[3]);
    let once = mode != "on";
    let people = people.split(' ').filter_map(|digits| digits.parse().ok());
    let living: Mutex<VecDeque<(u64, Option<Wanted>)>> =
        Mutex::new(people.map(|person| (person, None)).collect());
    if mode == READING {
        let mut page =
            house.store.open_page(first_page("devis"), by_officer(Action::Exported)).await.expect("a page");
        let begun: Vec<_> = page.records.by_ref().take(3).collect();
        assert!(begun.iter().all(Result::is_ok), "it reads");
        drop(begun);
        erase(&house, asked, Dice::new(seed), Some(Duration::ZERO), &living).await;
        say("rests now");
        std::future::pending::<()>().await;
        drop(page);
    }
    let settling = settle(&house, person, Dice::new(seed), once, &living);
    let pause = if mode == IN_TURN { PAUSE } else { Duration::ZERO };
    let erasing = erase(&house, asked, Dice::new(seed + 1), once.then_some(pause), &living);
    if mode == IN_TURN {
        settling.await;
        erasing.await;
    } else {
        tokio::join!(settling, erasing);
    }
    house.close().await;
}

type Living = Mutex<VecDeque<(u64, Option<Wanted>)>>;

async fn settle(house: &House, first: u64, mut dice: Dice, once: bool, living: &Living) {
    let mut next = first;
    loop {
        let people: Vec<u64> = (next..next + 1 + dice.below(6) as u64).collect();
        next = people.last().expect("one") + 1;
        say(&format!("sent {}", joined(&people)));
        let settled = house.take(people.iter().copied()).await;
        for (person, settled) in people.iter().zip(settled) {
            let records = match &settled {
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
            living.lock().expect("no panic").push_back((*person, by));
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
        let numbers: Vec<u64> = people.iter().map(|(person, _)| *person).collect();
        let verb = if narrowed { "asked-letter" } else { "asked" };
        say(&format!("{verb} {asked} {}", joined(&numbers)));
        let what = people.into_iter().map(|(person, by)| by.unwrap_or_else(|| by_leadgen(person))).collect();
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
