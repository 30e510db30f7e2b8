//! Whoever lost the link to their page, and whoever has everything sent to them: by mail, to the mailbox of the record alone.

use futures_util::future::join_all;
use reqwest::Client;

use super::welcome::{told, until_counted};
use super::*;
use crate::people::furnished;
use crate::person_pages::{links, post as act, posted, reader};
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead};

/// A world that sends mails by the server at this port.
pub(super) async fn mailing(port: u16) -> World {
    let mail = format!(
        "\n[mail]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nrate = 3600\n\
         from = \"Atelier Lumen <contact@lumen.example>\"\n"
    );
    World::planned(Plan { config: Box::new(move |text| text + &mail), ..Plan::default() }).await
}

/// What another program reads in the next mail that the server takes; none: this machine has no such program.
pub(super) fn next(post: &Post) -> (Value, Option<Value>) {
    let taken = post.mail();
    let raw = STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64");
    (taken["to"].clone(), read_back(&raw))
}

/// Somebody asks for the links to what is held under this address.
async fn asks(world: &World, client: &Client, typed: &str) -> (u16, String) {
    let body = format!("do=link&email={}", typed.replace('@', "%40"));
    let seen = posted(world, client, "/p/lost?lang=en", body).await;
    (seen.status, seen.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_their_link_has_it_by_mail_once_a_day_and_nobody_learns_who_is_known() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let world = mailing(post.port).await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    // Somebody else, who typed that address into another field than their own.
    let other = format!("{}@example.org", canary("max").to_lowercase());
    let quote = lead(DEVIS_FORM).answer("full_name", &[&email]).answer("email", &[&other]);
    world.deliver(&[&world.submit(quote, &[])]).await;
    world.stored("devis", 3).await;
    let client = reader();
    let lost = client.get(world.public(&format!("/p/{}?lang=en", "A".repeat(43)))).send().await;
    let lost = lost.expect("an answer").text().await.expect("text");
    assert!(lost.contains("href=\"../p/lost?lang=en\""), "an old link leads there: {lost}");
    let form = client.get(world.public("/p/lost?lang=en")).send().await.expect("an answer");
    assert!(form.status() == 200 && form.text().await.expect("text").contains("Lost your link?"));

    let nobody = format!("{}@example.org", canary("nobody").to_lowercase());
    let unknown = asks(&world, &client, &nobody).await;
    let known = asks(&world, &client, &format!(" {},", email.to_uppercase())).await;
    assert_eq!(unknown.0, 200);
    assert_eq!(unknown, known, "word for word");
    let (to, read) = next(&post);
    assert_eq!(to, json!([email]));
    until_counted(&world, "tamis_mails_sent_total{kind=\"link\"} 1").await;
    if let Some(read) = read {
        assert_eq!((&read["defects"], &read["type"]), (&json!([]), &json!("multipart/alternative")));
        assert_eq!(header(&read, "subject"), Some("Votre lien vers vos données"));
        assert_eq!(
            (header(&read, "list-unsubscribe"), header(&read, "auto-submitted")),
            (None, Some("auto-generated"))
        );
        let plain = read["parts"][0]["text"].as_str().expect("text");
        let paths: Vec<&str> =
            plain.lines().filter_map(|line| line.strip_prefix("https://leads.lumen.example")).collect();
        assert_eq!(paths.len(), 2, "theirs, and no other's: {plain}");
        assert!(!plain.contains("Zo") && !plain.contains("devis-1-"), "{plain}");
        for path in paths {
            let page = client.get(world.public(path)).send().await.expect("an answer");
            assert_eq!(page.status(), 200);
            world.guard(path.split(['/', '?']).nth(2).expect("a pass"));
        }
    }
    assert_eq!((told(&world, "link-asked").await, told(&world, "link-sent").await), (2, 1));
    assert_eq!((told(&world, "mail-begun").await, told(&world, "pass-given").await), (2, 2));
    // Once more the same day: nothing. Who is asked for after it is, so that was looked for.
    assert_eq!(asks(&world, &client, &email).await, known);
    assert_eq!(asks(&world, &client, &other).await, known);
    assert_eq!(next(&post).0, json!([other]));
    until_counted(&world, "tamis_mails_waiting 0").await;
    assert!(post.is_empty(), "one mail a day");
    // Mail comes back from it: of who only names it nothing did.
    let bounced = world.admin().post("/admin/v1/bounces", &json!({"email": email})).await;
    assert_eq!((bounced.status, &bounced.json()["records"]), (200, &json!(2)), "{}", bounced.text());
    [&email, &other, &nobody].iter().for_each(|email| world.guard(email));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_everything_has_it_at_their_mailbox_once_a_day_and_it_stands_in_the_register() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let mut world = mailing(post.port).await;
    let email = format!("{}@example.org", canary("ines").to_lowercase());
    furnished(&world, &email).await;
    let other = format!("{}@example.org", canary("max").to_lowercase());
    let letter = lead(LETTRE_FORM).answer("first_name", &[&email]).answer("email", &[&other]);
    world.deliver(&[&world.submit(letter.checkbox("email_optin", true), &[])]).await;
    world.stored("lettre", 2).await;
    // Restricted, and on the list: what they ask for themselves is sent all the same.
    let body = json!({ "id": "devis-1-1", "reason": "person-request", "until": crate::correcting::day(30) });
    assert_eq!(world.admin().post("/admin/v1/restrictions", &body).await.status, 200);
    let body = json!({ "email": email, "scope": "all", "reason": "objection" });
    assert_eq!(world.admin().post("/admin/v1/suppressions", &body).await.status, 200);
    let client = reader();
    let path = links(&world, &email).await.remove(0).1;
    let own = client.get(world.public(&format!("{path}?lang=en"))).send().await.expect("an answer");
    let own = own.text().await.expect("text");
    assert!(own.contains("do=copy") && !own.contains(&email), "{own}");
    // By each of four links to one record at the same moment: one goes, and one request is opened.
    let mut paths = vec![path.clone()];
    for _ in 0..3 {
        paths.push(links(&world, &email).await.remove(0).1);
    }
    let pressed = join_all(paths.iter().map(|path| act(&world, &client, path, "copy", ""))).await;
    let said =
        |text: &str| pressed.iter().filter(|seen| seen.status == 200 && seen.text.contains(text)).count();
    assert_eq!(
        (said("Your copy is on its way"), said("A copy is on its way already, or was asked for")),
        (1, 3)
    );
    let (to, read) = next(&post);
    assert_eq!(to, json!([email]), "to the stored address alone");
    until_counted(&world, "tamis_mails_sent_total{kind=\"copy\"} 1").await;
    if let Some(read) = read {
        assert_eq!((&read["defects"], &read["type"]), (&json!([]), &json!("multipart/mixed")));
        assert_eq!(
            (header(&read, "subject"), header(&read, "list-unsubscribe")),
            (Some("Votre copie"), None)
        );
        let [said, html, copy] = read["parts"].as_array().expect("parts").as_slice() else {
            panic!("{read}")
        };
        assert_eq!(said["type"], "multipart/alternative");
        assert!(!said.to_string().contains("Zo") && !said.to_string().contains("https://"), "{said}");
        assert_eq!((&html["type"], &html["name"]), (&json!("text/html"), &json!("copy.html")));
        assert_eq!((&copy["type"], &copy["name"]), (&json!("application/json"), &json!("copy.json")));
        let html = html["text"].as_str().expect("text");
        assert!(
            html.contains("<html lang=\"fr\">") && html.contains(&email) && html.contains("Zoé &#60;b&#62;"),
            "{html}"
        );
        let copy: Value = serde_json::from_str(copy["text"].as_str().expect("text")).expect("JSON");
        let ids: Vec<&Value> =
            copy["records"].as_array().expect("records").iter().map(|record| &record["id"]).collect();
        assert_eq!(ids, ["devis-1-1", "lettre-1-1"], "of their mailbox, and no other's");
        assert_eq!(copy["records"][0]["content"]["fields"][0]["values"], json!(["Zoé <b>"]));
        assert!(copy["suppressions"].as_array().is_some_and(|entries| !entries.is_empty()), "{copy}");
        assert!(!copy.to_string().contains(&other));
    }
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
    let read: Vec<(&Value, &Value)> = trail
        .iter()
        .filter(|line| line["action"] == "accessed")
        .map(|line| (&line["actor"], &line["reason"]))
        .collect();
    assert_eq!(read, [(&json!("person"), &json!("person-request")); 2]);
    assert_eq!(told(&world, "copy-sent").await, 1);
    let again = act(&world, &client, &path, "copy", "").await;
    assert!(again.text.contains("A copy is on its way already, or was asked for"), "{}", again.text);
    world.restart().await;
    let again = act(&world, &client, &path, "copy", "").await;
    assert!(again.text.contains("A copy is on its way already, or was asked for"), "{}", again.text);
    let requests = world.admin().get("/admin/v1/requests").await.json();
    let requests: Vec<(&Value, bool)> = requests["requests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (&one["kind"], one["answered"].is_null()))
        .collect();
    assert_eq!(requests, [(&json!("access"), false)]);
    assert!(post.is_empty());
    [&email, &other].iter().for_each(|email| world.guard(email));
    world.guard("Zoé <b>");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_public_url_old_links_work_and_the_operator_is_told_until_when_they_went_out() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let mut world = mailing(post.port).await;
    let email = format!("{}@example.org", canary("rosa").to_lowercase());
    furnished(&world, &email).await;
    let client = reader();
    assert_eq!(asks(&world, &client, &email).await.0, 200);
    let (_, read) = next(&post);
    until_counted(&world, "tamis_mails_sent_total{kind=\"link\"} 1").await;
    let noted = || crate::support::log().events("mail.address-changed").len();
    let before = noted();
    world.restart().await;
    assert_eq!(noted(), before, "it is the same");
    let file = world.directory.path().join("tamis.toml");
    let config = fs::read_to_string(&file).expect("a config");
    let other = format!("https://{}.example", canary("other").to_lowercase());
    fs::write(&file, config.replace("https://leads.lumen.example", &other)).expect("written");
    world.restart().await;
    let told = crate::support::log().events("mail.address-changed");
    let today = crate::correcting::day(0);
    let line = told.last().expect("a warning");
    assert!(line.contains("https://leads.lumen.example") && line.contains(&today), "{line}");
    assert!(told.len() > before);
    if let Some(read) = read {
        let plain = read["parts"][0]["text"].as_str().expect("text");
        let path =
            plain.lines().find_map(|line| line.strip_prefix("https://leads.lumen.example")).expect("a link");
        let page = client.get(world.public(path)).header("Host", "leads.lumen.example").send().await;
        assert_eq!(page.expect("an answer").status(), 200, "where the proxy still brings it");
    }
    world.guard(&email);
    world.end().await;
}
