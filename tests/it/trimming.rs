//! What a purpose may no longer hold is not only withheld: it is erased, a day after the config was changed, or on the day on
//! which a consent ends. Held by what would show it again: a config under which it may be held once more.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::retention::{DAY_S, Shifted, pass};
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead};

const FIELDS: &str = "[purposes.devis.fields]\n";
/// The letter may hold a name of who lets themselves be called.
const HANGS: &str = "first_name = { consent = \"call_optin\" }";
const PHONE: &str = "phone_number = {}\n";

/// A world by a clock that Meta shares.
async fn world(clock: &Arc<Shifted>, plan: Plan) -> World {
    let clock: Arc<dyn tamis::clock::Clock> = clock.clone();
    World::planned(Plan { clock: clock.clone(), meta_clock: Some(clock), ..plan }).await
}

async fn needs_a_person(world: &World) -> bool {
    let status = world.admin().get("/admin/v1/status").await.json();
    let all = status["attention"].as_array().expect("a list").iter();
    all.into_iter().any(|one| one["code"] == "remit-narrower")
}

/// Lines of the trail that say that something was trimmed: purpose and count.
async fn trimmed(world: &World) -> Vec<(Value, Value)> {
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let lines = lines.into_iter().filter(|line| line["action"] == "trimmed");
    lines.map(|line| (line["purpose"].clone(), line["count"].clone())).collect()
}

/// Which records of a purpose show this field.
async fn with(world: &World, purpose: &str, field: &str) -> Vec<bool> {
    let records = world.records(purpose).await;
    records.iter().map(|record| record["fields"].get(field).is_some()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_the_whitelist_is_erased_a_day_later_and_can_be_put_back_until_then() {
    let clock = Arc::new(Shifted::default());
    let world = world(&clock, Plan::default()).await;
    for (count, phone) in [(1, Some("06 39 98 00 01")), (2, None), (3, Some("06 39 98 00 03"))] {
        let email = format!("{}@example.org", canary("trimming"));
        let mut answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        if let Some(phone) = phone {
            answers = answers.answer("phone_number", &[phone]);
        }
        world.deliver_all(&[world.submit(answers, &[&email])]).await;
        world.stored("devis", count).await;
    }
    assert_eq!(with(&world, "devis", "phone_number").await, [true, false, true]);
    let narrow = |text: &str| {
        assert_eq!(text.matches(PHONE).count(), 1);
        text.replace(PHONE, "")
    };
    let back = |text: &str| text.replace(FIELDS, &format!("{FIELDS}{PHONE}"));
    world.reload(narrow).await;
    assert_eq!(with(&world, "devis", "phone_number").await, [false; 3]);
    pass(&world, &clock, 3_600).await;
    world.until("it is told", || needs_a_person(&world)).await;
    // A slip is taken back.
    world.reload(back).await;
    pass(&world, &clock, 3_600).await;
    world.until("nothing is to be told", || async { !needs_a_person(&world).await }).await;
    assert_eq!(with(&world, "devis", "phone_number").await, [true, false, true]);
    world.reload(narrow).await;
    pass(&world, &clock, 3_600).await;
    world.until("it is told again", || needs_a_person(&world)).await;
    assert_eq!(trimmed(&world).await, []);
    pass(&world, &clock, DAY_S).await;
    world.until("it is gone", || async { trimmed(&world).await == [(json!("devis"), json!(2))] }).await;
    clock.pass(61);
    world.until("nobody is needed", || async { !needs_a_person(&world).await }).await;
    world.reload(back).await;
    assert_eq!(with(&world, "devis", "phone_number").await, [false; 3], "there is nothing to be shown");
    assert_eq!(with(&world, "devis", "email").await, [true; 3]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_consent_is_erased_with_it_and_what_shows_the_consent_stays() {
    let clock = Arc::new(Shifted::default());
    let mut world = world(&clock, Plan::with("first_name = {}", HANGS)).await;
    // It is noted what the purposes may hold, as of a house that has run for a while.
    pass(&world, &clock, 3_600).await;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let email = format!("{}@example.org", canary("trimming"));
    let answers = lead(LETTRE_FORM).answer("email", &[&email]).answer("first_name", &["Zoé"]);
    let answers = answers.checkbox("email_optin", true).checkbox("consent_call", true);
    world.deliver_all(&[world.submit(answers, &[&email])]).await;
    world.stored("lettre", 1).await;
    assert_eq!(with(&world, "lettre", "first_name").await, [true]);
    // Calls in France: twelve months.
    pass(&world, &clock, 367 * DAY_S).await;
    world.until("it is gone", || async { trimmed(&world).await == [(json!("lettre"), json!(1))] }).await;
    let consent = &world.records("lettre").await[0]["consents"]["call_optin"];
    assert_eq!(consent["given"], json!(true), "it shows that it was given");
    world.restart().await;
    world.reload(|text| text.replace(HANGS, "first_name = {}")).await;
    assert_eq!(with(&world, "lettre", "first_name").await, [false], "there is nothing to be shown");
    assert_eq!(with(&world, "lettre", "email").await, [true]);
    world.end().await;
}
