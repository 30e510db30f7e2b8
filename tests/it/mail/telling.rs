//! Whoever is erased and told first: the letter, what it says, and that the record goes with it, or without it.

use std::sync::Arc;

use reqwest::Method;
use tamis::clock::Clock;

use super::links::next;
use super::welcome::{told, until_counted};
use super::*;
use crate::people::{furnished, tamis};
use crate::person_pages::{links, reader, seen};
use crate::retention::{DAY_S, Shifted, pass};
use crate::support::{Answer, DEVIS_FORM, Plan, World, canary, lead};

fn mail(port: u16) -> String {
    format!(
        "\n[mail]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nrate = 3600\n\
         from = \"Atelier Lumen <contact@lumen.example>\"\n"
    )
}

/// A world that sends mails by the server at this port, by a clock that Meta shares.
async fn mailing(port: u16, clock: &Arc<Shifted>) -> World {
    let (mail, clock): (String, Arc<dyn Clock>) = (mail(port), clock.clone());
    let config = Box::new(move |text: String| text + mail.as_str());
    World::planned(Plan { config, clock: clock.clone(), meta_clock: Some(clock) }).await
}

async fn erase(world: &World, body: &Value, reason: &str) -> Answer {
    world.admin().call(Method::POST, "/admin/v1/erasures", Some(body.to_string()), Some(reason)).await
}

async fn shown(world: &World, number: &str) -> Value {
    world.admin().get(&format!("/admin/v1/erasures/{number}")).await.json()
}

async fn until_done(world: &World, number: &str) -> Value {
    world.until("it is erased", || async { shown(world, number).await["state"] == "done" }).await;
    shown(world, number).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_first_has_the_letter_and_is_gone_afterwards() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let world = mailing(post.port, &Arc::default()).await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let by = json!({ "email": email });
    let would = erase(&world, &json!({ "by": by, "tell": true, "dry_run": true }), "person-request").await;
    let would = would.json();
    assert_eq!((&would["records"], &would["could_be_told"]), (&json!(2), &json!(2)));
    assert_eq!(world.records("devis").await.len(), 2, "nothing was erased");
    let waits = erase(&world, &json!({ "by": by, "tell": true }), "person-request").await;
    assert_eq!(waits.status, 202);
    let waits = waits.json();
    assert_eq!((&waits["erasure"], &waits["records"]), (&json!("1-1"), &json!(2)));
    assert!(waits.get("receipt").is_none(), "{waits}");
    let (to, read) = next(&post);
    assert_eq!(to, json!([email]));
    let done = until_done(&world, "1-1").await;
    assert_eq!((&done["told"]["state"], &done["told"]["told"]), (&json!("told"), &json!(2)));
    assert_eq!((&done["told"]["untold"], &done["told"]["code"]), (&json!(0), &Value::Null));
    assert!(done["receipt"].as_str().is_some_and(|note| note.contains("\"1-1\"")), "{done}");
    if let Some(read) = read {
        assert_eq!((&read["defects"], &read["type"]), (&json!([]), &json!("multipart/alternative")));
        assert_eq!(header(&read, "subject"), Some("Vos données vont être effacées"));
        assert_eq!(
            (header(&read, "list-unsubscribe"), header(&read, "auto-submitted")),
            (None, Some("auto-generated"))
        );
        for part in [&read["parts"][0], &read["parts"][1]] {
            let text = part["text"].as_str().expect("text");
            for says in ["Comme vous l’avez demandé", "1-1", "Un reçu signé", "vie-privee@"] {
                assert!(text.contains(says), "{says}: {text}");
            }
            assert!(!text.contains("Zo") && !text.contains("devis-1-") && !text.contains("/p/"), "{text}");
        }
        let plain = read["parts"][0]["text"].as_str().expect("text");
        assert_eq!(plain.matches("formulaire du").count(), 2, "one letter for both: {plain}");
    }
    until_counted(&world, "tamis_mails_waiting 0").await;
    until_counted(&world, "tamis_erasures_to_tell 0").await;
    assert!(post.is_empty(), "one letter for one mailbox");
    assert_eq!((world.records("devis").await.len(), world.records("lettre").await.len()), (1, 0));
    assert_eq!((told(&world, "erasure-to-tell").await, told(&world, "erasure-told").await), (2, 2));
    assert_eq!(told(&world, "erased").await, 1);
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_server_takes_the_letter_nobody_uses_the_record_and_after_three_days_it_goes_untold() {
    let clock = Arc::<Shifted>::default();
    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let mut world = mailing(free, &clock).await;
    let email = format!("{}@example.org", canary("max").to_lowercase());
    furnished(&world, &email).await;
    let body = json!({ "by": { "id": "devis-1-1" }, "tell": true });
    assert_eq!(erase(&world, &body, "audit").await.status, 202);
    for _ in 0..2 {
        assert_eq!(world.records("devis").await.len(), 1, "nobody uses it");
        let waits = shown(&world, "1-1").await;
        assert_eq!((&waits["state"], &waits["told"]["state"]), (&json!("waiting"), &json!("waiting")));
        assert!(waits["done_at"].is_null() && waits["receipt"].is_null(), "{waits}");
        let paper = world.admin().get("/admin/v1/erasures/1-1?format=txt").await;
        assert_eq!((paper.status, &paper.json()["code"]), (409, &json!("erasure-waits")));
        let found = world.admin().post("/admin/v1/find", &json!({ "id": "devis-1-1" })).await.json();
        assert_eq!(found["records"][0]["restricted"]["erasure"], "1-1", "{found}");
        let path = "/admin/v1/restrictions/devis-1-1";
        let lifted = world.admin().call(Method::DELETE, path, None, Some("error")).await;
        assert_eq!(lifted.json()["code"], "record-to-be-erased");
        until_counted(&world, "tamis_erasures_to_tell 1").await;
        // A stop, and a start over the same store: it waits on.
        world.restart().await;
    }
    pass(&world, &clock, 3 * DAY_S).await;
    let done = until_done(&world, "1-1").await;
    assert_eq!(
        (&done["told"]["state"], &done["told"]["code"]),
        (&json!("not-told"), &json!("not-in-time")),
        "{done}"
    );
    assert!(done["receipt"].is_string());
    assert_eq!((told(&world, "erasure-untold").await, told(&world, "erased").await), (1, 1));
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_no_mail_reaches_is_erased_at_once_and_where_nobody_can_be_told_nothing_is_done() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let world = mailing(post.port, &Arc::default()).await;
    let house = canary("house").to_lowercase();
    let gone = format!("gone@{house}.example");
    for (name, email) in [("Zoé", gone.as_str()), ("Max", "no address at all")] {
        let quote = lead(DEVIS_FORM).answer("full_name", &[name]).answer("email", &[email]);
        world.deliver(&[&world.submit(quote, &[])]).await;
        world.settled().await;
    }
    world.stored("devis", 2).await;
    // The server says that there is no such mailbox: that is an answer.
    let body = json!({ "by": { "id": "devis-1-1" }, "tell": true });
    assert_eq!(erase(&world, &body, "error").await.status, 202);
    let done = until_done(&world, "1-1").await;
    assert_eq!(
        (&done["told"]["state"], &done["told"]["code"]),
        (&json!("not-told"), &json!("unreachable")),
        "{done}"
    );
    let body = json!({ "by": { "id": "devis-1-2" }, "tell": true });
    let refused = erase(&world, &body, "error").await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("nobody-to-tell")));
    let would = json!({ "by": { "id": "devis-1-2" }, "tell": true, "dry_run": true });
    assert_eq!(erase(&world, &would, "error").await.json()["could_be_told"], 0);
    assert_eq!(world.records("devis").await.len(), 1, "nothing was done");
    world.guard(&gone);
    world.end().await;

    let bare = World::planned(Plan::default()).await;
    let refused = erase(&bare, &body, "error").await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("mail-not-configured")));
    bare.end().await;
}

