//! What has had its time goes by itself, before anybody can ask for it, and where it cannot go somebody is told.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tamis::clock::{Clock, SystemClock};
use tamis::keyring::file::FileKeyring;
use tamis::random::SystemRandom;
use tamis::secret::Key;

use crate::support::{DEVIS_FORM, Plan, World, canary, lead, log};

const MONTHS: &str = "retention_months = 12\nrecipients";
const DAYS: &str = "retention_days = 5\nrecipients";
pub const DAY_S: i64 = 86_400;

/// The machine's clock, so many seconds off.
#[derive(Default)]
pub struct Shifted(AtomicI64);

impl Shifted {
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// A world in which `devis` holds a record for five days, by a clock that Meta shares.
pub async fn world(clock: &Arc<Shifted>) -> World {
    let clock: Arc<dyn Clock> = clock.clone();
    World::planned(Plan { clock: clock.clone(), meta_clock: Some(clock), ..Plan::with(MONTHS, DAYS) }).await
}

/// A lead of the quote form that has what it must, stored.
async fn store(world: &World, stored: usize) -> String {
    let email = format!("{}@example.org", canary("retention"));
    let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    let id = world.submit(answers, &[&email]);
    world.deliver_all(std::slice::from_ref(&id)).await;
    world.stored("devis", stored).await;
    id
}

async fn status(world: &World) -> Value {
    world.admin().get("/admin/v1/status").await.json()
}

/// How many records there are, exported or not.
async fn held(world: &World) -> u64 {
    status(world).await["purposes"][0]["stored"].as_u64().expect("a number")
}

async fn attention(world: &World) -> Vec<String> {
    let status = status(world).await;
    let all = status["attention"].as_array().expect("a list").iter();
    all.map(|concern| concern["code"].as_str().expect("a code").to_owned()).collect()
}

async fn needs(world: &World, code: &str) -> bool {
    attention(world).await.iter().any(|one| one == code)
}

/// Lets time pass, until Graph has confirmed that, and a minute more, within which the reaper looks.
pub async fn pass(world: &World, clock: &Shifted, seconds: i64) {
    clock.pass(seconds);
    let looks = AtomicU32::new(0);
    world
        .until("Graph agrees", || async {
            let agrees = status(world).await["clock"]["trust"] == "confirmed-by-graph";
            // Whoever asked Graph just as the clock was set asks again after some minutes of that clock.
            if !agrees && looks.fetch_add(1, Ordering::Relaxed) % 100 == 99 {
                clock.pass(301);
            }
            agrees
        })
        .await;
    clock.pass(61);
    vacuumed(world, clock).await;
}

/// A vacuum that has fallen due runs by itself, and refuses for moments what is written meanwhile: it is waited for, and so is
/// whoever comes again after that.
async fn vacuumed(world: &World, clock: &Shifted) {
    const EVERY_S: i64 = 30 * DAY_S;
    const AFTER_REFUSAL_S: i64 = 601;
    let is_made = async || {
        let status = status(world).await;
        let last = [&status["last_vacuum"], &status["started_at"]].into_iter().find_map(Value::as_str);
        let last: Timestamp = last.expect("a time").parse().expect("a time");
        clock.now().duration_since(last).as_secs() < EVERY_S
    };
    if !is_made().await {
        world.until("a vacuum is made", is_made).await;
        clock.pass(AFTER_REFUSAL_S);
    }
}

async fn actions(world: &World) -> Vec<String> {
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    lines.iter().map(|line| line["action"].as_str().expect("an action").to_owned()).collect()
}

async fn state(world: &World, leadgen: &str) -> Value {
    let asked = json!({"leadgen_id": leadgen});
    let answer = world.admin().post("/admin/v1/find", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["records"][0]["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_ends_with_its_time_and_no_way_brings_it_back() {
    let clock = Arc::new(Shifted::default());
    let mut world = world(&clock).await;
    let (first, second) = (store(&world, 1).await, store(&world, 2).await);
    // The leads are an hour old, which may have been yesterday.
    pass(&world, &clock, 3 * DAY_S).await;
    assert_eq!(world.records("devis").await.len(), 2, "not yet");
    pass(&world, &clock, 3 * DAY_S).await;
    world.until("both are gone", || async { held(&world).await == 0 }).await;
    assert!(actions(&world).await.contains(&"records-expired".to_owned()));
    for _ in 0..2 {
        world.deliver_all(&[first.clone(), second.clone()]).await;
        world.settled().await;
        let requeue = json!({"code": "retention-over"});
        assert_eq!(
            world.admin().post("/admin/v1/inbox/requeue", &requeue).await.json(),
            json!({"requeued": 0})
        );
        world.reload(|text| text.replace(DAYS, "retention_days = 60\nrecipients")).await;
        assert_eq!((state(&world, &first).await, held(&world).await), (json!("expired"), 0));
        assert_eq!(world.records("devis").await, Vec::<Value>::new());
        world.restart().await;
    }
    assert!(!needs(&world, "overdue").await);
    world.end().await;
}

/// Whoever asks first, of a daemon that was off, finds nothing that is over.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_at_a_start_is_gone_before_the_first_answer() {
    let clock = Arc::new(Shifted::default());
    let mut world = world(&clock).await;
    store(&world, 1).await;
    world.stop_daemon().await;
    clock.pass(6 * DAY_S);
    world.start_daemon().await;
    assert_eq!(held(&world).await, 0);
    assert!(actions(&world).await.contains(&"records-expired".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_clock_that_graph_denies_nothing_ends_and_nothing_is_overdue() {
    let clock = Arc::new(Shifted::default());
    let plan =
        Plan { clock: clock.clone(), meta_clock: Some(Arc::new(SystemClock)), ..Plan::with(MONTHS, DAYS) };
    let mut world = World::planned(plan).await;
    store(&world, 1).await;
    world.stop_daemon().await;
    clock.pass(6 * DAY_S);
    world.start_daemon().await;
    world.until("Graph says so", || async { status(&world).await["clock"]["trust"] == "ahead" }).await;
    for _ in 0..3 {
        clock.pass(3_601);
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        assert_eq!((held(&world).await, needs(&world, "overdue").await), (1, false));
    }
    clock.0.store(0, Ordering::SeqCst);
    world.stored("devis", 1).await;
    world.end().await;
}

/// Another keyring lies in the place of ours: no key is destroyed meanwhile.
struct Exchanged {
    place: PathBuf,
    ours: PathBuf,
}

impl Exchanged {
    fn of(world: &World) -> Self {
        let place = world.directory.path().join("keys/keyring");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let other = elsewhere.path().join("keyring");
        drop(FileKeyring::create(&other, Key::new([42; 32]), Arc::new(SystemRandom)).expect("made"));
        let ours = world.directory.path().join("keys/ours");
        fs::rename(&place, &ours).expect("moved");
        fs::copy(&other, &place).expect("copied");
        Self { place, ours }
    }

    fn put_back(self) {
        fs::rename(&self.ours, &self.place).expect("moved back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_destroyed_is_read_by_nobody_and_told_from_a_day_later_until_it_is_gone() {
    let clock = Arc::new(Shifted::default());
    let world = world(&clock).await;
    store(&world, 1).await;
    let exchanged = Exchanged::of(&world);
    // The lead is an hour old: on its expiry day, and not a day later.
    pass(&world, &clock, 5 * DAY_S - 3_600 + 5).await;
    world.until("it is in no store any more", || async { held(&world).await == 0 }).await;
    assert_eq!(world.records("devis").await, Vec::<Value>::new());
    assert!(!needs(&world, "overdue").await, "not for a day yet");
    pass(&world, &clock, 2 * DAY_S).await;
    world.until("it is told", || async { needs(&world, "overdue").await }).await;
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    assert!(metrics.contains("tamis_attention{code=\"overdue\"} 1"), "{metrics}");
    assert!(!log().events("store.records-overdue").is_empty());
    exchanged.put_back();
    clock.pass(61);
    world
        .until("it is over", || async {
            clock.pass(61);
            !needs(&world, "overdue").await
        })
        .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_period_is_told_for_a_day_then_holds_for_what_is_there() {
    let clock = Arc::new(Shifted::default());
    let world = world(&clock).await;
    store(&world, 1).await;
    pass(&world, &clock, 2 * DAY_S).await;
    world.reload(|text| text.replace(DAYS, "retention_days = 2\nrecipients")).await;
    pass(&world, &clock, 3_600).await;
    world.until("it is told", || async { needs(&world, "retention-shorter").await }).await;
    assert_eq!(world.records("devis").await.len(), 1);
    // A slip is taken back.
    world.reload(|text| text.replace("retention_days = 2\n", "retention_days = 5\n")).await;
    pass(&world, &clock, 3_600).await;
    world.until("nothing is to be told", || async { !needs(&world, "retention-shorter").await }).await;
    world.reload(|text| text.replace(DAYS, "retention_days = 2\nrecipients")).await;
    pass(&world, &clock, 3_600).await;
    world.until("it is told again", || async { needs(&world, "retention-shorter").await }).await;
    pass(&world, &clock, DAY_S).await;
    world.until("it is gone", || async { held(&world).await == 0 }).await;
    assert!(!needs(&world, "retention-shorter").await);
    let actions = actions(&world).await;
    assert!(["period-shortened", "records-expired"].iter().all(|one| actions.contains(&(*one).to_owned())));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_purpose_that_left_the_config_end_by_what_they_carry_and_are_shown() {
    let clock = Arc::new(Shifted::default());
    let mut world = world(&clock).await;
    store(&world, 1).await;
    world.stop_daemon().await;
    world.reconfigure(|text| text.replace("[purposes.devis", "[purposes.autre"));
    world.start_daemon().await;
    let of_devis = async || {
        let status = status(&world).await;
        let all = status["purposes"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|purpose| purpose["id"] == "devis")
    };
    assert_eq!(of_devis().await, Some(json!({"id": "devis", "stored": 1, "configured": false})));
    pass(&world, &clock, 6 * DAY_S).await;
    world.until("it is gone", || async { of_devis().await.is_none() }).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_trail_go_by_whole_months_and_the_rest_is_whole() {
    let clock = Arc::new(Shifted::default());
    let mut world = world(&clock).await;
    store(&world, 1).await;
    let before = actions(&world).await.len();
    assert!(before > 0);
    pass(&world, &clock, 400 * DAY_S).await;
    world
        .until("they are gone", || async { actions(&world).await.contains(&"trail-closed".to_owned()) })
        .await;
    for _ in 0..2 {
        let answer = world.admin().get("/admin/v1/trail?limit=10000&order=asc").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let lines = answer.lines();
        let closing = lines.iter().find(|line| line["action"] == "trail-closed").expect("a line");
        assert_eq!(lines[0]["seq"].as_u64(), closing["count"].as_u64().map(|last| last + 1));
        assert!(closing["count"].as_u64() >= Some(before as u64 - 1));
        world.restart().await;
    }
    world.end().await;
}
