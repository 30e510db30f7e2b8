//! The walk of a lead, from a signed call to its export.

use serde_json::{Value, json};
use tamis_simulator::{Signing, notification::shapes};

use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead, log, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_fetched_sieved_sealed_and_exported() {
    let world = World::start().await;
    let (name, email, budget) = (canary("Zoé"), format!("{}@example.org", canary("zoe")), canary("budget"));
    let submitted = lead(DEVIS_FORM)
        .answer("full_name", &[&name])
        .answer("email", &[&email])
        .answer("post_code", &["49100"])
        .answer("budget", &[&budget]);
    let id = world.submit(submitted, &[&name, &email, &budget]);
    assert_eq!(world.deliver(&[&id]).await.status, 200);
    world.settled().await;

    let records = world.records("devis").await;
    assert_eq!(records.len(), 1, "{}", log().text());
    let record = &records[0];
    assert_eq!(record["id"], "devis-1-1");
    assert_eq!(record["fields"]["full_name"], json!([name]));
    assert_eq!(record["fields"]["email"], json!([email]));
    assert_eq!(record["fields"]["postcode"], json!(["49100"]));
    assert!(record["fields"].get("budget").is_none());
    assert!(record.get("leadgen_id").is_none(), "the purpose does not keep it");
    assert_eq!(record["test"], false);

    let asked: Vec<String> = world.meta.graph_calls().iter().filter_map(|call| call.fields.clone()).collect();
    assert!(
        asked.iter().any(|fields| fields == "id,created_time,form_id,field_data,campaign_id"),
        "{asked:?}"
    );
    assert!(world.meta.graph_calls().iter().all(|call| !call.token_in_url));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_is_not_ticked_refuses_or_drops() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("amir"));
    let phone = "+33639980001";
    let with = |optin: bool, call: bool| {
        lead(LETTRE_FORM)
            .answer("first_name", &["Amir"])
            .answer("email", &[&email])
            .answer("phone_number", &[phone])
            .checkbox("email_optin", optin)
            .checkbox("consent_call", call)
    };
    let kept = world.submit(with(true, false), &[&email]);
    let refused = world.submit(with(false, true), &[&email]);
    assert_eq!(world.deliver(&[&kept, &refused]).await.status, 200);
    world.settled().await;

    let records = world.records("lettre").await;
    assert_eq!(records.len(), 1);
    let consent = |given: bool| json!({"given": given, "valid_until": null});
    assert_eq!(records[0]["consents"], json!({"email_optin": consent(true), "call_optin": consent(false)}));
    assert!(records[0]["fields"].get("phone_number").is_none(), "no consent to calls, no number");
    let inbox = world.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(inbox["refused"][0]["code"], "consent-missing");
    assert_eq!(inbox["refused"][0]["count"], 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_is_recognised_and_two_equal_submissions_are_two() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("double"));
    let same = || lead(DEVIS_FORM).answer("full_name", &["Élodie Martin"]).answer("email", &[&email]);
    let (first, second) = (world.submit(same(), &[&email]), world.submit(same(), &[&email]));
    for _ in 0..3 {
        assert_eq!(world.deliver(&[&first, &second]).await.status, 200);
    }
    world.settled().await;
    assert_eq!(world.deliver(&[&first]).await.status, 200);
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_purpose_claims_is_held_and_not_fetched() {
    let world = World::start().await;
    let stranger =
        world.submit(lead("901000000000099").answer("email", &["x@example.org"]), &["x@example.org"]);
    assert_eq!(world.deliver(&[&stranger]).await.status, 200);
    world.settled().await;
    let inbox = world.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(inbox["held"][0]["form_id"], "901000000000099");
    assert!(world.meta.graph_calls().is_empty(), "nothing may be asked of Graph");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_answers_as_the_design_says() {
    let world = World::start().await;
    let url = world.webhook();
    assert_eq!(
        world.meta.verify_endpoint(&url, world.verify_token()).await.ok().as_deref().map(str::is_empty),
        Some(false)
    );
    assert!(world.meta.verify_endpoint(&url, "wrong").await.is_err());
    let body = shapes::dashboard_test();
    // What a stranger is told, and what the log knows (docs/codes.md).
    for (signing, status, told, said) in [
        (Signing::Missing, 401, "signature-missing", "signature-missing"),
        (Signing::Sha1Alone, 401, "signature-missing", "signature-sha1-only"),
        (Signing::Twice, 401, "signature-missing", "signature-repeated"),
        (Signing::Header("sha256=zz".to_owned()), 401, "signature-missing", "signature-malformed"),
        (Signing::Foreign, 403, "signature-mismatch", "signature-mismatch"),
        (Signing::Secret(0), 200, "", ""),
    ] {
        let answer = world.meta.deliver_signed(&url, &body, signing.clone()).await.expect("an answer");
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_eq!(problem["code"].as_str().unwrap_or_default(), told);
        if let Some(id) = problem["request_id"].as_str() {
            let text = log().text();
            let line = text.lines().find(|line| line.contains(id) && line.contains("webhook.refused"));
            assert!(line.is_some_and(|line| line.contains(said)), "{said}: {line:?}");
        }
    }
    for (body, status) in [(&b"{"[..], 400), (b"[]", 200), (b"{\"object\":\"page\",\"entry\":7}", 200)] {
        assert_eq!(world.meta.deliver(&url, body).await.expect("an answer").status, status);
    }
    let large = vec![b' '; 1_000_001];
    assert_eq!(world.meta.deliver(&url, &large).await.expect("an answer").status, 413);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_once() {
    let mut world = World::planned(Plan::default()).await;
    let email = format!("{}@example.org", canary("stay"));
    let ids: Vec<String> = (0..20)
        .map(|_| {
            world.submit(lead(DEVIS_FORM).answer("full_name", &["A"]).answer("email", &[&email]), &[&email])
        })
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(world.deliver(&ids).await.status, 200);
    world.restart().await;
    world.settled().await;
    assert_eq!(world.deliver(&ids).await.status, 200);
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 20);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_store_is_refused() {
    let world = World::start().await;
    let refused = refusal(world.directory.path(), &Plan::default()).await;
    assert!(refused.contains("-locked"), "{refused}");
    world.end().await;
}
