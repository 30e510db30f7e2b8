use tempfile::TempDir;

use super::*;
use crate::app::StoreKnows;
use crate::forget::TellingState;
use crate::inbox::Settings;
use crate::notification::ParkCode;
use crate::random::SystemRandom;
use crate::store::contract::Host;
use crate::store::contract::support::{
    BURIED, DAY_MS, HELD, REFUSED, all_claimed, by_officer, due, leadgen, parked, purpose, record, reference,
    start, stored, until, waiting,
};
use crate::store::memory::MemoryHost;
use crate::store::{ErasureRequest, MailId, MailKind, SeenState, ToldFirst, Wanted};
use crate::trail::Action;
use crate::workers::{Step, Worker};

struct World {
    host: MemoryHost,
    store: SharedStore,
    day: ConfirmedDay,
    attention: Arc<Attention>,
    reaper: Reaper,
    metrics: Arc<Metrics>,
    _directory: TempDir,
}

impl World {
    async fn new() -> Self {
        let host = MemoryHost::new();
        let store = host.open();
        Self::around(host, store, tempfile::tempdir().expect("a directory")).await
    }

    /// With the store that the daemon has.
    async fn on_disk(host: MemoryHost, directory: TempDir) -> Self {
        let settings = crate::store::Settings {
            path: directory.path().join("store"),
            witness: directory.path().join("witness"),
            cache_mb: 8,
            free_disk_min_bytes: 0,
            ledger: None,
        };
        let (keyring, clock) = (host.keyring.clone(), host.clock.clone());
        let purposes = vec![purpose("devis"), purpose("lettre")];
        let store = crate::store::open(settings, keyring, purposes, clock, Arc::new(SystemRandom));
        let store = store.expect("opens");
        host.agree(&store);
        Self::around(host, store, directory).await
    }

    /// What a process leaves that ends without closing its store, begun again.
    async fn restarted(self) -> Self {
        let Self { host, store, reaper, _directory: directory, .. } = self;
        reaper.inbox.close().expect("closed");
        drop((store, reaper));
        Self::on_disk(host, directory).await
    }

    async fn around(host: MemoryHost, store: SharedStore, directory: TempDir) -> Self {
        let settings = Settings {
            path: directory.path().join("inbox"),
            witness: directory.path().join("inbox-witness"),
            max_references: 1_000,
            max_held_by_form: 1_000,
            free_disk_min_bytes: 1,
            body_max_bytes: 1_000,
        };
        let known = Arc::new(StoreKnows::of(Arc::clone(&store)));
        let (keyring, clock): (Arc<dyn Keyring>, Arc<dyn Clock>) = (host.keyring.clone(), host.clock.clone());
        let random = Arc::new(SystemRandom);
        let inbox = Inbox::open(settings, Arc::clone(&keyring), known, Arc::clone(&clock), random);
        let inbox = Arc::new(inbox.await.expect("opens"));
        let day = ConfirmedDay::default();
        let attention = Arc::<Attention>::default();
        let reaper = Reaper::new(inbox, Arc::clone(&store), keyring, clock).telling(day.clone());
        let metrics = Arc::<Metrics>::default();
        let reaper = reaper.attending(Arc::clone(&attention)).counting(Arc::clone(&metrics));
        Self { host, store, day, attention, reaper, metrics, _directory: directory }
    }

    /// Takes a step, and says how many milliseconds it is until the next.
    async fn step(&self) -> i64 {
        match self.reaper.step().await {
            Step::Until(moment) => moment.as_millisecond() - self.host.clock.now().as_millisecond(),
            _ => panic!("it names a moment"),
        }
    }

    fn needed(&self) -> Vec<AttentionCode> {
        self.attention.standing().into_iter().map(|(code, _)| code).collect()
    }

    /// The days that have a key, counted from the start.
    fn days(&self) -> Vec<u32> {
        let first = Day::of(start()).0;
        self.host.keyring.days().iter().map(|day| day.0 - first).collect()
    }
}

/// The inbox holds the keys of the day on which it was opened, and of the next: other days tell more.
#[tokio::test]
async fn the_key_of_a_day_goes_once_nothing_is_sealed_under_it() {
    let world = World::new().await;
    world.host.pass_days(&world.store, 2);
    world.store.settle(vec![parked(1, 1, HELD)]).await.expect("parked");
    world.host.pass_days(&world.store, 4);
    let of = |days: [u32; 3]| days.map(|day| Day(Day::of(start()).0 + day)).to_vec();
    world.host.keyring.make_days(&of([3, 5, 6])).expect("made");
    world.reaper.step().await;
    let left = world.days();
    assert!(left.contains(&2), "a parked reference is sealed under it");
    assert!(!left.contains(&3), "nothing is");
    assert!(left.contains(&5) && left.contains(&6), "yesterday's and today's stay");
    world.store.settle(vec![stored(1)]).await.expect("stored");
    world.host.clock.advance_ms(DAY_MS / 2);
    world.host.agree(&world.store);
    world.reaper.step().await;
    assert!(!world.days().contains(&2));
}

