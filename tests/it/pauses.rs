//! A pause says what is so: it is over when it is over, a start does not end what Graph asked for, and somebody who gave a
//! permission back need not wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tamis::clock::{Clock, SystemClock};
use tamis_simulator::{CallKind, Lead, Match, Misbehaviour, Rule, Usage};

use crate::support::{DEVIS_FORM, PAGE, Plan, World, an_hour_ago, canary};

/// The system's clock, some time ahead.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn submit(world: &World, count: usize) -> Vec<String> {
    let submit = |_| {
        let email = format!("{}@example.org", canary("pause"));
        let lead = Lead::new(PAGE, DEVIS_FORM, an_hour_ago());
        world.submit(lead.answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
    };
    (0..count).map(submit).collect()
}

async fn paused(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()["paused"].clone()
}

async fn until_paused(world: &World, code: &str) {
    world.until("it is paused", || async { paused(world).await[0]["code"] == code }).await;
}

async fn metric_of_pauses(world: &World) -> usize {
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    metrics.lines().filter(|line| line.starts_with("tamis_page_paused{") && line.ends_with(" 1")).count()
}

fn calls(world: &World) -> usize {
    world.meta.graph_calls().iter().filter(|call| call.kind == CallKind::Lead).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_is_over_is_shown_no_more_though_nobody_waits() {
    let ahead = Arc::new(Ahead::default());
    let world = World::planned(Plan { clock: ahead.clone(), ..Plan::default() }).await;
    let ids = submit(&world, 2);
    world.deliver_all(&ids[..1]).await;
    world.stored("devis", 1).await;
    // The form is known: the reply that brings the lead says that it is the last for now.
    world.meta.set_usage(Usage::leadgen(PAGE, 97, 0));
    world.deliver_all(&ids[1..]).await;
    world.stored("devis", 2).await;
    until_paused(&world, "graph-throttled").await;
    assert_eq!(metric_of_pauses(&world).await, 1);
    ahead.0.fetch_add(3 * 60_000, Ordering::Relaxed);
    assert_eq!((paused(&world).await, metric_of_pauses(&world).await), (json!([]), 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_graph_asked_for_survives_a_restart_and_what_a_person_mends_does_not() {
    let ahead = Arc::new(Ahead::default());
    let mut world = World::planned(Plan { clock: ahead.clone(), ..Plan::default() }).await;
    world.meta.set_usage(Usage::leadgen(PAGE, 100, 19));
    let ids = submit(&world, 3);
    world.deliver_all(&ids[..1]).await;
    until_paused(&world, "graph-throttled").await;
    let before = paused(&world).await;
    // As soon as it can be seen it is kept within moments, by a worker that is roused.
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.restart().await;
    assert_eq!(paused(&world).await, before, "to the second");
    let asked = calls(&world);
    world.deliver_all(&ids[1..]).await;
    world.settled().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(calls(&world), asked, "Graph was called within the time that it had asked for");
    world.meta.set_usage(Usage::default());
    ahead.0.fetch_add(22 * 60_000, Ordering::Relaxed);
    world.stored("devis", 3).await;
    world.until("it is forgotten", || async { paused(&world).await == json!([]) }).await;
    world.meta.misbehave(Rule::once(Match::any().single(), Misbehaviour::code(200)));
    let more = submit(&world, 1);
    world.deliver_all(&more).await;
    until_paused(&world, "permission-missing").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.restart().await;
    world.stored("devis", 4).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_was_given_back_is_tried_at_once_on_demand() {
    let world = World::start().await;
    let missing = world.meta.misbehave(Rule::always(Match::any().page(PAGE), Misbehaviour::code(200)));
    let absent = submit(&world, 1);
    world.meta.misbehave(Rule::once(Match::any().lead(&absent[0]), Misbehaviour::code_and_subcode(100, 33)));
    let ids = submit(&world, 4);
    world.deliver_all(&ids).await;
    until_paused(&world, "permission-missing").await;
    world.settled().await;
    let retry = async |page: &str| {
        let body = json!({ "page_id": page });
        world.admin().post("/admin/v1/inbox/retry", &body).await
    };
    // Not given back yet: it is tried, and the pause is as long as it was.
    let (before, asked) = (paused(&world).await, calls(&world));
    assert_eq!(retry(PAGE).await.json(), json!({"requeued": 0, "paused": true}));
    world.until("it is tried", || async { calls(&world) > asked }).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(calls(&world), asked + 1, "one lead alone");
    assert_eq!(paused(&world).await, before);
    world.meta.forgive(missing);
    assert_eq!(retry(PAGE).await.json(), json!({"requeued": 0, "paused": true}));
    world.stored("devis", 4).await;
    assert_eq!(paused(&world).await, json!([]));
    // What Graph could not find waits for minutes, without a pause.
    world.deliver_all(&absent).await;
    world.until("it waits", || async { inbox(&world).await["waiting"] == 1 }).await;
    assert_eq!(retry(PAGE).await.json(), json!({"requeued": 1, "paused": false}));
    world.stored("devis", 5).await;
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let told: Vec<_> = lines.iter().filter(|line| line["action"] == "page-retried").collect();
    assert_eq!(told.len(), 3);
    assert_eq!((&told[2]["count"], &told[2]["reason"]), (&json!(1), &json!("audit")), "{:?}", told[2]);
    let unknown = retry("104000000000009").await;
    assert_eq!((unknown.status, unknown.json()["code"].clone()), (404, json!("page-unknown")));
    for body in [json!({}), json!({"page_id": "x"}), json!({"page_id": PAGE, "all": true})] {
        assert_eq!(world.admin().post("/admin/v1/inbox/retry", &body).await.status, 400, "{body}");
    }
    world.end().await;
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// Graph refused a form's definition for want of the permission; with it the definition is read, and not a day later.
#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_was_refused_is_read_again_with_the_permission() {
    let world = World::start().await;
    let refused =
        world.meta.misbehave(Rule::always(Match::any().kind(CallKind::Form), Misbehaviour::code(200)));
    let ids = submit(&world, 2);
    world.deliver_all(&ids[..1]).await;
    world.stored("devis", 1).await;
    let readable = async || world.admin().get("/admin/v1/forms").await.json()["forms"][0]["readable"].clone();
    assert_eq!(readable().await, false);
    world.meta.forgive(refused);
    world.admin().post("/admin/v1/inbox/retry", &json!({ "page_id": PAGE })).await;
    world.deliver_all(&ids[1..]).await;
    world.stored("devis", 2).await;
    assert_eq!(readable().await, true);
    world.end().await;
}
