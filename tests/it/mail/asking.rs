//! Whether people still agree: asked when they are due, reminded once, gone if they stay silent; by mail, or by means of the house.

use std::sync::Arc;

use tamis::clock::Clock;
use tamis_simulator::Lead;

use super::welcome::{told, until_counted};
use super::*;
use crate::api::document;
use crate::person_pages::{Seen, posted, reader, seen};
use crate::retention::{DAY_S, Shifted, pass};
use crate::support::process::BINARY;
use crate::support::{LETTRE_FORM, PAGE, Plan, World, canary, lead};

/// A world on this clock, with these lines of config behind it.
async fn world(clock: &Arc<Shifted>, mail: String) -> World {
    let clock: Arc<dyn Clock> = clock.clone();
    let config = Box::new(move |text: String| text + &mail);
    World::planned(Plan { clock: clock.clone(), meta_clock: Some(clock), config }).await
}

fn mail(port: u16) -> String {
    format!(
        "\n[mail]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nrate = 3600\nfrom = \"contact@lumen.example\"\n"
    )
}

/// Somebody wants the letter.
async fn wants(world: &World, local: &str) -> String {
    sends(world, lead(LETTRE_FORM), local).await
}

/// Somebody sends this form of the letter.
async fn sends(world: &World, form: Lead, local: &str) -> String {
    let email = format!("{local}@{}.example", canary("letter").to_lowercase());
    let letter = form.answer("first_name", &["Zoé"]).answer("email", &[&email]);
    let letter = world.submit(letter.checkbox("email_optin", true), &[]);
    world.deliver(&[&letter]).await;
    world.settled().await;
    email
}