#[tokio::test]
async fn who_was_asked_and_stayed_silent_is_counted_apart() {
    let world = World::new().await;
    world.store.settle((1..=3).map(stored).collect()).await.expect("stored");
    let asked = MailId { record: record("devis-1-2"), kind: MailKind::Asked };
    assert_eq!(world.store.note_written(vec![asked], by_officer(Action::Asked)).await, Ok(1));
    world.host.pass_days(&world.store, 10);
    world.step().await;
    let text = world.metrics.render().await;
    for line in
        ["tamis_records_ended_total{cause=\"expired\"} 2", "tamis_records_ended_total{cause=\"lapsed\"} 1"]
    {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }
}

#[tokio::test]
async fn whoever_was_to_be_told_first_and_was_not_goes_with_the_first_turn_after_three_days() {
    let world = World::on_disk(MemoryHost::new(), tempfile::tempdir().expect("a directory")).await;
    world.store.settle((1..=2).map(stored).collect()).await.expect("stored");
    let what = vec![Wanted::Record(record("devis-1-2"))];
    let request = ErasureRequest { what, told_first: true, ..ErasureRequest::default() };
    let asked = world.store.erase_once_told(request, by_officer(Action::ErasureToTell)).await;
    let Ok(ToldFirst::Waits(id, _)) = asked else { panic!("{asked:?}") };
    // Killed, and begun again.
    let world = world.restarted().await;
    world.reaper.step().await;
    assert_eq!((world.store.tellings_waiting(), world.store.mails_waiting().count), (1, 1));
    world.host.pass_days(&world.store, 3);
    world.reaper.step().await;
    let erasure = world.store.erasure(id).await.expect("read").expect("kept");
    assert!(erasure.done.is_some() && erasure.extent.total() == 1);
    let told = world.store.telling(id).await.expect("read").expect("kept");
    assert_eq!((told.state, told.why), (TellingState::NotTold, Some(Untold::NotInTime)));
    let world = world.restarted().await;
    assert_eq!((world.store.tellings_waiting(), world.store.mails_waiting().count), (0, 0));
    assert_eq!(world.store.telling(id).await, Ok(Some(told)));
}

/// The longest a key of a day lives, its own day included.
const DAYS: u32 = 8;
/// So many days pass in the test of that.
const TURNS: u64 = 13;

#[tokio::test]
async fn after_eight_days_no_older_key_is_there_and_what_is_parked_or_queued_opens() {
    let host = MemoryHost::new();
    let mut world = World::on_disk(host, tempfile::tempdir().expect("a directory")).await;
    let first = Day::of(start());
    for day in 0..TURNS {
        let whys = [waiting(1, 0), HELD, REFUSED, BURIED];
        let batch = (1..).zip(whys).map(|(at, why)| parked(day * 10 + at, 1, why)).collect();
        world.store.settle(batch).await.expect("parked");
        world.reaper.inbox.accept(vec![reference(1_000 + day)]).await.expect("accepted");
        world.host.pass_days(&world.store, 1);
        let today = first.plus(day as u32 + 1);
        until("the journal is written again", async || {
            world.reaper.inbox.days().iter().all(|of| of.0 + DAYS > today.0)
        })
        .await;
        if day % 4 == 1 {
            // Sealed again, and nothing destroyed yet.
            world.store.reseal_parked().await.expect("sealed again");
            world = world.restarted().await;
        }
        world.reaper.step().await;
        let kept = world.host.keyring.days();
        assert!(kept.iter().all(|of| of.0 + DAYS > today.0), "day {day}: {kept:?}");
        if day % 4 == 3 {
            world = world.restarted().await;
        }
    }
    let world = world.restarted().await;
    let overview = world.store.overview().await.expect("an overview");
    assert_eq!((overview.buried_total, overview.refused[0].count), (TURNS, TURNS), "none is unreadable");
    let mut claimed = 0;
    while let Some((_, claims)) = world.store.claim_due(due(60), 100, &all_claimed()).await.expect("claimed")
    {
        claimed += claims.len();
    }
    assert_eq!(claimed as u64, 2 * TURNS);
    let queued = std::iter::from_fn(|| world.reaper.inbox.claim(100)).map(|(_, claims)| claims.len());
    assert_eq!(queued.sum::<usize>() as u64, TURNS);
    world.reaper.step().await;
}

#[tokio::test]
async fn what_cannot_be_destroyed_is_tried_each_minute_and_overdue_from_a_day_later_until_it_is_gone() {
    let world = World::new().await;
    world.store.settle(vec![stored(1)]).await.expect("stored");
    world.host.pass_days(&world.store, 10);
    let left = |changes| *world.host.keyring.changes_left.lock().expect("not poisoned") = changes;
    left(Some(0));
    assert_eq!((world.step().await, world.needed()), (60_000, vec![]), "not for a day yet");
    world.host.pass_days(&world.store, 1);
    assert_eq!((world.step().await, world.needed()), (60_000, vec![AttentionCode::Overdue]));
    left(None);
    world.host.clock.advance_ms(60_000);
    assert_eq!((world.step().await, world.needed()), (3_600_000, vec![]));
    assert_eq!(world.store.stored().await.expect("counted").values().sum::<u64>(), 0);
}

