//! A person's own page: what whoever holds a link sees and can have done, what a machine that opens it does not, and what stands in no
//! log.

mod boxes;
mod proxied;
mod reach;
mod rendered;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::people::{furnished, tamis};
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead};

/// Somebody at a browser that keeps nothing.
pub(crate) fn reader() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
    client.redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

/// What was answered, and what every such answer must have.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) text: String,
}

pub(crate) async fn seen(call: reqwest::RequestBuilder) -> Seen {
    let answer = call.send().await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("x-robots-tag").starts_with("noindex"));
    assert!(answer.headers().get("set-cookie").is_none() && answer.headers().get("location").is_none());
    if header("content-type").starts_with("text/html") {
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"));
    }
    Seen { status: answer.status().as_u16(), text: answer.text().await.expect("text") }
}

/// The paths of the links of whoever has this address, by record.
pub(crate) async fn links(world: &World, email: &str) -> Vec<(String, String)> {
    let (code, printed, said) = tamis(world, &["person", "link", "--email-stdin"], email).await;
    assert_eq!(code, Some(0), "{said}");
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let path = words[2].strip_prefix("https://leads.lumen.example").expect("the public address");
        (words[0].to_owned(), path.to_owned())
    };
    printed.lines().map(line).collect()
}

/// What a form of this page carries.
fn carried(page: &str) -> String {
    let rest = page.split("name=\"form\" value=\"").nth(1).expect("a form");
    rest.split('"').next().expect("a value").to_owned()
}

/// Posts a form as a browser does, with what the page carries where it was asked for.
pub(crate) async fn post(world: &World, client: &Client, path: &str, act: &str, rest: &str) -> Seen {
    let asked = seen(client.get(world.public(&format!("{path}?do={act}&lang=en")))).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let body = format!("do={act}&form={}&{rest}", carried(&asked.text));
    posted(world, client, &format!("{path}?lang=en"), body).await
}

pub(crate) async fn posted(world: &World, client: &Client, path: &str, body: String) -> Seen {
    let call = client.post(world.public(path)).header("Content-Type", "application/x-www-form-urlencoded");
    seen(call.body(body)).await
}

/// What stands in the trail by people, in order.
async fn by_persons(world: &World) -> Vec<(String, String)> {
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let lines = trail.iter().filter(|line| line["actor"] == "person" && line["role"] == "person");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines.map(|line| (text(&line["action"]), text(&line["reason"]))).collect()
}

