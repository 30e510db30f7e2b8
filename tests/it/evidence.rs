//! Evidence that outlives its record: told beforehand, named by the receipt, found by whoever had the address, and holding no answer.

use reqwest::Method;
use serde_json::{Value, json};
use tamis::forget::receipt::Signed;
use tamis::forget::receipt::note::VerifierKey;

use crate::people::{furnished, tamis};
use crate::support::{Plan, World, canary};

fn keeping(years: u32) -> Plan {
    let config = Box::new(move |text: String| format!("{text}\n[evidence]\nyears = {years}\n"));
    Plan { config, ..Plan::default() }
}

async fn held(world: &World, typed: &str) -> Value {
    let flags = ["person", "access", "--email-stdin", "--format", "json", "--lang", "en"];
    let (code, printed, said) = tamis(world, &flags, typed).await;
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&printed).expect("JSON")
}

async fn erased(world: &World, email: &str) -> Value {
    let key = world.admin().get("/admin/v1/receipts/key").await.json();
    let key = VerifierKey::parse(key["key"].as_str().expect("a key")).expect("one");
    let body = json!({ "by": { "email": email } }).to_string();
    let admin = world.admin();
    let answer = admin.call(Method::POST, "/admin/v1/erasures", Some(body), Some("person-request")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let note = answer.json()["receipt"].as_str().expect("a note").to_owned();
    let signed = Signed::open(note.as_bytes(), &key).unwrap_or_else(|fault| panic!("{fault}"));
    serde_json::from_str(signed.json()).expect("JSON")
}

async fn notice(world: &World, purpose: &str) -> String {
    let url = world.public(&format!("/notice/{purpose}"));
    let answer = crate::person_pages::reader().get(url).header("Accept-Language", "en").send().await;
    answer.expect("answered").text().await.expect("a page")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_of_a_consent_is_told_kept_named_and_found_without_an_answer() {
    let world = World::planned(keeping(3)).await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let told = "Once your record is gone";
    assert!(notice(&world, "lettre").await.contains(told), "who is asked for a consent is told");
    assert_eq!(held(&world, &email).await["evidence"], Value::Null, "nothing is gone yet");
    let receipt = erased(&world, &email).await;
    assert_eq!(receipt["tamis_receipt"], json!(4), "{receipt}");
    let until = receipt["remains"]["evidence_until"].clone();
    let kept = held(&world, &email.to_uppercase()).await;
    assert_eq!(kept["records"], json!([]));
    let evidence = kept["evidence"].as_array().expect("a list");
    let letter = evidence.iter().find(|one| one["purpose"] == "lettre").expect("of the letter");
    assert_eq!((&letter["cause"], &letter["until"]), (&json!("erased"), &until), "{letter}");
    let consent = &letter["consents"][0];
    assert_eq!((&consent["key"], &consent["outcome"]), (&json!("email_optin"), &json!("given")), "{letter}");
    assert_eq!(consent["events"][0]["event_state"], json!("given"));
    assert!(letter["form_revision"].is_string() && consent["text_hash"].is_string(), "{letter}");
    assert!(!letter.to_string().contains("example.org") && !letter.to_string().contains("Zo"), "{letter}");
    let remains = kept["remains"].to_string();
    assert!(remains.contains("Evidence of what you agreed to"), "{remains}");
    let found = world.admin().post("/admin/v1/find", &json!({ "email": email })).await.json();
    assert_eq!((&found["records"], &found["evidence"]), (&json!([]), &json!(evidence.len())), "{found}");
    let other = held(&world, &format!("y{email}")).await;
    assert_eq!(other["evidence"], Value::Null, "nobody else's");
    let page = ["person", "access", "--email-stdin", "--format", "html", "--lang", "en"];
    let (_, page, _) = tamis(&world, &page, &email).await;
    assert!(page.contains("Evidence of your consent") && page.contains("The record was erased on"), "{page}");
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_nothing_outlives_its_record_and_nothing_is_said_of_it() {
    let world = World::planned(Plan::default()).await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    assert!(!notice(&world, "lettre").await.contains("Once your record is gone"));
    let receipt = erased(&world, &email).await;
    assert_eq!((&receipt["tamis_receipt"], &receipt["remains"]["evidence_until"]), (&json!(3), &Value::Null));
    assert_eq!(held(&world, &email).await["evidence"], Value::Null);
    world.guard(&email);
    world.end().await;
}
