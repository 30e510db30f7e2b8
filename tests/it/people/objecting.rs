//! Whoever objects: what they are barred from, what ends, what stays.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_objects_is_barred_and_keeps_what_they_asked_for_themselves() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let (code, would, said) =
        tamis(&world, &["person", "object", "--email-stdin", "--dry-run"], &email).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        would, "records  1\n  lettre  1\nparked   0\nnothing was erased\n",
        "a quote is the person's own request"
    );
    let flags = ["person", "object", "--email-stdin", "--format", "note", "--repeat", "7f0c"];
    let (code, note, said) = tamis(&world, &flags, &email).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("erased: 1-1") && said.contains("on the list of who objected until"), "{said}");
    let receipt: Value = serde_json::from_str(note.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&receipt["why"], &receipt["records"][0]["purpose"]), (&json!("objection"), &json!("lettre")));
    assert!(receipt["remains"]["suppression_until"].is_string(), "one receipt for both: {receipt}");
    assert_eq!((world.records("devis").await.len(), world.records("lettre").await.len()), (2, 0));
    let again = tamis(&world, &flags, &email).await;
    assert_eq!(
        (again.0, again.1.as_str()),
        (Some(0), note.as_str()),
        "the same request is the same answer: {}",
        again.2
    );
    let listed = tamis(&world, &["suppress", "list", "--json"], "").await.1;
    assert_eq!(listed.lines().count(), 1, "one entry, for all purposes: {listed}");
    assert!(listed.contains("\"scope\":\"all\""), "{listed}");
    // Where an objection ends nothing, the address is on the list all the same, and the receipt says that nothing went.
    let devis = ["person", "object", "--email-stdin", "--purpose", "devis", "--format", "note"];
    let (code, note, said) = tamis(&world, &devis, &email).await;
    let receipt: Value = serde_json::from_str(note.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (code, &receipt["records"], &receipt["references"]),
        (Some(0), &json!([]), &json!(0)),
        "{said}"
    );
    assert_eq!(world.records("devis").await.len(), 2);
    let all = ["person", "object", "--email-stdin", "--everything"];
    assert_eq!(tamis(&world, &all, &email).await.0, Some(0));
    assert_eq!(world.records("devis").await.len(), 1, "and the neighbour stays");
    let wrong = json!({"by": {"email": email}, "keep_own_requests": true}).to_string();
    let refused =
        world.admin().call(Method::POST, "/admin/v1/erasures", Some(wrong), Some("person-request")).await;
    assert_eq!(refused.status, 400, "it is said of an objection alone");
    world.guard(&email);
    world.end().await;
}

/// A letter that the person asked for themselves, with boxes for more than that.
fn own_request(text: String) -> String {
    let changes = [
        ("basis = \"consent\"", "basis = \"pre_contract\""),
        ("email_optin = { channel = \"email\", required = true }", "email_optin = { channel = \"email\" }"),
        ("email = { required = true, consent = \"email_optin\" }", "email = { required = true }"),
    ];
    changes.into_iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "the config has no {from}");
        text.replace(from, to)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_of_whoever_objects_is_without_what_hangs_on_a_consent_and_no_consent_of_it_holds() {
    let world = World::planned(Plan { config: Box::new(own_request), ..Plan::default() }).await;
    let anne = canary("anne").to_lowercase();
    for email in [format!("{anne}@example.org"), format!("x{anne}@example.org")] {
        let letter = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &[&email]);
        let letter = letter.answer("phone_number", &["06 39 98 00 00"]);
        let id = world.submit(letter.checkbox("email_optin", true).checkbox("consent_call", true), &[]);
        world.deliver(&[&id]).await;
        world.settled().await;
    }
    world.stored("lettre", 2).await;
    let email = format!("{anne}@example.org");
    let (code, _, said) =
        tamis(&world, &["person", "object", "--email-stdin", "--repeat", "7f0d"], &email).await;
    assert_eq!(code, Some(0), "{said}");
    let records = world.records("lettre").await;
    let of = |address: &str| {
        let found = records.iter().find(|record| record["fields"]["email"][0] == address);
        found.unwrap_or_else(|| panic!("{records:?}")).clone()
    };
    let (own, neighbour) = (of(&email), of(&format!("x{email}")));
    assert!(own["fields"].get("phone_number").is_none() && neighbour["fields"].get("phone_number").is_some());
    let today = crate::correcting::day(0);
    for key in ["email_optin", "call_optin"] {
        let until = own["consents"][key]["valid_until"].as_str().expect("it ended");
        assert!(until.starts_with(&today) || until.starts_with(&crate::correcting::day(-1)), "{until}");
        assert_eq!(own["consents"][key]["given"], json!(true), "what shows that it was given stays");
    }
    assert_eq!(neighbour["consents"]["email_optin"]["valid_until"], Value::Null);
    // Sent again, nothing is written anew.
    let before = line_count(&world, "corrected").await;
    assert_eq!(
        tamis(&world, &["person", "object", "--email-stdin", "--repeat", "7f0d"], &email).await.0,
        Some(0)
    );
    assert_eq!((before, line_count(&world, "corrected").await), (1, 1));
    world.guard(&anne);
    world.end().await;
}