#[tokio::test]
async fn the_log_s_names_lose_their_key_by_the_month_also_where_no_lead_comes() {
    let world = World::new().await;
    let first = Month::of(start());
    world.host.keyring.log_key(first).expect("made");
    let held = || world.host.keyring.log_months.lock().expect("not poisoned").contains(&first);
    // The 24th of November: until the end of December.
    world.host.pass_days(&world.store, 37);
    world.step().await;
    assert!(held());
    world.host.pass_days(&world.store, 1);
    world.step().await;
    assert!(!held(), "it is the 1st of January");
}

#[tokio::test]
async fn while_the_clock_is_not_believed_no_key_goes_and_nothing_expires() {
    let world = World::new().await;
    world.store.settle(vec![parked(1, 1, HELD)]).await.expect("parked");
    world.host.keyring.make_days(&[Day(Day::of(start()).0 + 3)]).expect("made");
    world.host.clock.advance_ms(100 * DAY_MS);
    world.reaper.step().await;
    assert!(world.days().contains(&3));
    assert_eq!(world.day.told(), None, "nor does a file of the log");
    assert_eq!(world.store.parked().await, Ok(1));
    assert_eq!(world.store.compare_clock(world.host.clock.now()).await, Ok(true));
    world.host.clock.advance_ms(10_000);
    world.reaper.step().await;
    assert!(!world.days().contains(&3));
    assert_eq!(world.day.told(), Some(Day::of(world.store.now())));
    assert_eq!(world.store.parked().await, Ok(0), "Meta has it no more");
    let found = world.store.find(Wanted::Leadgen(leadgen(1)), by_officer(Action::Found)).await;
    let state = found.expect("found").pop().map(|found| found.state);
    assert!(matches!(state, Some(SeenState::Refused(ParkCode::TooOld))));
}

#[tokio::test]
async fn it_looks_at_once_then_hourly_and_is_not_put_off_by_a_clock_that_was_set_back() {
    let world = World::new().await;
    let until = |step: Step| match step {
        Step::Until(moment) => moment.as_millisecond() - world.host.clock.now().as_millisecond(),
        _ => panic!("it names a moment"),
    };
    assert_eq!(until(world.reaper.step().await), 3_600_000);
    world.host.clock.advance_ms(3_599_000);
    assert_eq!(until(world.reaper.step().await), 1_000, "not yet");
    world.host.clock.advance_ms(1_000);
    assert_eq!(until(world.reaper.step().await), 3_600_000);
    world.host.clock.advance_ms(-86_400_000);
    assert_eq!(until(world.reaper.step().await), 10_000, "it was set: nobody has confirmed it since");
    world.store.confirm_clock(by_officer(Action::ClockConfirmed)).await.expect("confirmed");
    world.host.clock.advance_ms(10_000);
    assert_eq!(until(world.reaper.step().await), 3_600_000, "it looked again");
}

/// A vacuum refuses what writes for moments, at any of the reaper's steps.
#[tokio::test]
async fn what_a_copy_refuses_is_tried_again_within_a_minute() {
    let world = World::new().await;
    world.store.note(by_officer(Action::TrailRead)).await.expect("noted");
    world.host.pass_days(&world.store, 400);
    let newest = async || {
        let lines = world.store.newest(u64::MAX, 1).await.expect("read");
        lines[0].entry.action()
    };
    world.host.copy(true);
    assert_eq!((world.step().await, newest().await), (60_000, Action::TrailRead));
    world.host.copy(false);
    world.host.clock.advance_ms(60_000);
    assert_eq!((world.step().await, newest().await), (3_600_000, Action::TrailClosed));
}

/// It cannot say whether something is overdue: after a day that is as good as a yes.
#[tokio::test]
async fn where_dates_are_not_put_right_for_a_day_somebody_is_told() {
    let world = World::new().await;
    let of = crate::purpose::sample::purpose("devis", &["email"]);
    let received = start() - SignedDuration::from_hours(48);
    let lead = crate::lead::sample::received("devis", "a@canary.example", start(), received, &of);
    let outcome = crate::store::Outcome::stored(lead);
    let early = crate::store::Settlement { outcome, ..stored(1) };
    world.store.settle(vec![early]).await.expect("settled");
    assert!(world.store.early_up_to().is_some());
    let is_told = || world.attention.standing().iter().any(|(code, _)| *code == AttentionCode::Overdue);
    for hour in 0..26 {
        world.step().await;
        assert_eq!(is_told(), hour > 24, "{hour}");
        world.host.clock.advance_ms(3_600_000);
        world.host.agree(&world.store);
    }
    world.store.early_looked_at(1).await.expect("noted");
    world.step().await;
    assert!(!is_told(), "it goes on");
}
