//! A clock that leaps forward: nothing is handed out or destroyed until somebody who knows says that it is right.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tamis::clock::{Clock, SystemClock};

use crate::support::{Caller, DEVIS_FORM, Plan, World, canary, lead};

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

/// The trail's lines about the clock: who, and how it ended.
async fn told(world: &World) -> Vec<(String, String)> {
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let of_clock = lines.iter().filter(|line| line["action"] == "clock-confirmed");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    of_clock.map(|line| (text(&line["actor"]), text(&line["result"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_pause_the_first_reply_of_graph_is_enough() {
    let clock = Arc::new(Shifted::default());
    clock.0.store(-30, Ordering::SeqCst);
    let mut world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    assert_eq!(export(&world).await, (200, String::new()));
    world.stop_daemon().await;
    clock.0.store(0, Ordering::SeqCst);
    world.start_daemon().await;
    assert_eq!(export(&world).await, (503, "\"clock-jumped\"".to_owned()));
    assert_eq!(world.admin().get("/admin/v1/inbox").await.status, 200);
    assert_eq!(told(&world).await, []);
    stored(&world, 1).await;
    world.until("Graph's Date confirms it", || async { export(&world).await.0 == 200 }).await;
    assert_eq!(told(&world).await, [("system".to_owned(), "done".to_owned())]);
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
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(export(&world).await.0, 503, "Graph's Date is sixty days away");
    assert_eq!(ready(&world).await, 200);
    let confirmed = world.admin().post("/admin/v1/clock/confirm", &json!({})).await;
    assert_eq!((confirmed.status, confirmed.json()), (200, json!({"confirmed": true})));
    assert_eq!(world.records("devis").await.len(), 2);
    let again = world.admin().post("/admin/v1/clock/confirm", &json!({})).await;
    assert_eq!(again.json(), json!({"confirmed": false}));
    let results: Vec<String> = told(&world).await.into_iter().map(|(_, result)| result).collect();
    assert_eq!(results, ["done", "nothing"]);
    world.end().await;
}
