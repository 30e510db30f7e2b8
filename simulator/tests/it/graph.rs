//! Nodes, tokens, proofs.

use serde_json::json;
use tamis_simulator::{CallKind, GraphError, Json, Lead, ProofSeen, TokenSeen, Usage, appsecret_proof};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn without_fields_a_lead_has_its_id_its_time_and_its_answers() {
    let simulator = simulator().await;
    let id = simulator.add_lead(lead());
    let answer = ask(&simulator, &format!("/v26.0/{id}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "id": id,
            "created_time": "2015-02-28T08:49:14+0000",
            "field_data": [{ "name": "full_name", "values": ["Zoé Łukasik 🌻"] }, { "name": "phone_number" }],
        })
    );
    assert!(answer.bytes.is_ascii());
    assert_eq!(answer.headers["date"], "Tue, 24 Nov 2026 08:00:00 GMT");
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_fields_a_lead_has_what_was_asked_for() {
    let simulator = simulator().await;
    let id = simulator.add_lead(lead());
    let path = format!("/v26.0/{id}?fields=custom_disclaimer_responses,campaign_id,form_id,partner_name");
    assert_eq!(
        ask(&simulator, &path).await.json(),
        json!({
            "id": id,
            "form_id": FORM,
            "campaign_id": "555",
            "custom_disclaimer_responses": [
                { "checkbox_key": "email_optin", "is_checked": "1" },
                { "checkbox_key": "consent_call", "is_checked": "" },
            ],
        })
    );
    simulator.set_ad_rights(false);
    let without_rights = ask(&simulator, &path).await.json();
    assert_eq!((without_rights.get("campaign_id"), &without_rights["form_id"]), (None, &json!(FORM)));
    assert_eq!(ask(&simulator, &format!("/v26.0/{id}?fields=shoe_size")).await.code(), (100, None));
    assert_eq!(ask(&simulator, &format!("/v26.0/{id}?fields=id,,")).await.code(), (2500, None));
    assert_eq!(ask(&simulator, &format!("/v26.0/{id}?date_format=U")).await.code(), (100, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_go_over_the_wire_as_they_were_given() {
    let simulator = simulator().await;
    let odd = r#"{"\u006eame":"email","values":["a"],"name":"twice"}"#;
    let id = simulator.add_lead(
        Lead::new(PAGE, FORM, CREATED)
            .entry(Json::verbatim(odd))
            .overriding("created_time", "2015-02-28 08:49:14+0530"),
    );
    let text = String::from_utf8(ask(&simulator, &format!("/v26.0/{id}")).await.bytes).unwrap();
    assert!(text.contains(odd) && text.contains("2015-02-28 08:49:14+0530"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ids_are_refused_in_every_version_with_the_error_that_was_chosen() {
    let simulator = simulator().await;
    let ids = [simulator.add_lead(lead()), simulator.add_lead(lead())].join(",");
    for version in ["/v21.0", "/v26.0", "/v27.0", ""] {
        let answer = ask(&simulator, &format!("{version}/?ids={ids}&fields=id")).await;
        assert_eq!((answer.status, answer.code()), (400, (12, None)), "{version}");
    }
    for (status, code, subcode) in [
        (400, 100, None),
        (400, 3, None),
        (403, 10, Some(1_705)),
        (400, 2500, None),
        (500, 1, None),
        (418, 4_711, Some(9)),
    ] {
        let error = GraphError::new(code, "no").status(status);
        simulator.set_ids_error(match subcode {
            Some(subcode) => error.subcode(subcode),
            None => error,
        });
        let answer = ask(&simulator, &format!("/v27.0?ids={ids}")).await;
        assert_eq!((answer.status, answer.code()), (status, (code, subcode)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_another_pages_is_100_33() {
    let simulator = simulator().await;
    let gone = simulator.add_lead(lead());
    simulator.remove_lead(&gone);
    let foreign = simulator.add_lead(Lead::new(OTHER_PAGE, "902", CREATED));
    for id in [gone.as_str(), foreign.as_str(), "444444444444"] {
        let answer = ask(&simulator, &format!("/v26.0/{id}")).await;
        assert_eq!((answer.status, answer.code()), (400, (100, Some(33))));
        assert_eq!(answer.json()["error"]["type"], "GraphMethodException");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_proofs_are_checked_and_noted() {
    let simulator = simulator().await;
    let id = simulator.add_lead(lead());
    let path = format!("/v26.0/{id}");
    let with_proof = |secret: &str, token: &str| {
        format!("{path}?appsecret_proof={}", appsecret_proof(secret.as_bytes(), token))
    };

    let missing = ask_with(&simulator, &path, None).await.unwrap();
    assert_eq!((missing.status, missing.code()), (400, (104, None)));
    let unknown = ask_with(&simulator, &path, Some("EAAnobody")).await.unwrap();
    assert_eq!((unknown.status, unknown.code()), (401, (190, None)));
    let no_proof = ask_with(&simulator, &path, Some(TOKEN)).await.unwrap();
    assert_eq!(no_proof.code(), (100, None));
    let wrong = ask_with(&simulator, &with_proof("x", TOKEN), Some(TOKEN)).await.unwrap();
    assert_eq!(wrong.code(), (100, None));
    assert_eq!(wrong.json()["error"]["message"], "Invalid appsecret_proof provided in the API argument");
    let older = ask_with(&simulator, &with_proof(OLD_SECRET, TOKEN), Some(TOKEN)).await.unwrap();
    assert_eq!(older.status, 200);
    let in_url = format!("{}&access_token={TOKEN}", with_proof(SECRET, TOKEN));
    assert_eq!(ask_with(&simulator, &in_url, None).await.unwrap().status, 200);

    let calls = simulator.graph_calls();
    let tokens: Vec<&TokenSeen> = calls.iter().map(|call| &call.token).collect();
    let page = TokenSeen::Of(vec![PAGE.to_owned()]);
    assert_eq!(tokens, [&TokenSeen::Missing, &TokenSeen::Unknown, &page, &page, &page, &page]);
    let proofs: Vec<ProofSeen> = calls.iter().map(|call| call.proof).collect();
    use ProofSeen::{Missing, Secret, Wrong};
    assert_eq!(proofs, [Missing, Missing, Missing, Wrong, Secret(1), Secret(0)]);
    assert!(calls[5].token_in_url && !calls[4].token_in_url);
    assert!(calls.iter().all(|call| call.kind == CallKind::Lead && call.ids == [id.clone()]));

    simulator.clear_graph_calls();
    simulator.set_token(PAGE, "EAAnew");
    assert_eq!(ask(&simulator, &path).await.code(), (190, None));
    assert_eq!(simulator.graph_calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_live_and_end() {
    let simulator = simulator().await;
    let id = simulator.add_lead(lead());
    assert_eq!(ask(&simulator, &format!("/v20.0/{id}")).await.code(), (2635, None));
    assert_eq!(ask(&simulator, &format!("/v28.0/{id}")).await.code(), (2500, None));
    let answer = ask(&simulator, &format!("/v24.0/{id}")).await;
    assert_eq!((answer.status, answer.headers["facebook-api-version"].to_str().unwrap()), (200, "v24.0"));
    let unversioned = ask(&simulator, &format!("/{id}")).await;
    assert_eq!(unversioned.headers["facebook-api-version"], "v21.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_tells_its_questions_and_its_legal_content() {
    let simulator = simulator().await;
    let defaults = ask(&simulator, &format!("/v26.0/{FORM}")).await.json();
    assert_eq!(defaults, json!({ "id": FORM, "locale": "fr_FR", "name": "Devis", "status": "ACTIVE" }));
    let path = format!("/v26.0/{FORM}?fields=questions%7Bkey,type%7D,legal_content,thank_you_page");
    let answer = ask(&simulator, &path).await.json();
    assert_eq!(answer["questions"][1]["key"], "budget");
    assert_eq!(answer["questions"][1]["type"], "CUSTOM");
    assert_eq!(answer["questions"][1].get("label"), None);
    assert_eq!(answer["legal_content"]["custom_disclaimer"]["checkboxes"][0]["key"], "email_optin");
    assert_eq!(ask(&simulator, &format!("/v26.0/{FORM}?fields=nothing")).await.code(), (100, None));
    let page = ask(&simulator, &format!("/v26.0/{PAGE}?fields=has_lead_access")).await.json();
    assert_eq!(page["has_lead_access"]["can_access_lead"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_comes_when_there_is_some() {
    let simulator = simulator().await;
    let path = format!("/v26.0/{FORM}");
    assert!(!ask(&simulator, &path).await.headers.contains_key("x-app-usage"));
    simulator.set_usage(Usage::leadgen(PAGE, 90, 5));
    let header =
        ask(&simulator, &path).await.headers["x-business-use-case-usage"].to_str().unwrap().to_owned();
    let usage: serde_json::Value = serde_json::from_str(&header).unwrap();
    assert_eq!(usage[PAGE][0]["estimated_time_to_regain_access"], 5);
}

#[test]
fn it_runs_under_actixs_own_runtime_and_stops() {
    actix_web::rt::System::new().block_on(async {
        let simulator = simulator().await;
        assert_eq!(ask(&simulator, &format!("/v26.0/{FORM}")).await.status, 200);
        let other = simulator.clone();
        simulator.stop().await;
        assert!(try_ask(&other, &format!("/v26.0/{FORM}")).await.is_err());
    });
}
