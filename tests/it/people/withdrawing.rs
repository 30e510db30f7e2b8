//! Consents, taken back.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn consents_are_taken_back_with_what_hangs_on_them_and_the_record_goes_with_the_last() {
    let world = World::start().await;
    let anne = canary("anne").to_lowercase();
    let email = format!("{anne}@example.org");
    for address in [email.clone(), format!("x{email}")] {
        let letter = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &[&address]);
        let letter = letter.answer("phone_number", &["06 39 98 00 00"]);
        let id = world.submit(letter.checkbox("email_optin", true).checkbox("consent_call", true), &[]);
        world.deliver(&[&id]).await;
        world.settled().await;
    }
    world.stored("lettre", 2).await;
    let calls = ["person", "withdraw", "--email-stdin", "--consent", "call_optin"];
    let (code, table, said) = tamis(&world, &calls, &email.to_uppercase()).await;
    assert!(code == Some(0) && says(&said, "consents ended in 1 record, 0 erased, 0 unchanged"), "{said}");
    assert!(said.contains("request 1-1 (withdrawal): answered on "), "{said}");
    assert!(table.contains("lettre-1-1") && table.contains("ended"), "{table}");
    let records = world.records("lettre").await;
    let own = records.iter().find(|record| record["fields"]["email"][0] == email).expect("it stays");
    assert!(own["fields"].get("phone_number").is_none(), "{own}");
    assert_eq!(own["consents"]["call_optin"]["given"], json!(true), "what shows that it was given stays");
    assert!(own["consents"]["call_optin"]["valid_until"].is_string(), "{own}");
    assert_eq!(own["consents"]["email_optin"]["valid_until"], Value::Null);
    let again = tamis(&world, &calls, &email).await;
    assert!(says(&again.2, "consents ended in 0 records, 0 erased, 1 unchanged"), "{}", again.2);
    let wrong = ["person", "withdraw", "--email-stdin", "--consent", "fax_optin"];
    let (code, _, said) = tamis(&world, &wrong, &email).await;
    assert!(code == Some(1) && said.contains("consent-unknown"), "{said}");
    // A yes is taken for what holds, and for nothing else.
    let admin = world.admin();
    let events = |found: &Value, consent: &str| {
        let all = found["evidence"].as_array().expect("a list").clone();
        let one = all.into_iter().find(|one| one["consent"] == consent).expect("the consent");
        let events = one["events"].as_array().expect("a list").iter();
        events.map(|event| event["event_state"].as_str().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    let yes = |consent: &str| json!({"id": "lettre-1-1", "consents": [consent]});
    let (path, before) = ("/admin/v1/confirmations", own["expires_at"].clone());
    assert_eq!(admin.post(path, &yes("call_optin")).await.json()["code"], json!("nothing-to-confirm"));
    assert_eq!(
        admin.post(path, &yes("email_optin")).await.json(),
        json!({"id": "lettre-1-1", "changed": true})
    );
    assert_eq!(admin.post(path, &yes("email_optin")).await.json()["changed"], json!(false));
    let records = world.records("lettre").await;
    let own = records.iter().find(|record| record["fields"]["email"][0] == email).expect("it stays");
    assert_ne!(own["expires_at"], before, "its time began anew");
    let asked = Some(json!({"id": "lettre-1-1"}).to_string());
    let found = admin.call(Method::POST, "/admin/v1/find", asked, Some("audit")).await.json();
    let found = found["records"][0].clone();
    assert_eq!(events(&found, "email_optin"), ["given", "confirmed"]);
    assert_eq!(events(&found, "call_optin"), ["given", "withdrawn"], "{found}");
    assert_eq!(found["evidence"][0]["collection"]["method"], json!("meta-lead-ads"));
    let (code, lines, said) =
        tamis(&world, &["export", "lettre", "--reason", "audit", "--evidence", "--format", "ndjson"], "")
            .await;
    assert_eq!(code, Some(0), "{said}");
    let line = lines.lines().find(|line| line.contains("lettre-1-1")).expect("it is there");
    assert_eq!(events(&serde_json::from_str(line).expect("JSON"), "call_optin"), ["given", "withdrawn"]);
    let (_, page, _) = tamis(&world, &["person", "access", "--email-stdin", "--lang", "fr"], &email).await;
    assert!(page.contains("Vous l’avez retiré le ") && page.contains("Vous l’avez confirmé le "), "{page}");
    let (code, _, said) = tamis(&world, &["person", "withdraw", "--email-stdin", "--json"], &email).await;
    assert!(code == Some(0) && says(&said, "consents ended in 0 records, 1 erased, 0 unchanged"), "{said}");
    assert!(says(&said, "erased: 1-1 (`tamis erasure 1-1` has its receipt)"), "{said}");
    let receipt = tamis(&world, &["erasure", "1-1", "--format", "note"], "").await.1;
    let receipt: Value = serde_json::from_str(receipt.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&receipt["why"], &receipt["records"][0]["purpose"]),
        (&json!("withdrawal"), &json!("lettre"))
    );
    assert_eq!(world.records("lettre").await.len(), 1, "and the neighbour stays");
    let nobody = tamis(&world, &["person", "withdraw", "--email-stdin"], &email).await;
    assert!(nobody.0 == Some(0) && says(&nobody.2, "no record holds this address"), "{}", nobody.2);
    assert_eq!((line_count(&world, "withdrawn").await, line_count(&world, "confirmed").await), (3, 3));
    // A purpose that is none, and a record that never was: nothing is said to have been erased.
    for id in ["lettr-1-1", "lettre-1-77"] {
        let answer = admin.post("/admin/v1/withdrawals", &json!({"id": id})).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("record-unknown")), "{id}");
    }
    world.guard(&anne);
    world.end().await;
}
