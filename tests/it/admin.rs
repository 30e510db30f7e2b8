//! The admin side: who may do what, what it looks like, and the line that each access leaves.

use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::{Match, Misbehaviour, Rule};

use crate::support::{Caller, DEVIS_FORM, LETTRE_FORM, World, canary, lead};

async fn with_leads(count: usize) -> (World, Vec<String>) {
    let world = World::start().await;
    let emails: Vec<String> = (0..count).map(|_| format!("{}@example.org", canary("admin"))).collect();
    let ids: Vec<String> = emails
        .iter()
        .map(|email| {
            world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé Ü"]).answer("email", &[email]), &[email])
        })
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for part in ids.chunks(50) {
        assert_eq!(world.deliver(part).await.status, 200);
    }
    world.stored("devis", count).await;
    (world, emails)
}

async fn token(world: &World, body: Value) -> (String, String) {
    let made = world.admin().post("/admin/v1/tokens", &body).await;
    assert!([200, 201].contains(&made.status), "{}", made.text());
    let made = made.json();
    (made["id"].as_str().expect("an id").to_owned(), made["token"].as_str().expect("a token").to_owned())
}

fn exporter(purposes: &[&str]) -> Value {
    json!({"name": "crm", "role": "exporter", "purposes": purposes, "recipient": "crm", "reason": "crm-sync"})
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_one_another_without_gap_or_double_while_leads_arrive() {
    let (world, _) = with_leads(23).await;
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = world.admin().get(&format!("/admin/v1/purposes/devis/leads?limit=5{after}")).await;
        assert_eq!(page.header("cache-control"), "no-store");
        seen.extend(page.lines().iter().map(|record| record["id"].as_str().expect("an id").to_owned()));
        if seen.len() == 10 {
            let id = world.submit(
                lead(DEVIS_FORM).answer("full_name", &["N"]).answer("email", &["n@example.org"]),
                &[],
            );
            world.deliver(&[&id]).await;
            world.stored("devis", 24).await;
        }
        after = format!("&after={}", page.header("tamis-next-cursor"));
        if page.header("tamis-more") == "false" {
            break;
        }
    }
    let expected: Vec<String> = (1..=24).map(|number| format!("devis-1-{number}")).collect();
    assert_eq!(seen, expected);
    let end = world.admin().get(&format!("/admin/v1/purposes/devis/leads?limit=5{after}")).await;
    assert_eq!((end.header("tamis-next-cursor"), end.header("tamis-more")), ("devis-1-24", "false"));
    assert!(end.body.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_page_has_its_header_row_and_guards_formulas() {
    let world = World::start().await;
    let submitted = lead(DEVIS_FORM)
        .answer("full_name", &["=cmd|' /C calc'!A0"])
        .answer("email", &["a@example.org"])
        .answer("phone_number", &["+33639980001", "06 39 98 00 02"]);
    let id = world.submit(submitted, &[]);
    let empty = world.admin().get("/admin/v1/purposes/devis/leads?format=csv").await;
    assert!(
        empty.text().starts_with("id,purpose,created_time,") && empty.text().ends_with("\r\n"),
        "{}",
        empty.text()
    );
    assert_eq!(empty.header("tamis-next-cursor"), "devis-1-0");
    world.deliver(&[&id]).await;
    world.stored("devis", 1).await;
    let page = world.admin().get("/admin/v1/purposes/devis/leads?format=csv").await.text();
    assert_eq!(page.lines().count(), 2, "{page}");
    assert!(page.contains("'=cmd"), "{page}");
    assert!(page.contains("+33639980001; 06 39 98 00 02"), "{page}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_reaches_what_is_its_own() {
    let (world, emails) = with_leads(1).await;
    let (_, export) = token(&world, exporter(&["devis"])).await;
    let plain = |role: &str| json!({"name": role, "role": role});
    let (_, viewer) = token(&world, plain("viewer")).await;
    let (_, officer) = token(&world, plain("officer")).await;
    let (_, admin) = token(&world, plain("admin")).await;
    let calls: [(&str, &str, Option<&str>); 9] = [
        ("GET", "/admin/v1/status", None),
        ("GET", "/admin/v1/purposes", None),
        ("GET", "/admin/v1/purposes/devis/leads", None),
        ("GET", "/admin/v1/purposes/lettre/leads", None),
        ("GET", "/admin/v1/inbox", None),
        ("POST", "/admin/v1/find", Some(r#"{"id":"devis-1-1"}"#)),
        ("GET", "/admin/v1/tokens", None),
        ("GET", "/admin/v1/trail", None),
        ("GET", "/admin/v1/metrics", None),
    ];
    let expected: [(&str, &str, [u16; 9]); 4] = [
        ("viewer", &viewer, [200, 200, 403, 403, 200, 403, 403, 403, 200]),
        ("exporter", &export, [200, 200, 200, 403, 200, 403, 403, 403, 200]),
        ("officer", &officer, [200, 200, 403, 403, 200, 200, 403, 200, 200]),
        ("admin", &admin, [200, 200, 403, 403, 200, 403, 200, 200, 200]),
    ];
    for (role, bearer, statuses) in expected {
        let caller = world.admin_tcp(Some(bearer));
        for ((method, path, body), status) in calls.iter().zip(statuses) {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = caller.call(method, path, body.map(str::to_owned), Some("audit")).await;
            assert_eq!(answer.status, status, "{role} {path}: {}", answer.text());
            if status >= 400 {
                let problem = answer.json();
                assert_eq!(answer.header("content-type"), "application/problem+json");
                assert_eq!(
                    problem["type"],
                    format!("urn:tamis:problem:{}", problem["code"].as_str().unwrap_or(""))
                );
                assert!(!answer.text().contains(&emails[0]));
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_the_tcp_door_stays_shut() {
    let (world, _) = with_leads(1).await;
    let (id, good) = token(&world, exporter(&["devis"])).await;
    let wrong_secret = format!("{id}.{}", "0".repeat(64));
    let wrong_id = format!("{}.{}", "0".repeat(16), good.split('.').nth(1).expect("a secret"));
    for bearer in [None, Some(""), Some("x"), Some(wrong_secret.as_str()), Some(wrong_id.as_str())] {
        let answer = world.admin_tcp(bearer).get("/admin/v1/purposes").await;
        assert_eq!(answer.status, 401, "{bearer:?}");
    }
    assert_eq!(world.admin_tcp(Some(&good)).get("/admin/v1/purposes/devis/leads").await.status, 200);
    assert!(world.admin().delete(&format!("/admin/v1/tokens/{id}")).await.status < 300);
    assert_eq!(world.admin_tcp(Some(&good)).get("/admin/v1/purposes/devis/leads").await.status, 401);
    world.guard(good.split('.').nth(1).expect("a secret"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_leaves_its_line_in_the_trail() {
    let (world, _) = with_leads(3).await;
    let before = world.admin().get("/admin/v1/trail?limit=10000").await.lines().len();
    let (id, bearer) = token(&world, exporter(&["devis"])).await;
    let caller: Caller = world.admin_tcp(Some(&bearer));
    assert_eq!(caller.get("/admin/v1/purposes/devis/leads?limit=2").await.status, 200);
    let lines = world.admin().get(&format!("/admin/v1/trail?after={before}&limit=100")).await.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["action"], "token-created");
    let export = &lines[1];
    assert_eq!(export["actor"], format!("token:{id}"));
    assert_eq!(export["action"], "exported");
    assert_eq!(export["recipient"], "crm");
    assert_eq!(export["reason"], "crm-sync");
    assert_eq!(
        (&export["count"], &export["from"], &export["to"]),
        (&json!(2), &json!("devis-1-1"), &json!("devis-1-2"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_with_its_code() {
    let (world, _) = with_leads(1).await;
    let cases = [
        ("/admin/v1/purposes/devis/leads?limit=10001", 400, "limit-out-of-range"),
        ("/admin/v1/purposes/devis/leads?limit=0", 400, "limit-out-of-range"),
        ("/admin/v1/purposes/devis/leads?after=lettre-1-1", 400, "cursor-foreign"),
        ("/admin/v1/purposes/devis/leads?after=nonsense", 400, "cursor-invalid"),
        ("/admin/v1/purposes/devis/leads?colour=red", 400, "parameter-unknown"),
        ("/admin/v1/purposes/devis/leads?format=xml", 400, "parameter-invalid"),
        ("/admin/v1/purposes/nobody/leads", 404, "purpose-unknown"),
        ("/admin/v1/nothing", 404, "not-found"),
    ];
    for (path, status, code) in cases {
        let answer = world.admin().get(path).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
    let silent = world.admin().call(Method::GET, "/admin/v1/purposes/devis/leads", None, None).await;
    assert_eq!((silent.status, silent.json()["code"].as_str()), (400, Some("reason-missing")));
    let public = status_of(&world.public("/admin/v1/purposes")).await;
    assert_eq!(public, 404, "the public side knows no admin");
    world.end().await;
}

async fn status_of(url: &str) -> u16 {
    let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    let path = url.trim_start_matches("http://").trim_start_matches(&address).to_owned();
    Caller::tcp(&address, None).get(&path).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_finds_by_either_id_and_sees_masks() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("find"));
    let leadgen =
        world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email]);
    let refused = world.submit(lead(LETTRE_FORM).answer("email", &["no@example.org"]), &[]);
    world.deliver(&[&leadgen, &refused]).await;
    world.stored("devis", 1).await;
    world.settled().await;
    let answer = find(&world, json!({"leadgen_id": leadgen})).await;
    assert_eq!(answer["records"][0]["id"], "devis-1-1");
    assert_eq!(answer["records"][0]["state"], "stored");
    assert!(!answer.to_string().contains(&email), "masked unless asked");
    let answer = find(&world, json!({"id": "devis-1-1", "unmask": true})).await;
    assert!(answer.to_string().contains(&email));
    let answer = find(&world, json!({"leadgen_id": refused})).await;
    assert_eq!(answer["records"][0]["code"], "consent-missing");
    assert_eq!(find(&world, json!({"leadgen_id": "1"})).await["records"], json!([]));
    world.end().await;
}

async fn find(world: &World, body: Value) -> Value {
    let answer = world.admin().post("/admin/v1/find", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_is_still_queued_is_found_as_such() {
    let world = World::start().await;
    let slow = Misbehaviour::Delay(std::time::Duration::from_secs(1));
    world.meta.misbehave(Rule::always(Match::any().path("/77"), slow));
    let submitted = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &["z@example.org"]);
    let id = world.submit(submitted, &[]);
    assert_eq!(world.deliver(&[&id]).await.status, 200);
    let state = || async {
        let found = world.admin().post("/admin/v1/find", &json!({"leadgen_id": id})).await.json();
        assert_eq!(found["records"].as_array().map(Vec::len), Some(1), "{found}");
        found["records"][0]["state"].clone()
    };
    assert_eq!(state().await, "queued");
    world.until("it is stored", || async { state().await == "stored" }).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_access_and_an_unmasked_look_stand_in_the_trail() {
    let (world, _) = with_leads(1).await;
    let (_, crm) = token(&world, exporter(&["devis"])).await;
    let (_, officer) = token(&world, json!({"name": "dpo", "role": "officer"})).await;
    let crm = world.admin_tcp(Some(&crm));
    let officer = world.admin_tcp(Some(&officer));
    assert_eq!(crm.get("/admin/v1/purposes/lettre/leads").await.status, 403);
    for _ in 0..20 {
        assert_eq!(officer.get("/admin/v1/purposes/devis/leads").await.status, 403);
    }
    for unmask in [false, true] {
        let found = world.admin().post("/admin/v1/find", &json!({"id": "devis-1-1", "unmask": unmask})).await;
        assert_eq!(found.status, 200);
    }
    let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let refused: Vec<&Value> = lines.iter().filter(|line| line["result"] == "refused").collect();
    let of = |role: &str| refused.iter().filter(|line| line["role"] == role).count();
    assert_eq!(of("exporter"), 1);
    assert!((1..=10).contains(&of("officer")), "one a second, not one a call: {}", of("officer"));
    assert_eq!(refused[0]["action"], "exported");
    assert_eq!((&refused[0]["purpose"], &refused[0]["count"]), (&json!("lettre"), &json!(0)));
    let looks: Vec<&Value> = lines.iter().map(|line| &line["action"]).collect();
    assert!(looks.contains(&&json!("found")) && looks.contains(&&json!("found-unmasked")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_sees_of_inbox_and_metrics_what_concerns_its_purposes() {
    let (world, _) = with_leads(2).await;
    // Refused and with a dropped answer, of both purposes; buried, of another form than was said; held, of nobody's.
    let refused = lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("pointure", &["41"]);
    let ids = [
        world.submit(refused, &[]),
        world.submit(lead(LETTRE_FORM).answer("first_name", &["Z"]).answer("email", &["z@example.org"]), &[]),
        world.submit(lead("901000000000088"), &[]),
    ];
    assert_eq!(world.deliver(&[&ids[0], &ids[1], &ids[2]]).await.status, 200);
    let wrong = world.submit(lead(DEVIS_FORM).answer("email", &["w@example.org"]), &[]);
    let other = Misbehaviour::WrongFormId(LETTRE_FORM.to_owned());
    world.meta.misbehave(Rule::always(Match::any().lead(&wrong), other));
    assert_eq!(world.deliver(&[&wrong]).await.status, 200);
    world.settled().await;
    let seen = async |purposes: &[&str]| {
        let (_, token) = token(&world, exporter(purposes)).await;
        let caller = world.admin_tcp(Some(&token));
        (caller.get("/admin/v1/inbox").await.json(), caller.get("/admin/v1/metrics").await.text())
    };
    let forms = |inbox: &Value, list: &str| -> Vec<String> {
        let rows = inbox[list].as_array().expect("a list").iter();
        rows.map(|row| row["form_id"].as_str().unwrap_or("none").to_owned()).collect()
    };
    let all = world.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(forms(&all, "refused"), [DEVIS_FORM, LETTRE_FORM]);
    assert_eq!((forms(&all, "held").len(), forms(&all, "buried")), (1, vec![DEVIS_FORM.to_owned()]), "{all}");
    let (inbox, metrics) = seen(&["devis"]).await;
    assert_eq!(forms(&inbox, "refused"), [DEVIS_FORM]);
    assert_eq!((forms(&inbox, "buried"), forms(&inbox, "held")), (vec![DEVIS_FORM.to_owned()], Vec::new()));
    assert!(metrics.contains("tamis_leads_stored_total{purpose=\"devis\"} 2\n"), "{metrics}");
    assert!(metrics.contains("tamis_notifications_total{answer=\"200\"}"), "totals stay: {metrics}");
    assert!(!metrics.contains("lettre"), "{metrics}");
    world.end().await;
}
