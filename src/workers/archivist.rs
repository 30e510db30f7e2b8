//! Has the store vacuumed when that is due, and tells where its copies are not as they should be: the last backup is old, or the sealed
//! rest of what was erased lies in the file for longer than receipts say.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Clock, after};
use crate::store::{LastCopies, NotVacuumed, SharedBackups, SharedStore, StoreCode};
use crate::trail::{Action, Entry};
use crate::workers::routine::{Routine, Schedule, Turn};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How long it waits after a vacuum that copied nothing.
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_hours(1);
/// And after one that may have copied for half an hour, during which nothing was stored.
const AFTER_FAILURE: SignedDuration = DAY;
/// A vacuum that is due waits so long for a moment in which nothing is queued.
const WAITS_FOR_QUIET: SignedDuration = SignedDuration::from_hours(12);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The archivist.
pub struct Archivist {
    store: SharedStore,
    backups: SharedBackups,
    attention: Arc<Attention>,
    rules: Rules,
    schedule: Schedule,
    started_at: Timestamp,
    /// After a vacuum that failed: no other before this moment.
    rests_until: Mutex<Option<Timestamp>>,
    /// So many days lie between two vacuums at the most: what the config says, or fewer, where receipts have named fewer since the
    /// last one.
    within_days: Mutex<u32>,
}

/// How old what may be.
pub struct Rules {
    /// So many days lie between two vacuums at the most, and receipts say so.
    pub vacuum_days: u32,
    /// How many days a backup of the keys may live, by the config that is in force.
    pub horizon_days: Box<dyn Fn() -> u32 + Send + Sync>,
    /// Erasures are noted for whoever restores a backup: so somebody makes some.
    pub has_ledger: bool,
    /// True while nothing waits to be read and stored.
    pub is_quiet: Box<dyn Fn() -> bool + Send + Sync>,
}

#[async_trait]
impl Routine for Archivist {
    const NAME: &'static str = "archivist";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        self.promise().await;
        // Whether anything is due a clock says that somebody has confirmed.
        if !self.store.clock_confirmed() {
            return after(now, EVERY);
        }
        let now_there = self.store.now();
        let late = now_there.duration_since(self.due(self.store.last_copies(), now_there));
        let is_to_be = !late.is_negative() && ((self.rules.is_quiet)() || late >= WAITS_FOR_QUIET);
        if is_to_be && !self.rests(now) {
            let wait = self.vacuum().await.err();
            *self.rests_until.lock() = wait.map(|wait| after(self.schedule.now(), wait));
            self.promise().await;
        }
        self.look();
        after(now, EVERY)
    }
}

impl Archivist {
    /// An archivist that has not looked yet.
    pub fn new(
        store: SharedStore,
        backups: SharedBackups,
        attention: Arc<Attention>,
        rules: Rules,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let started_at = clock.now();
        let schedule = Schedule::within(AFTER_REFUSAL, clock);
        let (rests_until, within_days) = (Mutex::default(), Mutex::new(rules.vacuum_days));
        Self { store, backups, attention, rules, schedule, started_at, rests_until, within_days }
    }

    /// Tells how the copies stand. By a clock that nobody has confirmed nothing is old.
    pub fn look(&self) {
        let left = Concern::of(AttentionCode::BackupLeft);
        let left: &[Concern] = if self.store.is_backup_left() { &[left] } else { &[] };
        self.attention.found(&[AttentionCode::BackupLeft], left, self.schedule.now());
        if !self.store.clock_confirmed() {
            return;
        }
        let (copies, now) = (self.store.last_copies(), self.store.now());
        let due = self.due(copies, now);
        let horizon_days = (self.rules.horizon_days)();
        let found = [
            (AttentionCode::BackupOld, is_backup_old(copies, horizon_days, self.rules.has_ledger, now)),
            (AttentionCode::VacuumOverdue, now.duration_since(due) > late_after(copies, now)),
        ];
        let concerns: Vec<Concern> =
            found.iter().filter(|(_, is_so)| *is_so).map(|(code, _)| Concern::of(*code)).collect();
        self.attention.found(&found.map(|(code, _)| code), &concerns, self.schedule.now());
    }

    fn due(&self, copies: LastCopies, now: Timestamp) -> Timestamp {
        vacuum_due(copies, *self.within_days.lock(), (self.started_at, now))
    }

