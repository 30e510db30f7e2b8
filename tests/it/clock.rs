//! A clock that leaps forward, or is ahead from the start on: nothing is handed out or destroyed until somebody who knows says
//! that it is right, and nothing is lost once it is put right.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tamis::clock::{Clock, SystemClock};
use tamis_simulator::{Match, Misbehaviour, Rule};

use crate::support::{Caller, DEVIS_FORM, Plan, World, canary, lead, log};

/// The machine's clock, so many days off.
#[derive(Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(24 * self.0.load(Ordering::SeqCst))
    }
}

async fn stored(world: &World, count: usize) {
    let email = format!("{}@example.org", canary("clock"));
    let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    let id = world.submit(answers, &[&email]);
    assert_eq!(world.deliver(&[&id]).await.status, 200, "accepting goes on");
    let shown = async || world.admin().get("/admin/v1/purposes").await.json()["purposes"].clone();
    let held = |shown: serde_json::Value| {
        let purposes = shown.as_array().cloned().unwrap_or_default();
        purposes.iter().find(|shown| shown["id"] == "devis").map(|shown| shown["stored"].clone())
    };
    world.until("storing goes on", || async { held(shown().await) == Some(json!(count)) }).await;
}

async fn ready(world: &World) -> u16 {
    Caller::tcp(&world.addresses.public.to_string(), None).get("/health/ready").await.status
}

async fn export(world: &World) -> (u16, String) {
    let answer = world.admin().get("/admin/v1/purposes/devis/leads").await;
    let code = if answer.status == 200 { String::new() } else { answer.json()["code"].to_string() };
    (answer.status, code)
}

/// The trail's lines about the clock: who, what, and how it ended.
async fn told(world: &World) -> Vec<String> {
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let of_clock = lines.iter().filter(|line| text(&line["action"]).starts_with("clock-"));
    let who = |actor: &serde_json::Value| if actor == "system" { "system" } else { "person" };
    of_clock
        .map(|line| format!("{} {} {}", who(&line["actor"]), text(&line["action"]), text(&line["result"])))
        .collect()
}

async fn confirm(world: &World) -> serde_json::Value {
    let confirmed = world.admin().post("/admin/v1/clock/confirm", &json!({})).await;
    assert_eq!(confirmed.status, 200);
    confirmed.json()["confirmed"].clone()
}

async fn until_exports(world: &World, status: u16) {
    world.until("exports answer so", || async { export(world).await.0 == status }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_pause_graphs_own_clock_is_enough() {
    let clock = Arc::new(Shifted::default());
    clock.0.store(-30, Ordering::SeqCst);
    let mut world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    assert_eq!(export(&world).await, (200, String::new()));
    world.stop_daemon().await;
    clock.0.store(0, Ordering::SeqCst);
    world.start_daemon().await;
    assert_eq!(world.admin().get("/admin/v1/inbox").await.status, 200);
    until_exports(&world, 200).await;
    assert_eq!(told(&world).await, ["system clock-confirmed done"]);
    stored(&world, 1).await;
    assert_eq!(told(&world).await.len(), 1, "that it is right is said once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_graph_disagrees_with_waits_for_a_person() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    stored(&world, 1).await;
    world.stop_daemon().await;
    clock.0.store(60, Ordering::SeqCst);
    world.start_daemon().await;
    stored(&world, 2).await;
    // The watch looks every second: it had two chances.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(export(&world).await, (503, "\"clock-jumped\"".to_owned()), "Graph's Date is sixty days away");
    assert_eq!(ready(&world).await, 200);
    assert_eq!(confirm(&world).await, true);
    assert_eq!(world.records("devis").await.len(), 2);
    assert_eq!(confirm(&world).await, false);
    assert_eq!(told(&world).await, ["person clock-confirmed done", "person clock-confirmed nothing"]);
    world.end().await;
}

/// Every lead was expired from then on, without a line: the clock was ahead by more than a purpose's retention.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ahead_from_the_first_start_on_is_noticed_and_loses_nothing() {
    let clock = Arc::new(Shifted::default());
    clock.0.store(400, Ordering::SeqCst);
    let mut world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    world.until("the mark is lowered", || async { !told(&world).await.is_empty() }).await;
    stored(&world, 1).await;
    assert_eq!(export(&world).await, (503, "\"clock-jumped\"".to_owned()));
    assert_eq!(ready(&world).await, 200, "calls are taken all the same");
    let day = clock.now().to_string()[..10].to_owned();
    assert!(log().events("clock.ahead").iter().any(|line| line.contains(&day)), "an error says so");
    clock.0.store(0, Ordering::SeqCst);
    until_exports(&world, 200).await;
    assert_eq!(world.records("devis").await.len(), 1);
    world.restart().await;
    assert_eq!(world.records("devis").await.len(), 1);
    assert_eq!(told(&world).await, ["system clock-lowered done"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_confirmation_is_taken_back_by_graphs_next_word() {
    let clock = Arc::new(Shifted::default());
    let world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    stored(&world, 1).await;
    clock.0.store(380, Ordering::SeqCst);
    until_exports(&world, 503).await;
    // What Graph says of this leap is heard before the person is.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(confirm(&world).await, true);
    assert_eq!(world.records("devis").await.len(), 0, "by this clock it is expired");
    stored(&world, 2).await;
    until_exports(&world, 503).await;
    clock.0.store(0, Ordering::SeqCst);
    until_exports(&world, 200).await;
    assert_eq!(world.records("devis").await.len(), 2);
    assert_eq!(told(&world).await, ["person clock-confirmed done", "system clock-lowered done"]);
    world.end().await;
}

/// What was parked meanwhile waited for those 200 days, through every restart, and was too old then.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_a_clock_that_leapt_is_put_right_is_read_at_once() {
    for restarts in [false, true] {
        let clock = Arc::new(Shifted::default());
        let mut world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
        let email = format!("{}@example.org", canary("clock"));
        let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = world.submit(answers, &[&email]);
        let rule = world.meta.misbehave(Rule::always(Match::any().lead(&id), Misbehaviour::code(2)));
        clock.0.store(200, Ordering::SeqCst);
        assert_eq!(world.deliver(&[&id]).await.status, 200);
        let waiting = async || world.admin().get("/admin/v1/inbox").await.json()["waiting"].clone();
        world.until("it waits", || async { waiting().await == 1 }).await;
        if restarts {
            world.stop_daemon().await;
        }
        clock.0.store(0, Ordering::SeqCst);
        world.meta.forgive(rule);
        if restarts {
            world.start_daemon().await;
        }
        world.stored("devis", 1).await;
        world.end().await;
    }
}
