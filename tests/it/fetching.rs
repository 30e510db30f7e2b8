//! Graph as it is: slow, wrong, half, throttled; and what tamis makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tamis::clock::{Clock, ManualClock, SystemClock};
use tamis_simulator::{CallKind, GraphError, Match, Misbehaviour, Rule};

use crate::support::{DEVIS_FORM, PAGE, Plan, World, canary, lead, log};

/// Submits so many good leads and returns their ids.
fn submit(world: &World, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let email = format!("{}@example.org", canary("lead"));
            world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_read_one_a_call_and_many_at_a_time() {
    let world = World::start().await;
    let ids = submit(&world, 120);
    world
        .meta
        .misbehave(Rule::always(Match::any().single(), Misbehaviour::Delay(Duration::from_millis(100))));
    let begun = Instant::now();
    world.deliver_all(&ids).await;
    world.stored("devis", 120).await;
    // One after the other they would take twelve seconds.
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let calls = world.meta.graph_calls();
    assert!(calls.iter().all(|call| call.kind != CallKind::Ids));
    let asked: Vec<&String> =
        calls.iter().filter(|call| call.kind == CallKind::Lead).flat_map(|call| &call.ids).collect();
    assert_eq!(asked.len(), 120, "each once");
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>(), ids.iter().collect::<BTreeSet<_>>());
    let forms = calls.iter().filter(|call| call.kind == CallKind::Form).count();
    assert_eq!(forms, 1, "the form is read once, whoever needs it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_nobody_knows_concerns_its_lead_alone() {
    for (code, subcode, status) in [
        (12, None, 400),
        (2500, None, 400),
        (100, None, 400),
        (1, None, 500),
        (4_711, Some(7), 418),
        (104, None, 401),
    ] {
        let world = World::start().await;
        let ids = submit(&world, 12);
        let error = GraphError::new(code, "What nobody knows").status(status);
        let error = subcode.map_or(error.clone(), |subcode| error.clone().subcode(subcode));
        let rule = world.meta.misbehave(Rule::always(Match::any().lead(&ids[4]), Misbehaviour::Error(error)));
        world.deliver_all(&ids).await;
        world.stored("devis", 11).await;
        world.settled().await;
        let inbox = world.admin().get("/admin/v1/inbox").await.json();
        assert_eq!((&inbox["waiting"], &inbox["paused"]), (&1.into(), &json!([])), "{code}");
        world.meta.forgive(rule);
        world.stored("devis", 12).await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_replies_cost_a_retry_and_never_a_lead() {
    let odd = [
        Misbehaviour::html(502),
        Misbehaviour::html(200),
        Misbehaviour::empty(200),
        Misbehaviour::empty(500),
        Misbehaviour::json("{}"),
        Misbehaviour::json("[]"),
        Misbehaviour::json("false"),
        Misbehaviour::json("{\"error\":null}"),
        Misbehaviour::json("{\"id\":"),
        Misbehaviour::garbage(),
        Misbehaviour::code(1),
        Misbehaviour::code(2),
        Misbehaviour::Reset,
        Misbehaviour::HalfBody,
        Misbehaviour::Redirect("http://127.0.0.1:1/".to_owned()),
        Misbehaviour::quoting(2),
    ];
    for what in odd {
        let world = World::start().await;
        // `false` is Graph's word for what is not there, or not ours.
        let is_false = matches!(&what, Misbehaviour::Answer { body, .. } if body == b"false");
        let code = if is_false { "lead-unreadable" } else { "graph-unavailable" };
        world.meta.misbehave(Rule::times(3, Match::any().path("/77"), what.clone()));
        let mut sent: BTreeMap<String, String> = (0..3).map(|_| submit_one(&world)).collect();
        world.deliver_all(&sent.keys().cloned().collect::<Vec<_>>()).await;
        world.stored("devis", 3).await;
        every_one_is_stored(&world, &sent, &what).await;
        let calls = world.meta.graph_calls();
        let reads = calls.iter().filter(|call| call.kind == CallKind::Lead).count();
        assert_eq!(reads, 3 + 3, "one more call for each odd reply: {what:?}");

        // One that gets nothing else waits, under the reason; the others go on beside it.
        let (stuck, email) = submit_one(&world);
        let rule = world.meta.misbehave(Rule::always(Match::any().lead(&stuck), what.clone()));
        let (other, other_email) = submit_one(&world);
        world.deliver_all(&[stuck.clone(), other.clone()]).await;
        world.stored("devis", 4).await;
        sent.insert(other, other_email);
        world.until("it waits", || async { inbox(&world).await["waiting"] == 1 }).await;
        assert_eq!(parked_codes(&world).await, BTreeSet::from([code.to_owned()]), "{what:?}");
        world.meta.forgive(rule);
        world.stored("devis", 5).await;
        sent.insert(stuck, email);
        every_one_is_stored(&world, &sent, &what).await;
        world.end().await;
    }
}

/// A good lead of its own: its id, and its e-mail address.
fn submit_one(world: &World) -> (String, String) {
    let email = format!("{}@example.org", canary("lead"));
    let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    (world.submit(answers, &[&email]), email)
}

/// Panics unless each of these is stored once, with its own answers, and nothing of it is left elsewhere.
async fn every_one_is_stored(world: &World, sent: &BTreeMap<String, String>, what: &Misbehaviour) {
    let records = world.records("devis").await;
    let mut stored: Vec<&str> =
        records.iter().filter_map(|record| record["fields"]["email"][0].as_str()).collect();
    stored.sort_unstable();
    let mut wanted: Vec<&str> = sent.values().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(stored, wanted, "{what:?}");
    let inbox = inbox(world).await;
    for place in ["held", "refused", "buried"] {
        assert_eq!(inbox[place], json!([]), "{place}: {what:?}");
    }
    assert_eq!((&inbox["queued"], &inbox["waiting"]), (&json!(0), &json!(0)), "{what:?}");
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// The reasons for which anything was parked so far.
async fn parked_codes(world: &World) -> BTreeSet<String> {
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    let counted = metrics.lines().filter_map(|line| line.strip_prefix("tamis_leads_parked_total{code=\""));
    let counted = counted.filter_map(|line| line.split_once("\"} ")).filter(|(_, count)| *count != "0");
    counted.map(|(code, _)| code.to_owned()).collect()
}

/// What Graph withholds it leaves out without a word, and a reply that names no form may be of any.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_answers_or_form_is_asked_for_again_before_it_is_judged() {
    let whole =
        r#""field_data":[{"name":"full_name","values":["Z"]},{"name":"email","values":["z@example.org"]}]"#;
    let named = format!(r#""form_id":"{DEVIS_FORM}""#);
    for (parts, at_first, in_the_end, calls) in [
        (named.clone(), 3, ("refused", "required-field-missing"), 4..=4),
        (format!(r#"{named},"field_data":null"#), 3, ("refused", "required-field-missing"), 4..=4),
        (whole.to_owned(), 1, ("buried", "form-unnamed"), 2..=2),
        (format!(r#"{whole},"form_id":null"#), 1, ("buried", "form-unnamed"), 2..=2),
    ] {
        let world = World::start().await;
        let ids = submit(&world, 2);
        let odd = |id: &str| Misbehaviour::json(&format!(r#"{{"id":"{id}",{parts}}}"#));
        world.meta.misbehave(Rule::times(at_first, Match::any().lead(&ids[0]), odd(&ids[0])));
        world.meta.misbehave(Rule::always(Match::any().lead(&ids[1]), odd(&ids[1])));
        world.deliver_all(&ids).await;
        world.stored("devis", 1).await;
        let (list, code) = in_the_end;
        world
            .until("it has its end", || async {
                world.admin().get("/admin/v1/inbox").await.json()[list][0]["code"] == code
            })
            .await;
        let of_the_second = world.meta.graph_calls();
        let of_the_second = of_the_second.iter().filter(|call| call.path.contains(&ids[1])).count();
        assert!(calls.contains(&of_the_second), "{parts}: {of_the_second} calls");
        assert_eq!(world.records("devis").await.len(), 1, "{parts}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_pauses_its_page_and_a_new_one_brings_all_back() {
    let world = World::start().await;
    world.meta.set_token(PAGE, "another-token-of-the-page");
    world.guard("another-token-of-the-page");
    let ids = submit(&world, 5);
    world.deliver_all(&ids).await;
    world
        .until("the page is paused", || async {
            world.admin().get("/admin/v1/inbox").await.json()["paused"][0]["code"] == "token-dead"
        })
        .await;
    world.settled().await;
    assert!(world.records("devis").await.is_empty());
    let calls = world.meta.graph_calls().len();
    assert!(calls <= 12, "a dead token caused {calls} calls");
    fs::write(world.directory.path().join("secrets/page-token"), "another-token-of-the-page")
        .expect("a file");
    world.stored("devis", 5).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_graph_cannot_find_at_first_is_found_later() {
    let world = World::start().await;
    let ids = submit(&world, 1);
    world.meta.misbehave(Rule::times(2, Match::any().lead(&ids[0]), Misbehaviour::code_and_subcode(100, 33)));
    world.deliver_all(&ids).await;
    world.stored("devis", 1).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_graph_never_finds_is_buried_and_comes_back_when_asked() {
    let world = World::start().await;
    let ids = submit(&world, 1);
    let rule = world
        .meta
        .misbehave(Rule::always(Match::any().lead(&ids[0]), Misbehaviour::code_and_subcode(100, 33)));
    world.deliver_all(&ids).await;
    world
        .until("it is buried", || async {
            world.admin().get("/admin/v1/inbox").await.json()["buried"][0]["code"] == "attempts-spent"
        })
        .await;
    world.meta.forgive(rule);
    let requeued = world.admin().post("/admin/v1/inbox/requeue", &json!({"code": "attempts-spent"})).await;
    assert_eq!(requeued.json()["requeued"], 1);
    world.stored("devis", 1).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_of_another_form_than_the_notification_said_is_buried() {
    let world = World::start().await;
    let ids = submit(&world, 1);
    world.meta.misbehave(Rule::always(
        Match::any().lead(&ids[0]),
        Misbehaviour::WrongFormId("901000000000777".to_owned()),
    ));
    world.deliver_all(&ids).await;
    world
        .until("it is buried", || async {
            world.admin().get("/admin/v1/inbox").await.json()["buried"][0]["code"] == "form-mismatch"
        })
        .await;
    assert!(world.records("devis").await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_paused_does_not_hold_up_another() {
    let second = "[[meta.pages]]\nid = \"104000000000002\"\nname = \"Zweite\"\n";
    let plan = Plan {
        config: Box::new(move |text: String| {
            let token =
                text.lines().find(|line| line.starts_with("token = ")).expect("a page's token").to_owned();
            text.replace("[store]", &format!("{second}{token}\n\n[store]"))
        }),
        ..Plan::default()
    };
    let world = World::planned(plan).await;
    // The second page's token is not one that Meta knows.
    let dead = tamis_simulator::Lead::new("104000000000002", DEVIS_FORM, crate::support::an_hour_ago())
        .answer("full_name", &["X"])
        .answer("email", &["x@example.net"]);
    world.meta.set_token("104000000000002", "only-meta-knows-this-one");
    let dead = world.submit(dead, &["x@example.net"]);
    let good = submit(&world, 3);
    world.deliver_all(&[dead]).await;
    world.deliver_all(&good).await;
    world.stored("devis", 3).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_stops_the_calls_until_it_is_over() {
    let world = World::start().await;
    let ids = submit(&world, 4);
    world.meta.misbehave(Rule::times(1, Match::any().path("/77"), Misbehaviour::code(80005)));
    world.deliver_all(&ids).await;
    world
        .until("the page is paused", || async {
            world.admin().get("/admin/v1/inbox").await.json()["paused"][0]["code"] == "graph-throttled"
        })
        .await;
    let before = world.meta.graph_calls().len();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(world.meta.graph_calls().len() <= before + 1, "calls went on while throttled");
    assert!(log().text().contains("graph.page-paused"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_lead_looks_whether_a_pause_is_over_the_others_lie_still() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    world.meta.misbehave(Rule::times(1, Match::any().path("/77"), Misbehaviour::code(80005)));
    let ids = submit(&world, 8);
    world.deliver_all(&ids[..1]).await;
    world
        .until("the page is paused", || async {
            world.admin().get("/admin/v1/inbox").await.json()["paused"][0]["code"] == "graph-throttled"
        })
        .await;
    world.deliver_all(&ids[1..]).await;
    world.settled().await;
    let settlings = || async {
        let metrics = world.admin().get("/admin/v1/metrics").await.text();
        let counts = metrics.lines().filter(|line| line.starts_with("tamis_leads_parked_total"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    world.meta.misbehave(Rule::always(Match::any().path("/77"), Misbehaviour::Delay(Duration::from_secs(2))));
    let before = settlings().await;
    clock.advance_ms(10 * 60_000);
    world.stored("devis", 8).await;
    let meanwhile = settlings().await - before;
    assert!(meanwhile <= 8, "{meanwhile} settlings while one call was under way");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_that_cannot_be_read_is_said() {
    let world = World::start().await;
    world.meta.set_token(PAGE, "another-token-of-the-page");
    let ids = submit(&world, 1);
    world.deliver_all(&ids).await;
    world.settled().await;
    let token = world.directory.path().join("secrets/page-token");
    fs::write(token.with_extension("new"), "another-token-of-the-page").expect("a file");
    fs::set_permissions(token.with_extension("new"), fs::Permissions::from_mode(0o644)).expect("a mode");
    fs::rename(token.with_extension("new"), &token).expect("a file");
    let said = || log().events("graph.token-not-read");
    world.until("it is said", || async { !said().is_empty() }).await;
    assert!(said().iter().all(|line| line.contains("code=secret-world-readable")), "{:?}", said());
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("a mode");
    world.stored("devis", 1).await;
    world.end().await;
}
