//! Replies of gigabytes, with and without a length, folded and unfolded.

use std::time::Duration;

use tamis_simulator::{Match, Misbehaviour, Page, Rule, Setup, Simulator};

use crate::support::memory::Memory;
use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, PAGE, add_forms, lead};

/// `meta.reply_max_bytes` of this test.
const REPLY_MAX_BYTES: u64 = 1_000_000;
/// What the kernel's buffers on both sides and one chunk may take beyond what the daemon reads.
const UNDER_WAY_BYTES: u64 = 12_000_000;
/// Eight replies of the largest size, and as much again for what surrounds them. Unread gigabytes would show.
const GROWN_BYTES_MAX: u64 = 64 << 20;
const TOKEN: &str = "page-token-of-the-flood";
const LEADS: usize = 12;

async fn start() -> (Simulator, Home, Daemon) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.add_page(Page { id: PAGE.to_owned(), name: "Atelier Lumen".to_owned(), token: TOKEN.to_owned() });
    add_forms(&meta);
    let home = Home::new(&meta, TOKEN, |text| {
        let limit = format!("[meta]\nreply_max_bytes = {REPLY_MAX_BYTES}\n");
        text.replace("[meta]\n", &limit) + "\n[log]\nlevel = \"debug\"\n"
    });
    let daemon = home.serve(&[]);
    (meta, home, daemon)
}

async fn stored(daemon: &Daemon, count: usize) {
    for _ in 0..1_000 {
        let answer = daemon.admin().get("/admin/v1/purposes/devis/leads?limit=1000").await;
        if answer.lines().len() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{count} were not stored: {}", daemon.admin().get("/admin/v1/inbox").await.text());
}

/// One of twelve leads is answered with this; the others are stored meanwhile, and it once it is over.
async fn withstands(what: Misbehaviour, cause: &str) {
    let (meta, _home, daemon) = start().await;
    let submit = |at: usize| {
        let email = format!("p{at}@example.org");
        meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]))
    };
    let ids: Vec<String> = (0..LEADS).map(submit).collect();
    let memory = Memory::of(daemon.pid);
    let rule = meta.misbehave(Rule::always(Match::any().lead(&ids[5]), what.clone()));
    let together: Vec<&str> = ids.iter().map(String::as_str).collect();
    let answer = meta.deliver(&daemon.webhook(), &meta.notification(&together)).await.expect("an answer");
    assert_eq!(answer.status, 200);
    stored(&daemon, LEADS - 1).await;
    // Again and again, alone as well as together with others.
    daemon.until_said(&format!("cause={cause}"), 6);
    let calls = meta.graph_calls().iter().filter(|call| call.ids.contains(&ids[5])).count() as u64;
    let flooded = meta.flooded_bytes();
    let most = calls * (REPLY_MAX_BYTES + UNDER_WAY_BYTES);
    assert!(flooded <= most, "{flooded} bytes in {calls} calls were taken, {most} may be");
    let grown = memory.grown_bytes();
    println!("{what:?}: {flooded} bytes sent in {calls} calls, memory +{} KiB", grown / 1_024);
    assert!(grown <= GROWN_BYTES_MAX, "{grown} bytes more than at rest");
    let inbox = daemon.admin().get("/admin/v1/inbox").await.json();
    assert_eq!((&inbox["queued"], &inbox["waiting"]), (&0.into(), &1.into()), "{inbox}");
    meta.forgive(rule);
    stored(&daemon, LEADS).await;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_end_is_dropped_at_the_limit() {
    withstands(Misbehaviour::Endless(u64::MAX), "reply-too-large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_announced_gigabytes_are_not_even_begun() {
    withstands(Misbehaviour::Announced(5_000_000_000), "reply-too-large").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_unfolded() {
    // 900 kB on the wire are 142 MB unfolded, each time.
    withstands(Misbehaviour::Bomb(900_000), "reply-not-json").await;
}
