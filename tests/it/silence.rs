//! Silence is a fault: what no question feeds is said, what is held says why and what it is called, and nothing is in no list.

use std::time::Duration;

use serde_json::{Value, json};
use tamis_simulator::{CallKind, Form, Lead, Match, Misbehaviour, Question, Rule};

use crate::support::{DEVIS_FORM, PAGE, Plan, World, an_hour_ago, canary, lead, log};

const FORMS: &str = "forms = [\"901000000000001\"]";
const OTHER_FORMS: &str = "forms = [\"901000000000009\"]";
/// Of a page that is not in the config, and a form that no purpose claims.
const ELSEWHERE: &str = "104000000000007";
const NOBODYS: &str = "901000000000077";

fn submit(world: &World, page: &str, form: &str, count: usize) -> Vec<String> {
    let submit = |_| {
        let email = format!("{}@example.org", canary("silence"));
        let lead = Lead::new(page, form, an_hour_ago());
        world.submit(lead.answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
    };
    (0..count).map(submit).collect()
}

async fn inbox(world: &World, query: &str) -> Value {
    world.admin().get(&format!("/admin/v1/inbox{query}")).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_read_after_a_reload_stands_in_a_column() {
    let world = World::planned(Plan::with(FORMS, OTHER_FORMS)).await;
    let ids = submit(&world, PAGE, DEVIS_FORM, 6);
    world.deliver_all(&ids).await;
    world.until("they are held", || async { inbox(&world, "").await["held"][0]["count"] == 6 }).await;
    let slow = Misbehaviour::Delay(Duration::from_millis(1_500));
    world.meta.misbehave(Rule::times(6, Match::any().single(), slow));
    world.reload(|text| text.replace(OTHER_FORMS, FORMS)).await;
    let mut most = 0;
    for _ in 0..100 {
        let shown = inbox(&world, "").await;
        let of = |key: &str| shown[key].as_u64().unwrap_or_default();
        let held = shown["held"][0]["count"].as_u64().unwrap_or_default();
        let stored = world.records("devis").await.len() as u64;
        // Looked at one after the other: what is stored meanwhile is seen twice, and nothing is missed.
        assert!(
            of("queued") + of("waiting") + of("in_flight") + held + stored >= 6,
            "{shown}, {stored} stored"
        );
        most = most.max(of("in_flight"));
        if stored == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert!(most >= 1, "it was never seen in flight");
    world.stored("devis", 6).await;
    assert_eq!(inbox(&world, "").await["in_flight"], 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_lacks_its_page_first_and_is_called_by_its_name_on_demand() {
    let world = World::start().await;
    for (id, page, name) in [(NOBODYS, PAGE, "Jeu concours été"), ("901000000000078", ELSEWHERE, "Ailleurs")]
    {
        let form =
            Form { id: id.to_owned(), page_id: page.to_owned(), name: name.to_owned(), ..Form::default() };
        world.meta.add_form(form);
    }
    world.deliver_all(&submit(&world, PAGE, NOBODYS, 2)).await;
    // Neither its page nor its form: without the page's token nobody can see what the form is.
    world.deliver_all(&submit(&world, ELSEWHERE, "901000000000078", 1)).await;
    let held = async |query: &str| inbox(&world, query).await["held"].clone();
    world.until("all are held", || async { held("").await.as_array().map(Vec::len) == Some(2) }).await;
    let shown = held("").await;
    let codes = [&shown[0]["code"], &shown[1]["code"]];
    assert_eq!(codes, [&json!("form-unclaimed"), &json!("page-unknown")]);
    assert!(shown[0].get("name").is_none(), "Graph is not asked unasked");
    let mut parked = log().events("lead.held");
    parked.retain(|line| line.contains("901000000000078"));
    assert!(parked.len() == 1 && parked[0].contains("code=page-unknown"), "{parked:?}");
    let named = held("?names=true").await;
    assert_eq!((&named[0]["name"], named[1].get("name")), (&json!("Jeu concours été"), None));
    let asked = world.meta.graph_calls().iter().filter(|call| call.kind == CallKind::Form).count();
    assert_eq!(asked, 1, "of the page that is not ours nobody asks");
    for bad in ["?names=yes", "?name=true"] {
        assert_eq!(world.admin().get(&format!("/admin/v1/inbox{bad}")).await.status, 400, "{bad}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_no_question_feeds_is_said_once_a_form() {
    let form = "901000000000055";
    let world = World::planned(Plan::with(FORMS, "forms = [\"901000000000001\", \"901000000000055\"]")).await;
    let question = |kind: &str, key: &str| Question::new(kind, key, key);
    world.meta.add_form(Form {
        id: form.to_owned(),
        page_id: PAGE.to_owned(),
        questions: vec![
            question("FULL_NAME", "full_name"),
            question("EMAIL", "email"),
            question("CUSTOM", "phone"),
            question("CUSTOM", "post_code"),
        ],
        ..Form::default()
    });
    let said = || -> Vec<String> {
        let mut lines = log().events("form.field-unfed");
        lines.retain(|line| line.contains(form));
        lines
    };
    for stored in 1..=3 {
        let email = format!("{}@example.org", canary("unfed"));
        let answers = lead(form).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = world.submit(answers.answer("phone", &["+33612345678"]), &[&email]);
        world.deliver_all(&[id]).await;
        world.stored("devis", stored).await;
    }
    let lines = said();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("field-near-miss") && lines[0].contains("phone_number"), "{lines:?}");
    world.end().await;
}
