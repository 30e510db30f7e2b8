//! What people are told, as they are shown it: over the public listener, behind the proxies, by the command, and in a browser.

use std::time::Duration;

use reqwest::{Client, Method, Response};
use tamis_simulator::{Setup, Simulator};

use crate::support::front::{Front, Proxy};
use crate::support::process::Home;
use crate::support::{DEVIS_FORM, PAGE, World, canary, lead};

/// A client that keeps no connection, so that nothing of it outlives a test.
fn reader() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client")
}

async fn get(client: &Client, url: String, accept: &str) -> Response {
    client.get(url).header("Accept-Language", accept).send().await.expect("an answer")
}

fn header<'r>(answer: &'r Response, name: &str) -> &'r str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn page(client: &Client, url: String, accept: &str) -> String {
    let answer = get(client, url, accept).await;
    assert_eq!(answer.status(), 200);
    answer.text().await.expect("text")
}

/// The name of the revision that a page says it is.
fn revision(page: &str) -> String {
    let rest = page.split("Reference: ").nth(1).expect("a reference");
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_purpose_has_a_page_in_the_readers_language_that_loads_runs_and_tells_nothing() {
    let world = World::start().await;
    let client = reader();
    for (path, accept, lang, heading) in [
        ("/notice/devis", "fr-FR,fr;q=0.9", "fr", "Répondre à votre demande de devis"),
        ("/notice/devis", "it, de;q=0.5", "de", "Ihre Angebotsanfrage beantworten"),
        ("/notice/devis", "it", "en", "Answer your request for a quote"),
        ("/notice/devis?lang=de", "fr", "de", "Ihre Angebotsanfrage beantworten"),
        ("/notice/lettre?lang=xx&lang=de", "fr", "fr", "Vous envoyer notre lettre mensuelle"),
        ("/notice/lettre?utm=1&lang=en", "fr", "en", "Send you our monthly letter"),
    ] {
        let answer = get(&client, world.public(path), accept).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
        assert_eq!(header(&answer, "content-language"), lang, "{path} {accept}");
        assert_eq!(header(&answer, "vary"), "Accept-Language");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        let policy = header(&answer, "content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
        assert!(answer.headers().get("set-cookie").is_none(), "no cookie");
        let text = answer.text().await.expect("text");
        assert!(text.contains(&format!("<html lang=\"{lang}\">")) && text.contains(heading), "{path}");
        for absent in ["<script", " src=", "@import", "url(", " style=", "javascript:", "{"] {
            let body = text.split("</style>").nth(1).expect("a body");
            assert!(!body.contains(absent), "{path}: {absent}");
        }
    }
    let head = client.request(Method::HEAD, world.public("/notice/devis")).send().await.expect("an answer");
    assert_eq!((head.status().as_u16(), head.text().await.expect("none").len()), (200, 0));
    for path in ["/notice/none", "/notice/devis/0123456789abcdef", "/notice/DEVIS", "/notice/%3Cscript%3E"] {
        let answer = get(&client, world.public(path), "de").await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-language")), (404, "de"), "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let text = answer.text().await.expect("text");
        assert!(text.contains("Seite nicht gefunden") && !text.contains("script"), "{path}: {text}");
    }
    let posted = client.post(world.public("/notice/devis")).body("x").send().await.expect("an answer");
    assert_eq!(posted.status(), 405);
    world.end().await;
}

/// What is printed is what is enforced, before and after a reload, and what was said before stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_config_is_a_new_revision_that_says_what_changed() {
    let mut world = World::start().await;
    let client = reader();
    let first = page(&client, world.public("/notice/devis"), "en").await;
    assert!(
        first.contains("we use your data for 12 months.") && first.contains("This is the first version.")
    );
    assert!(first.contains("Exemple CRM SAS") && first.contains("Postcode"));
    let letter = page(&client, world.public("/notice/lettre"), "en").await;
    assert!(letter.contains("we use your data for 18 months and 30 days."), "it lapses before 36 months");

    world.reload(|text| text.replace("retention_months = 12", "retention_months = 6")).await;
    let second = page(&client, world.public("/notice/devis"), "en").await;
    assert!(second.contains("we use your data for 6 months.") && second.contains("What changed on "));
    assert!(
        second.contains(
            "<ul class=\"changes\"><li><a href=\"#duration\">How long do we hold them?</a></li></ul>"
        )
    );
    assert_eq!(page(&client, world.public("/notice/lettre"), "en").await, letter, "it did not change");

    // A restart changes nothing, and all are there.
    world.restart().await;
    assert_eq!(page(&client, world.public("/notice/devis"), "en").await, second);
    let (old, new) = (revision(&first), revision(&second));
    let link = format!("href=\"devis/{old}?lang=en\"");
    assert!(second.contains(&link), "{link}");
    let earlier = page(&client, world.public(&format!("/notice/devis/{old}?lang=en")), "fr").await;
    assert!(
        earlier.contains("we use your data for 12 months.")
            && earlier.contains("This version was in force from ")
    );
    assert!(earlier.contains("href=\"../devis?lang=en\""));
    let newest = page(&client, world.public(&format!("/notice/devis/{new}?lang=en")), "fr").await;
    assert!(
        newest.contains("we use your data for 6 months.") && !newest.contains("This version was in force")
    );
    assert!(newest.contains(&format!("href=\"{old}?lang=en\"")));

    // A purpose that left the config: who is told of it is told that it has ended.
    let purposes = world.directory.path().join("tamis.toml");
    let text = std::fs::read_to_string(&purposes).expect("a config");
    let (kept, _) = text.split_once("[purposes.lettre]").expect("the letter");
    let kept = kept.to_owned();
    world.reload(move |_| kept.clone()).await;
    let ended = page(&client, world.public("/notice/lettre?lang=en"), "en").await;
    assert!(ended.contains("We no longer collect data for this purpose."), "{ended}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_without_end_takes_nothing_from_meta_s_calls() {
    let world = World::start().await;
    let client = reader();
    let reading = async {
        let mut answers = std::collections::BTreeMap::new();
        for _ in 0..300 {
            // As a trusted proxy says it, so that it is an address with an allowance of its own.
            let call = client.get(world.public("/notice/devis")).header("X-Forwarded-For", "203.0.113.9");
            let answer = call.send().await.expect("an answer");
            *answers.entry(answer.status().as_u16()).or_insert(0_u32) += 1;
        }
        answers
    };
    let calling = async {
        for _ in 0..20 {
            let email = format!("{}@example.org", canary("reader"));
            let of = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
            let id = world.submit(of, &[&email]);
            world.deliver_all(&[id]).await;
        }
    };
    let (answers, ()) = tokio::join!(reading, calling);
    assert!(answers.get(&503).is_some_and(|refused| *refused > 100), "it has an end: {answers:?}");
    assert!(answers.get(&200).is_some_and(|read| *read >= 20), "a reader may read: {answers:?}");
    assert_eq!(answers.len(), 2, "{answers:?}");
    world.stored("devis", 20).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_notice_is_refused_by_check_and_reload_and_holds_its_forms_at_a_start() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let complete = Home::new(&meta, "page-token", |text| text);
    let abroad = |text: String| text.replace("country = \"FR\"\nrole", "country = \"US\"\nrole");
    let home = Home::new(&meta, "page-token", abroad);
    let (status, said) = run(&home, &["check"]);
    assert_eq!(status, 78, "{said}");
    assert!(
        said.contains("recipients[0].transfer_basis") && said.contains("GDPR arts. 13(1)(f), 44"),
        "{said}"
    );
    assert_eq!(run(&complete, &["check"]).0, 0);

    // A start goes on: of the purpose that is told of nothing comes in, the other is served.
    let daemon = home.serve(&[]);
    let client = reader();
    let url = |path: &str| format!("http://{}{path}", daemon.public);
    assert_eq!(get(&client, url("/notice/devis"), "en").await.status(), 404);
    assert_eq!(get(&client, url("/notice/lettre"), "en").await.status(), 200);
    assert_eq!(daemon.said("code=notice-incomplete").len(), 1);
    daemon.terminate();

    let daemon = complete.serve(&[]);
    let text = std::fs::read_to_string(complete.config()).expect("a config");
    std::fs::write(complete.config(), abroad(text)).expect("written");
    daemon.hang_up();
    let refused = daemon.until_said("config.refused", 1);
    assert!(refused[0].contains("notice-incomplete"), "{refused:?}");
    daemon.terminate();
    meta.stop().await;
}

/// Runs a verb, and gives how it ended and all that it said.
fn run(home: &Home, arguments: &[&str]) -> (i32, String) {
    let mut command = std::process::Command::new(&home.binary);
    command.args(arguments).arg("--config").arg(home.config()).env_clear();
    let output = command.output().expect("the command");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_it_in_three_shapes_with_tamis_down() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let (status, html) = run(&home, &["notice", "devis", "--lang", "fr"]);
    assert!(status == 0 && html.starts_with("<!DOCTYPE html>") && html.contains("Projet"), "{html}");
    let (status, md) = run(&home, &["notice", "devis", "--format", "md", "--lang", "de"]);
    assert!(status == 0 && md.starts_with("# Ihre Angebotsanfrage beantworten\n"), "{md}");
    let (status, short) = run(&home, &["notice", "lettre", "--format", "short", "--lang", "fr"]);
    assert_eq!(status, 0);
    assert!(
        short.contains("https://leads.lumen.example/notice/lettre") && short.lines().count() == 1,
        "{short}"
    );
    let (status, said) = run(&home, &["notice", "other"]);
    assert!(status == 2 && said.contains("There are: devis, lettre") && !said.contains("other"), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxies_let_notices_through_and_nothing_beside_them() {
    for proxy in Proxy::here() {
        let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
        let home = Home::new(&meta, "page-token", |text| text);
        let daemon = home.serve(&[]);
        let front = Front::start(proxy, &daemon.public, None);
        let client = front.client(None);
        let first = page(&client, front.url("/notice/devis?lang=en"), "fr").await;
        assert!(first.contains("Answer your request for a quote"), "{proxy}");
        let name = revision(&first);
        let answer = get(&client, front.url(&format!("/notice/devis/{name}")), "de").await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-language")), (200, "de"), "{proxy}");
        assert!(header(&answer, "content-security-policy").contains("sha256-"), "{proxy}");
        let head = client.request(Method::HEAD, front.url("/notice/devis")).send().await.expect("an answer");
        assert_eq!(head.status(), 200, "{proxy}");
        for path in [
            "/notice",
            "/notice/",
            "/notice/devis/",
            "/notice/devis/x",
            "/notice/devis/0123456789abcdef/x",
            "/notice/Devis",
        ] {
            let answer = get(&client, front.url(path), "en").await;
            assert_eq!(answer.status(), 404, "{proxy} {path}");
            let text = answer.text().await.expect("text");
            assert!(!text.contains("Page not found"), "{proxy} itself refuses {path}");
        }
        let posted = client.post(front.url("/notice/devis")).body("x").send().await.expect("an answer");
        assert!([403, 404, 405].contains(&posted.status().as_u16()), "{proxy}");
        daemon.terminate();
        meta.stop().await;
    }
}

/// Nobody's reading stands in the log.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_a_notice_is_said_nowhere() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let before = daemon.said("").len();
    let client = reader();
    for path in ["/notice/devis", "/notice/none", "/notice/devis/0123456789abcdef"] {
        get(&client, format!("http://{}{path}?a={PAGE}", daemon.public), "fr").await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let said = daemon.said("");
    assert!(!said.iter().skip(before).any(|line| line.contains("notice") || line.contains(PAGE)), "{said:?}");
    daemon.terminate();
    meta.stop().await;
}
