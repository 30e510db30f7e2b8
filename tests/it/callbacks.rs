//! What Meta's callbacks for users of the app are answered.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::person_pages::{reader, seen};
use crate::support::{World, log};

/// As Meta signs it.
fn signed_request(secret: &str, payload: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(payload.as_bytes());
    format!("{}.{payload}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_s_callbacks_are_answered_as_it_says_and_no_user_s_id_is_kept() {
    let world = World::start().await;
    let secret =
        std::fs::read_to_string(world.directory.path().join("secrets/app-secret")).expect("a secret");
    let user = "218471777000111";
    let payload =
        json!({"algorithm": "HMAC-SHA256", "issued_at": 1_796_000_000, "user_id": user}).to_string();
    let signed = signed_request(secret.trim(), &payload);
    let client = reader();
    let call = async |path: &str, body: String| {
        let call =
            client.post(world.public(path)).header("Content-Type", "application/x-www-form-urlencoded");
        let answer = call.body(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let (status, body) = call("/meta/deletion", format!("signed_request={signed}")).await;
    assert_eq!(status, 200, "{body}");
    let told: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(told.as_object().map(serde_json::Map::len), Some(2), "{told}");
    let code = told["confirmation_code"].as_str().expect("a code");
    assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{code}");
    let path =
        told["url"].as_str().and_then(|url| url.strip_prefix("https://leads.lumen.example")).expect("ours");
    for (lang, said) in [
        ("fr", "Aucun de nos enregistrements"),
        ("en", "None of our records holds that number"),
        ("de", "Keiner unserer Datensätze"),
    ] {
        let page = seen(client.get(world.public(&format!("{path}?lang={lang}")))).await;
        assert!(page.status == 200 && page.text.contains(said), "{}", page.text);
        assert!(page.text.contains("vie-privee@lumen.example") && page.text.contains("../../notice/devis"));
    }
    let unknown = seen(client.get(world.public(&format!("/meta/deletion/{}?lang=en", "0".repeat(64))))).await;
    assert!(unknown.status == 404 && unknown.text.contains("We do not know this code"), "{}", unknown.text);
    // Of what changes nothing the trail has a line a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(call("/meta/deauthorize", format!("signed_request={signed}")).await, (200, String::new()));
    for path in ["/meta/deletion", "/meta/deauthorize"] {
        let forged = signed_request("another", &payload);
        assert_eq!(call(path, format!("signed_request={forged}")).await.0, 403, "{path}");
        for bad in ["", "signed_request=", "signed_request=a.b", "other=x"] {
            assert_eq!(call(path, bad.to_owned()).await.0, 401, "{path}: {bad}");
        }
        assert_eq!(call(path, "x".repeat(9_000)).await.0, 413, "{path}");
        assert!(client.get(world.public(path)).send().await.expect("an answer").status().is_client_error());
    }
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.text();
    for action in ["meta-deletion-asked", "meta-deauthorized"] {
        assert!(trail.contains(&format!("\"action\":\"{action}\"")), "{action}: {trail}");
    }
    assert!(!trail.contains(user));
    world.guard(user);
    world.end().await;
}

/// Whoever forges Meta's calls without end is turned away by itself, and Meta is heard all the same.
#[tokio::test(flavor = "multi_thread")]
async fn forged_callbacks_keep_none_of_meta_s_from_being_heard_and_fill_no_log() {
    let world = World::start().await;
    let secret =
        std::fs::read_to_string(world.directory.path().join("secrets/app-secret")).expect("a secret");
    let payload =
        json!({"algorithm": "HMAC-SHA256", "issued_at": 1_796_000_000, "user_id": "218471777000112"})
            .to_string();
    let client = reader();
    let call = async |secret: &str| {
        let call = client.post(world.public("/meta/deauthorize")).header("X-Forwarded-For", "203.0.113.77");
        let body = format!("signed_request={}", signed_request(secret, &payload));
        call.body(body).send().await.expect("an answer").status().as_u16()
    };
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..500 {
        *answers.entry(call("another").await).or_insert(0_u32) += 1;
    }
    assert!(answers.get(&403).is_some_and(|heard| *heard >= 20), "{answers:?}");
    assert!(answers.get(&503).is_some_and(|refused| *refused > 300) && answers.len() == 2, "{answers:?}");
    assert_eq!(call(secret.trim()).await, 200);
    let said = log().events("meta.callback-refused");
    let said = said.iter().filter(|line| line.contains("203.0.113.77")).count();
    assert!((1..=3).contains(&said), "once a minute: {said}");
    world.end().await;
}
