//! A lead whose time is over is not fetched, and no record of it is made; but by a clock that nobody has confirmed nothing is
//! over.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tamis::clock::{Clock, SystemClock};
use tamis_simulator::notification::{Change, Entry, Notification};
use tamis_simulator::{CallKind, Lead};

use crate::support::{DEVIS_FORM, PAGE, Plan, World, canary};

const MONTHS: &str = "retention_months = 12\nrecipients";
const FORMS: &str = "forms = [\"901000000000001\"]";
const OTHER_FORMS: &str = "forms = [\"901000000000009\"]";
const DAYS: &str = "retention_days = 30\nrecipients";

/// The machine's clock, so many days off.
#[derive(Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(24 * self.0.load(Ordering::SeqCst))
    }
}

fn days_ago(days: i64) -> u64 {
    let then = SystemClock.now() - SignedDuration::from_hours(24 * days);
    u64::try_from(then.as_second()).expect("after 1970")
}

/// A good lead, so many days old.
fn submit(world: &World, days: i64) -> String {
    let email = format!("{}@example.org", canary("overdue"));
    let lead = Lead::new(PAGE, DEVIS_FORM, days_ago(days));
    world.submit(lead.answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// How many are refused since their time is over.
async fn over(world: &World) -> u64 {
    let refused = inbox(world).await["refused"].as_array().cloned().unwrap_or_default();
    let over = refused.iter().filter(|refused| refused["code"] == "retention-over");
    over.filter_map(|refused| refused["count"].as_u64()).sum()
}

async fn until_over(world: &World, count: u64) {
    world.until("they are over", || async { over(world).await == count }).await;
}

/// For which leads Graph was asked.
fn asked(world: &World) -> Vec<String> {
    let calls = world.meta.graph_calls().into_iter().filter(|call| call.kind == CallKind::Lead);
    calls.flat_map(|call| call.ids).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_whose_time_is_over_is_not_asked_for_and_comes_back_when_the_period_is_longer() {
    let mut world = World::planned(Plan::with(MONTHS, DAYS)).await;
    let (old, new) = (submit(&world, 31), submit(&world, 28));
    world.deliver_all(&[old.clone(), new.clone()]).await;
    until_over(&world, 1).await;
    world.stored("devis", 1).await;
    assert_eq!(asked(&world), [new], "of the other Graph was not asked");
    let requeue = json!({"code": "retention-over"});
    let requeued = world.admin().post("/admin/v1/inbox/requeue", &requeue).await.json();
    assert_eq!(requeued, json!({"requeued": 1}));
    until_over(&world, 1).await;
    assert_eq!(asked(&world).len(), 1, "judged anew, and the same");
    world.restart().await;
    assert_eq!(over(&world).await, 1);
    world.reload(|text| text.replace(DAYS, "retention_days = 60\nrecipients")).await;
    world.admin().post("/admin/v1/inbox/requeue", &requeue).await;
    world.stored("devis", 2).await;
    assert_eq!(asked(&world)[1..], [old]);
    world.reload(|text| text.replace("retention_days = 60", "retention_days = 20")).await;
    let late = submit(&world, 28);
    world.deliver_all(std::slice::from_ref(&late)).await;
    until_over(&world, 1).await;
    assert!(!asked(&world).contains(&late), "under the shorter period");
    world.end().await;
}

/// At the start the first reference is claimed before anybody has asked Graph what time it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_ready_at_a_start_is_held_against_graphs_clock_before_it_is_fetched() {
    let mut world = World::planned(Plan::with(FORMS, OTHER_FORMS)).await;
    let leads: Vec<String> = (0..40).map(|_| submit(&world, 80)).collect();
    world.deliver_all(&leads).await;
    world.until("they are held", || async { inbox(&world).await["held"][0]["count"] == 40 }).await;
    world.stop_daemon().await;
    world.reconfigure(|text| text.replace(OTHER_FORMS, FORMS).replace(MONTHS, DAYS));
    world.meta.clear_graph_calls();
    world.start_daemon().await;
    until_over(&world, 40).await;
    assert_eq!(asked(&world), [""; 0]);
    world.end().await;
}

/// The notification says another time than Graph, or none.
#[tokio::test(flavor = "multi_thread")]
async fn where_only_graph_knows_when_it_was_nothing_of_it_is_kept() {
    let world = World::planned(Plan::with(MONTHS, DAYS)).await;
    let old = submit(&world, 31);
    let change = Change::leadgen(&old, PAGE, DEVIS_FORM, days_ago(1)).without("created_time");
    let body = Notification::page().entry(Entry::of(PAGE).change(change)).bytes();
    assert_eq!(world.meta.deliver(&world.webhook(), &body).await.expect("an answer").status, 200);
    until_over(&world, 1).await;
    assert_eq!(asked(&world), [old]);
    assert_eq!(world.admin().get("/admin/v1/purposes").await.json()["purposes"][0]["stored"], 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_clock_that_nobody_has_confirmed_nothing_is_over() {
    let clock = Arc::new(Shifted::default());
    clock.0.store(60, Ordering::SeqCst);
    let plan = Plan { clock: clock.clone(), ..Plan::with(MONTHS, DAYS) };
    let world = World::planned(plan).await;
    let young = submit(&world, 1);
    world.deliver_all(&[young]).await;
    let stored =
        async || world.admin().get("/admin/v1/purposes").await.json()["purposes"][0]["stored"].clone();
    world.until("it is stored", || async { stored().await == 1 }).await;
    assert_eq!(over(&world).await, 0);
    // A person may be wrong, and Graph can be asked.
    world.admin().post("/admin/v1/clock/confirm", &json!({})).await;
    let other = submit(&world, 1);
    world.deliver_all(&[other]).await;
    world.until("it is stored too", || async { stored().await == 2 }).await;
    assert_eq!(over(&world).await, 0);
    world.end().await;
}
