use std::io::{BufRead, BufReader, PipeReader, PipeWriter};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::*;
use crate::clock::SystemClock;
use crate::telemetry::stream::LogStream;

const ROOM: LogRoom = LogRoom { lines: 1_000, bytes: 1 << 20, error_lines: 50, error_bytes: 1 << 16 };
/// How long a thing may take that takes no time.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(outlets: Vec<(LogPlace, Box<dyn LogOutlet>)>) -> Arc<Log> {
    let clock = Arc::new(SystemClock);
    Log::start(Format::Pretty, clock, LogCounts::default(), ROOM, outlets).expect("threads")
}

fn into_a_pipe() -> (Arc<Log>, PipeReader) {
    let (reader, writer): (PipeReader, PipeWriter) = std::io::pipe().expect("a pipe");
    (start(vec![(LogPlace::Stderr, Box::new(LogStream::of(writer)))]), reader)
}

fn say(log: &Log, number: usize) {
    log.say(Level::INFO, SystemClock.now(), &format!("line {number:06} {}\n", "x".repeat(80)));
}

/// Remembers what is written, where it may write.
#[derive(Clone, Default)]
struct Disk(Arc<(AtomicBool, Mutex<String>)>);

impl LogOutlet for Disk {
    fn write(&mut self, lines: &[(Timestamp, &str)]) -> Result<(), NotWritten> {
        if self.0.0.load(Ordering::SeqCst) {
            return Err(NotWritten { from: 0, kind: ErrorKind::StorageFull });
        }
        self.0.1.lock().extend(lines.iter().map(|(_, line)| *line));
        Ok(())
    }
}

impl Disk {
    fn set_full(&self, full: bool) {
        self.0.0.store(full, Ordering::SeqCst);
    }

    fn text(&self) -> String {
        self.0.1.lock().clone()
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn at_an_orderly_end_every_line_is_there_in_its_order() {
    let (log, reader) = into_a_pipe();
    let reading =
        Builder::new().spawn(move || BufReader::new(reader).lines().map_while(Result::ok).collect());
    (0..900).for_each(|number| say(&log, number));
    assert!(log.close(PATIENCE));
    drop(log);
    let lines: Vec<String> = reading.expect("a thread").join().expect("no panic");
    let numbers: Vec<usize> = lines.iter().filter_map(|line| line.get(5..11)?.parse().ok()).collect();
    assert!(numbers.iter().copied().eq(0..900), "{} lines", lines.len());
}

#[test]
fn a_pipe_that_nobody_reads_costs_lines_and_no_time_and_the_end_has_an_end() {
    let (log, reader) = into_a_pipe();
    let begun = Instant::now();
    (0..50_000).for_each(|number| say(&log, number));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?} for lines that nobody reads", begun.elapsed());
    assert!(log.counts().lines_lost(LogPlace::Stderr) > 45_000);
    let begun = Instant::now();
    assert!(!log.close(Duration::from_millis(100)), "what nobody reads was written");
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(reader);
}

#[test]
fn once_it_is_read_again_the_gap_is_told_where_it_is() {
    let (log, reader) = into_a_pipe();
    let before = SystemClock.now();
    (0..5_000).for_each(|number| say(&log, number));
    let lost = log.counts().lines_lost(LogPlace::Stderr);
    assert!(lost > 3_000, "{lost}");
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    // Nothing more is said: the thread tells by itself. There may be several gaps, since a pipe takes some before it is
    // full.
    let (mut heard, mut told) = (Vec::new(), 0);
    let mut hear = |line: String| {
        if !line.contains(" log.lines-lost log.place=stderr ") {
            heard.push(line);
            return 0;
        }
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(&format!("{name}=")));
        let since: Timestamp = field("lost.since").expect("a moment").parse().expect("a moment");
        assert!(since.as_second() >= before.as_second() && since <= SystemClock.now(), "{line}");
        field("lines.lost").expect("a number").parse::<u64>().expect("a number")
    };
    while told < lost {
        told += hear(lines.next().expect("the pipe is open"));
    }
    assert_eq!(told, lost);
    // Behind the last gap there may be lines, and on it goes.
    say(&log, 5_000);
    for line in lines.by_ref() {
        let is_last = line.starts_with("line 005000");
        assert_eq!(hear(line), 0, "a gap that is none");
        if is_last {
            break;
        }
    }
    assert_eq!(heard.len() as u64 + lost, 5_001, "each line is there or lost");
    assert!(heard.is_sorted());
    assert_eq!(log.counts().lines_lost(LogPlace::Stderr), lost);
}

#[test]
fn a_reader_that_has_gone_costs_lines_and_no_panic() {
    let (log, reader) = into_a_pipe();
    drop(reader);
    (0..10).for_each(|number| say(&log, number));
    assert!(log.close(PATIENCE), "nothing is left to be written");
    assert_eq!(log.counts().lines_lost(LogPlace::Stderr), 10);
}

#[test]
fn a_place_that_fails_or_stalls_is_told_in_the_other_one_and_does_not_stop_it() {
    let (disk, (reader, writer)) = (Disk::default(), std::io::pipe().expect("a pipe"));
    let stderr: Box<dyn LogOutlet> = Box::new(LogStream::of(writer));
    let log = start(vec![(LogPlace::Stderr, stderr), (LogPlace::File, Box::new(disk.clone()))]);
    disk.set_full(true);
    say(&log, 0);
    until("the line is lost", || log.counts().lines_lost(LogPlace::File) == 1);
    say(&log, 1);
    until("another one", || log.counts().lines_lost(LogPlace::File) == 2);
    disk.set_full(false);
    say(&log, 2);
    until("the file goes on", || {
        disk.text().contains("log.lines-lost log.place=file lines.lost=2 lost.since=")
    });
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let heard: Vec<String> = lines.by_ref().take(5).collect();
    let told = |name: &str| heard.iter().filter(|line| line.contains(name)).count();
    assert_eq!((told("line 00000"), told("log.file-unwritable io.kind=StorageFull")), (3, 1), "{heard:?}");
    assert_eq!(told("log.lines-lost log.place=file lines.lost=2"), 1, "{heard:?}");

    // Now nobody reads the pipe any more: the file has every line, in small helpings that its thread can follow.
    for number in 3..4_003 {
        say(&log, number);
        if number % 500 == 0 {
            until("the file follows", || disk.text().contains(&format!("line {number:06}")));
        }
    }
    until("the file has it all", || disk.text().contains("line 004002"));
    assert_eq!(log.counts().lines_lost(LogPlace::File), 2);
    assert!(log.counts().lines_lost(LogPlace::Stderr) > 0, "the pipe was large");
    assert!(!log.close(Duration::from_millis(50)));
}