fn source(taken: &Value) -> Vec<u8> {
    STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_due_is_asked_reminded_once_and_goes_in_silence() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let clock = Arc::<Shifted>::default();
    let world = world(&clock, mail(post.port)).await;
    let email = wants(&world, "zoe").await;
    // On the list since: not a word to them, and their record ends as any other.
    let barred = wants(&world, "max").await;
    world.stored("lettre", 2).await;
    let body = json!({ "email": barred, "scope": "all", "reason": "objection" });
    assert_eq!(world.admin().post("/admin/v1/suppressions", &body).await.status, 200);
    // 18 months have 549 days at the most.
    pass(&world, &clock, 550 * DAY_S).await;
    let taken = post.mail();
    assert_eq!(taken["to"], json!([email]));
    until_counted(&world, "tamis_mails_dropped_total{code=\"mail-suppressed\"} 1").await;
    if let Some(read) = read_back(&source(&taken)) {
        assert_eq!(read["defects"], json!([]));
        assert_eq!(header(&read, "subject"), Some("À confirmer ou à effacer"));
        let stop = header(&read, "list-unsubscribe").expect("one click");
        assert!(stop.starts_with("<https://leads.lumen.example/u/"), "{stop}");
        assert_eq!(header(&read, "list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
        let said = read.to_string();
        assert!(
            said.contains("Vous envoyer notre lettre mensuelle") && said.contains("Oui, cela vaut toujours")
        );
        // By which way their data came, to whom, and why they are asked now.
        for why in [
            "Atelier Lumen SARL a reçu",
            "Facebook ou Instagram",
            "nous viennent de Meta",
            "Tous les 18 mois",
        ] {
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\n", " ");
            assert!(said.contains(why), "{why}: {said}");
        }
        assert!(said.contains("https://leads.lumen.example/p/") && !said.contains("<img"), "{said}");
        assert!(!said.contains("Zoé") && !said.contains("lettre-1-"), "{said}");
    }
    pass(&world, &clock, 14 * DAY_S).await;
    let again = post.mail();
    assert_eq!(again["to"], json!([email]));
    if let Some(read) = read_back(&source(&again)) {
        assert_eq!(header(&read, "subject"), Some("Rappel\u{a0}: à confirmer ou à effacer"));
        assert!(
            header(&read, "message-id") != header(&read_back(&source(&taken)).expect("read"), "message-id")
        );
    }
    until_counted(&world, "tamis_mails_waiting 0").await;
    assert_eq!((told(&world, "asked").await, told(&world, "reminded").await), (1, 1));
    pass(&world, &clock, 20 * DAY_S).await;
    world
        .until("they are gone", || async {
            // What met the vacuum of that month is tried again after a minute of the clock.
            clock.pass(1);
            let status = world.admin().get("/admin/v1/status").await.json();
            let purposes = status["purposes"].as_array().expect("a list").clone();
            purposes.iter().all(|purpose| purpose["stored"] == 0)
        })
        .await;
    assert!(post.is_empty(), "one reminder");
    [&email, &barred].iter().for_each(|email| world.guard(email));
    world.end().await;
}

/// What a mail program's own button calls is a page as well, for whoever opens it, and so is what the button on that comes to.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_behind_a_mail_program_s_button_is_valid_html_and_shuts_nobody_out() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let clock = Arc::<Shifted>::default();
    let world = world(&clock, mail(post.port)).await;
    let email = wants(&world, "zoe").await;
    world.stored("lettre", 1).await;
    pass(&world, &clock, 550 * DAY_S).await;
    let Some(read) = read_back(&source(&post.mail())) else { return world.end().await };
    let stop = header(&read, "list-unsubscribe").expect("one click");
    let path = stop.trim_matches(['<', '>']).strip_prefix("https://leads.lumen.example").expect("our own");
    let (client, directory) = (reader(), tempfile::tempdir().expect("a directory"));
    let mut pages = Vec::new();
    let mut save = |name: String, page: &Seen| {
        assert_eq!(page.status, 200, "{name}: {}", page.text);
        let file = directory.path().join(format!("{name}.html"));
        std::fs::write(&file, &page.text).expect("written");
        pages.push((name, file));
    };
    for lang in ["fr", "en", "de"] {
        let page = seen(client.get(world.public(&format!("{path}?lang={lang}")))).await;
        assert!(page.text.contains("List-Unsubscribe"), "{}", page.text);
        save(format!("button-{lang}"), &page);
    }
    for lang in ["fr", "en", "de"] {
        let pressed = "List-Unsubscribe=One-Click".to_owned();
        save(
            format!("pressed-{lang}"),
            &posted(&world, &client, &format!("{path}?lang={lang}"), pressed).await,
        );
    }
    crate::seen::are_valid(directory.path(), &pages);
    let place = directory.path().to_owned();
    tokio::task::spawn_blocking(move || crate::seen::shut_nobody_out(&place, pages)).await.expect("no panic");
    world.guard(&email);
    world.end().await;
}

/// Nobody is kept for want of a server: a person is told, and the record ends on its day as if it had been asked. Nobody is taken for
/// silent who was not asked, and whoever is not due stays.
#[tokio::test(flavor = "multi_thread")]
async fn while_no_server_takes_the_question_somebody_is_told_and_the_record_ends_on_its_day() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let clock = Arc::<Shifted>::default();
    let world = world(&clock, mail(free)).await;
    let email = wants(&world, "zoe").await;
    world.stored("lettre", 1).await;
    pass(&world, &clock, 550 * DAY_S).await;
    until_counted(&world, "tamis_mails_waiting 1").await;
    world
        .until("a person is told", || async {
            clock.pass(61);
            let status = world.admin().get("/admin/v1/status").await.json();
            let attention = status["attention"].as_array().expect("a list").clone();
            attention.iter().any(|concern| concern["code"] == "mail-halted")
        })
        .await;
    let today = u64::try_from(clock.now().as_second()).expect("after 1970");
    let later = sends(&world, Lead::new(PAGE, LETTRE_FORM, today - 60), "max").await;
    world.stored("lettre", 2).await;
    pass(&world, &clock, 14 * DAY_S).await;
    assert_eq!(world.records("lettre").await.len(), 2, "it is held until its day");
    pass(&world, &clock, 20 * DAY_S).await;
    let stored = async || {
        clock.pass(1);
        let status = world.admin().get("/admin/v1/status").await.json();
        let purposes = status["purposes"].as_array().expect("a list").clone();
        purposes.iter().map(|purpose| purpose["stored"].as_u64().expect("a number")).sum::<u64>()
    };
    world.until("they are gone", || async { stored().await < 2 }).await;
    until_counted(&world, "tamis_mails_waiting 0").await;
    assert_eq!((told(&world, "asked").await, told(&world, "mail-begun").await), (0, 0));
    // Their time was over; they are none of those who did not answer.
    assert_eq!((told(&world, "records-expired").await, told(&world, "records-lapsed").await), (1, 0));
    until_counted(&world, "tamis_records_ended_total{cause=\"expired\"} 1").await;
    until_counted(&world, "tamis_records_ended_total{cause=\"lapsed\"} 0").await;
    assert_eq!(stored().await, 1, "whoever is not due stays, however long there is no server");
    world.guard(&later);
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_that_asks_by_itself_gets_who_is_due_and_says_who_was_asked() {
    let clock = Arc::<Shifted>::default();
    let world = world(&clock, String::new()).await;
    let email = wants(&world, "zoe").await;
    world.stored("lettre", 1).await;
    let standing = async || {
        let standing = world.admin().get("/admin/v1/reconfirmations").await.json();
        assert_eq!(standing["by_mail"], json!(false));
        let one = &standing["purposes"][0];
        assert_eq!(one["purpose"], json!("lettre"));
        [&one["to_ask"], &one["answering"], &one["to_remind"]].map(|count| count.as_u64().expect("a number"))
    };
    assert_eq!(standing().await, [0, 0, 0]);
    pass(&world, &clock, 550 * DAY_S).await;
    assert_eq!(standing().await, [1, 0, 0]);
    // The page's own lines, one after the other.
    let page = document("people.md");
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines: Vec<&str> =
        blocks.flat_map(str::lines).filter(|line| line.contains("tamis reconfirm")).collect();
    assert_eq!(lines.len(), 7, "{lines:?}");
    let directory = tempfile::tempdir().expect("a directory");
    for line in lines {
        let at =
            format!("tamis() {{ {BINARY} \"$@\" --socket {}; }}\n{line}", world.addresses.socket.display());
        let mut shell = Command::new("sh");
        shell.args(["-euc", &at]).current_dir(directory.path()).env_clear().env("PATH", "/usr/bin:/bin");
        let run = tokio::task::spawn_blocking(move || shell.output().expect("a shell runs"));
        let output = run.await.expect("no panic");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {said}");
    }
    let due = fs::read_to_string(directory.path().join("due.txt")).expect("a file");
    let [id, kind, ends, link] = due.trim_end().split(' ').collect::<Vec<_>>()[..] else { panic!("{due}") };
    assert_eq!((id, kind, ends.len()), ("lettre-1-1", "asked", 10));
    assert!(link.starts_with("https://leads.lumen.example/p/") && due.lines().count() == 1, "{due}");
    assert_eq!(standing().await, [0, 1, 0], "asked, by the page's last line");
    pass(&world, &clock, 14 * DAY_S).await;
    assert_eq!(standing().await, [0, 0, 1]);
    let reminded = json!({ "ids": ["lettre-1-1", "lettre-1-99"], "kind": "reminded" });
    let noted = world.admin().post("/admin/v1/reconfirmations/asked", &reminded).await;
    assert_eq!((noted.status, noted.json()["noted"].clone()), (200, json!(1)));
    assert_eq!(standing().await, [0, 1, 0]);
    let flags = ["person", "access", "--email-stdin", "--format", "json", "--lang", "en"];
    let held = crate::people::tamis(&world, &flags, &email).await.1;
    let held: serde_json::Value = serde_json::from_str(&held).expect("JSON");
    let mails = held["records"][0]["mails"].as_array().expect("a list").iter();
    let kinds: Vec<_> = mails.map(|mail| mail["kind"].as_str().expect("a word")).collect();
    assert_eq!(kinds, ["asked", "reminded"], "what was written to them is said to them");
    for (action, times) in [("asking-paused", 1), ("asking-resumed", 1), ("asked", 1), ("reminded", 1)] {
        assert_eq!(told(&world, action).await, times, "{action}");
    }
    world.guard(&email);
    world.end().await;
}
