//! How much memory a process takes, as the kernel counts it.

use std::fs;

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