/// The same from a person's own letter: what they asked for is answered once it is done, and meanwhile they, and the operator, are told how it
/// stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_request_stays_open_until_they_are_erased_and_their_page_says_when_that_is() {
    let clock = Arc::<Shifted>::default();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let world = mailing(free, &clock).await;
    let email = format!("{}@example.org", canary("marie").to_lowercase());
    furnished(&world, &email).await;
    let path = links(&world, &email).await.remove(0).1;
    let verb = ["person", "erase", "--email-stdin", "--tell"];
    let (code, printed, said) = tamis(&world, &verb, &email).await;
    assert_eq!((code, printed.as_str()), (Some(0), ""), "{said}");
    for part in [
        "to be erased once its person was told",
        "(records: 2)",
        "request 1-1 stays open until then",
        "`tamis person requests answer 1-1 --erasure 1-1`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let answered = async || {
        let requests = world.admin().get("/admin/v1/requests").await.json();
        let [one] = &requests["requests"].as_array().expect("a list")[..] else { panic!("{requests}") };
        assert_eq!(one["kind"], "erasure");
        one["answered"].clone()
    };
    assert_eq!(answered().await, Value::Null);
    assert_eq!(world.admin().get("/admin/v1/status").await.json()["erasures_to_tell"], json!(1));
    let (_, screen, _) = tamis(&world, &["status"], "").await;
    assert!(screen.contains("\nerasures   1 to be told of first"), "{screen}");
    let page = seen(reader().get(world.public(&format!("{path}?lang=en")))).await;
    assert!(page.status == 200 && page.text.contains("These data will be erased on"), "{}", page.text);
    assert!(
        page.text.contains("its number is 1-1") && !page.text.contains("nobody may use"),
        "{}",
        page.text
    );

    pass(&world, &clock, 3 * DAY_S).await;
    until_done(&world, "1-1").await;
    assert_eq!(world.admin().get("/admin/v1/status").await.json()["erasures_to_tell"], json!(0));
    let answer = ["person", "requests", "answer", "1-1", "--erasure", "1-1"];
    let (code, _, said) = tamis(&world, &answer, "").await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(answered().await["erasure"], json!("1-1"));
    world.guard(&email);
    world.end().await;
}