async fn held(world: &World, id: &str) -> Value {
    let body = json!({"id": id, "unmask": true});
    world.admin().post("/admin/v1/find", &body).await.json()["records"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_its_record_masked_and_a_scanner_that_opens_it_changes_nothing() {
    let world = World::planned(Plan::default()).await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let ids: Vec<&str> = links.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["devis-1-1", "lettre-1-1"]);
    let client = reader();
    let before = (held(&world, "devis-1-1").await, held(&world, "lettre-1-1").await);
    for (id, path) in &links {
        for (lang, heading) in
            [("fr", "Ce que nous conservons"), ("en", "What we hold"), ("de", "Was wir gespeichert haben")]
        {
            for _ in 0..2 {
                let page = seen(client.get(world.public(&format!("{path}?lang={lang}")))).await;
                assert!(page.status == 200 && page.text.contains(heading), "{id}: {}", page.text);
                assert!(page.text.contains(&format!("<html lang=\"{lang}\">")));
                assert!(page.text.contains("@example.org") && !page.text.contains(&email), "masked");
                assert!(!page.text.contains("Zo"), "masked: {}", page.text);
                let pass = path.rsplit('/').next().expect("a pass");
                assert!(!page.text.contains(pass), "no address on it names the pass");
            }
        }
        let of_boxes = ["confirm", "withdraw"].into_iter().filter(|_| id.starts_with("lettre"));
        for act in ["stop", "correct", "erase"].into_iter().chain(of_boxes) {
            let page = seen(client.get(world.public(&format!("{path}?do={act}")))).await;
            assert!(page.status == 200 && page.text.contains("<form method=\"post\""), "{id}: {act}");
        }
        let head = seen(client.request(Method::HEAD, world.public(path))).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
    }
    assert_eq!(
        (held(&world, "devis-1-1").await, held(&world, "lettre-1-1").await),
        before,
        "nothing changed"
    );
    let lines = by_persons(&world).await;
    assert!(
        lines.len() >= 18
            && lines.iter().all(|line| *line == ("found".to_owned(), "person-request".to_owned())),
        "{lines:?}"
    );
    // One that opens nothing is one page, whatever the cause.
    let lost = seen(client.get(world.public(&format!("/p/{}?lang=en", "A".repeat(43))))).await;
    assert!(lost.status == 404 && lost.text.contains("This link opens nothing"), "{}", lost.text);
    for path in ["/p/x", "/p/A%2FA", "/p/%3Cscript%3E", &format!("/u/{}", "A".repeat(43))] {
        let other = seen(client.get(world.public(&format!("{path}?lang=en")))).await;
        assert_eq!((other.status, &other.text), (404, &lost.text), "{path}");
    }
    world.guard(&email);
    for (_, path) in &links {
        world.guard(path.rsplit('/').next().expect("a pass"));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_page_was_shown_for_is_done() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("marie").to_lowercase());
    furnished(&world, &email).await;
    let path = links(&world, &email).await.remove(0).1;
    let client = reader();
    let page = seen(client.get(world.public(&format!("{path}?do=stop&lang=en")))).await;
    let of_stop = carried(&page.text);
    for body in [
        String::new(),
        "do=erase&reach=all".to_owned(),
        format!("do=erase&reach=all&form={of_stop}"),
        format!("do=erase&reach=all&form={}", "A".repeat(43)),
        format!("do=stop&do=erase&reach=all&form={of_stop}"),
        "List-Unsubscribe=One-Click".to_owned(),
    ] {
        let refused = posted(&world, &client, &path, body.clone()).await;
        assert!(refused.status >= 400, "{body}: {}", refused.text);
    }
    let unsaid = posted(&world, &client, &path, format!("do=stop&form={of_stop}")).await;
    assert!(unsaid.status >= 400 && unsaid.text.contains("<form"), "{}", unsaid.text);
    assert!(held(&world, "devis-1-1").await["fields"].is_object(), "it is there");
    // A page's link is none of a mail program.
    let one_click = path.replace("/p/", "/u/");
    let told = posted(&world, &client, &one_click, "List-Unsubscribe=One-Click".to_owned()).await;
    assert_eq!((told.status, told.text.as_str()), (200, ""), "as of every pass");
    assert!(held(&world, "devis-1-1").await["fields"].is_object(), "it is there");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_corrects_their_record_and_cannot_have_it_sent_elsewhere() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("lea").to_lowercase());
    furnished(&world, &email).await;
    let path = links(&world, &email).await.remove(0).1;
    let client = reader();
    let done = post(&world, &client, &path, "correct", "f.full_name=L%C3%A9a+Sud").await;
    assert!(done.status == 200 && done.text.contains("Your data are corrected."), "{}", done.text);
    assert!(done.text.contains("L•••") && !done.text.contains("Léa Sud"), "masked");
    assert_eq!(held(&world, "devis-1-1").await["fields"]["full_name"], json!(["Léa Sud"]));
    let same = post(&world, &client, &path, "correct", "f.full_name=").await;
    assert!(same.status == 200 && same.text.contains("Nothing was changed"), "{}", same.text);
    for rest in [
        "f.email=evil%40example.net",
        "f.full_name=evil%40example.net",
        "f.full_name=%2B33639980042",
        "f.none=x",
        "f.phone_number=%2B33639980042",
    ] {
        let refused = post(&world, &client, &path, "correct", rest).await;
        assert!(
            refused.status >= 400 && refused.text.contains("That is not taken"),
            "{rest}: {}",
            refused.text
        );
    }
    assert_eq!(held(&world, "devis-1-1").await["fields"]["email"], json!([email]));
    let requests = world.admin().get("/admin/v1/requests").await.json();
    let kinds: Vec<(&str, bool)> = requests["requests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["kind"].as_str().unwrap_or_default(), one["answered"].is_null()))
        .collect();
    assert_eq!(kinds, [("rectification", false)], "{requests}");
    let page = seen(client.get(world.public(&path))).await;
    assert_eq!(page.status, 200, "the link follows its record");
    world.guard("Léa Sud");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_no_for_one_purpose_and_has_the_rest_erased_with_receipts() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("ines").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let (quote, letter) = (&links[0].1, &links[1].1);
    let client = reader();
    let asked = seen(client.get(world.public(&format!("{letter}?do=stop&lang=en")))).await;
    let body = format!("do=stop&form={}&reach=this", carried(&asked.text));
    let stopped = posted(&world, &client, &format!("{letter}?lang=en"), body.clone()).await;
    assert!(stopped.status == 200 && stopped.text.contains("We have stopped"), "{}", stopped.text);
    assert!(
        stopped.text.contains("Your receipt") && !stopped.text.contains("@example.org"),
        "{}",
        stopped.text
    );
    let again = posted(&world, &client, &format!("{letter}?lang=en"), body).await;
    assert_eq!(
        (again.status, again.text),
        (200, stopped.text),
        "a button that is pressed twice, a page to be printed"
    );
    assert_eq!(seen(client.get(world.public(letter))).await.status, 404);
    assert_eq!(seen(client.get(world.public(quote))).await.status, 200, "another purpose's");
    let list = world.admin().get("/admin/v1/suppressions").await.json();
    let scopes: Vec<(&Value, &Value)> = list["suppressions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (&entry["scope"], &entry["reason"]))
        .collect();
    assert_eq!(scopes, [(&json!("lettre"), &json!("objection"))], "{list}");

    let erased = post(&world, &client, quote, "erase", "reach=all").await;
    assert!(erased.status == 200 && erased.text.contains("Your data are erased"), "{}", erased.text);
    assert_eq!(seen(client.get(world.public(quote))).await.status, 404);
    let left = world.admin().post("/admin/v1/find", &json!({"email": email})).await.json();
    assert_eq!(left["records"], json!([]), "{left}");
    assert_eq!(world.records("devis").await.len(), 1, "somebody else's is there");
    let lines = by_persons(&world).await;
    let reasons: Vec<&str> =
        lines.iter().filter(|(action, _)| action == "erasure-asked").map(|(_, why)| why.as_str()).collect();
    assert!(reasons.starts_with(&["objection"]) && reasons.ends_with(&["person-request"]), "{lines:?}");
    let requests = world.admin().get("/admin/v1/requests").await.json();
    let kinds: Vec<(&str, bool)> = requests["requests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["kind"].as_str().unwrap_or_default(), one["answered"]["erasure"].is_string()))
        .collect();
    assert_eq!(kinds, [("objection", true), ("erasure", true)], "{requests}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_links_without_end_takes_nothing_from_meta_s_calls() {
    let world = World::start().await;
    let client = reader();
    let mut answers = std::collections::BTreeMap::new();
    for number in 0..200 {
        let path = format!("/p/{:A>43}", number);
        let call = client.get(world.public(&path)).header("X-Forwarded-For", "203.0.113.9");
        *answers.entry(seen(call).await.status).or_insert(0_u32) += 1;
    }
    assert!(answers.get(&429).is_some_and(|refused| *refused > 100), "it has an end: {answers:?}");
    assert!(answers.get(&404).is_some_and(|read| *read >= 20) && answers.len() == 2, "{answers:?}");
    let large = "x=".to_owned() + &"a".repeat(20_000);
    let refused = posted(&world, &client, &format!("/p/{}", "A".repeat(43)), large).await;
    assert_eq!(refused.status, 413);
    world.end().await;
}

/// Whoever has a link waits for no disk: what says no, and what takes away, is done below its floor too, and nothing is shown there.
#[tokio::test(flavor = "multi_thread")]
async fn below_the_floor_of_the_disk_a_person_says_no_and_erases() {
    let mut world = World::start().await;
    let email = format!("{}@example.org", canary("nora").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    world.stop_daemon().await;
    // Twice as much as is free: below the floor, and above a quarter of it.
    let free = tamis::machine::disk::free_bytes(world.directory.path()).expect("known");
    let file = world.directory.path().join("tamis.toml");
    let config = std::fs::read_to_string(&file).expect("a config");
    assert!(config.contains("free_disk_min_mb = 1\n"));
    let huge = format!("free_disk_min_mb = {}\n", free / 1_000_000 * 2);
    std::fs::write(&file, config.replace("free_disk_min_mb = 1\n", &huge)).expect("written");
    world.start_daemon().await;
    let client = reader();
    let (quote, letter) = (&links[0].1, &links[1].1);
    let page = seen(client.get(world.public(&format!("{quote}?lang=en")))).await;
    assert!(page.status == 200 && page.text.contains("Our storage is full"), "{}", page.text);
    assert!(!page.text.contains("@example.org") && !page.text.contains("do=correct"), "nothing is shown");
    let by_person = by_persons(&world).await.len();
    let stopped = post(&world, &client, letter, "stop", "reach=this").await;
    assert!(stopped.status == 200 && stopped.text.contains("We have stopped"), "{}", stopped.text);
    let erased = post(&world, &client, quote, "erase", "reach=this").await;
    assert!(erased.status == 200 && erased.text.contains("Your receipt"), "{}", erased.text);
    let lines = by_persons(&world).await;
    assert!(lines.len() > by_person && lines.iter().any(|(action, _)| action == "suppressed"), "{lines:?}");
    std::fs::write(&file, config).expect("written");
    world.restart().await;
    let left = world.admin().post("/admin/v1/find", &json!({"email": email})).await.json();
    assert_eq!(left["records"], json!([]), "{left}");
    let requests = world.admin().get("/admin/v1/requests").await.json();
    let open =
        requests["requests"].as_array().expect("a list").iter().filter(|one| one["answered"].is_null());
    assert_eq!(open.count(), 0, "{requests}");
    world.end().await;
}
