//! On what it ran: printed with every result, since absolute figures are of one machine and one day.

use std::fs;
use std::path::Path;

/// Prints processor, kernel, file system, build and load.
pub fn describe(directory: &Path) {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(": ").nth(1)).unwrap_or("?").to_owned()
    };
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!(
        "machine: {} x {cores}; Linux {}; {}",
        field("model name"),
        kernel.trim(),
        file_system(directory)
    );
    println!("build: release, thin LTO, target-cpu default; load average before: {}", load_average());
}

/// The load average of the last minute, five, fifteen.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn file_system(directory: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let path = fs::canonicalize(directory).unwrap_or_default();
    let of = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (device, on, kind) = (words.next()?, words.next()?, words.next()?);
        path.starts_with(on).then(|| (on.len(), format!("{kind} on {device}")))
    });
    of.max().map(|(_, text)| text).unwrap_or_default()
}

/// A value of `/proc/PID/status` in kB.
pub fn status_kb(pid: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// User and system time of a process so far, in seconds.
pub fn cpu_seconds(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks =
        |at: usize| after.split_whitespace().nth(at).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Bytes of all files below a directory, as they are allocated on the disk.
pub fn disk_bytes(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
        Ok(data) => data.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}