    /// Has the store know what receipts say from now on, and hears what they have said. Where it cannot, the next turn does.
    async fn promise(&self) {
        if let Ok(days) = self.backups.promise_vacuum(self.rules.vacuum_days).await {
            *self.within_days.lock() = days;
        }
    }

    /// A clock that was set back does not make it longer.
    fn rests(&self, now: Timestamp) -> bool {
        self.rests_until.lock().is_some_and(|until| now < until && until <= after(now, AFTER_FAILURE))
    }

    /// Has the store vacuumed, or gives how long to wait before the next.
    async fn vacuum(&self) -> Result<(), SignedDuration> {
        let Err(why) = self.backups.vacuum(Entry::by_system(Action::Vacuumed)).await else { return Ok(()) };
        match why {
            NotVacuumed::NoRoom { needed_bytes, free_bytes } => {
                tracing::warn!(
                    code = "no-room-to-vacuum",
                    disk.needed_bytes = needed_bytes,
                    disk.free_bytes = free_bytes,
                    "archivist.not-vacuumed"
                );
            }
            NotVacuumed::Refused(error) => {
                tracing::warn!(code = %error.code, io.kind = ?error.io, "archivist.not-vacuumed");
            }
        }
        Err(wait_after(why))
    }
}

/// Each attempt may stop storing for as long as a copy takes: one that gets as far as that each day, not each hour.
fn wait_after(why: NotVacuumed) -> SignedDuration {
    match why {
        NotVacuumed::NoRoom { .. } => AFTER_REFUSAL,
        NotVacuumed::Refused(error) if error.code == StoreCode::CopyUnderWay => AFTER_REFUSAL,
        NotVacuumed::Refused(_) => AFTER_FAILURE,
    }
}

/// From when on a vacuum is to be. A store that an earlier version made had none: it is due at the start. So is one that had its last
/// under a clock that was ahead, and was put right since.
fn vacuum_due(copies: LastCopies, days: u32, (started_at, now): (Timestamp, Timestamp)) -> Timestamp {
    let of = |last: Timestamp| last.checked_add(DAY * i32::try_from(days).unwrap_or(i32::MAX)).ok();
    copies.vacuumed.filter(|last| *last <= now).and_then(of).unwrap_or(started_at)
}

/// A store that never had one has no moment that a restart leaves as it is: if a day were waited for, whoever restarts daily would never hear.
fn late_after(copies: LastCopies, now: Timestamp) -> SignedDuration {
    match copies.vacuumed.is_some_and(|last| last <= now) {
        true => DAY,
        false => WAITS_FOR_QUIET,
    }
}

