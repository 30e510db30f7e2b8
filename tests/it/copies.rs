//! Copies of forms: what asks the same under the same boxes counts as a form of the config, and what does not is held.

use std::sync::Arc;

use serde_json::{Value, json};
use tamis::clock::{Clock, ManualClock, SystemClock};
use tamis_simulator::{CallKind, Checkbox, Form, Match, Misbehaviour, Page, Question, Rule};

use crate::support::{DEVIS_FORM, LETTRE_FORM, PAGE, Plan, World, canary, lead, log};

const DEVIS: &str = "forms = [\"901000000000001\"]";
const DEVIS_COPIES: &str = "forms = [\"901000000000001\"]\ncopies = true";
const LETTRE: &str = "forms = [\"901000000000002\"]";
const LETTRE_COPIES: &str = "forms = [\"901000000000002\"]\ncopies = true";

/// Each test has forms of its own, since all write into one log.
fn form(test: u64, number: u64) -> String {
    format!("9020000000{test:02}{number:03}")
}

fn question(kind: &str, key: &str) -> Question {
    Question::new(kind, key, key)
}

/// What the quote form asks, and something more.
fn like_devis(id: &str) -> Form {
    Form {
        id: id.to_owned(),
        page_id: PAGE.to_owned(),
        name: "Devis – copie".to_owned(),
        questions: vec![
            question("CUSTOM", "post_code"),
            question("FULL_NAME", "full_name"),
            question("EMAIL", "email"),
            question("PHONE", "phone_number"),
            question("CUSTOM", "pointure"),
        ],
        ..Form::default()
    }
}

fn like_lettre(id: &str, boxes: &[(&str, &str, bool)]) -> Form {
    let checkbox = |(key, text, ticked): &(&str, &str, bool)| Checkbox {
        key: (*key).to_owned(),
        text: (*text).to_owned(),
        is_checked_by_default: *ticked,
        ..Checkbox::default()
    };
    Form {
        id: id.to_owned(),
        page_id: PAGE.to_owned(),
        questions: vec![
            question("FIRST_NAME", "first_name"),
            question("EMAIL", "email"),
            question("PHONE", "phone_number"),
        ],
        checkboxes: boxes.iter().map(checkbox).collect(),
        ..Form::default()
    }
}

