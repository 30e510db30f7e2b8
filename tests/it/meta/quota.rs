//! Graph says how much of a quota is used up, and refuses what is beyond; a page's token dies beside one that lives.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tamis::clock::{Clock, SystemClock};
use tamis_simulator::{CallKind, Form, GraphCall, Lead, Match, Misbehaviour, Question, Rule, Usage};

use crate::support::{DEVIS_FORM, PAGE, Plan, World, an_hour_ago, canary, lead};

const OTHER_PAGE: &str = "104000000000002";
/// A form of that page.
const OTHER_FORM: &str = "901000000000042";

/// The system's clock, some time ahead.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn submit(world: &World, page: &str, count: usize) -> Vec<String> {
    let submit = |_| {
        let email = format!("{}@example.org", canary("quota"));
        let form = if page == OTHER_PAGE { OTHER_FORM } else { DEVIS_FORM };
        let lead = Lead::new(page, form, an_hour_ago());
        world.submit(lead.answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
    };
    (0..count).map(submit).collect()
}

fn calls_for_leads(world: &World) -> Vec<GraphCall> {
    let mut calls = world.meta.graph_calls();
    calls.retain(|call| call.kind == CallKind::Lead);
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_approached_and_never_crossed() {
    const LEADS: usize = 130;
    // Meta counts by the hour; in three seconds, as many calls at a time as usual would be a tenth of the quota.
    let world = World::planned(Plan::with("[meta]\n", "[meta]\ncalls_in_flight = 2\n")).await;
    world.meta.set_quota(PAGE, 100, 3_000);
    let ids = submit(&world, PAGE, LEADS);
    world.deliver_all(&ids).await;
    for _ in 0..3 {
        // Ten seconds each, and slow is what it should be.
        if tokio::time::timeout(Duration::from_secs(9), world.stored("devis", LEADS)).await.is_ok() {
            break;
        }
    }
    world.stored("devis", LEADS).await;
    let calls = calls_for_leads(&world);
    assert_eq!(world.meta.refused_by_quota(), 0, "refused, so it did not slow down in time");
    let took_ms = calls.last().expect("calls").at_ms - calls[0].at_ms;
    println!("{} calls in {took_ms} ms under a quota of 100 in 3,000 ms, none refused", calls.len());
    assert!(took_ms >= 2_000, "{} calls in {took_ms} ms cannot have been slowed down", calls.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn near_the_limit_there_are_no_calls_and_afterwards_no_storm() {
    let ahead = Arc::new(Ahead::default());
    let world = World::planned(Plan { clock: ahead.clone(), ..Plan::default() }).await;
    world.meta.set_usage(Usage::leadgen(PAGE, 97, 0));
    let ids = submit(&world, PAGE, 201);
    world.deliver_all(&ids[..1]).await;
    world
        .until("it stops", || async {
            world.admin().get("/admin/v1/inbox").await.json()["paused"][0]["code"] == "graph-throttled"
        })
        .await;
    for ids in ids[1..].chunks(40) {
        world.deliver_all(ids).await;
    }
    world.settled().await;
    let before = calls_for_leads(&world).len();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(calls_for_leads(&world).len(), before, "calls went on at 97 %");
    assert!(before <= 1, "{before} calls at 97 %");
    world.meta.set_usage(Usage::default());
    ahead.0.fetch_add(3 * 60_000, Ordering::Relaxed);
    world.stored("devis", 201).await;
    let after = calls_for_leads(&world).len() - before;
    assert!((200..=202).contains(&after), "{after} calls for 200 leads");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_stops_its_page_alone_until_the_file_changes() {
    let world = World::start().await;
    world.secret("other-token", "a-token-that-died");
    let file = world.directory.path().join("secrets/other-token").display().to_string();
    let page = format!(
        "[[meta.pages]]\nid = \"{OTHER_PAGE}\"\nname = \"Zweite\"\ntoken = {{ file = \"{file}\" }}\n\n[store]"
    );
    let forms = format!("forms = [\"{DEVIS_FORM}\", \"{OTHER_FORM}\"]");
    let claimed = format!("forms = [\"{DEVIS_FORM}\"]");
    world.reload(|text| text.replace("[store]", &page).replace(&claimed, &forms)).await;
    let questions = vec![Question::new("FULL_NAME", "full_name", "?"), Question::new("EMAIL", "email", "?")];
    let form = Form { id: OTHER_FORM.to_owned(), page_id: OTHER_PAGE.to_owned(), ..Form::default() };
    world.meta.add_form(Form { questions, ..form });
    let token = canary("other-page");
    world.guard(&token);
    world.meta.add_page(tamis_simulator::Page {
        id: OTHER_PAGE.to_owned(),
        name: "Zweite".to_owned(),
        token: token.clone(),
    });
    let dead = submit(&world, OTHER_PAGE, 5);
    world.deliver_all(&dead).await;
    world
        .until("its page is paused", || async {
            let paused = world.admin().get("/admin/v1/inbox").await.json()["paused"].clone();
            paused[0]["page_id"] == OTHER_PAGE && paused[0]["code"] == "token-dead"
        })
        .await;
    for round in 1..=5 {
        let good = submit(&world, PAGE, 10);
        world.deliver_all(&good).await;
        world.stored("devis", round * 10).await;
    }
    let spent =
        world.meta.graph_calls().iter().filter(|call| call.ids.iter().any(|id| dead.contains(id))).count();
    assert!(spent <= 2, "{spent} calls with a dead token");
    fs::write(world.directory.path().join("secrets/other-token"), &token).expect("a file");
    world.stored("devis", 55).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_graph_cannot_find_at_first_holds_nobody_up() {
    let world = World::start().await;
    let ids = submit(&world, PAGE, 8);
    world.meta.misbehave(Rule::times(3, Match::any().lead(&ids[3]), Misbehaviour::code_and_subcode(100, 33)));
    world.deliver_all(&ids).await;
    world.stored("devis", 8).await;
    let of_it = calls_for_leads(&world).iter().filter(|call| call.ids.contains(&ids[3])).count();
    assert_eq!(of_it, 4, "three refusals and one answer");
    // Never seen again by whoever is to be counted as buried.
    let inbox = world.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(inbox["buried"], serde_json::json!([]), "{inbox}");
    let late = lead(DEVIS_FORM).answer("full_name", &["X"]).answer("email", &["late@example.org"]);
    let late = world.submit(late, &["late@example.org"]);
    world.deliver_all(&[late]).await;
    world.stored("devis", 9).await;
    world.end().await;
}