/// By the operator's own rule its key part is to be gone by then: there is none that anybody may use. Whoever never made one may have
/// other means; a ledger is for nothing else.
fn is_backup_old(copies: LastCopies, horizon_days: u32, has_ledger: bool, now: Timestamp) -> bool {
    match copies.backed_up {
        Some(last) => now.duration_since(last) > DAY * i32::try_from(horizon_days).unwrap_or(i32::MAX),
        None => has_ledger,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock::ManualClock;
    use crate::machine::progress::Progress;
    use crate::random::SystemRandom;
    use crate::store::contract::Host;
    use crate::store::contract::support::{DAY_MS, purpose};
    use crate::store::memory::MemoryHost;
    use crate::store::{Settings, StoreError};
    use crate::workers::{Step, Worker};

    /// A store on a disk, which alone can be vacuumed.
    struct World {
        host: MemoryHost,
        store: SharedStore,
        backups: SharedBackups,
        attention: Arc<Attention>,
        archivist: Archivist,
        quiet: Arc<AtomicBool>,
        directory: tempfile::TempDir,
    }

    impl World {
        fn new(has_ledger: bool) -> Self {
            let (host, directory) = (MemoryHost::new(), tempfile::tempdir().expect("a directory"));
            let settings = Settings {
                path: directory.path().join("store"),
                witness: directory.path().join("witness"),
                cache_mb: 8,
                free_disk_min_bytes: 0,
                ledger: None,
            };
            let (keyring, clock) = (host.keyring.clone(), host.clock.clone());
            let (purposes, random) = (vec![purpose("devis")], Arc::new(SystemRandom));
            let opened = crate::store::open_telling(
                settings,
                keyring,
                purposes,
                clock.clone(),
                random,
                &Progress::default(),
            );
            let (store, backups) = opened.expect("opens");
            host.agree(&store);
            let (attention, quiet) = (Arc::<Attention>::default(), Arc::new(AtomicBool::new(true)));
            let is_quiet = Arc::clone(&quiet);
            let rules = Rules {
                vacuum_days: 30,
                horizon_days: Box::new(|| 7),
                has_ledger,
                is_quiet: Box::new(move || is_quiet.load(Ordering::SeqCst)),
            };
            let archivist = Archivist::new(
                Arc::clone(&store),
                Arc::clone(&backups),
                Arc::clone(&attention),
                rules,
                clock,
            );
            Self { host, store, backups, attention, archivist, quiet, directory }
        }

        /// The config says another number, and tamis was started again.
        fn started_with(&mut self, vacuum_days: u32) {
            let rules = Rules {
                vacuum_days,
                horizon_days: Box::new(|| 7),
                has_ledger: false,
                is_quiet: Box::new(|| true),
            };
            let (store, backups) = (Arc::clone(&self.store), Arc::clone(&self.backups));
            let attention = Arc::clone(&self.attention);
            self.archivist = Archivist::new(store, backups, attention, rules, self.host.clock.clone());
        }

        fn clock(&self) -> &ManualClock {
            &self.host.clock
        }

        /// Its next turn; when the last vacuum was.
        async fn turn(&self) -> Timestamp {
            let Step::Until(_) = self.archivist.step().await else { panic!("it says when") };
            self.store.last_copies().vacuumed.expect("a new store has nothing to clear out")
        }

        /// The clock goes on, and is confirmed as it does.
        fn days_pass(&self, days: i64) {
            for _ in 0..days {
                self.clock().advance_ms(DAY_MS);
                self.host.agree(&self.store);
            }
        }

        fn needs(&self) -> Vec<AttentionCode> {
            self.attention.standing().into_iter().map(|(code, _)| code).collect()
        }
    }

    #[tokio::test]
    async fn a_vacuum_comes_when_it_is_due_and_waits_half_a_day_for_a_quiet_moment() {
        let world = World::new(false);
        let made = world.turn().await;
        world.days_pass(29);
        assert_eq!(world.turn().await, made, "not yet");
        world.quiet.store(false, Ordering::SeqCst);
        world.days_pass(1);
        assert_eq!(world.turn().await, made, "something is queued");
        assert_eq!(world.needs(), []);
        world.clock().advance_ms(DAY_MS / 2);
        world.host.agree(&world.store);
        let late = world.turn().await;
        assert!(late > made, "it waits no longer");
        world.quiet.store(true, Ordering::SeqCst);
        world.days_pass(1);
        assert_eq!(world.turn().await, late);
        let lines = world.store.lines(0, 100).await.expect("a trail");
        assert_eq!(lines.iter().filter(|line| line.entry.action() == Action::Vacuumed).count(), 1);
        world.store.close().await.expect("closed");
    }

    /// Receipts of before have named the day: a vacuum keeps it, and only after that the new number counts.
    #[tokio::test]
    async fn a_number_that_was_raised_moves_no_vacuum_that_receipts_have_named() {
        let mut world = World::new(false);
        let made = world.turn().await;
        world.days_pass(10);
        world.started_with(90);
        assert_eq!(world.turn().await, made);
        world.days_pass(19);
        assert_eq!(world.turn().await, made, "not yet");
        world.started_with(60);
        world.days_pass(1);
        let kept = world.turn().await;
        assert!(kept > made, "30 days after the last");
        world.days_pass(59);
        assert_eq!(world.turn().await, kept, "60 from now on");
        // Lowered: at once, and raised again it stays.
        world.started_with(59);
        assert!(world.turn().await > kept);
        let last = world.turn().await;
        world.started_with(7);
        assert_eq!(world.turn().await, last);
        world.started_with(365);
        world.days_pass(7);
        assert!(world.turn().await > last);
        world.store.close().await.expect("closed");
    }

    #[tokio::test]
    async fn one_that_cannot_be_made_is_overdue_after_a_day() {
        let world = World::new(false);
        world.turn().await;
        world.quiet.store(false, Ordering::SeqCst);
        world.days_pass(31);
        world.archivist.look();
        assert_eq!(world.needs(), []);
        world.clock().advance_ms(1);
        world.archivist.look();
        assert_eq!(world.needs(), [AttentionCode::VacuumOverdue]);
        world.store.close().await.expect("closed");
    }

    #[tokio::test]
    async fn one_that_failed_is_tried_again_a_day_later_and_others_are_looked_at_meanwhile() {
        let world = World::new(false);
        let made = world.turn().await;
        // Where it would copy to lies what it cannot remove.
        let obstacle = world.directory.path().join("store/vacuum");
        std::fs::write(&obstacle, b"").expect("written");
        world.days_pass(30);
        assert_eq!(world.turn().await, made);
        std::fs::remove_file(&obstacle).expect("removed");
        world.clock().advance_ms(DAY_MS - 60_000);
        world.host.agree(&world.store);
        assert_eq!(world.turn().await, made, "it rests");
        world.clock().advance_ms(60_001);
        world.archivist.look();
        assert_eq!(world.needs(), [AttentionCode::VacuumOverdue], "no hour of it passes without a look");
        world.host.agree(&world.store);
        assert!(world.turn().await > made);
        assert_eq!(world.needs(), []);
        world.store.close().await.expect("closed");
    }

    #[test]
    fn an_hour_is_enough_only_where_nothing_was_copied() {
        let refused = |code| wait_after(NotVacuumed::Refused(StoreError::of(code)));
        let no_room = NotVacuumed::NoRoom { needed_bytes: 2, free_bytes: 1 };
        assert_eq!(wait_after(no_room), SignedDuration::from_hours(1));
        assert_eq!(refused(StoreCode::CopyUnderWay), SignedDuration::from_hours(1));
        for code in [StoreCode::CopyTooSlow, StoreCode::BehindWitness, StoreCode::Io, StoreCode::DiskFull] {
            assert_eq!(refused(code), SignedDuration::from_hours(24), "{code}");
        }
    }

    #[tokio::test]
    async fn a_ledger_without_a_backup_is_told() {
        let world = World::new(true);
        world.turn().await;
        assert_eq!(world.needs(), [AttentionCode::BackupOld]);
        world.store.close().await.expect("closed");
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn copies(backed_up: Option<&str>, vacuumed: Option<&str>) -> LastCopies {
        LastCopies { backed_up: backed_up.map(at), vacuumed: vacuumed.map(at), restored: None }
    }

    #[test]
    fn a_vacuum_is_due_so_many_days_after_the_last_and_at_once_where_there_was_none() {
        let (started, now) = (at("2026-11-30T08:00:00Z"), at("2026-12-05T08:00:00Z"));
        let due = |vacuumed, days| vacuum_due(copies(None, vacuumed), days, (started, now));
        assert_eq!(due(Some("2026-11-01T02:00:00Z"), 30), at("2026-12-01T02:00:00Z"));
        assert_eq!(due(Some("2026-11-01T02:00:00Z"), 365), at("2027-11-01T02:00:00Z"));
        assert_eq!(due(None, 30), started);
        assert_eq!(due(Some("2027-11-01T02:00:00Z"), 30), started, "of a clock that was ahead");
    }

    #[test]
    fn one_that_never_was_is_late_before_a_daily_restart() {
        let now = at("2026-12-05T08:00:00Z");
        let late = |vacuumed| late_after(copies(None, vacuumed), now);
        assert_eq!(late(Some("2026-11-01T02:00:00Z")), DAY);
        assert_eq!(late(None), WAITS_FOR_QUIET);
        assert_eq!(late(Some("2027-11-01T02:00:00Z")), WAITS_FOR_QUIET, "of a clock that was ahead");
    }

    #[test]
    fn a_backup_is_old_behind_the_horizon_of_keys_and_none_is_missed_only_by_a_ledger() {
        let now = at("2026-11-30T08:00:00Z");
        for (backed_up, has_ledger, is_old) in [
            (Some("2026-11-23T08:00:00Z"), false, false),
            (Some("2026-11-23T07:59:59Z"), false, true),
            (Some("2026-11-23T07:59:59Z"), true, true),
            // Of a clock that was ahead.
            (Some("2026-12-23T08:00:00Z"), true, false),
            (None, true, true),
            (None, false, false),
        ] {
            assert_eq!(is_backup_old(copies(backed_up, None), 7, has_ledger, now), is_old, "{backed_up:?}");
        }
    }
}
