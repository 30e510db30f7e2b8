//! What could not be stored comes back once its reason is gone: the form gets a purpose, the page its token, the whitelist
//! is mended.

use serde_json::{Value, json};
use tamis_simulator::{Form, Lead, Page, Question};

use crate::support::{DEVIS_FORM, LETTRE_FORM, World, an_hour_ago, canary, lead};

const NEW_FORM: &str = "901000000000003";
const SECOND_PAGE: &str = "104000000000002";

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// Delivers a lead and waits until it has left the queue.
async fn arrives(world: &World, lead: Lead, answers: &[&str]) -> String {
    let id = world.submit(lead, answers);
    assert_eq!(world.deliver(&[&id]).await.status, 200);
    world.settled().await;
    id
}

/// How often Graph was asked for this lead.
fn asked_for(world: &World, id: &str) -> usize {
    world.meta.graph_calls().iter().filter(|call| call.ids.iter().any(|asked| asked == id)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_gets_a_purpose_brings_back_what_was_held() {
    let mut world = World::start().await;
    world.meta.add_form(Form {
        id: NEW_FORM.to_owned(),
        page_id: crate::support::PAGE.to_owned(),
        questions: vec![Question::new("FULL_NAME", "full_name", "?"), Question::new("EMAIL", "email", "?")],
        ..Form::default()
    });
    let email = format!("{}@example.org", canary("held"));
    let held = || lead(NEW_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    let ids = [arrives(&world, held(), &[&email]).await, arrives(&world, held(), &[&email]).await];
    let shown = inbox(&world).await;
    assert_eq!((&shown["held"][0]["form_id"], &shown["held"][0]["count"]), (&json!(NEW_FORM), &json!(2)));
    // A restart alone changes nothing: still no purpose, still no fetch.
    world.restart().await;
    assert_eq!(inbox(&world).await["held"][0]["count"], 2);
    assert!(world.meta.graph_calls().is_empty(), "nothing may be asked of Graph");

    world.reconfigure(|text| text.replace("\"901000000000001\"", "\"901000000000001\", \"901000000000003\""));
    world.restart().await;
    world.stored("devis", 2).await;
    assert_eq!(inbox(&world).await["held"], json!([]));
    assert!(ids.iter().all(|id| asked_for(&world, id) == 1));
    // Delivered again they are known.
    assert_eq!(world.deliver(&[&ids[0], &ids[1]]).await.status, 200);
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_gets_a_token_brings_back_what_was_held() {
    let mut world = World::start().await;
    let token = canary("second-page");
    world.meta.add_page(Page { id: SECOND_PAGE.to_owned(), name: "Zweite".to_owned(), token: token.clone() });
    world.meta.add_form(Form {
        id: NEW_FORM.to_owned(),
        page_id: SECOND_PAGE.to_owned(),
        questions: vec![Question::new("FULL_NAME", "full_name", "?"), Question::new("EMAIL", "email", "?")],
        ..Form::default()
    });
    world.reconfigure(|text| text.replace("\"901000000000001\"", "\"901000000000001\", \"901000000000003\""));
    world.restart().await;
    let email = format!("{}@example.org", canary("page"));
    let held = Lead::new(SECOND_PAGE, NEW_FORM, an_hour_ago());
    let held = held.answer("full_name", &["Jürgen"]).answer("email", &[&email]);
    arrives(&world, held, &[&email]).await;
    let shown = inbox(&world).await;
    assert_eq!((&shown["held"][0]["page_id"], &shown["held"][0]["count"]), (&json!(SECOND_PAGE), &json!(1)));
    assert!(world.meta.graph_calls().is_empty(), "nothing may be asked of Graph");

    world.configure_second_page(SECOND_PAGE, &token);
    world.restart().await;
    world.stored("devis", 1).await;
    assert_eq!(inbox(&world).await["held"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_whitelist_refused_is_requeued_by_form_and_stored_once_it_is_mended() {
    let mut world = World::start().await;
    let name = canary("mended");
    let id = arrives(&world, lead(DEVIS_FORM).answer("full_name", &[&name]), &[&name]).await;
    let shown = inbox(&world).await;
    assert_eq!(shown["refused"][0]["code"], "required-field-missing");
    // Requeued unmended, it is refused again.
    let requeue = json!({"form_id": DEVIS_FORM});
    assert_eq!(world.admin().post("/admin/v1/inbox/requeue", &requeue).await.json()["requeued"], 1);
    world.until("it is fetched again", || async { asked_for(&world, &id) == 2 }).await;
    world.until("it is refused again", || async { inbox(&world).await["refused"][0]["count"] == 1 }).await;

    world.reconfigure(|text| text.replacen("email = { required = true }", "email = {}", 1));
    world.restart().await;
    assert_eq!(inbox(&world).await["refused"][0]["count"], 1, "mending alone brings nothing back");
    assert_eq!(world.admin().post("/admin/v1/inbox/requeue", &requeue).await.json()["requeued"], 1);
    world.stored("devis", 1).await;
    assert_eq!(world.records("devis").await[0]["fields"]["full_name"], json!([name]));
    assert_eq!(inbox(&world).await["refused"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_consent_refused_is_requeued_by_code_and_stored_once_another_is_asked_for() {
    let mut world = World::start().await;
    let email = format!("{}@example.org", canary("consent"));
    let without = || {
        let answered = lead(LETTRE_FORM).answer("first_name", &["Ana"]).answer("email", &[&email]);
        answered.checkbox("email_optin", false).checkbox("consent_call", true)
    };
    arrives(&world, without(), &[&email]).await;
    arrives(&world, without(), &[&email]).await;
    assert_eq!(inbox(&world).await["refused"][0]["code"], "consent-missing");

    world.reconfigure(|text| {
        text.replace("{ channel = \"email\", required = true }", "{ channel = \"email\" }")
            .replace("{ channel = \"phone\",", "{ channel = \"phone\", required = true,")
            .replace("{ required = true, consent = \"email_optin\" }", "{ consent = \"email_optin\" }")
    });
    world.restart().await;
    let requeued = world.admin().post("/admin/v1/inbox/requeue", &json!({"code": "consent-missing"})).await;
    assert_eq!(requeued.json()["requeued"], 2);
    world.stored("lettre", 2).await;
    // What a consent stands before is still not kept without it.
    let records = world.records("lettre").await;
    assert!(records.iter().all(|record| record["fields"] == json!({"first_name": ["Ana"]})), "{records:?}");
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    assert!(lines.iter().any(|line| line["action"] == "requeued" && line["count"] == 2), "{lines:?}");
    world.end().await;
}
