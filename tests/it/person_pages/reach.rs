//! How far an act on a page goes: to which records, by which address.

use super::*;

/// The page says "this only", and names a purpose: what is done there reaches each record of that purpose that the same person sent, and
/// none of another. It is kept what they were shown: the notice, and the language.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_reaches_every_record_of_its_purpose_and_keeps_what_was_shown() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("lena").to_lowercase());
    let letter = || {
        let letter = lead(LETTRE_FORM).answer("first_name", &["Lena"]).answer("email", &[&email]);
        let letter = letter.answer("phone_number", &["+33639980078"]);
        letter.checkbox("email_optin", true).checkbox("consent_call", true)
    };
    let quote = |email: &str| lead(DEVIS_FORM).answer("full_name", &["Lena"]).answer("email", &[email]);
    let other = format!("x{email}");
    // Somebody else's, who typed the address where it is none.
    let names = lead(LETTRE_FORM).answer("first_name", &[&email]).answer("email", &[&format!("y{email}")]);
    let names = names.answer("phone_number", &["+33639980079"]).checkbox("email_optin", true);
    let names = names.checkbox("consent_call", true);
    for lead in [letter(), letter(), quote(&email), quote(&email), quote(&other), names] {
        world.deliver(&[&world.submit(lead, &[])]).await;
        world.settled().await;
    }
    world.stored("lettre", 3).await;
    world.stored("devis", 3).await;
    let client = reader();
    let links = links(&world, &email).await;
    let link_of = |id: &str| links.iter().find(|(of, _)| of == id).expect("a link").1.clone();
    let first = link_of("lettre-1-1");
    let asked = seen(client.get(world.public(&format!("{first}?do=withdraw&lang=de")))).await;
    let notice = asked.text.split("name=\"notice\" value=\"").nth(1).expect("the notice that is shown");
    let notice = notice.split('"').next().expect("a value").to_owned();
    let form = carried(&asked.text);
    let body = format!("do=withdraw&form={form}&notice={notice}&c.call_optin=yes");
    let taken = posted(&world, &client, &format!("{first}?lang=de"), body).await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    let flags = ["person", "access", "--email-stdin", "--format", "json", "--lang", "en"];
    let held: Value = serde_json::from_str(&tamis(&world, &flags, &email).await.1).expect("JSON");
    let events = |held: &Value, id: &str, key: &str| -> Vec<Value> {
        let records = held["records"].as_array().expect("a list");
        let record = records.iter().find(|record| record["id"] == id).expect("there");
        let consents = record["content"]["consents"].as_array().expect("a list");
        let consent = consents.iter().find(|consent| consent["key"] == key).expect("the box");
        consent["events"].as_array().expect("a list").clone()
    };
    for id in ["lettre-1-1", "lettre-1-2"] {
        let last = events(&held, id, "call_optin").pop().expect("one");
        assert_eq!(last["event_state"], "withdrawn", "{id}: {last}");
        assert_eq!((&last["notice_revision"], &last["language"]), (&json!(notice), &json!("de")), "{id}");
        assert_eq!(events(&held, id, "email_optin").len(), 1, "{id}: of the other box nothing was said");
    }
    assert_eq!(events(&held, "lettre-1-3", "call_optin").len(), 1, "what somebody else agreed to holds");
    // A yes is one record's; a revision that never was is not believed.
    let form = carried(&seen(client.get(world.public(&format!("{first}?do=confirm&lang=fr")))).await.text);
    let body = format!("do=confirm&form={form}&notice={}&c.email_optin=yes", "0".repeat(64));
    assert_eq!(posted(&world, &client, &format!("{first}?lang=fr"), body).await.status, 200);
    let held: Value = serde_json::from_str(&tamis(&world, &flags, &email).await.1).expect("JSON");
    let last = events(&held, "lettre-1-1", "email_optin").pop().expect("one");
    assert_eq!((&last["event_state"], &last["language"]), (&json!("confirmed"), &json!("fr")));
    assert_eq!(last["notice_revision"], json!(notice), "the one in force");
    assert_eq!(events(&held, "lettre-1-2", "email_optin").len(), 1);
    let gone = post(&world, &client, &first, "withdraw", "c.email_optin=yes").await;
    assert!(gone.status == 200 && gone.text.contains("Your receipt"), "{}", gone.text);
    world.stored("lettre", 1).await;
    let erased = post(&world, &client, &link_of("devis-1-1"), "erase", "reach=this").await;
    assert!(erased.status == 200 && erased.text.contains("Your receipt"), "{}", erased.text);
    world.stored("devis", 1).await;
    assert!(held_by(&world, &other).await, "somebody else's stays");
    let lines = world.admin().get("/admin/v1/requests?limit=100").await.json();
    let requests = lines["requests"].as_array().expect("a list");
    assert!(requests.iter().all(|request| request["answered"].is_object()), "{lines}");
    world.end().await;
}

async fn held_by(world: &World, email: &str) -> bool {
    let found = world.admin().post("/admin/v1/find", &json!({ "email": email })).await.json();
    found["records"].as_array().is_some_and(|records| records.len() == 1)
}

/// Whoever types somebody else's number beside their own address has nothing done to whom it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_acts_on_the_mailbox_it_went_to_and_on_no_number_that_was_typed_beside_it() {
    let world = World::start().await;
    let victim = format!("{}@example.org", canary("vera").to_lowercase());
    let stranger = format!("{}@example.org", canary("kai").to_lowercase());
    let number = "+33639980042";
    let quote = |email: &str| {
        lead(DEVIS_FORM)
            .answer("full_name", &["Vera"])
            .answer("email", &[email])
            .answer("phone_number", &[number])
    };
    let letter = lead(LETTRE_FORM).answer("email", &[&stranger]).answer("phone_number", &[number]);
    let letter = letter.checkbox("email_optin", true).checkbox("consent_call", true);
    for lead in [quote(&victim), quote(&stranger), letter] {
        world.deliver(&[&world.submit(lead, &[])]).await;
        world.settled().await;
    }
    world.stored("devis", 2).await;
    world.stored("lettre", 1).await;
    let client = reader();
    let links = links(&world, &stranger).await;
    assert_eq!(links.len(), 2);
    let stopped = post(&world, &client, &links[1].1, "stop", "reach=all").await;
    assert!(
        stopped.status == 200 && stopped.text.contains("Only your e-mail address was looked for."),
        "{}",
        stopped.text
    );
    let list = world.admin().get("/admin/v1/suppressions").await.json();
    let kinds: Vec<&Value> =
        list["suppressions"].as_array().expect("a list").iter().map(|entry| &entry["contact"]).collect();
    assert_eq!(kinds, ["email"], "the number is barred to nobody: {list}");
    let erased = post(&world, &client, &links[0].1, "erase", "reach=all").await;
    assert!(
        erased.status == 200 && erased.text.contains("Only your e-mail address was looked for."),
        "{}",
        erased.text
    );
    let left = world.admin().post("/admin/v1/find", &json!({"email": stranger})).await.json();
    assert_eq!(left["records"], json!([]), "{left}");
    let theirs = world.admin().post("/admin/v1/find", &json!({"phone": number})).await.json();
    let ids: Vec<&Value> =
        theirs["records"].as_array().expect("a list").iter().map(|record| &record["id"]).collect();
    assert_eq!(ids, ["devis-1-1"], "it is there: {theirs}");
    let requests = world.admin().get("/admin/v1/requests").await.json();
    let requests = requests["requests"].as_array().expect("a list");
    assert!(requests.len() == 2 && requests.iter().all(|one| one["answered"].is_null()), "{requests:?}");
    world.end().await;
}
