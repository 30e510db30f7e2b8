//! The first mail: from a form that was sent in to what a mail server got of it.

use std::sync::Arc;

use tamis::clock::Clock;

use super::*;
use crate::retention::{Shifted, pass};
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead};

/// A world in which whoever asks for a quote is written to once, by the server at this port, at this pace.
pub(super) fn writing(port: u16, an_hour: u32) -> Plan {
    let mail = format!(
        "\n[mail]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nrate = {an_hour}\n\
         from = \"Atelier Lumen <contact@lumen.example>\"\nreply_to = \"vie-privee@lumen.example\"\n"
    );
    let config = move |text: String| {
        assert!(text.contains("keep = [\"campaign_id\"]\n"));
        text.replace("keep = [\"campaign_id\"]\n", "keep = [\"campaign_id\"]\nwelcome = true\n") + &mail
    };
    Plan { config: Box::new(config), ..Plan::default() }
}

/// Somebody asks for a quote, from an address that the server has its own way with.
pub(super) async fn asks(world: &World, local: &str) -> String {
    let email = format!("{local}@{}.example", canary("house").to_lowercase());
    let quote = lead(DEVIS_FORM).answer("full_name", &["Zoé Canari"]).answer("email", &[&email]);
    let quote = world.submit(quote, &[]);
    world.deliver(&[&quote]).await;
    email
}

async fn counts(world: &World, line: &str) -> bool {
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    metrics.lines().any(|known| known == line)
}

pub async fn until_counted(world: &World, line: &str) {
    world.until(line, || counts(world, line)).await;
}

