//! One submission, several purposes: the quote form with a box for the newsletter, and the form for newsletter and calls.

use serde_json::{Value, json};
use tamis_simulator::{CallKind, Checkbox, Form, Lead, Match, Misbehaviour, Question, Rule};

use crate::support::{LETTRE_FORM, PAGE, Plan, World, canary, lead, log};

/// A quote form with a box for the newsletter.
const QUOTE_FORM: &str = "901000000000005";

/// Everything that both need, and no more.
const UNION: &str = "id,created_time,form_id,field_data,custom_disclaimer_responses,campaign_id";
const LETTER_ALONE: &str = "id,created_time,form_id,field_data,custom_disclaimer_responses";
const QUOTE_ALONE: &str = "id,created_time,form_id,field_data,campaign_id";

const DEVIS_FORMS: &str = "forms = [\"901000000000001\"]";
const DEVIS_WITH_QUOTE: &str = "forms = [\"901000000000001\", \"901000000000005\"]";
const LETTRE_FORMS: &str = "forms = [\"901000000000002\"]";
const LETTRE_WITH_QUOTE: &str = "forms = [\"901000000000002\", \"901000000000005\"]";

/// A purpose of its own for calls, on the letter's form.
const CALLS: &str = r#"
[purposes.appels]
title = { fr = "Vous appeler", en = "Call you", de = "Sie anrufen" }
forms = ["901000000000002"]
basis = "consent"
retention_months = 12
consents = { call_optin = { channel = "phone", required = true, from = ["consent_call"] } }

[purposes.appels.fields]
first_name = {}
phone_number = { required = true, consent = "call_optin" }
"#;

fn config(change: impl Fn(String) -> String + 'static) -> Plan {
    Plan { config: Box::new(change), ..Plan::default() }
}

/// Both purposes claim the quote form.
async fn world_of_quotes(change: impl Fn(String) -> String + 'static) -> World {
    let plan = config(move |text| {
        change(text.replace(DEVIS_FORMS, DEVIS_WITH_QUOTE).replace(LETTRE_FORMS, LETTRE_WITH_QUOTE))
    });
    World::prepared(plan, |_, meta| {
        let question = |kind: &str, key: &str| Question::new(kind, key, key);
        let checkbox =
            |key: &str| Checkbox { key: key.to_owned(), text: key.to_owned(), ..Checkbox::default() };
        meta.add_form(Form {
            id: QUOTE_FORM.to_owned(),
            page_id: PAGE.to_owned(),
            questions: vec![
                question("FULL_NAME", "full_name"),
                question("FIRST_NAME", "first_name"),
                question("EMAIL", "email"),
                question("PHONE", "phone_number"),
                question("CUSTOM", "budget"),
            ],
            checkboxes: vec![checkbox("email_optin")],
            ..Form::default()
        });
    })
    .await
}

/// Somebody who asks for a quote.
struct Asks {
    id: String,
    email: String,
    phone: String,
}

fn asks(world: &World, boxes: impl FnOnce(Lead) -> Lead) -> Asks {
    let (email, phone) = (format!("{}@example.org", canary("several")), canary("+336"));
    let asked = lead(QUOTE_FORM)
        .answer("full_name", &["Zoé Gautier"])
        .answer("first_name", &["Zoé"])
        .answer("email", &[&email])
        .answer("phone_number", &[&phone])
        .answer("budget", &["much"]);
    let id = world.submit(boxes(asked), &[&email, &phone]);
    Asks { id, email, phone }
}

fn ticked(lead: Lead) -> Lead {
    lead.checkbox("email_optin", true)
}

