//! Notifications and handshakes, as a webhook gets them.

use serde_json::Value;
use tamis_simulator::notification::shapes;
use tamis_simulator::{Signing, SimulatorError, sign};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_signed_over_the_bytes_on_the_wire() {
    let simulator = simulator().await;
    let (url, got) = webhook(503).await;
    let id = simulator.add_lead(lead());
    let body = simulator.notification(&[&id, "unknown"]);
    let delivery = simulator.deliver(&url, &body).await.unwrap();
    assert_eq!((delivery.status, delivery.body.as_slice()), (503, &b"noted"[..]));
    assert_eq!(delivery.retry_after.as_deref(), Some("30"));

    let got = got.lock().unwrap()[0].clone();
    assert_eq!(got.body, body);
    assert_eq!(got.all("x-hub-signature-256"), [sign(SECRET.as_bytes(), &body)]);
    assert_eq!(got.all("x-hub-signature")[0].len(), 45);
    assert_eq!(got.all("content-type"), ["application/json"]);
    assert_eq!(got.all("user-agent"), ["Webhooks/1.0 (https://fb.me/webhooks)"]);

    let json: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["entry"][0]["changes"].as_array().unwrap().len(), 1);
    assert_eq!(json["entry"][0]["changes"][0]["value"]["leadgen_id"], id);
    assert_eq!(json["entry"][0]["changes"][0]["value"]["adgroup_id"], "238");
    assert_eq!(json["entry"][0]["time"], 1_795_507_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_can_be_signed_wrongly() {
    let simulator = simulator().await;
    let (url, got) = webhook(200).await;
    let body = shapes::dashboard_test();
    let signings = [
        Signing::Secret(1),
        Signing::Foreign,
        Signing::Missing,
        Signing::Sha1Alone,
        Signing::Header("sha256=zz".into()),
        Signing::Twice,
    ];
    for signing in &signings {
        simulator.deliver_signed(&url, &body, signing.clone()).await.unwrap();
    }
    let unknown = simulator.deliver_signed(&url, &body, Signing::Secret(2)).await;
    assert_eq!(unknown, Err(SimulatorError::NoSuchSecret));
    let got = got.lock().unwrap().clone();
    let count = |at: usize| (got[at].all("x-hub-signature-256").len(), got[at].all("x-hub-signature").len());
    assert_eq!((0..6).map(count).collect::<Vec<_>>(), [(1, 1), (1, 1), (0, 0), (0, 1), (1, 1), (2, 1)]);
    assert_eq!(got[0].all("x-hub-signature-256"), [sign(OLD_SECRET.as_bytes(), &body)]);
    assert_ne!(got[1].all("x-hub-signature-256"), [sign(SECRET.as_bytes(), &body)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_wants_its_challenge_back() {
    let simulator = simulator().await;
    let (url, got) = webhook(200).await;
    let challenge = simulator.verify_endpoint(&url, "my token & more").await.unwrap();
    assert_eq!(
        got.lock().unwrap()[0].query,
        format!("hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token=my+token+%26+more")
    );
    let (refusing, _) = webhook(403).await;
    let refused = simulator.verify_endpoint(&refusing, "x").await;
    assert_eq!(refused, Err(SimulatorError::Handshake { status: 403, echoed: true }));
    let nobody = simulator.verify_endpoint("http://127.0.0.1:1/webhook", "x").await;
    assert_eq!(nobody, Err(SimulatorError::NoAnswer));
}

#[test]
fn every_shape_is_json_in_ascii_and_says_what_its_name_says() {
    let lead = lead().with_id("77000000000000001");
    let read = |body: Vec<u8>| {
        assert!(body.is_ascii());
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let value = |json: &Value| json["entry"][0]["changes"][0]["value"].clone();

    let numbers = read(shapes::ids_as_numbers(&lead));
    assert_eq!(value(&numbers)["leadgen_id"], 77_000_000_000_000_001_u64);
    assert_eq!(numbers["entry"][0]["id"], 104_000_000_000_001_u64);
    let zero = read(shapes::zero_ad_and_entry(&lead));
    assert_eq!((&zero["entry"][0]["id"], &value(&zero)["ad_id"]), (&Value::from("0"), &Value::from(0)));
    assert_eq!(value(&read(shapes::without_ad(&lead))).get("ad_id"), None);
    assert_eq!(value(&read(shapes::iso_created_time(&lead)))["created_time"], "2015-02-28T08:49:14+0000");
    assert_eq!(read(shapes::changed_fields(PAGE))["entry"][0].get("changes"), None);
    assert_eq!(read(shapes::messenger(PAGE, "é"))["entry"][0]["messaging"][0]["message"]["text"], "é");
    assert_eq!(value(&read(shapes::messenger_beside(&lead, "x")))["leadgen_id"], lead.id);
    assert_eq!(read(shapes::permissions("1"))["object"], "permissions");
    assert_eq!(read(shapes::user("1"))["object"], "user");
    assert_eq!(read(shapes::fat(&lead))["entry"][0]["changes"][0]["field"], "leadgen_fat");
    assert_eq!(value(&read(shapes::answers_inside(&lead)))["field_data"][0]["name"], "full_name");
    assert_eq!(value(&read(shapes::update_sample()))["updated_time"], "1795507200");
    assert_eq!(value(&read(shapes::dashboard_test()))["form_id"], shapes::TEST_ID);
    assert_eq!(read(shapes::without_value(PAGE))["entry"][0]["changes"][0].get("value"), None);
    assert_eq!(read(shapes::other_fields(PAGE))["entry"][0]["changes"][0]["field"], "feed");
    assert_eq!(read(shapes::bad_beside(&lead))["entry"][0]["changes"].as_array().unwrap().len(), 9);

    let batch = read(shapes::batch(PAGE, FORM, 500, 1000, CREATED));
    assert_eq!(batch["entry"][0]["changes"][999]["value"]["leadgen_id"], "1499");
    let leads: Vec<_> = (0..5).map(|at| lead.clone().with_id(&at.to_string())).collect();
    let several = read(shapes::several_entries(&leads, 2));
    let counts: Vec<usize> =
        several["entry"].as_array().unwrap().iter().map(|e| e["changes"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [3, 2]);
}
