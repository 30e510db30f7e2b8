//! A person's own page: what whoever holds a link sees and can have done, what a machine that opens it does not, and what stands in no
//! log. And what Meta's callbacks for users of the app are answered.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::people::{furnished, tamis};
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead, log};

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
        for act in ["stop", "correct", "erase"] {
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

/// A world that would send mails: it has the pages of one, and nobody is written to.
fn sending() -> Plan {
    let mail =
        "\n[mail]\nserver = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"contact@lumen.example\"\n";
    Plan { config: Box::new(move |text| text + mail), ..Plan::default() }
}

/// The pages of somebody whose link is `path`, by what they are: each can be looked at as often as one likes.
fn addresses(world: &World, path: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for lang in ["fr", "en", "de"] {
        for (name, query) in [
            ("own", ""),
            ("stop", "do=stop&"),
            ("correct", "do=correct&"),
            ("erase", "do=erase&"),
            ("copy", "do=copy&"),
        ] {
            all.push((format!("{name} {lang}"), world.public(&format!("{path}?{query}lang={lang}"))));
        }
        all.push((format!("asking {lang}"), world.public(&format!("/p/lost?lang={lang}"))));
        all.push((format!("lost {lang}"), world.public(&format!("/p/{}?lang={lang}", "A".repeat(43)))));
        all.push((
            format!("code {lang}"),
            world.public(&format!("/meta/deletion/{}?lang={lang}", "0".repeat(64))),
        ));
    }
    all
}

/// Saves each page, as a browser is given it. Patient: a reader is counted.
async fn saved(
    directory: &std::path::Path,
    addresses: &[(String, String)],
) -> Vec<(String, std::path::PathBuf)> {
    let (client, mut pages) = (reader(), Vec::new());
    for (name, url) in addresses {
        let mut page = seen(client.get(url)).await;
        while page.status == 429 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            page = seen(client.get(url)).await;
        }
        let file = directory.join(format!("{}.html", name.replace(' ', "-")));
        std::fs::write(&file, &page.text).expect("written");
        pages.push((name.clone(), file));
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_valid_html_and_shuts_nobody_out() {
    let world = World::planned(sending()).await;
    let email = format!("{}@example.org", canary("eve").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut pages = saved(directory.path(), &addresses(&world, &links[0].1)).await;
    let client = reader();
    for (at, lang) in ["fr", "de"].iter().enumerate() {
        let path = &links[1 - at].1;
        let asked = seen(client.get(world.public(&format!("{path}?do=erase&lang={lang}")))).await;
        let body = format!("do=erase&form={}&reach=this", carried(&asked.text));
        let erased = posted(&world, &client, &format!("{path}?lang={lang}"), body).await;
        assert_eq!(erased.status, 200, "{}", erased.text);
        let file = directory.path().join(format!("erased-{lang}.html"));
        std::fs::write(&file, &erased.text).expect("written");
        pages.push((format!("erased {lang}"), file));
    }
    for (name, typed) in [("asked", "nobody%40example.org"), ("not asked", "nobody")] {
        for lang in ["fr", "en"] {
            let answer =
                posted(&world, &client, &format!("/p/lost?lang={lang}"), format!("do=link&email={typed}"))
                    .await;
            let file = directory.path().join(format!("{}-{lang}.html", name.replace(' ', "-")));
            std::fs::write(&file, &answer.text).expect("written");
            pages.push((format!("{name} {lang}"), file));
        }
    }
    crate::seen::are_valid(directory.path(), &pages);
    let place = directory.path().to_owned();
    tokio::task::spawn_blocking(move || crate::seen::shut_nobody_out(&place, pages)).await.expect("no panic");
    world.end().await;
}

/// Without a mouse, on a telephone, at a desk, and four times as large.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_and_filled_in_by_keys_alone_and_reflows() {
    use crate::keyboard::{REFLOW, browser_is_there, walk};
    use crate::support::browser::{Browser, DESK, DESK_AT_400, PHONE};
    if !browser_is_there() {
        return;
    }
    let world = World::planned(sending()).await;
    let email = format!("{}@example.org", canary("ada").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let directory = tempfile::tempdir().expect("a directory");
    let pages = saved(directory.path(), &addresses(&world, &links[0].1)).await;
    for (at, window) in [PHONE, DESK, DESK_AT_400].into_iter().enumerate() {
        let profile = directory.path().join(format!("browser-{at}"));
        std::fs::create_dir(&profile).expect("a directory");
        let browser = Browser::start(&profile, window).await;
        for (name, file) in &pages {
            browser.open(&format!("file://{}", file.display())).await;
            assert_eq!(walk(&browser).await, [""; 0], "{name} {window:?}");
            browser.open(&format!("file://{}", file.display())).await;
            let found = browser.run(REFLOW).await;
            assert!(found["wide"].as_i64() <= Some(0), "{name}: it scrolls sideways: {found}");
            for what in ["out", "cut", "covers"] {
                assert_eq!(found[what].as_array().map(Vec::len), Some(0), "{name}: {what}: {found}");
            }
        }
        browser.end().await;
    }
    // In the browser itself, from the link to the receipt, by keys: a link, a choice, a button.
    let profile = directory.path().join("browser-whole");
    std::fs::create_dir(&profile).expect("a directory");
    let browser = Browser::start(&profile, PHONE).await;
    browser.open(&world.public(&format!("{}?do=erase&lang=en", links[0].1))).await;
    browser.run("document.querySelector('input[value=this]').focus()").await;
    browser.press(" ").await;
    assert_eq!(browser.run("return document.querySelector('input[value=this]').checked").await, true);
    browser.run("document.querySelector('button').focus()").await;
    browser.press(crate::support::browser::ENTER).await;
    let mut heading = Value::Null;
    for _ in 0..200 {
        heading = browser
            .run("return document.readyState === 'complete' ? document.querySelector('h1').textContent : ''")
            .await;
        if heading == "Your data are erased" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(heading, "Your data are erased", "the policy lets the page's own form go, in a real browser");
    assert_eq!(browser.run("return document.title").await, "Your data");
    browser.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxies_let_these_pages_through_and_write_no_link_down() {
    use crate::support::front::{Front, Proxy};
    use crate::support::process::Home;
    use tamis_simulator::{Setup, Simulator};
    for proxy in Proxy::here() {
        let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
        let home = Home::new(&meta, "page-token", |text| text);
        let daemon = home.serve(&[]);
        let front = Front::start(proxy, &daemon.public, None);
        let client = front.client(None);
        let pass = "Zq7".to_owned() + &"A".repeat(40);
        for kind in ["p", "u"] {
            let page =
                client.get(front.url(&format!("/{kind}/{pass}?lang=en"))).send().await.expect("an answer");
            assert_eq!(page.status(), 404, "{proxy}");
            assert!(
                page.text().await.expect("text").contains("This link opens nothing"),
                "{proxy}: tamis answers"
            );
            let posted = client
                .post(front.url(&format!("/{kind}/{pass}")))
                .body("do=erase")
                .send()
                .await
                .expect("an answer");
            assert!([400, 404].contains(&posted.status().as_u16()), "{proxy}: {}", posted.status());
            assert!(posted.text().await.expect("text").contains("<!DOCTYPE html>"), "{proxy}: tamis answers");
            let other = client
                .request(Method::PUT, front.url(&format!("/{kind}/{pass}")))
                .send()
                .await
                .expect("an answer");
            assert!([403, 404, 405].contains(&other.status().as_u16()), "{proxy}");
        }
        let asking = client.get(front.url("/p/lost?lang=en")).send().await.expect("an answer");
        // Without a mail server nobody can be sent one.
        assert!(
            asking.text().await.expect("text").contains("This link opens nothing"),
            "{proxy}: tamis answers"
        );
        let asked =
            client.post(front.url("/p/lost")).body("email=a%40example.org").send().await.expect("an answer");
        assert!(asked.text().await.expect("text").contains("<!DOCTYPE html>"), "{proxy}: tamis answers");
        let code = "0".repeat(64);
        let status =
            client.get(front.url(&format!("/meta/deletion/{code}?lang=en"))).send().await.expect("an answer");
        assert!(status.text().await.expect("text").contains("We do not know this code"), "{proxy}");
        for path in ["/meta/deletion", "/meta/deauthorize"] {
            let call =
                client.post(front.url(path)).body("signed_request=a.b").send().await.expect("an answer");
            assert_eq!(call.status(), 401, "{proxy} {path}");
        }
        for path in [
            "/p/",
            "/p/short",
            &format!("/p/{pass}x"),
            &format!("/p/{pass}/x"),
            "/u/",
            "/meta/",
            "/meta/other",
            "/meta/deletion/x",
        ] {
            let answer = client.get(front.url(path)).send().await.expect("an answer");
            assert!([403, 404].contains(&answer.status().as_u16()), "{proxy} {path}");
            let text = answer.text().await.expect("text");
            assert!(
                !text.contains("This link opens") && !text.contains("We do not know"),
                "{proxy} itself refuses {path}"
            );
        }
        // With tamis away the proxies say so, and still not of whom.
        daemon.terminate();
        let down = client.get(front.url(&format!("/p/{pass}"))).send().await.expect("an answer");
        assert!([502, 504].contains(&down.status().as_u16()), "{proxy}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let mut looked_at = 0;
        for entry in walk_files(front.directory.path()) {
            let bytes = std::fs::read(&entry).unwrap_or_default();
            looked_at += usize::from(!bytes.is_empty());
            assert!(
                !bytes.windows(pass.len()).any(|window| window == pass.as_bytes()),
                "{proxy}: {}",
                entry.display()
            );
        }
        assert!(looked_at > 0, "there are files");
        meta.stop().await;
    }
}

fn walk_files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk_files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_yes_once_more_and_takes_it_back_box_by_box() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("nina").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let (quote, letter) = (&links[0].1, &links[1].1);
    let client = reader();
    let own = seen(client.get(world.public(&format!("{quote}?lang=en")))).await;
    assert!(!own.text.contains("do=withdraw"), "no box was on that form");
    let unticked = post(&world, &client, letter, "confirm", "").await;
    assert!(
        unticked.status >= 400 && unticked.text.contains("<form"),
        "nothing is ticked for them: {}",
        unticked.text
    );
    let yes = post(&world, &client, letter, "confirm", "c.email_optin=yes").await;
    assert!(yes.status == 200 && yes.text.contains("class=\"banner\""), "{}", yes.text);
    let stays = post(&world, &client, quote, "stop", "reach=this").await;
    assert!(
        stays.status == 200 && stays.text.contains("What you asked us for yourself stays"),
        "{}",
        stays.text
    );
    assert_eq!(seen(client.get(world.public(quote))).await.status, 200, "what they asked for is there");
    let taken = post(&world, &client, letter, "withdraw", "c.email_optin=yes").await;
    assert!(
        taken.status == 200 && taken.text.contains("Your receipt"),
        "it rested on that alone: {}",
        taken.text
    );
    assert_eq!(seen(client.get(world.public(letter))).await.status, 404);
    let lines = by_persons(&world).await;
    for wanted in
        [("confirmed", "person-request"), ("erasure-asked", "withdrawal"), ("suppressed", "objection")]
    {
        assert!(
            lines.iter().any(|(action, why)| (action.as_str(), why.as_str()) == wanted),
            "{wanted:?}: {lines:?}"
        );
    }
    world.end().await;
}

/// What rests on no consent is asked again where the config says so: the mail's yes is a button, and each yes counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_yes_needs_no_box_where_nothing_rests_on_one() {
    let world = World::planned(Plan::with(
        "retention_months = 12\nrecipients",
        "retention_months = 12\nreconfirm_months = 6\nrecipients",
    ))
    .await;
    let email = format!("{}@example.org", canary("noa").to_lowercase());
    furnished(&world, &email).await;
    let quote = &links(&world, &email).await[0].1;
    let client = reader();
    let own = seen(client.get(world.public(&format!("{quote}?lang=en")))).await;
    assert!(own.text.contains("do=confirm") && !own.text.contains("do=withdraw"), "{}", own.text);
    let yes = post(&world, &client, quote, "confirm", "").await;
    assert!(
        yes.status == 200 && yes.text.contains("The time for which we keep your data begins anew today."),
        "{}",
        yes.text
    );
    let again = post(&world, &client, quote, "confirm", "").await;
    assert!(again.status == 200 && again.text.contains("You said so today already."), "{}", again.text);
    let lines = by_persons(&world).await;
    assert!(lines.iter().any(|(action, _)| action == "confirmed"), "{lines:?}");
    world.end().await;
}

/// What was taken back is no agreement any more, also on the page of whose record stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_is_shown_as_no() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("mila").to_lowercase());
    let letter = lead(LETTRE_FORM).answer("first_name", &["Mila"]).answer("email", &[&email]);
    let letter = letter.answer("phone_number", &["+33639980077"]);
    let letter = letter.checkbox("email_optin", true).checkbox("consent_call", true);
    world.deliver(&[&world.submit(letter, &[])]).await;
    world.settled().await;
    world.stored("lettre", 1).await;
    let path = links(&world, &email).await.remove(0).1;
    let client = reader();
    let yes_and_no = async || {
        let page = seen(client.get(world.public(&format!("{path}?lang=en")))).await;
        assert_eq!(page.status, 200, "{}", page.text);
        (page.text.matches("<p>Yes, on ").count(), page.text.matches("<p>No</p>").count())
    };
    assert_eq!(yes_and_no().await, (2, 0));
    let taken = post(&world, &client, &path, "withdraw", "c.call_optin=yes").await;
    assert!(taken.status == 200 && taken.text.contains("You have taken it back"), "{}", taken.text);
    assert_eq!(yes_and_no().await, (1, 1));
    world.end().await;
}

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
