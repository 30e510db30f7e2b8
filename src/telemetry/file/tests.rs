use std::cell::RefCell;
use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::clock::{Clock, ManualClock};

const HOUR_MS: i64 = 3_600_000;

struct World {
    directory: tempfile::TempDir,
    clock: ManualClock,
    confirmed: ConfirmedDay,
    file: RefCell<LogFile>,
}

/// Later than any file that a test makes, so that file times of the real clock are of earlier days.
fn noon() -> Timestamp {
    "2096-11-25T12:00:00Z".parse().expect("a time")
}

impl World {
    fn new(retention_days: u32) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let confirmed = ConfirmedDay::default();
        confirmed.tell(Day::of(noon()));
        let file = LogFile::at(&directory.path().join("logs/tamis.log"), retention_days, confirmed.clone());
        Self { directory, clock: ManualClock::new(noon()), confirmed, file: RefCell::new(file) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("logs").join(name)
    }

    /// True: it was written.
    fn say(&self, line: &str) -> bool {
        self.file.borrow_mut().write(&[(self.clock.now(), line)]).is_ok()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|_| panic!("no {name}: {:?}", self.names()))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("logs")).expect("a directory");
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A file as a run on this day left it.
    fn leave(&self, name: &str, text: &str, moment: Timestamp) {
        fs::create_dir_all(self.directory.path().join("logs")).expect("a directory");
        fs::write(self.path(name), text).expect("a file");
        let since = Duration::from_secs(u64::try_from(moment.as_second()).expect("after 1970"));
        let file = File::options().write(true).open(self.path(name)).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + since).expect("a time");
    }
}

#[test]
fn a_day_s_lines_get_its_name_at_midnight_in_utc() {
    let world = World::new(180);
    world.say("a\n");
    world.clock.advance_ms(12 * HOUR_MS - 1);
    world.say("b\n");
    assert_eq!(world.names(), ["tamis.log"]);
    world.clock.advance_ms(1);
    world.say("c\n");
    assert_eq!(world.names(), ["tamis-2096-11-25.log", "tamis.log"]);
    assert_eq!(
        (world.read("tamis-2096-11-25.log"), world.read("tamis.log")),
        ("a\nb\n".into(), "c\n".into())
    );
}

#[test]
fn the_files_are_their_owner_s_alone_and_one_that_was_there_is_made_so() {
    let world = World::new(180);
    world.leave("tamis.log", "a\n", noon());
    fs::set_permissions(world.path("tamis.log"), Permissions::from_mode(0o644)).expect("a mode");
    world.say("b\n");
    let mode = |name| fs::metadata(world.path(name)).expect("a file").mode() & 0o777;
    assert_eq!((mode("tamis.log"), world.read("tamis.log")), (0o600, "a\nb\n".to_owned()));
    world.clock.advance_ms(24 * HOUR_MS);
    world.say("c\n");
    assert_eq!((mode("tamis.log"), mode("tamis-2096-11-25.log")), (0o600, 0o600));
}

#[test]
fn what_an_earlier_run_left_is_put_away_under_its_own_day() {
    let world = World::new(180);
    world.leave("tamis.log", "old\n", "2096-11-20T23:00:00Z".parse().expect("a time"));
    world.say("new\n");
    assert_eq!(world.read("tamis-2096-11-20.log"), "old\n");
    assert_eq!(world.read("tamis.log"), "new\n");
}

