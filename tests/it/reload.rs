//! Another config while the daemon runs.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tamis::clock::{Clock, ManualClock, SystemClock};
use tamis_simulator::{CallKind, Match, Misbehaviour, Page, Rule, Setup, Signing, Simulator};

use crate::support::process::Home;
use crate::support::{DEVIS_FORM, PAGE, Plan, World, add_forms, an_hour_ago, canary, lead, log};

const FORMS: &str = "forms = [\"901000000000001\"]";
const OTHER_FORMS: &str = "forms = [\"901000000000009\"]";

/// Gives Meta so many good leads of the first form.
fn submit(world: &World, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let email = format!("{}@example.org", canary("reload"));
            let lead = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
            world.submit(lead.answer("post_code", &["49100"]), &[&email])
        })
        .collect()
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// Waits until so many references of the first form are held.
async fn held(world: &World, count: usize) {
    world.until("they are held", || async { inbox(world).await["held"][0]["count"] == count }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_claimed_now_has_its_held_references_fetched() {
    let world = World::planned(Plan::with(FORMS, OTHER_FORMS)).await;
    let ids = submit(&world, 3);
    world.deliver_all(&ids).await;
    held(&world, 3).await;
    world.reload(|text| text.replace(OTHER_FORMS, FORMS)).await;
    world.stored("devis", 3).await;
    assert_eq!(inbox(&world).await["held"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_purpose_is_stored_exported_and_there_after_a_restart() {
    let mut world = World::planned(Plan::with(FORMS, OTHER_FORMS)).await;
    let ids = submit(&world, 2);
    world.deliver_all(&ids).await;
    held(&world, 2).await;
    let purpose = format!(
        "[purposes.nouveau]\ntitle = {{ fr = \"N\", en = \"N\", de = \"N\" }}\n{FORMS}\nbasis = \"pre_contract\"\nretention_months = 6\n\n\
         [purposes.nouveau.fields]\nemail = {{ required = true }}\n"
    );
    world.reload(|text| format!("{text}\n{purpose}")).await;
    world.stored("nouveau", 2).await;
    world.restart().await;
    assert_eq!(world.records("nouveau").await[1]["id"], "nouveau-1-2");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_changes_between_claim_and_settle_is_respected() {
    let world = World::start().await;
    let ids = submit(&world, 4);
    world.meta.misbehave(Rule::times(
        4,
        Match::any().single(),
        Misbehaviour::Delay(Duration::from_millis(1_500)),
    ));
    world.deliver_all(&ids).await;
    world
        .until("Graph is asked", || async {
            world.meta.graph_calls().iter().any(|call| call.kind == CallKind::Lead)
        })
        .await;
    let postcode = "postcode = { from = [\"post_code\", \"zip_code\"], why = { fr = \"vous envoyer le poseur le plus proche\", en = \"to send the nearest fitter\", de = \"um Ihnen den nächsten Monteur zu schicken\" } }\n";
    world.reload(|text| text.replace(postcode, "")).await;
    world.stored("devis", 4).await;
    // The export shows what is whitelisted now and was when it was stored: with the field back, only the second counts.
    world
        .reload(|text| text.replace("phone_number = {}\n", &format!("phone_number = {{}}\n{postcode}")))
        .await;
    let records = world.records("devis").await;
    assert!(records.iter().all(|record| record["fields"].get("postcode").is_none()), "{records:?}");
    assert!(!log().events("fetcher.sent-back").is_empty());
    let more = submit(&world, 1);
    world.deliver_all(&more).await;
    world.stored("devis", 5).await;
    assert_eq!(world.records("devis").await[4]["fields"]["postcode"], json!(["49100"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_claimed_no_more_holds_what_is_under_way_and_what_waits() {
    let world = World::start().await;
    world.meta.misbehave(Rule::always(Match::any().form(DEVIS_FORM), Misbehaviour::code(2)));
    let waiting = submit(&world, 2);
    world.deliver_all(&waiting).await;
    world.until("they wait", || async { inbox(&world).await["waiting"] == 2 }).await;
    world.meta.behave();
    world.meta.misbehave(Rule::always(
        Match::any().form(DEVIS_FORM),
        Misbehaviour::Delay(Duration::from_millis(700)),
    ));
    let under_way = submit(&world, 2);
    world.deliver_all(&under_way).await;
    world.reload(|text| text.replace(FORMS, OTHER_FORMS)).await;
    let before = world.records("devis").await.len();
    // Each of the four has its place then, and of a held one nothing is read.
    held(&world, 4 - before).await;
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), before, "stored under a withdrawn purpose");
    assert_eq!(inbox(&world).await["held"][0]["form_id"], DEVIS_FORM);
    world.meta.behave();
    world.reload(|text| text.replace(OTHER_FORMS, FORMS)).await;
    world.stored("devis", 4).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_and_goes() {
    let world = World::start().await;
    let second = "104000000000002";
    let token = canary("second-page");
    world.meta.add_page(Page { id: second.to_owned(), name: "Zweite".to_owned(), token: token.clone() });
    world.guard(&token);
    let of_second = || {
        let email = format!("{}@example.net", canary("second"));
        let lead = tamis_simulator::Lead::new(second, DEVIS_FORM, an_hour_ago()).answer("full_name", &["X"]);
        world.submit(lead.answer("email", &[&email]), &[&email])
    };
    world.deliver_all(&[of_second()]).await;
    held(&world, 1).await;
    let secret = world.directory.path().join("secrets/second");
    fs::write(&secret, &token).expect("a file");
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    let page = format!(
        "[[meta.pages]]\nid = \"{second}\"\nname = \"Zweite\"\ntoken = {{ file = \"{}\" }}\n\n[store]",
        secret.display()
    );
    world.reload(|text| text.replace("[store]", &page)).await;
    world.stored("devis", 1).await;
    world.reload(|text| text.replace(&page, "[store]")).await;
    world.deliver_all(&[of_second()]).await;
    held(&world, 1).await;
    assert_eq!(world.records("devis").await.len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_again() {
    let world = World::start().await;
    let file = |name: &str| world.directory.path().join("secrets").join(name);
    let old = fs::read(file("app-secret")).expect("a secret");
    fs::write(file("app-secret"), "0123456789abcdef0123456789abcdef").expect("a file");
    fs::write(file("verify-token"), "another word").expect("a file");
    let ids = submit(&world, 1);
    world.deliver_all(&ids).await;
    world.reload(str::to_owned).await;
    let body = world.meta.notification(&[&ids[0]]);
    let refused =
        world.meta.deliver_signed(&world.webhook(), &body, Signing::Secret(0)).await.expect("an answer");
    assert_eq!(refused.status, 403);
    assert!(world.meta.verify_endpoint(&world.webhook(), world.verify_token()).await.is_err());
    world.meta.verify_endpoint(&world.webhook(), "another word").await.expect("verified");
    // Both at once, as while one is being replaced.
    fs::write(file("old-secret"), old).expect("a file");
    fs::set_permissions(file("old-secret"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("a mode");
    let both = format!("secrets/app-secret\" }}, {{ file = \"{}\" }}]", file("old-secret").display());
    world.reload(|text| text.replace("secrets/app-secret\" }]", &both)).await;
    let more = submit(&world, 1);
    world.deliver_all(&more).await;
    world.stored("devis", 2).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_in_the_middle_of_many_leads_loses_and_doubles_none() {
    let world = World::start().await;
    world.meta.misbehave(Rule::always(Match::any().single(), Misbehaviour::Delay(Duration::from_millis(30))));
    let ids = submit(&world, 300);
    for chunk in ids.chunks(60) {
        world.deliver_all(chunk).await;
    }
    for round in 0..10 {
        let months = format!("retention_months = {}", 12 + round % 2);
        world
            .reload(|text| {
                text.replacen("retention_months = 12", &months, 1).replacen(
                    "retention_months = 13",
                    &months,
                    1,
                )
            })
            .await;
        let some = (round + 1) * 20;
        let middle = || async { world.records("devis").await.len() >= some };
        world.until("the next reload comes in the middle", middle).await;
    }
    world.stored("devis", 300).await;
    world.settled().await;
    assert_eq!(inbox(&world).await["held"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_daemon_reloads_on_sighup_and_keeps_its_config_when_the_new_one_is_wrong() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let token = canary("page");
    meta.add_page(Page { id: PAGE.to_owned(), name: "Atelier".to_owned(), token: token.clone() });
    add_forms(&meta);
    let home = Home::new(&meta, &token, |text| text.replace(FORMS, OTHER_FORMS));
    let daemon = home.serve(&[]);
    let good = fs::read_to_string(home.config()).expect("a config");
    let submit = |email: &str| {
        let id = meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[email]));
        meta.notification(&[&id])
    };
    let body = submit("one@example.org");
    assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);
    daemon.until_said("lead.held", 1);

    let wrong =
        good.replace(OTHER_FORMS, FORMS).replace("calls", "CANARY") + "\n[surprise]\nkey = \"CANARY\"\n";
    fs::write(home.config(), wrong.replace("\"pre_contract\"", "\"CANARYbasis\"")).expect("a file");
    daemon.hang_up();
    let refused = daemon.until_said("config.refused", 2).join("\n");
    assert!(
        refused.contains("config.key=surprise") && refused.contains("code=config-unknown-key"),
        "{refused}"
    );
    assert!(refused.contains("config.key=purposes.devis.basis") && !refused.contains("CANARY"), "{refused}");
    let inbox = daemon.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(inbox["held"][0]["count"], 1, "the refused config was taken in part");

    let next = good.replace(OTHER_FORMS, FORMS).replace("drain_seconds = 10", "drain_seconds = 11")
        + "\n[log]\nlevel = \"debug\"\n";
    fs::write(home.config(), next).expect("a file");
    daemon.hang_up();
    let reloaded = daemon.until_said("config.reloaded", 1).join("");
    assert!(reloaded.contains("purposes.devis.forms") && reloaded.contains("log.level"), "{reloaded}");
    assert!(daemon.until_said("config.needs-restart", 1)[0].ends_with("config.keys=public.drain_seconds"));
    daemon.until_said("lead.stored", 1);
    // Debug lines are said from now on.
    meta.misbehave(Rule::once(Match::any(), Misbehaviour::code(2)));
    let body = submit("two@example.org");
    assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);
    daemon.until_said("DEBUG graph.call-refused", 1);
    let (status, said) = daemon.terminate();
    assert!(status.success() && !said.contains("CANARY"), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_changed_at_meta_is_reported_and_check_shows_the_match() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let world = World::planned(Plan { clock: clock.clone(), ..Plan::default() }).await;
    let form = |questions: &[(&str, &str)]| tamis_simulator::Form {
        id: DEVIS_FORM.to_owned(),
        page_id: PAGE.to_owned(),
        questions: questions
            .iter()
            .map(|(kind, key)| tamis_simulator::Question::new(kind, key, key))
            .collect(),
        ..tamis_simulator::Form::default()
    };
    let ids = submit(&world, 1);
    world.deliver_all(&ids).await;
    world.stored("devis", 1).await;
    let forms = world.admin().get("/admin/v1/forms").await.json();
    assert_eq!(forms["forms"][0]["purpose"], "devis");
    assert_eq!(
        forms["forms"][0]["questions"][3],
        json!({"key": "post_code", "type": "CUSTOM", "asked": "question", "field": "postcode"})
    );

    let config = world.directory.path().join("tamis.toml").display().to_string();
    let checked = std::process::Command::new(crate::support::process::BINARY)
        .args(["check", "--config", &config])
        .env_clear()
        .output()
        .expect("an answer");
    let told = String::from_utf8(checked.stdout).expect("text");
    assert!(checked.status.success() && told.contains("# form 901000000000001 (devis), read at "), "{told}");
    assert!(told.contains("#   post_code     postcode\n#   budget        dropped\n"), "{told}");

    // A question that the definition has not makes it be read again, at most every ten minutes.
    world.meta.add_form(form(&[("FULL_NAME", "full_name"), ("EMAIL", "email"), ("CUSTOM", "surprise")]));
    let odd = lead(DEVIS_FORM).answer("full_name", &["X"]).answer("email", &["x@example.org"]);
    let odd = || world.submit(odd.clone().answer("surprise", &["y"]), &[]);
    world.deliver_all(&[odd()]).await;
    world.stored("devis", 2).await;
    clock.advance_ms(11 * 60_000);
    world.deliver_all(&[odd()]).await;
    world.stored("devis", 3).await;
    world
        .until("the change is reported", || async {
            log()
                .events("form.changed")
                .iter()
                .any(|line| line.contains("questions.added=1 questions.removed=3 questions.retyped=0"))
        })
        .await;
    assert!(!log().text().contains("surprise"));
    world.end().await;
}
