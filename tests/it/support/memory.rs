//! How much memory a process takes, as the kernel counts it, and what lies in it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::disk::Needles;

/// A process and what it had when it was first looked at.
pub struct Memory {
    pid: u32,
    before_bytes: u64,
}

impl Memory {
    pub fn of(pid: u32) -> Self {
        Self { pid, before_bytes: status_bytes(pid, "VmRSS:") }
    }

    /// How far the most it ever had is above what it had at first.
    pub fn grown_bytes(&self) -> u64 {
        status_bytes(self.pid, "VmHWM:").saturating_sub(self.before_bytes)
    }
}

fn status_bytes(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("memory");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1_024
}

/// How often memory is looked at until something has left it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// A region may be given back between two calls to the kernel: so often all of it is looked at anew.
const LOOKS_MAX: usize = 5;

/// Panics if one of these still lies in what a process may write to after so long. `kept` does, so that it is known to have been
/// looked at. What it may not write to does not change: a test looks there once, by [`holds_none`].
pub async fn lets_go_of(pid: u32, needles: &Needles, kept: &str, within: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < within && changing(pid, needles).is_some_and(|found| !found.is_empty()) {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    holds_none_in(pid, Which::Writable, needles, kept);
}

/// Panics if one of these lies in the memory of a process. `kept` does, so that it is known to have been looked at.
pub fn holds_none(pid: u32, needles: &Needles, kept: &str) {
    holds_none_in(pid, Which::All, needles, kept);
}

fn holds_none_in(pid: u32, which: Which, needles: &Needles, kept: &str) {
    let control = Needles::of([kept]);
    let mut seen = false;
    let found = search(pid, which, &mut |region, bytes| {
        seen |= !control.within(bytes).is_empty();
        found(needles, region, bytes)
    });
    let Some(found) = found else { return skipped() };
    assert!(found.is_empty(), "in memory: {found:#?}");
    assert!(seen, "not even what is kept is found, so nothing is proved");
}

/// Which of these lie in the memory of a process, and where; none: it cannot be read here.
pub fn look(pid: u32, needles: &Needles) -> Option<Vec<String>> {
    search(pid, Which::All, &mut |region, bytes| found(needles, region, bytes))
}

/// The same of what the process may write to: all that changes.
pub fn changing(pid: u32, needles: &Needles) -> Option<Vec<String>> {
    search(pid, Which::Writable, &mut |region, bytes| found(needles, region, bytes))
}

/// The memory of another process cannot be read here. In CI it can.
pub fn skipped() {
    #[expect(clippy::disallowed_methods, reason = "a test's own environment: in CI nothing is passed over")]
    let is_in_ci = std::env::var_os("CI").is_some();
    assert!(!is_in_ci, "CI reads the memory of another process");
    println!("skipped: the memory of another process cannot be read here");
}

fn found(needles: &Needles, region: &str, bytes: &[u8]) -> Vec<String> {
    needles.within(bytes).into_iter().map(|found| format!("{found} in {region}")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Writable,
}

/// What a look at each region of a process gives that can be read. The others are counted and told: the process itself may not
/// read its guard pages, and the kernel keeps a few of its own to itself. What it may write to can be read.
fn search(pid: u32, which: Which, act: &mut impl FnMut(&str, &[u8]) -> Vec<String>) -> Option<Vec<String>> {
    let memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    for _ in 0..LOOKS_MAX {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let (mut all, mut closed, mut withheld, mut lost) = (Vec::new(), 0, Vec::new(), Vec::new());
        let mut bytes = Vec::new();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            let is_writable = rights.as_bytes().get(1) == Some(&b'w');
            if !rights.starts_with('r') {
                closed += 1;
                continue;
            }
            if which == Which::Writable && !is_writable {
                continue;
            }
            let (from, to) = range.split_once('-')?;
            let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
            bytes.resize(usize::try_from(to - from).ok()?, 0);
            match memory.read_exact_at(&mut bytes, from) {
                Ok(()) => all.extend(act(line, &bytes)),
                Err(_) if is_writable => lost.push(line.to_owned()),
                Err(_) => withheld.push(words.last().unwrap_or("nameless").to_owned()),
            }
        }
        if !maps.is_empty() && lost.is_empty() {
            if which == Which::All {
                println!("memory of {pid}: {closed} regions may not be read, not read as well: {withheld:?}");
            }
            return Some(all);
        }
        if maps.is_empty() {
            return None;
        }
    }
    panic!("what the process writes to cannot be read: its regions change faster than they are looked at");
}