async fn arrives(world: &World, ids: &[&str]) {
    assert_eq!(world.deliver(ids).await.status, 200);
    world.settled().await;
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

async fn requeue(world: &World, which: &Value) -> Value {
    let answer = world.admin().post("/admin/v1/inbox/requeue", which).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let requeued = answer.json()["requeued"].clone();
    world.settled().await;
    world.until("nothing waits", || async { inbox(world).await["waiting"] == 0 }).await;
    requeued
}

/// What became of a lead: each purpose with its state and, where it is not stored, its code.
async fn fates(world: &World, id: &str) -> Vec<String> {
    let found = world.admin().post("/admin/v1/find", &json!({ "leadgen_id": id })).await;
    assert_eq!(found.status, 200, "{}", found.text());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let shown = |record: &Value| {
        let parts = ["purpose", "state", "code"].map(|name| text(&record[name]));
        parts.join(" ").trim_end().to_owned()
    };
    found.json()["records"].as_array().expect("a list").iter().map(shown).collect()
}

/// With which fields Graph was asked for this lead, in order.
fn asked_with(world: &World, id: &str) -> Vec<String> {
    let calls = world.meta.graph_calls().into_iter().filter(|call| call.kind == CallKind::Lead);
    calls.filter(|call| call.ids.iter().any(|asked| asked == id)).filter_map(|call| call.fields).collect()
}

/// Of each record its e-mail address.
async fn emails(world: &World, purpose: &str) -> Vec<String> {
    let text = |record: &Value| record["fields"]["email"][0].as_str().unwrap_or_default().to_owned();
    world.records(purpose).await.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_form_with_a_box_for_the_newsletter_gives_each_purpose_its_own_record() {
    let mut world = world_of_quotes(|text| text).await;
    let (yes, no) = (asks(&world, ticked), asks(&world, |lead| lead.checkbox("email_optin", false)));
    let without = asks(&world, |lead| lead);
    arrives(&world, &[&yes.id, &no.id, &without.id]).await;
    world.stored("devis", 3).await;

    // Each is asked for once, with what both may need.
    for asked in [&yes, &no, &without] {
        assert_eq!(asked_with(&world, &asked.id), [UNION]);
    }
    assert_eq!(emails(&world, "lettre").await, [yes.email.as_str()]);
    let letter = world.records("lettre").await.remove(0);
    assert_eq!((&letter["id"], &letter["fields"]["first_name"]), (&json!("lettre-1-1"), &json!(["Zoé"])));
    assert_eq!(letter["consents"]["email_optin"]["given"], json!(true));
    assert!(!letter.to_string().contains(&yes.phone), "nobody may call");
    let quotes = world.records("devis").await;
    let quote =
        quotes.iter().find(|quote| quote["fields"]["email"] == json!([yes.email])).expect("its quote");
    assert_eq!(quote["fields"]["phone_number"], json!([yes.phone]));
    assert_ne!(quote["expires_at"], letter["expires_at"], "each has its own end");

    // Whoever did not tick was not refused.
    assert_eq!(fates(&world, &yes.id).await, ["devis stored", "lettre stored"]);
    assert_eq!(fates(&world, &no.id).await, ["devis stored", "lettre not-asked"]);
    assert_eq!(fates(&world, &without.id).await, ["devis stored", "lettre not-asked"]);
    let shown = inbox(&world).await;
    assert_eq!((&shown["refused"], &shown["buried"], &shown["waiting"]), (&json!([]), &json!([]), &json!(0)));
    let dropped = shown["dropped"].as_array().expect("a list");
    let dropped: Vec<&Value> = dropped.iter().map(|one| &one["name"]).collect();
    assert_eq!(dropped, ["budget"], "what one of them holds is not dropped");

    // The trail tells of each purpose by itself; the metrics count each.
    let trail = world.admin().get("/admin/v1/trail?limit=1000").await.lines();
    let told = |purpose: &str| {
        let lines = trail.iter().filter(|line| line["action"] == "stored" && line["purpose"] == purpose);
        lines.filter_map(|line| line["count"].as_u64()).sum::<u64>()
    };
    assert_eq!((told("devis"), told("lettre")), (3, 1));
    let looked: Vec<&Value> = trail
        .iter()
        .filter(|line| line["action"] == "found" && line["count"] == 1)
        .map(|line| &line["from"])
        .collect();
    assert!(looked.contains(&&json!("lettre-1-1")) && looked.contains(&&quote["id"]), "{looked:?}");
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    for line in [
        "tamis_leads_stored_total{purpose=\"lettre\"} 1",
        "tamis_leads_not_asked_total{purpose=\"lettre\"} 2",
        "tamis_leads_not_asked_total{purpose=\"devis\"} 0",
        "tamis_leads_parked_total{code=\"consent-missing\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }

    // All of it is there after a restart, and known.
    world.restart().await;
    arrives(&world, &[&yes.id, &no.id]).await;
    assert_eq!((emails(&world, "devis").await.len(), emails(&world, "lettre").await.len()), (3, 1));
    assert_eq!(fates(&world, &yes.id).await, ["devis stored", "lettre stored"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_for_newsletter_and_calls_gives_each_what_was_ticked_for_it() {
    let world = World::planned(config(|text| text + CALLS)).await;
    let mut ids = Vec::new();
    for (letter, calls) in [(true, true), (true, false), (false, true), (false, false)] {
        let asked = lead(LETTRE_FORM).answer("email", &[&format!("{}@example.org", canary("calls"))]);
        let asked = asked.answer("phone_number", &[&canary("+337")]);
        let asked = asked.checkbox("email_optin", letter).checkbox("consent_call", calls);
        ids.push(world.submit(asked, &[]));
    }
    world.deliver_all(&ids).await;
    world.stored("lettre", 2).await;
    world.stored("appels", 2).await;
    assert_eq!(fates(&world, &ids[0]).await, ["appels stored", "lettre stored"]);
    assert_eq!(fates(&world, &ids[1]).await, ["appels not-asked", "lettre stored"]);
    assert_eq!(fates(&world, &ids[2]).await, ["appels stored", "lettre not-asked"]);
    assert_eq!(fates(&world, &ids[3]).await, ["appels not-asked", "lettre not-asked"]);
    let calls = world.records("appels").await;
    assert!(calls.iter().all(|record| record["fields"]["email"].is_null()), "for calls no address is held");
    assert_eq!(inbox(&world).await["refused"], json!([]));
    world.end().await;
}

/// The letter needs a name that nobody gave; the operator finds out, and brings back what was refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_purpose_refused_is_fetched_again_for_it_alone() {
    const NAMED: &str =
        "first_name = { required = true, from = [\"prénom\"], type = \"WORK_EMAIL\", why = \"x\" }";
    let mut world = world_of_quotes(|text| text.replace("first_name = {}", NAMED)).await;
    let asked = asks(&world, ticked);
    arrives(&world, &[&asked.id]).await;
    world.stored("devis", 1).await;
    assert_eq!(fates(&world, &asked.id).await, ["devis stored", "lettre refused required-field-missing"]);
    let refused = inbox(&world).await["refused"].clone();
    assert_eq!((&refused[0]["purpose"], &refused[0]["count"]), (&json!("lettre"), &json!(1)), "{refused}");
    let said = log().events("lead.refused");
    assert!(said.iter().any(|line| line.contains(QUOTE_FORM) && line.contains("purpose=lettre")), "{said:?}");
    // It comes through a restart, and a call that names it again changes nothing.
    world.restart().await;
    arrives(&world, &[&asked.id]).await;
    assert_eq!(asked_with(&world, &asked.id), [UNION]);

    world.reload(|text| text.replace(NAMED, "first_name = {}")).await;
    assert_eq!(requeue(&world, &json!({"code": "required-field-missing"})).await, 1);
    assert_eq!(fates(&world, &asked.id).await, ["devis stored", "lettre stored"]);
    assert_eq!(asked_with(&world, &asked.id), [UNION, LETTER_ALONE], "for the letter alone");
    assert_eq!((emails(&world, "devis").await.len(), emails(&world, "lettre").await.len()), (1, 1));
    assert_eq!(inbox(&world).await["refused"], json!([]));
    let dropped = inbox(&world).await["dropped"].clone();
    let names: Vec<&Value> = dropped.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert!(
        !names.contains(&&json!("phone_number")) && !names.contains(&&json!("full_name")),
        "the quote has them"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_is_added_later_does_not_reach_back() {
    let world = world_of_quotes(|text| text.replace(LETTRE_WITH_QUOTE, LETTRE_FORMS)).await;
    let asked = asks(&world, ticked);
    let away = world.meta.misbehave(Rule::always(Match::any().lead(&asked.id), Misbehaviour::code(2)));
    arrives(&world, &[&asked.id]).await;
    world.until("it waits", || async { inbox(&world).await["waiting"] == 1 }).await;
    assert_eq!(fates(&world, &asked.id).await, ["devis waiting graph-unavailable"]);
    world.reload(|text| text.replace(LETTRE_FORMS, LETTRE_WITH_QUOTE)).await;
    let later = asks(&world, ticked);
    world.meta.forgive(away);
    arrives(&world, &[&later.id]).await;
    world.stored("devis", 2).await;
    assert_eq!(emails(&world, "lettre").await, [later.email]);
    assert_eq!(fates(&world, &asked.id).await, ["devis stored"]);
    let asked_with = asked_with(&world, &asked.id);
    assert!(asked_with.iter().all(|fields| fields == QUOTE_ALONE), "nor is more asked for: {asked_with:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_for_a_purpose_that_gave_its_form_away_waits_for_it_alone() {
    const NAMED: &str =
        "first_name = { required = true, from = [\"prénom\"], type = \"WORK_EMAIL\", why = \"x\" }";
    let world = world_of_quotes(|text| text.replace("first_name = {}", NAMED)).await;
    let asked = asks(&world, ticked);
    arrives(&world, &[&asked.id]).await;
    world.stored("devis", 1).await;
    let without =
        |text: &str| text.replace(LETTRE_WITH_QUOTE, LETTRE_FORMS).replace(NAMED, "first_name = {}");
    world.reload(without).await;
    assert_eq!(requeue(&world, &json!({"form_id": QUOTE_FORM})).await, 1);
    assert_eq!(fates(&world, &asked.id).await, ["devis stored", "lettre refused purpose-gone"]);
    assert_eq!(asked_with(&world, &asked.id).len(), 1, "nothing is asked for on behalf of nobody");
    world.reload(|text| text.replace(LETTRE_FORMS, LETTRE_WITH_QUOTE)).await;
    assert_eq!(requeue(&world, &json!({"code": "purpose-gone"})).await, 1);
    assert_eq!(fates(&world, &asked.id).await, ["devis stored", "lettre stored"]);
    assert_eq!((emails(&world, "devis").await.len(), emails(&world, "lettre").await.len()), (1, 1));
    world.end().await;
}

/// Amid a call another config comes: what was read under the old one is thrown away, and read again under the new.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_amid_a_call_settles_all_purposes_under_one_config() {
    let world = world_of_quotes(|text| text).await;
    let asked = asks(&world, ticked);
    let slow = Misbehaviour::Delay(std::time::Duration::from_millis(1_500));
    world.meta.misbehave(Rule::once(Match::any().lead(&asked.id), slow));
    assert_eq!(world.deliver(&[&asked.id]).await.status, 200);
    world.until("Graph is asked", || async { !asked_with(&world, &asked.id).is_empty() }).await;
    world.reload(|text| text.replace(LETTRE_WITH_QUOTE, LETTRE_FORMS)).await;
    world.settled().await;
    world.stored("devis", 1).await;
    assert_eq!(fates(&world, &asked.id).await, ["devis stored"]);
    assert_eq!(asked_with(&world, &asked.id), [UNION, QUOTE_ALONE]);
    assert_eq!(world.records("lettre").await.len(), 0);
    world.end().await;
}
