//! Whoever has the app secret invents references: true ones are taken and stored all the same, and inventions can be let go.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tamis::clock::{Clock, SystemClock};
use tamis_simulator::notification::{Change, Entry, Notification};
use tamis_simulator::{Form, Page, Question};

use crate::support::{DEVIS_FORM, LETTRE_FORM, PAGE, Plan, World, an_hour_ago, canary, lead};

/// Forms that no purpose claims begin here.
const INVENTED: u64 = 909_000_000_000_001;
/// Read with a token of its own.
const SECOND_PAGE: &str = "104000000000002";
/// Small bounds, so that a test reaches them.
const BOUNDS: &str = "free_disk_min_mb = 1\ninbox_max_references = 400\ninbox_max_held_by_form = 50\n";

/// The machine's clock, so many minutes ahead.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_mins(self.0.load(Ordering::SeqCst))
    }
}

async fn world() -> World {
    World::planned(Plan::with("free_disk_min_mb = 1\n", BOUNDS)).await
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// How many are held in all.
async fn held(world: &World) -> u64 {
    let inbox = inbox(world).await;
    inbox["held"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|form| form["count"].as_u64().expect("a number"))
        .sum()
}

fn inventions(leadgens: Range<u64>, page: &str, form: u64) -> Vec<Change> {
    let form = form.to_string();
    let change =
        |number| Change::leadgen(&format!("{}", 7_700_000_000_000 + number), page, &form, an_hour_ago());
    leadgens.map(change).collect()
}

/// Delivers these changes in one call.
async fn send(world: &World, changes: Vec<Change>) -> u16 {
    let body = Notification::page().entry(Entry::of(PAGE).time(an_hour_ago()).changes(changes)).bytes();
    world.meta.deliver(&world.webhook(), &body).await.expect("an answer").status
}

/// A true lead of the form `devis`.
fn devis(world: &World) -> String {
    let email = format!("{}@example.org", canary("true"));
    world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
}

fn true_change(id: &str) -> Change {
    Change::leadgen(id, PAGE, DEVIS_FORM, an_hour_ago())
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_calls_of_inventions_take_no_room_of_a_true_lead() {
    let world = world().await;
    // Of one form, of many forms, of a claimed form under many pages.
    let mut statuses = Vec::new();
    for call in 0..60 {
        let other_page = (104_000_000_001_000 + call).to_string();
        let (page, form) = match call {
            0..20 => (PAGE, INVENTED),
            20..30 => (other_page.as_str(), DEVIS_FORM.parse().expect("digits")),
            _ => (PAGE, INVENTED + call),
        };
        statuses.push(send(&world, inventions(call * 10..call * 10 + 10, page, form)).await);
        world.settled().await;
    }
    assert_eq!((statuses[0], statuses[19], statuses[59]), (200, 503, 503), "{statuses:?}");
    assert_eq!(held(&world).await, 200, "half of what the inbox takes");
    let id = devis(&world);
    assert_eq!(send(&world, vec![true_change(&id)]).await, 200);
    world.stored("devis", 1).await;
    // In one call with what is over, it is taken too.
    let id = devis(&world);
    let mut mixed = inventions(1_000..1_010, PAGE, INVENTED);
    mixed.push(true_change(&id));
    assert_eq!(send(&world, mixed).await, 200);
    world.stored("devis", 2).await;
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    assert!(metrics.contains("tamis_references_over_bound_total 410\n"), "{metrics}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_dropped_also_for_a_restart_and_the_true_call_is_fetched_once_the_form_is_claimed() {
    let mut world = world().await;
    let form = INVENTED.to_string();
    world.meta.add_form(Form {
        id: form.clone(),
        page_id: PAGE.to_owned(),
        questions: vec![Question::new("FULL_NAME", "full_name", "?"), Question::new("EMAIL", "email", "?")],
        ..Form::default()
    });
    let email = format!("{}@example.org", canary("dropped"));
    let id = world.submit(lead(&form).answer("full_name", &["Ana"]).answer("email", &[&email]), &[&email]);
    let true_call = || vec![Change::leadgen(&id, PAGE, &form, an_hour_ago())];
    assert_eq!(send(&world, true_call()).await, 200);
    assert_eq!(send(&world, inventions(0..60, PAGE, INVENTED)).await, 200, "49 of them fit");
    world.settled().await;
    assert_eq!(held(&world).await, 50);

    let drop = async |world: &World, form: &str| {
        world.admin().post("/admin/v1/inbox/drop", &json!({ "form_id": form })).await
    };
    assert_eq!(drop(&world, DEVIS_FORM).await.json()["code"], "form-claimed");
    assert_eq!(drop(&world, &form).await.json()["dropped"], 50);
    assert_eq!(held(&world).await, 0);
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let line = lines.iter().find(|line| line["action"] == "held-dropped").expect("a line");
    assert_eq!((&line["count"], &line["result"]), (&json!(50), &json!("done")));
    // The journal still has them, and brings none back.
    world.restart().await;
    world.settled().await;
    assert_eq!(held(&world).await, 0, "a replay brought back what was dropped");

    world
        .reconfigure(|text| text.replace("\"901000000000001\"", &format!("\"901000000000001\", \"{form}\"")));
    world.restart().await;
    world.settled().await;
    assert!(world.records("devis").await.is_empty());
    assert_eq!(send(&world, true_call()).await, 200);
    world.stored("devis", 1).await;
    assert_eq!(send(&world, true_call()).await, 200);
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 1);
    world.end().await;
}

/// A true lead that somebody names first, wrongly, and then Meta's own call, twice: it is stored once.
async fn named_first(page: &str, form: &str, first_end: impl Fn(&Value) -> bool) {
    named_first_in(world().await, page, form, first_end).await;
}

async fn named_first_in(world: World, page: &str, form: &str, first_end: impl Fn(&Value) -> bool) {
    let id = devis(&world);
    let false_call = vec![Change::leadgen(&id, page, form, an_hour_ago())];
    assert_eq!(send(&world, false_call.clone()).await, 200);
    world.settled().await;
    world.until("the false one has its end", || async { first_end(&inbox(&world).await) }).await;
    assert_eq!(send(&world, false_call).await, 200, "once more, it is known");
    assert_eq!(send(&world, vec![true_change(&id)]).await, 200);
    world.stored("devis", 1).await;
    assert_eq!(send(&world, vec![true_change(&id)]).await, 200);
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 1);
    let left = inbox(&world).await;
    assert_eq!(
        (&left["held"], &left["buried"], &left["waiting"]),
        (&json!([]), &json!([]), &json!(0)),
        "a duplicate"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_lead_named_first_with_another_claimed_form_is_stored_once() {
    named_first(PAGE, LETTRE_FORM, |inbox| inbox["buried"][0]["code"] == "form-mismatch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_lead_named_first_with_a_form_that_nobody_claims_is_stored_once() {
    named_first(PAGE, &INVENTED.to_string(), |inbox| inbox["held"][0]["count"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_lead_named_first_with_another_page_is_stored_once() {
    named_first("104000000000999", DEVIS_FORM, |inbox| inbox["held"][0]["count"] == 1).await;
}

/// With a second page in the config.
async fn two_pages() -> World {
    let mut world = world().await;
    let token = canary("second-page");
    world.meta.add_page(Page { id: SECOND_PAGE.to_owned(), name: "Zweite".to_owned(), token: token.clone() });
    world.configure_second_page(SECOND_PAGE, &token);
    world.restart().await;
    world
}

/// One token reads both, as a system user's does: Graph gives the lead whichever page it was called with.
#[tokio::test(flavor = "multi_thread")]
async fn a_true_lead_named_first_with_another_page_that_reads_it_too_is_stored_once() {
    let world = two_pages().await;
    let shared = canary("shared");
    world.guard(&shared);
    for page in [PAGE, SECOND_PAGE] {
        world.meta.set_token(page, &shared);
    }
    world.secret("page-token", &shared);
    world.secret("second-page", &shared);
    named_first_in(world, SECOND_PAGE, DEVIS_FORM, |inbox| inbox["buried"][0]["code"] == "page-mismatch")
        .await;
}

/// The second page's token does not see the form: that is no word about the first one's.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_named_first_with_another_page_is_matched_by_its_definition_all_the_same() {
    let mut world = two_pages().await;
    let form = INVENTED.to_string();
    world.meta.add_form(Form {
        id: form.clone(),
        page_id: PAGE.to_owned(),
        questions: vec![
            Question::new("FULL_NAME", "vollständiger_name", "?"),
            Question::new("EMAIL", "e-mail-adresse", "?"),
        ],
        ..Form::default()
    });
    world
        .reconfigure(|text| text.replace("\"901000000000001\"", &format!("\"901000000000001\", \"{form}\"")));
    world.restart().await;
    let email = format!("{}@example.org", canary("german"));
    let answered = lead(&form).answer("vollständiger_name", &["Zoé"]).answer("e-mail-adresse", &[&email]);
    let id = world.submit(answered, &[&email]);
    assert_eq!(send(&world, vec![Change::leadgen(&id, SECOND_PAGE, &form, an_hour_ago())]).await, 200);
    let forms = async || world.admin().get("/admin/v1/forms").await.json();
    world
        .until("its definition was refused", || async { forms().await["forms"][0]["readable"] == false })
        .await;
    assert_eq!(send(&world, vec![Change::leadgen(&id, PAGE, &form, an_hour_ago())]).await, 200);
    world.stored("devis", 1).await;
    let known = &forms().await["forms"][0];
    assert_eq!((&known["readable"], &known["page_id"]), (&json!(true), &json!(PAGE)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_graph_does_not_name_the_page_no_page_is_wrong() {
    let world = world().await;
    let form = Form { id: DEVIS_FORM.to_owned(), page_id: PAGE.to_owned(), ..Form::default() };
    let questions = vec![Question::new("FULL_NAME", "full_name", "?"), Question::new("EMAIL", "email", "?")];
    world.meta.add_form(Form { questions, refused_fields: vec!["page".to_owned()], ..form });
    let id = devis(&world);
    assert_eq!(send(&world, vec![true_change(&id)]).await, 200);
    world.stored("devis", 1).await;
    let forms = world.admin().get("/admin/v1/forms").await.json();
    assert_eq!((&forms["forms"][0]["readable"], &forms["forms"][0]["page_id"]), (&json!(true), &Value::Null));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_lead_named_in_one_call_with_four_forms_is_stored_once() {
    let world = world().await;
    let id = devis(&world);
    let false_form = |form: u64| Change::leadgen(&id, PAGE, &(INVENTED + form).to_string(), an_hour_ago());
    assert_eq!(send(&world, (0..6).map(false_form).collect()).await, 200);
    world.settled().await;
    assert_eq!(held(&world).await, 3, "three are kept");
    assert_eq!(send(&world, vec![false_form(9), true_change(&id), false_form(10)]).await, 200);
    world.stored("devis", 1).await;
    world.settled().await;
    assert_eq!(held(&world).await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_lead_named_before_graph_knows_it_is_stored_once_it_is_called_again() {
    let clock = Arc::new(Ahead::default());
    let world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    let id = "7700000055501";
    world.guard(id);
    assert_eq!(send(&world, vec![true_change(id)]).await, 200);
    let is_buried = async || inbox(&world).await["buried"][0]["code"] == "attempts-spent";
    world.until("it is buried", || async { is_buried().await }).await;
    let email = format!("{}@example.org", canary("early"));
    let late = lead(DEVIS_FORM).with_id(id).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    world.submit(late, &[&email]);
    assert_eq!(send(&world, vec![true_change(id)]).await, 200);
    world.settled().await;
    assert!(is_buried().await, "one an hour brings it back");
    clock.0.store(61, Ordering::SeqCst);
    assert_eq!(send(&world, vec![true_change(id)]).await, 200);
    world.stored("devis", 1).await;
    assert_eq!(send(&world, vec![true_change(id)]).await, 200);
    world.settled().await;
    assert_eq!((world.records("devis").await.len(), &inbox(&world).await["buried"]), (1, &json!([])));
    world.end().await;
}