/// Lines of the trail that say this.
pub async fn told(world: &World, action: &str) -> usize {
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.text();
    trail.lines().filter(|line| line.contains(&format!("\"action\":\"{action}\""))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_written_to_once_with_what_is_held_and_until_when() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let mut world = World::planned(writing(post.port, 3_600)).await;
    let email = asks(&world, "zoe").await;
    let taken = post.mail();
    assert_eq!((&taken["from"], &taken["to"]), (&json!("contact@lumen.example"), &json!([email])));
    let raw = STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64");
    if let Some(read) = read_back(&raw) {
        assert_eq!((&read["defects"], &read["type"]), (&json!([]), &json!("multipart/alternative")));
        assert_eq!(header(&read, "subject"), Some("Votre formulaire\u{a0}: ce que nous conservons"));
        assert_eq!(header(&read, "auto-submitted"), Some("auto-generated"));
        assert!(header(&read, "reply-to").is_some_and(|to| to.contains("vie-privee@lumen.example")));
        let said = read.to_string();
        for wanted in [
            "Répondre à votre demande de devis",
            "Nom complet",
            "https://leads.lumen.example/notice/devis",
            "12 rue des Lices",
            "Meta",
        ] {
            assert!(said.contains(wanted), "no {wanted}: {said}");
        }
        // What is held is named, and not shown: whoever reads over a shoulder learns nothing of the answers.
        assert!(!said.contains("Canari") && !said.contains("<img") && !said.contains("http://"), "{said}");
    }
    until_counted(&world, "tamis_mails_sent_total{kind=\"welcome\"} 1").await;
    assert_eq!((told(&world, "mail-begun").await, told(&world, "welcomed").await), (1, 1));
    // Under the other purpose nobody is, and after a restart nobody is again.
    let letter = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &[&email]);
    let letter = world.submit(letter.checkbox("email_optin", true), &[]);
    world.deliver(&[&letter]).await;
    world.stored("lettre", 1).await;
    world.restart().await;
    let other = asks(&world, "max").await;
    assert_eq!(post.mail()["to"], json!([other]));
    until_counted(&world, "tamis_mails_waiting 0").await;
    assert!(post.is_empty());
    world.guard(&email);
    world.guard("Zoé Canari");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_written_to_who_may_not_be_and_a_dead_address_is_noted() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let world = World::planned(writing(post.port, 3_600)).await;
    let gone = asks(&world, "gone").await;
    until_counted(&world, "tamis_mails_dropped_total{code=\"mail-unreachable-address\"} 1").await;
    assert_eq!(told(&world, "unreachable").await, 1);
    // A wish not to be written to holds for what was asked for as well.
    let barred = format!("zoe@{}.example", canary("barred").to_lowercase());
    let body = json!({ "email": barred, "scope": "all", "reason": "objection" });
    assert_eq!(world.admin().post("/admin/v1/suppressions", &body).await.status, 200);
    let quote = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&barred]);
    let quote = world.submit(quote, &[]);
    world.deliver(&[&quote]).await;
    until_counted(&world, "tamis_mails_dropped_total{code=\"mail-suppressed\"} 1").await;
    // What comes again stays.
    let later = asks(&world, "later").await;
    until_counted(&world, "tamis_mail_failures_total{code=\"mail-deferred\"} 1").await;
    assert!(counts(&world, "tamis_mails_waiting 1").await);
    assert!(post.is_empty(), "nothing of it was taken");
    [&gone, &barred, &later].iter().for_each(|email| world.guard(email));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_server_is_there_mails_wait_and_go_with_who_is_erased() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let mut world = World::planned(writing(free, 3_600)).await;
    let email = asks(&world, "zoe").await;
    until_counted(&world, "tamis_mail_failures_total{code=\"mail-unreachable\"} 1").await;
    world.restart().await;
    assert!(counts(&world, "tamis_mails_waiting 1").await, "it waits, also after a restart");
    assert_eq!(told(&world, "mail-begun").await, 0, "no record is read for a server that is not there");
    let body = json!({ "by": { "id": "devis-1-1" } }).to_string();
    let path = "/admin/v1/erasures";
    let erased = world.admin().call(reqwest::Method::POST, path, Some(body), Some("person-request")).await;
    assert_eq!(erased.status, 200);
    assert!(counts(&world, "tamis_mails_waiting 0").await);
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_nobody_s_mail_halts_all_of_it_and_a_person_is_told() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let world = World::planned(writing(post.port, 3_600)).await;
    let mut emails = Vec::new();
    for local in ["relay", "bare", "spam"] {
        emails.push(asks(&world, local).await);
        world.settled().await;
    }
    world
        .until("a person is told", || async {
            let status = world.admin().get("/admin/v1/status").await.json();
            let attention = status["attention"].as_array().expect("a list").clone();
            attention.iter().any(|concern| concern["code"] == "mail-halted")
        })
        .await;
    assert!(counts(&world, "tamis_mails_waiting 3").await, "no address is to suffer for it");
    assert_eq!(told(&world, "unreachable").await, 0);
    assert!(post.is_empty());
    emails.iter().for_each(|email| world.guard(email));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_answer_was_lost_goes_again_as_the_same_mail() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let clock = Arc::<Shifted>::default();
    let shared: Arc<dyn Clock> = clock.clone();
    let plan = Plan { clock: shared.clone(), meta_clock: Some(shared), ..writing(post.port, 3_600) };
    let world = World::planned(plan).await;
    let email = asks(&world, "lost").await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        let mail = post.mail();
        taken.push(STANDARD.decode(mail["data"].as_str().expect("text")).expect("base64"));
        until_counted(
            &world,
            &format!("tamis_mail_failures_total{{code=\"mail-answer-lost\"}} {}", taken.len()),
        )
        .await;
        pass(&world, &clock, 300).await;
    }
    let read: Vec<Value> = taken.iter().filter_map(|raw| read_back(raw)).collect();
    if let [first, second] = read.as_slice() {
        assert_eq!(
            (header(first, "message-id"), &first["date"]),
            (header(second, "message-id"), &second["date"])
        );
    }
    world.guard(&email);
    world.end().await;
}
