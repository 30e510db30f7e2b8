//! Is it well? What `GET /status` and `tamis status` say while all is, and while something is the matter.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tamis::clock::{Clock, ManualClock, SystemClock};
use tamis_simulator::{Form, GraphError, Match, Misbehaviour, Question, Rule};

use crate::api::{exporter, token};
use crate::support::process::{BINARY, Home};
use crate::support::{DEVIS_FORM, LETTRE_FORM, PAGE, Plan, World, canary, lead, senders};

const HOUR_MS: i64 = 3_600_000;

async fn status(world: &World) -> Value {
    let answer = world.admin().get("/admin/v1/status").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn held(id: &str, stored: u64) -> Value {
    json!({"id": id, "stored": stored, "configured": true})
}

/// The codes of what needs a person.
fn attention(status: &Value) -> Vec<&str> {
    let all = status["attention"].as_array().expect("a list").iter();
    all.map(|concern| concern["code"].as_str().expect("a code")).collect()
}

async fn until(world: &World, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    world.until(what, || async { so(&status(world).await) }).await;
    status(world).await
}

/// A lead of the quote form that has what it must.
fn submit(world: &World, form: &str) -> String {
    let email = format!("{}@example.org", canary("status"));
    world.submit(lead(form).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
}

/// `tamis status` of this socket, without a terminal.
async fn tamis_status(
    socket: &str,
    more: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.args(["status", "--socket", socket]).args(more).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let Output { status, stdout, stderr } = ended.expect("the binary runs");
    let words = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), words(stdout), words(stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_and_the_last_call_and_lead_are_known() {
    let world = World::start().await;
    let before =
        until(&world, "the clock is confirmed", |status| status["clock"]["trust"] == "confirmed-by-graph")
            .await;
    assert_eq!(
        (&before["ready"], &before["refusals"], &before["attention"]),
        (&json!(true), &json!([]), &json!([]))
    );
    assert_eq!((&before["last_call"], &before["last_stored"]), (&Value::Null, &Value::Null));
    assert_eq!(before["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(before["pages"], json!([{"page_id": PAGE, "name": "Atelier Lumen", "paused": null}]));
    assert_eq!(before["purposes"], json!([held("devis", 0), held("lettre", 0)]));
    assert_eq!(before["disk"]["floor_bytes"], 1_000_000);
    assert!(before["disk"]["free_bytes"].as_u64() > Some(1_000_000), "{before}");
    world.deliver_all(&[submit(&world, DEVIS_FORM)]).await;
    world.stored("devis", 1).await;
    let after = until(&world, "it is counted", |status| !status["last_stored"].is_null()).await;
    assert!(
        after["last_call"].is_string() && after["inbox"]["queued"] == json!({"count": 0, "oldest": null}),
        "{after}"
    );
    assert_eq!(after["purposes"][0], held("devis", 1));
    assert_eq!(attention(&after), [""; 0]);
    let socket = world.addresses.socket.display().to_string();
    let (code, screen, said) = tamis_status(&socket, &[], &[]).await;
    assert_eq!((code, said.as_str()), (Some(0), ""), "{screen}");
    for part in [
        "state      ready  nothing needs you\n",
        "records    devis 1  lettre 0\n",
        "Atelier Lumen  read\n",
        "confirmed by Graph",
    ] {
        assert!(screen.contains(part), "{part} is not in\n{screen}");
    }
    assert!(!screen.contains('\u{1b}'), "no terminal, no colour: {screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    let (code, document, _) = tamis_status(&socket, &["--json"], &[]).await;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!((code, &document["started_at"]), (Some(0), &after["started_at"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_told_with_what_waits_for_it_and_is_over_when_it_is() {
    let world = World::start().await;
    world.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Error(GraphError::new(190, "{token}"))));
    world.deliver_all(&[submit(&world, DEVIS_FORM)]).await;
    let told = until(&world, "the lead waits", |status| status["inbox"]["waiting"]["count"] == 1).await;
    assert_eq!(attention(&told), ["page-refused"]);
    assert_eq!(told["ready"], true, "calls are taken");
    assert_eq!(told["pages"][0]["paused"]["code"], "token-dead");
    let oldest = &told["inbox"]["waiting"]["oldest"];
    assert_eq!(
        (&oldest["code"], &oldest["form_id"], &oldest["page_id"]),
        (&json!("token-dead"), &json!(DEVIS_FORM), &json!(PAGE))
    );
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    for line in [
        "tamis_attention{code=\"page-refused\"} 1",
        "tamis_page_paused{page=\"104000000000001\",code=\"token-dead\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
    let refused = |metrics: &str| metrics.contains("tamis_graph_calls_total{outcome=\"token-dead\"} 0");
    assert!(!refused(&metrics), "{metrics}");
    let (code, screen, said) = tamis_status(&world.addresses.socket.display().to_string(), &[], &[]).await;
    assert_eq!(code, Some(1), "{screen}{said}");
    for part in ["attention  page-refused  for ", "token-dead until ", &format!("form {DEVIS_FORM}")] {
        assert!(screen.contains(part), "{part} is not in\n{screen}");
    }
    assert!(said.contains("tamis explain"), "{said}");
    world.meta.behave();
    let retry = json!({"page_id": PAGE});
    assert_eq!(world.admin().post("/admin/v1/inbox/retry", &retry).await.status, 200);
    world.stored("devis", 1).await;
    let over = until(&world, "it is over", |status| attention(status).is_empty()).await;
    assert_eq!(
        (&over["pages"][0]["paused"], &over["inbox"]["waiting"]["oldest"]),
        (&Value::Null, &Value::Null)
    );
    world.end().await;
}

/// No lead came since the start, so nobody looked at the form but the status.
#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_no_form_feeds_is_told_before_a_lead_comes() {
    let form = "901000000000055";
    let forms = "forms = [\"901000000000001\", \"901000000000055\"]";
    let mut world = World::planned(Plan::with("forms = [\"901000000000001\"]", forms)).await;
    let questions = vec![Question::new("FULL_NAME", "full_name", "x"), Question::new("CUSTOM", "mail", "x")];
    world.meta.add_form(Form {
        id: form.to_owned(),
        page_id: PAGE.to_owned(),
        questions,
        privacy_policy_url: "https://leads.lumen.example/notice/devis".to_owned(),
        ..Form::default()
    });
    world.deliver_all(&[world.submit(lead(form).answer("full_name", &["Zoé"]), &[])]).await;
    until(&world, "it is refused", |status| status["inbox"]["refused"] == 1).await;
    world.restart().await;
    let told = status(&world).await;
    assert_eq!(attention(&told), ["required-unfed"]);
    let unfed = told["unfed"].as_array().expect("a list").iter().find(|unfed| unfed["field"] == "email");
    let unfed = unfed.expect("the address");
    assert_eq!(
        (&unfed["required"], &unfed["form_id"], &unfed["forms"]),
        (&json!(true), &json!(form), &json!(1))
    );
    world.reload(|text| text.replace(forms, "forms = [\"901000000000001\"]")).await;
    let after = status(&world).await;
    assert_eq!((attention(&after), &after["unfed"]), (Vec::new(), &json!([])), "no purpose claims it now");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_told_to_whoever_may_list_it_until_it_is_revoked() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let world = World::planned(Plan::at(clock.clone())).await;
    let short = json!({"name": "prometheus", "role": "viewer", "expires_days": 1});
    let (id, text) = token(&world.admin(), short).await;
    let (_, other) = token(&world.admin(), json!({"name": "officer", "role": "officer"})).await;
    assert_eq!((attention(&status(&world).await), &status(&world).await["tokens"]), (Vec::new(), &json!([])));
    clock.advance_ms(19 * HOUR_MS);
    let told = status(&world).await;
    assert_eq!(attention(&told), ["token-ends"]);
    assert_eq!((&told["tokens"][0]["id"], &told["tokens"][0]["name"]), (&json!(id), &json!("prometheus")));
    let seen = async |bearer: &str| world.admin_tcp(Some(bearer)).get("/admin/v1/status").await.json();
    assert_eq!(seen(&text).await["tokens"][0]["id"], json!(id), "its own");
    assert_eq!(seen(&other).await["tokens"], json!([]), "not another's");
    clock.advance_ms(30 * HOUR_MS);
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    assert!(metrics.contains(&format!("tamis_token_days_left{{token=\"{id}\"}} -2\n")), "{metrics}");
    assert_eq!(attention(&status(&world).await), ["token-ends"], "it has ended");
    assert!(world.admin().delete(&format!("/admin/v1/tokens/{id}")).await.status < 300);
    assert_eq!(attention(&status(&world).await), [""; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_sees_its_purposes_and_their_forms_and_of_the_rest_totals() {
    let world = World::start().await;
    // Of a form that nobody claims, and of one that another purpose does: without a tick it is refused.
    world.deliver_all(&[submit(&world, "901000000000099"), submit(&world, LETTRE_FORM)]).await;
    world.deliver_all(&[submit(&world, DEVIS_FORM)]).await;
    world.stored("devis", 1).await;
    let all = until(&world, "all have their place", |status| {
        status["inbox"]["held"]["count"] == 1 && status["inbox"]["refused"] == 1
    })
    .await;
    assert_eq!(all["inbox"]["held"]["oldest"]["code"], "form-unclaimed");
    let (_, text) = token(&world.admin(), exporter()).await;
    let own = world.admin_tcp(Some(&text)).get("/admin/v1/status").await;
    assert_eq!(own.status, 200);
    let (own, shown) = (own.json(), own.text());
    assert_eq!(own["purposes"], json!([held("devis", 1)]));
    assert_eq!(own["inbox"]["held"], json!({"count": 0, "oldest": null}));
    assert_eq!(own["inbox"]["refused"], 0);
    assert_eq!(own["pages"][0]["page_id"], PAGE, "its form is known to belong to it");
    for foreign in ["lettre", LETTRE_FORM, "901000000000099"] {
        assert!(!shown.contains(foreign), "{foreign} in {shown}");
    }
    assert_eq!(world.admin_tcp(None).get("/admin/v1/status").await.status, 401);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_it_is_not_ready_is_told_by_its_codes() {
    let meta = senders::meta().await;
    let huge = |text: String| text.replace("free_disk_min_mb = 1\n", "free_disk_min_mb = 1_048_576\n");
    let home = Home::new(&meta, "page-token", huge);
    let daemon = home.serve(&[]);
    let told = daemon.admin().get("/admin/v1/status").await.json();
    assert_eq!((&told["ready"], &told["refusals"][0]), (&json!(false), &json!("inbox-disk-full")));
    let socket = daemon.socket().display().to_string();
    let (code, screen, said) = tamis_status(&socket, &[], &[]).await;
    assert_eq!(code, Some(1), "{screen}{said}");
    assert!(screen.contains("state      not ready  inbox-disk-full"), "{screen}");
    assert!(screen.contains("floor 1,048 GB") && said.contains("no notifications"), "{screen}{said}");
    let (status, log) = daemon.terminate();
    assert!(status.success(), "{log}");
    let (code, _, said) = tamis_status(&socket, &[], &[]).await;
    assert_eq!(code, Some(69), "{said}");
    meta.stop().await;
}
