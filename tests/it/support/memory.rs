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

/// Panics if one of these still lies in the memory of a process after so long. `kept` does, so that it is known to have been
/// looked at.
pub async fn lets_go_of(pid: u32, needles: &Needles, kept: &str, within: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < within && regions(pid).is_some_and(|memory| !found(&memory, needles).is_empty()) {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    holds_none(pid, needles, kept);
}

/// Panics if one of these lies in the memory of a process. `kept` does, so that it is known to have been looked at.
pub fn holds_none(pid: u32, needles: &Needles, kept: &str) {
    let Some(memory) = regions(pid) else {
        println!("skipped: the memory of another process cannot be read here");
        return;
    };
    let found = found(&memory, needles);
    assert!(found.is_empty(), "in memory: {found:#?}");
    let control = Needles::of([kept]);
    let seen = memory.iter().any(|(_, bytes)| !control.within(bytes).is_empty());
    assert!(seen, "not even what is kept is found, so nothing is proved");
}

/// Which of these lie in the memory of a process, and where; none: it cannot be read here.
pub fn look(pid: u32, needles: &Needles) -> Option<Vec<String>> {
    regions(pid).map(|memory| found(&memory, needles))
}

fn found(memory: &[(String, Vec<u8>)], needles: &Needles) -> Vec<String> {
    let within = |(region, bytes): &(String, Vec<u8>)| {
        needles.within(bytes).into_iter().map(|found| format!("{found} in {region}")).collect::<Vec<_>>()
    };
    memory.iter().flat_map(within).collect()
}

/// The writable regions of a process.
fn regions(pid: u32) -> Option<Vec<(String, Vec<u8>)>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let regions = maps.lines().filter(|line| line.contains(" rw"));
    let read = |line: &str| {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        memory.read_exact_at(&mut bytes, from).ok()?;
        Some((line.to_owned(), bytes))
    };
    let regions: Vec<(String, Vec<u8>)> = regions.filter_map(read).collect();
    (!regions.is_empty()).then_some(regions)
}
