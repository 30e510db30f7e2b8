//! The form check: a form that asks too much is found at first sight, looked at again every day, and what was found has an end.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tamis::clock::{Clock, ManualClock, SystemClock};
use tamis_simulator::{CallKind, Form, Question};

use crate::support::process::BINARY;
use crate::support::{DEVIS_FORM, PAGE, Plan, World, canary, lead, log};

const HOUR_MS: i64 = 3_600_000;
const FORMS: &str = "forms = [\"901000000000001\"]";
/// A form of the quote that no other test has.
const OURS: &str = "901000000000511";
const WITH_OURS: &str = "forms = [\"901000000000001\", \"901000000000511\"]";

fn form(id: &str, more: &[&str], link: &str) -> Form {
    let question = |kind: &str, key: &str| Question {
        kind: kind.to_owned(),
        key: key.to_owned(),
        ..Question::default()
    };
    let mut questions = vec![
        question("FULL_NAME", "full_name"),
        question("EMAIL", "email"),
        question("PHONE", "phone_number"),
        question("CUSTOM", "post_code"),
    ];
    questions.extend(more.iter().map(|key| question("CUSTOM", key)));
    Form {
        id: id.to_owned(),
        page_id: PAGE.to_owned(),
        questions,
        privacy_policy_url: link.to_owned(),
        ..Form::default()
    }
}

fn submit(world: &World, form: &str) -> String {
    let email = format!("{}@example.org", canary("formcheck"));
    world.submit(lead(form).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
}

/// What was found of our form: a code each, those that ended with a `-` before.
async fn found(world: &World) -> Vec<String> {
    let answer = world.admin().get(&format!("/admin/v1/forms/{OURS}/findings")).await;
    if answer.status != 200 {
        return Vec::new();
    }
    let answer: Value = answer.json();
    let code = |one: &Value| {
        let over = if one["ended_at"].is_null() { "" } else { "-" };
        format!("{over}{}", one["code"].as_str().expect("a code"))
    };
    answer["findings"].as_array().expect("a list").iter().map(code).collect()
}

async fn attention(world: &World) -> Vec<String> {
    let status: Value = world.admin().get("/admin/v1/status").await.json();
    let all = status["attention"].as_array().expect("a list").iter();
    all.map(|concern| concern["code"].as_str().expect("a code").to_owned()).collect()
}

fn said(event: &str) -> Vec<String> {
    log().events(event).into_iter().filter(|line| line.contains(OURS)).collect()
}

async fn tamis(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--socket").arg(&world.addresses.socket).env_clear();
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let ended = ended.expect("the binary runs");
    (ended.status.code(), String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_looked_at_when_it_is_read_and_daily_and_each_finding_has_a_beginning_and_an_end() {
    // It listens from here on.
    log();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let plan = Plan { config: Plan::with(FORMS, WITH_OURS).config, ..Plan::at(clock.clone()) };
    let mut world = World::planned(plan).await;
    world.meta.add_form(form(OURS, &["pointure", "votre_religion"], "https://lumen.example/vie-privee"));
    world.deliver_all(&[submit(&world, OURS)]).await;
    world.stored("devis", 1).await;
    clock.advance_ms(2_000);
    let at_first = ["question-special", "question-unneeded", "link-elsewhere"];
    world.until("it is looked at", || async { found(&world).await == at_first }).await;
    clock.advance_ms(61_000);
    world.until("somebody must act", || async { attention(&world).await == ["form-finding"] }).await;
    // It is kept first and said then.
    world.until("it is said, a line a code", || async { said("form.finding").len() >= 3 }).await;
    let lines = said("form.finding");
    assert_eq!(lines.len(), 3, "once: {lines:?}");
    assert!(!lines.concat().contains("religion"), "a question's key is the author's word: {lines:?}");
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    for line in
        ["tamis_form_findings{code=\"question-special\"} 1\n", "tamis_attention{code=\"form-finding\"} 1\n"]
    {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let (code, screen) = tamis(&world, &["form", "check"]).await;
    assert_eq!(code, Some(1), "{screen}");
    for words in ["serious  question-special \"votre_religion\"", "→ Publish a form without the question."]
    {
        assert!(screen.contains(words), "{screen}");
    }
    let asked = || world.meta.graph_calls().iter().filter(|call| call.kind == CallKind::Form).count();
    let before = asked();

    // Its author mends it, and no lead comes: the daily look finds it.
    world.meta.add_form(form(OURS, &[], "https://leads.lumen.example/notice/devis?lang=fr"));
    clock.advance_ms(25 * HOUR_MS);
    let over = ["form-changed", "-question-special", "-question-unneeded", "-link-elsewhere"];
    world.until("it is looked at again", || async { found(&world).await == over }).await;
    assert_eq!(asked(), before + 1, "once a day");
    world.until("its end is said", || async { said("form.finding-over").len() == 3 }).await;
    clock.advance_ms(61_000);
    world.until("nobody must act", || async { attention(&world).await.is_empty() }).await;
    let (code, screen) = tamis(&world, &["form", "check", OURS, "--history"]).await;
    assert!(code == Some(0) && screen.contains("over  question-special"), "{screen}");
    let (code, screen) = tamis(&world, &["form", OURS]).await;
    assert!(code == Some(0) && screen.contains("current") && screen.contains("3 more ended"), "{screen}");

    // A restart knows all of it, and says none of it again.
    let lines = said("form.finding").len();
    world.restart().await;
    clock.advance_ms(2_000);
    world
        .until("all were gone over", || async { tamis(&world, &["status"]).await.1.contains("form-changed") })
        .await;
    assert_eq!((found(&world).await, said("form.finding").len()), (over.map(str::to_owned).to_vec(), lines));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_an_incomplete_notice_says_so_and_is_no_form_of_nobodys() {
    log();
    let abroad = Plan::with("country = \"FR\"\nrole", "country = \"US\"\nrole");
    let world = World::planned(abroad).await;
    let nobodys = "901000000000512";
    world.meta.add_form(form(nobodys, &[], ""));
    world.deliver_all(&[submit(&world, DEVIS_FORM), submit(&world, nobodys)]).await;
    let inbox = async || -> Value { world.admin().get("/admin/v1/inbox").await.json() };
    world
        .until("both are held", || async { inbox().await["held"].as_array().map(Vec::len) == Some(2) })
        .await;
    let codes: Vec<Value> =
        inbox().await["held"].as_array().expect("a list").iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, [json!("notice-incomplete"), json!("form-unclaimed")]);
    let status: Value = world.admin().get("/admin/v1/status").await.json();
    assert_eq!(status["inbox"]["held"]["oldest"]["code"], "notice-incomplete");
    assert!(log().events("lead.held").iter().any(|line| line.contains("code=notice-incomplete")));
    let findings = async || -> Value { world.admin().get("/admin/v1/findings").await.json() };
    world
        .until("both are told", || async { findings().await["forms"].as_array().map(Vec::len) == Some(2) })
        .await;
    let told = findings().await;
    let code = |at: usize| told["forms"][at]["findings"][0]["code"].clone();
    assert_eq!((code(0), code(1)), (json!("notice-incomplete"), json!("form-unclaimed")), "{told}");
    world.end().await;
}