#[test]
fn predecessors_go_when_their_time_is_over_and_nothing_else_does() {
    let world = World::new(2);
    let strangers = [
        "tamis-2096-11-1.log",
        "tamis-notes.log",
        "other-2096-01-01.log",
        "tamis-2096-01-01.log.gz",
        "tamis-2096-13-01.log",
    ];
    for name in
        strangers.iter().chain(&["tamis-2096-11-22.log", "tamis-2096-11-22.2.log", "tamis-2096-11-23.log"])
    {
        world.leave(name, "x\n", noon());
    }
    fs::create_dir(world.path("tamis-2096-01-02.log")).expect("a directory");
    world.say("a\n");
    let names = world.names();
    assert!(strangers.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
    assert!(
        names.contains(&"tamis-2096-11-23.log".to_owned())
            && names.contains(&"tamis-2096-01-02.log".to_owned())
    );
    assert!(!names.iter().any(|name| name.starts_with("tamis-2096-11-22")), "{names:?}");
}

/// The machine's clock may be wrong: by it a line is dated and a file put away, and none is deleted.
#[test]
fn by_a_clock_that_nobody_has_confirmed_no_file_goes() {
    let directory = tempfile::tempdir().expect("a directory");
    let (confirmed, clock) = (ConfirmedDay::default(), ManualClock::new(noon()));
    let file = LogFile::at(&directory.path().join("logs/tamis.log"), 2, confirmed.clone());
    let world = World { directory, clock, confirmed, file: RefCell::new(file) };
    world.leave("tamis-2096-11-20.log", "x\n", noon());
    world.say("a\n");
    assert!(world.names().contains(&"tamis-2096-11-20.log".to_owned()), "nobody has confirmed anything");
    // It leaps 200 days, and another clock says otherwise.
    world.clock.advance_ms(200 * 24 * HOUR_MS);
    world.confirmed.tell(Day::of(noon()));
    world.say("b\n");
    assert_eq!(world.names(), ["tamis-2096-11-25.log", "tamis.log"], "by the day that was confirmed");
    world.confirmed.tell(Day::of(world.clock.now()));
    world.file.borrow_mut().tend(world.clock.now());
    assert_eq!(world.names(), ["tamis.log"], "it was right: now all of them are old");
}

#[test]
fn a_quiet_daemon_turns_and_forgets_on_time_too() {
    let world = World::new(1);
    world.say("a\n");
    for _ in 0..2 {
        world.clock.advance_ms(24 * HOUR_MS);
        world.confirmed.tell(Day::of(world.clock.now()));
        world.file.borrow_mut().tend(world.clock.now());
    }
    assert_eq!(world.names(), ["tamis.log"], "the first day is older than one day");
    assert_eq!(world.read("tamis.log"), "");
}

#[test]
fn a_clock_set_back_over_midnight_overwrites_nothing() {
    let world = World::new(180);
    world.say("25\n");
    world.clock.advance_ms(24 * HOUR_MS);
    world.say("26\n");
    world.clock.advance_ms(-24 * HOUR_MS);
    world.say("25 again\n");
    assert_eq!(world.read("tamis.log"), "26\n25 again\n");
    world.leave("tamis-2096-11-26.log", "somebody's\n", noon());
    world.clock.advance_ms(48 * HOUR_MS);
    world.say("27\n");
    assert_eq!(world.read("tamis-2096-11-26.log"), "somebody's\n");
    assert_eq!(world.read("tamis-2096-11-26.2.log"), "26\n25 again\n");
}

#[test]
fn a_file_that_was_moved_away_is_made_anew() {
    let world = World::new(180);
    world.say("a\n");
    fs::rename(world.path("tamis.log"), world.path("taken")).expect("moved");
    world.file.borrow_mut().tend(world.clock.now());
    world.say("b\n");
    assert_eq!((world.read("taken"), world.read("tamis.log")), ("a\n".into(), "b\n".into()));
}

#[test]
fn after_a_line_that_could_not_be_written_the_file_rests_and_goes_on_by_itself() {
    let world = World::new(180);
    fs::create_dir_all(world.path("tamis.log")).expect("a directory in the way");
    assert!(!world.say("a\n"));
    fs::remove_dir(world.path("tamis.log")).expect("out of the way");
    assert!(!world.say("too early\n"));
    world.clock.advance_ms(REST_MS);
    assert!(world.say("c\n") && world.say("d\n"));
    assert_eq!(world.read("tamis.log"), "c\nd\n");
}

#[test]
fn lines_that_were_written_late_stand_under_their_own_day() {
    let world = World::new(180);
    let late = |line, hours: i64| (noon() + SignedDuration::from_hours(hours), line);
    let lines = [late("a\n", 0), late("b\n", 11), late("c\n", 12)];
    assert_eq!(world.file.borrow_mut().write(&lines), Ok(()));
    assert_eq!(
        (world.read("tamis-2096-11-25.log"), world.read("tamis.log")),
        ("a\nb\n".into(), "c\n".into())
    );
}

#[test]
fn a_link_or_a_pipe_is_not_written_through() {
    let world = World::new(180);
    fs::create_dir_all(world.path("")).expect("a directory");
    fs::write(world.path("target"), "").expect("a file");
    std::os::unix::fs::symlink(world.path("target"), world.path("tamis.log")).expect("a link");
    assert!(!world.say("a\n"));
    assert_eq!(world.read("target"), "");
}

#[test]
fn lines_are_not_given_to_whoever_prepared_the_file_or_may_exchange_it() {
    let trapped = |lay: &dyn Fn(&World)| {
        let world = World::new(180);
        world.leave("target", "theirs", noon());
        lay(&world);
        let not_written = NotWritten { from: 0, kind: ErrorKind::PermissionDenied };
        assert_eq!(world.file.borrow_mut().write(&[(world.clock.now(), "a\n")]), Err(not_written));
        assert_eq!(world.read("target"), "theirs");
    };
    trapped(&|world| fs::hard_link(world.path("target"), world.path("tamis.log")).expect("a link"));
    trapped(&|world| fs::set_permissions(world.path(""), Permissions::from_mode(0o777)).expect("a mode"));
    if rustix::process::geteuid().is_root() {
        let give = |path: PathBuf| std::os::unix::fs::chown(path, Some(65_534), None).expect("given away");
        trapped(&|world| {
            fs::write(world.path("tamis.log"), "").expect("a file");
            give(world.path("tamis.log"));
        });
        trapped(&|world| give(world.path("")));
    }
}
