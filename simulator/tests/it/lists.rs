//! The leads of a form and the forms of a page, page by page.

use tamis_simulator::{Form, Lead};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn leads_come_newest_first_by_pages_of_25() {
    let simulator = simulator().await;
    let ids: Vec<String> =
        (0..60).map(|at| simulator.add_lead(Lead::new(PAGE, FORM, CREATED + at))).collect();
    let mut seen = Vec::new();
    let mut path = format!("/v26.0/{FORM}/leads?fields=id");
    let mut pages = 0;
    loop {
        let answer = ask(&simulator, &path).await.json();
        pages += 1;
        seen.extend(
            answer["data"].as_array().unwrap().iter().map(|lead| lead["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = answer["paging"].get("next") else { break };
        assert!(next.as_str().unwrap().contains(TOKEN));
        // Gone between two pages: the cursor holds its place.
        simulator.remove_lead(seen.last().unwrap());
        let after = answer["paging"]["cursors"]["after"].as_str().unwrap();
        path = format!("/v26.0/{FORM}/leads?fields=id&after={after}");
    }
    assert_eq!(pages, 3);
    assert!(seen.iter().eq(ids.iter().rev()));
    let hundred = ask(&simulator, &format!("/v26.0/{FORM}/leads?limit=50000")).await.json();
    assert_eq!(hundred["data"].as_array().unwrap().len(), 58);
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_filtered_by_time_created() {
    let simulator = simulator().await;
    for at in 0..10 {
        simulator.add_lead(Lead::new(PAGE, FORM, CREATED + at));
    }
    let count = async |operator: &str, value: u64| {
        let filtering = format!(
            "%5B%7B%22field%22:%22time_created%22,%22operator%22:%22{operator}%22,%22value%22:{value}%7D%5D"
        );
        let answer = ask(&simulator, &format!("/v26.0/{FORM}/leads?filtering={filtering}")).await.json();
        answer["data"].as_array().unwrap().len()
    };
    assert_eq!(count("GREATER_THAN", CREATED + 7).await, 2);
    assert_eq!(count("GREATER_THAN_OR_EQUAL", CREATED + 7).await, 3);
    assert_eq!(count("LESS_THAN", CREATED + 7).await, 7);
    assert_eq!(count("GREATER_THAN", CREATED + 70).await, 0);
    assert_eq!(ask(&simulator, &format!("/v26.0/{FORM}/leads?filtering=x")).await.code(), (100, None));
    assert_eq!(ask(&simulator, "/v26.0/902/leads").await.code(), (100, Some(33)));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_listed_to_their_page_alone() {
    let simulator = simulator().await;
    simulator.add_form(Form { id: "902".into(), page_id: OTHER_PAGE.into(), ..Form::default() });
    let answer = ask(&simulator, &format!("/v26.0/{PAGE}/leadgen_forms?fields=id,locale")).await.json();
    assert_eq!(answer["data"], serde_json::json!([{ "id": FORM, "locale": "fr_FR" }]));
    assert_eq!(ask(&simulator, &format!("/v26.0/{OTHER_PAGE}/leadgen_forms")).await.code(), (100, Some(33)));
}