/// A lead of a form arrives. Its id and its address.
async fn arrives(world: &World, form: &str) -> (String, String) {
    let email = format!("{}@example.org", canary("copies"));
    let asked =
        lead(form).answer("full_name", &["Zoé"]).answer("first_name", &["Zoé"]).answer("email", &[&email]);
    let id = world.submit(asked.checkbox("email_optin", true), &[&email]);
    world.deliver_all(std::slice::from_ref(&id)).await;
    world.settled().await;
    (id, email)
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// What is held of a form; null: nothing.
async fn held(world: &World, form: &str) -> Value {
    let shown = inbox(world).await;
    let held = shown["held"].as_array().expect("a list");
    held.iter().find(|held| held["form_id"] == form).cloned().unwrap_or_default()
}

async fn holds(world: &World, form: &str) -> Value {
    world.until("it is held", || async { held(world, form).await != Value::Null }).await;
    held(world, form).await
}

/// The differences of a held form: code and key.
fn differences(held: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = held["differs"]["differences"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .map(|one| format!("{} {}", text(&one["code"]), text(&one["key"])).trim_end().to_owned())
        .collect()
}

async fn found(world: &World, id: &str) -> Value {
    let answer = world.admin().post("/admin/v1/find", &json!({ "leadgen_id": id })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["records"][0].clone()
}

async fn known(world: &World, form: &str) -> Value {
    let forms = world.admin().get("/admin/v1/forms").await.json();
    let forms = forms["forms"].as_array().expect("a list");
    forms.iter().find(|known| known["form_id"] == form).cloned().unwrap_or_default()
}

fn said(event: &str, form: &str) -> Vec<String> {
    let mut lines = log().events(event);
    lines.retain(|line| {
        line.contains(&format!(" form.id={form} ")) || line.ends_with(&format!(" form.id={form}"))
    });
    lines
}

fn asked_for(world: &World, form: &str) -> usize {
    let calls = world.meta.graph_calls();
    calls.iter().filter(|call| call.kind == CallKind::Form && call.ids.iter().any(|id| id == form)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_adopted_with_its_first_lead_said_once_and_its_records_name_it() {
    let copy = form(1, 1);
    let mut world = World::planned(Plan::with(DEVIS, DEVIS_COPIES)).await;
    world.meta.add_form(like_devis(&copy));
    let (id, email) = arrives(&world, &copy).await;
    world.stored("devis", 1).await;
    let record = world.records("devis").await.remove(0);
    assert_eq!((&record["form_id"], &record["fields"]["email"]), (&json!(copy), &json!([email])));
    let shown = found(&world, &id).await;
    assert_eq!((&shown["form_id"], &shown["copy_of"]), (&json!(copy), &json!(DEVIS_FORM)));
    assert_eq!(held(&world, &copy).await, Value::Null, "it never was");
    let entry = known(&world, &copy).await;
    assert_eq!((&entry["copy_of"], &entry["purposes"]), (&json!(DEVIS_FORM), &json!(["devis"])));
    assert_eq!(shown["form_revision"], entry["revision"]);
    arrives(&world, &copy).await;
    world.stored("devis", 2).await;
    assert_eq!(asked_for(&world, &copy), 1);
    // The original had no lead yet: it was read to be held against.
    assert_eq!(asked_for(&world, DEVIS_FORM), 1);
    let (id, _) = arrives(&world, DEVIS_FORM).await;
    world.stored("devis", 3).await;
    assert_eq!(found(&world, &id).await.get("copy_of"), None, "the original is itself");
    let adopted = said("form.adopted", &copy);
    assert_eq!(adopted.len(), 1, "{adopted:?}");
    for part in ["original.form.id=901000000000001", "purposes=devis", "page.id=104000000000001"] {
        assert!(adopted[0].contains(part), "{adopted:?}");
    }
    assert!(said("lead.held", &copy).is_empty());

    // The register knows it: it is neither said nor asked for again.
    world.restart().await;
    assert_eq!(known(&world, &copy).await["copy_of"], json!(DEVIS_FORM));
    arrives(&world, &copy).await;
    world.stored("devis", 4).await;
    // A reload that changes something else.
    world.reload(|text| text.replace("retention_months = 12", "retention_months = 11")).await;
    arrives(&world, &copy).await;
    world.stored("devis", 5).await;
    assert_eq!((said("form.adopted", &copy).len(), asked_for(&world, &copy)), (1, 1));
    let exporter = world.admin().get("/admin/v1/purposes").await;
    assert_eq!(exporter.status, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_copy_is_held_with_its_difference_and_the_log_has_no_word_of_it() {
    let (other, foreign) = (form(2, 1), form(2, 2));
    let world = World::planned(Plan::with(DEVIS, DEVIS_COPIES)).await;
    let mut differs = like_devis(&other);
    differs.questions[0] = question("CUSTOM", "wohnort_geheim");
    differs.questions[2] = question("CUSTOM", "email");
    world.meta.add_form(differs);
    arrives(&world, &other).await;
    arrives(&world, &other).await;
    let held = holds(&world, &other).await;
    assert_eq!(held["code"], json!("form-differs"), "{held}");
    assert_eq!(held["differs"]["original"], json!(DEVIS_FORM));
    assert_eq!(differences(&held), ["question-retyped email", "question-missing post_code"], "{held}");
    let retyped = &held["differs"]["differences"][0];
    let sides = (&retyped["of"], &retyped["original"], &retyped["form"], &retyped["purpose"]);
    assert_eq!(sides, (&json!("email"), &json!("EMAIL"), &json!("CUSTOM"), &json!("devis")));
    assert_eq!(known(&world, &other).await["differs"], held["differs"]);
    let lines = said("form.differs", &other);
    assert!(lines.len() == 1 && lines[0].contains("differences.count=2"), "{lines:?}");
    assert!(!log().text().contains("wohnort_geheim"), "questions are their author's words");
    let parked = said("lead.held", &other);
    assert!(parked.len() == 2 && parked.iter().all(|line| line.contains("code=form-differs")), "{parked:?}");
    assert_eq!(asked_for(&world, &other), 1, "not once a lead");
    // What differs is not a viewer's to see.
    let viewer = json!({"name": "v", "role": "viewer", "expires_days": 1});
    let made = world.admin().post("/admin/v1/tokens", &viewer).await.json();
    let token = made["token"].as_str().expect("a token").to_owned();
    world.guard(&token);
    let seen = world.admin_tcp(Some(&token)).get("/admin/v1/inbox").await.json();
    assert_eq!((&seen["held"][0]["code"], seen["held"][0].get("differs")), (&json!("form-differs"), None));
    // Nothing can be read of this one: it is not known to differ.
    world.meta.misbehave(Rule::always(Match::any().form(&foreign), Misbehaviour::code(10)));
    arrives(&world, &foreign).await;
    assert_eq!(holds(&world, &foreign).await["code"], json!("form-unclaimed"));
    assert!(world.records("devis").await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_are_the_same_in_key_text_and_default_or_it_is_no_copy() {
    let world = World::planned(Plan::with(LETTRE, LETTRE_COPIES)).await;
    let (email, call) = (("email_optin", "email_optin", false), ("consent_call", "consent_call", false));
    for (number, boxes, wanted) in [
        (1, vec![email, call, ("x", "x", true)], None),
        (2, vec![email], Some("box-missing consent_call")),
        (3, vec![("email_optin", "Autre chose", false), call], Some("box-reworded email_optin")),
        (4, vec![("email_optin", "email_optin", true), call], Some("box-default-differs email_optin")),
        (5, vec![("optin", "email_optin", false), call], Some("box-missing email_optin")),
    ] {
        let id = form(3, number);
        world.meta.add_form(like_lettre(&id, &boxes));
        let (lead, _) = arrives(&world, &id).await;
        let Some(wanted) = wanted else {
            world.stored("lettre", 1).await;
            let record = world.records("lettre").await.remove(0);
            assert_eq!(record["consents"]["email_optin"]["given"], json!(true));
            assert_eq!(found(&world, &lead).await["copy_of"], json!(LETTRE_FORM));
            continue;
        };
        let held = holds(&world, &id).await;
        assert_eq!((&held["code"], differences(&held)), (&json!("form-differs"), vec![wanted.to_owned()]));
    }
    assert_eq!(world.records("lettre").await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_is_named_for_the_original_counts_on_its_copy() {
    let copy = form(4, 1);
    let plan = Plan {
        config: std::boxed::Box::new(|text| {
            let named =
                "required = true, from = [{ form = \"901000000000002\", key = \"email_optin\" }] }, call";
            text.replace(LETTRE, LETTRE_COPIES).replace("required = true }, call", named)
        }),
        ..Plan::default()
    };
    let world = World::planned(plan).await;
    let boxes = [("email_optin", "email_optin", false), ("consent_call", "consent_call", false)];
    world.meta.add_form(like_lettre(&copy, &boxes));
    arrives(&world, &copy).await;
    world.stored("lettre", 1).await;
    let record = world.records("lettre").await.remove(0);
    assert_eq!(record["consents"]["email_optin"]["given"], json!(true), "{record}");
    let shown = known(&world, &copy).await;
    assert_eq!(shown["boxes"][0]["consent"], json!("email_optin"), "{shown}");
    assert!(said("consent.box-absent", &copy).is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_config_says_of_a_form_wins_and_what_it_takes_no_more_is_held() {
    let (copy, later) = (form(5, 1), form(5, 2));
    let world = World::planned(Plan::with(DEVIS, DEVIS_COPIES)).await;
    world.meta.add_form(like_devis(&copy));
    world.meta.add_form(like_devis(&later));
    arrives(&world, &copy).await;
    world.stored("devis", 1).await;
    // It is the letter's from now on.
    let declared = format!("forms = [\"{LETTRE_FORM}\", \"{copy}\"]");
    world.reload(|text| text.replace(LETTRE, &declared)).await;
    let (id, _) = arrives(&world, &copy).await;
    let shown = found(&world, &id).await;
    assert_eq!((&shown["purpose"], &shown["state"]), (&json!("lettre"), &json!("stored")), "{shown}");
    assert_eq!(shown.get("copy_of"), None, "it is itself");
    let ended = said("form.copy-ended", &copy);
    assert!(ended.len() == 1 && ended[0].contains("form.declared=true"), "{ended:?}");
    world.reload(|text| text.replace(&declared, LETTRE)).await;
    arrives(&world, &copy).await;
    world.stored("devis", 2).await;
    assert_eq!(said("form.adopted", &copy).len(), 2, "it had ended");
    // No copies are taken any more.
    world.reload(|text| text.replace(DEVIS_COPIES, DEVIS)).await;
    arrives(&world, &copy).await;
    assert_eq!(holds(&world, &copy).await["code"], json!("form-unclaimed"));
    arrives(&world, &later).await;
    assert_eq!(holds(&world, &later).await["code"], json!("form-unclaimed"));
    assert_eq!(asked_for(&world, &later), 0, "nobody asks for what nobody takes");
    // And again they are: what was held is read, also of a form that was never looked at.
    world.reload(|text| text.replace(DEVIS, DEVIS_COPIES)).await;
    world.until("the first is read", || async { world.records("devis").await.len() >= 3 }).await;
    arrives(&world, &later).await;
    world.stored("devis", 5).await;
    assert_eq!((held(&world, &copy).await, held(&world, &later).await), (Value::Null, Value::Null));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_changes_is_none_for_new_leads_and_may_be_one_again() {
    let copy = form(6, 1);
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let plan = Plan { config: Plan::with(DEVIS, DEVIS_COPIES).config, ..Plan::at(clock.clone()) };
    let world = World::planned(plan).await;
    world.meta.add_form(like_devis(&copy));
    arrives(&world, &copy).await;
    world.stored("devis", 1).await;
    let mut changed = like_devis(&copy);
    changed.questions.retain(|question| question.key != "phone_number");
    world.meta.add_form(changed);
    clock.advance_ms(25 * 3_600_000);
    arrives(&world, &copy).await;
    let held = holds(&world, &copy).await;
    assert_eq!(
        (&held["code"], differences(&held)),
        (&json!("form-differs"), vec!["question-missing phone_number".to_owned()])
    );
    let lines = said("form.differs", &copy);
    assert!(lines.len() == 1 && lines[0].contains("form.was_copy=true"), "{lines:?}");
    assert_eq!(world.records("devis").await.len(), 1, "what was stored stays");
    world.meta.add_form(like_devis(&copy));
    clock.advance_ms(25 * 3_600_000);
    // It is looked at again while it is held.
    world.until("it is one again", || async { world.records("devis").await.len() == 2 }).await;
    assert_eq!(said("form.adopted", &copy).len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_page_and_one_that_is_like_two_are_not_adopted() {
    const OTHER_PAGE: &str = "104000000000008";
    let (elsewhere, second, both) = (form(7, 1), form(7, 2), form(7, 3));
    let second_for_config = second.clone();
    let plan = Plan {
        config: std::boxed::Box::new(move |text| {
            let autre = format!(
                "\n[purposes.autre]\ntitle = {{ fr = \"a\", en = \"b\", de = \"c\" }}\nforms = [\"{second_for_config}\"]\ncopies = true\n\
                 basis = \"pre_contract\"\nretention_months = 12\n\n[purposes.autre.fields]\nemail = {{ required = true }}\n"
            );
            text.replace(DEVIS, DEVIS_COPIES) + &autre
        }),
        ..Plan::default()
    };
    let mut world = World::planned(plan).await;
    let token = canary("second");
    world.meta.add_page(Page { id: OTHER_PAGE.to_owned(), name: "Zweite".to_owned(), token: token.clone() });
    world.configure_second_page(OTHER_PAGE, &token);
    world.restart().await;
    world.meta.add_form(Form { page_id: OTHER_PAGE.to_owned(), ..like_devis(&elsewhere) });
    world.meta.add_form(Form {
        questions: vec![question("EMAIL", "email"), question("CUSTOM", "ville")],
        ..like_devis(&second)
    });
    world.meta.add_form(like_devis(&both));
    arrives(&world, DEVIS_FORM).await;
    arrives(&world, &second).await;
    world.stored("devis", 1).await;
    world.stored("autre", 1).await;
    let asked = tamis_simulator::Lead::new(OTHER_PAGE, &elsewhere, crate::support::an_hour_ago());
    let id = world.submit(asked.answer("full_name", &["Zoé"]), &[]);
    world.deliver_all(&[id]).await;
    assert_eq!(holds(&world, &elsewhere).await["code"], json!("form-unclaimed"));
    assert_eq!(asked_for(&world, &elsewhere), 0, "its page is no purpose's");
    arrives(&world, &both).await;
    let held = holds(&world, &both).await;
    let wanted = [format!("several-originals {DEVIS_FORM}"), format!("several-originals {second}")];
    assert_eq!(differences(&held), wanted, "{held}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_saw_is_read_by_its_revision_by_the_officer() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let world = World::planned(Plan::at(clock.clone())).await;
    let (id, _) = arrives(&world, LETTRE_FORM).await;
    world.stored("lettre", 1).await;
    let revision = found(&world, &id).await["form_revision"].as_str().expect("a revision").to_owned();
    // The form is another afterwards; and then it is called otherwise, which nobody sees who fills it in.
    let boxes = [("email_optin", "Nouveau texte", false), ("consent_call", "consent_call", false)];
    for name in ["Lettre", "Lettre – été"] {
        world.meta.add_form(Form { name: name.to_owned(), ..like_lettre(LETTRE_FORM, &boxes) });
        clock.advance_ms(25 * 3_600_000);
        arrives(&world, LETTRE_FORM).await;
    }
    world.stored("lettre", 3).await;
    let path = format!("/admin/v1/forms/{LETTRE_FORM}/revisions");
    let all = world.admin().get(&path).await.json();
    let all = all["revisions"].as_array().expect("a list").clone();
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(
        (&all[0]["revision"], &all[0]["current"], &all[1]["current"]),
        (&json!(revision), &json!(false), &json!(true))
    );
    let then = world.admin().get(&format!("{path}/{revision}")).await.json();
    assert_eq!(
        (&then["boxes"][0]["text"], &then["boxes_readable"]),
        (&json!("email_optin"), &json!(true)),
        "{then}"
    );
    assert_eq!(then["questions"][1]["type"], json!("EMAIL"));
    assert_eq!(then["first_read_at"], all[0]["first_read_at"]);
    let none = "0".repeat(64);
    for (path, code) in [
        (format!("{path}/{none}"), "revision-unknown"),
        (format!("{path}/zz"), "revision-unknown"),
        (format!("/admin/v1/forms/77/revisions/{none}"), "form-unknown"),
        ("/admin/v1/forms/77/revisions".to_owned(), "form-unknown"),
        ("/admin/v1/forms/x/revisions".to_owned(), "form-unknown"),
    ] {
        let answer = world.admin().get(&path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!(code)), "{path}");
    }
    world.end().await;
}
