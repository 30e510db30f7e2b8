//! What lies in a process's memory after it has answered: no node above an erased record and no key of it, also while somebody
//! reads slowly who held a lease on them.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::{Setup, Simulator};

use super::house::{House, ROOT, copy};
use super::ledger::Ledger;
use super::life::Place;
use super::outsider::{self, Memory, Version};
use crate::support::disk::Needles;
use crate::support::memory;
use crate::support::process::{Daemon, Home};
use crate::support::{DEVIS_FORM, LETTRE_FORM, PAGE, add_forms, canary, lead};

const PEOPLE: u64 = 30;
/// The promise is a minute; nothing has to wait for anything.
const WITHIN: Duration = Duration::from_secs(5);
/// Of consents, mails and passes so many keys of each kind are made of a leaf and looked for.
const KEYS_OF_A_KIND: u64 = 4;

/// All that was ever above these, and every key of their leaves.
fn needles<'v>(memory: &Memory, versions: impl IntoIterator<Item = &'v Version>) -> Needles {
    Needles::named(keys_of(memory, versions))
}

fn keys_of<'v>(memory: &Memory, versions: impl IntoIterator<Item = &'v Version>) -> Vec<(String, Vec<u8>)> {
    let mut keys = Vec::new();
    for version in versions {
        let way = memory.way(version).iter().enumerate();
        keys.extend(way.map(|(below, node)| (format!("{version:?}, {below} below the root"), node.to_vec())));
        for kind in outsider::KINDS {
            for n in 0..KEYS_OF_A_KIND {
                let key = memory.key(version, kind, n);
                keys.push((format!("{version:?}, key {n} of kind {kind}"), key.to_vec()));
            }
        }
    }
    keys
}

/// A node of a survivor that lies on the disk: it is found where the others are not.
fn kept(memory: &Memory, home: &std::path::Path, alive: &Version) -> Needles {
    let found = outsider::windows(&outsider::pages(&outsider::files(home), &ROOT));
    let node = *memory.way(alive).iter().find(|node| found.contains(*node)).expect("it is reached");
    Needles::named([("a node that lives".to_owned(), node.to_vec())])
}

/// Nothing of it lies in memory a moment later, and what is kept does.
async fn lets_go_of(pid: u32, gone: &Needles, kept: &Needles) {
    let begun = Instant::now();
    while memory::changing(pid, gone).is_some_and(|left| !left.is_empty()) && begun.elapsed() < WITHIN {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let Some(left) = memory::look(pid, gone) else { return memory::skipped() };
    assert!(left.is_empty(), "after {:?} in memory: {left:#?}", begun.elapsed());
    assert!(!memory::look(pid, kept).expect("readable").is_empty(), "not even what lives is found");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_answer_no_key_of_the_erased_and_no_ancestor_of_one_lies_in_memory_beside_a_slow_export() {
    let (place, mut ledger, mut outsider) = (Place::new(), Ledger::default(), Memory::default());
    let house = House::new(&place.home()).await;
    ledger.begin(&house, PEOPLE).await;
    house.learnt_by(&mut outsider);
    house.close().await;
    let life = place.begin_reading(&ledger, 6);
    life.until("rests").iter().for_each(|line| ledger.take(line));
    let dead = ledger.dead(&outsider);
    assert!(dead.len() > 3, "{dead:?}");
    let alive = outsider.versions().find(|version| !dead.contains(*version)).expect("a survivor");
    let kept = kept(&outsider, &place.home(), alive);
    lets_go_of(life.pid(), &needles(&outsider, &dead), &kept).await;
    life.kill();
}

/// Large, so that a reader who stops keeps the export waiting.
const ANSWER_BYTES: usize = 3_000;
const QUOTES: usize = 240;
const LETTERS: usize = 6;

/// An export by the socket of which the beginning is read, and no more.
fn begin_export(daemon: &Daemon) -> UnixStream {
    let mut reading = UnixStream::connect(daemon.socket()).expect("a connection");
    let asked = "GET /admin/v1/purposes/devis/leads?format=ndjson&limit=10000 HTTP/1.1\r\nHost: x\r\nTamis-Reason: audit\r\n\r\n";
    reading.write_all(asked.as_bytes()).expect("open");
    reading.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let mut begun = [0; 2_000];
    reading.read_exact(&mut begun).expect("it begins");
    assert!(begun.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&begun[..40]));
    reading
}

fn learn(outsider: &mut Memory, home: &Home) -> BTreeSet<Version> {
    let aside = tempfile::tempdir().expect("a directory");
    for part in ["store", "keys"] {
        copy(&home.directory.path().join(part), &aside.path().join(part));
    }
    outsider.learn(aside.path(), &ROOT)
}

/// The daemon itself, with everything that makes keys of a leaf: corrections, what became of consents, links of people.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_slow_export_and_a_search_the_daemon_holds_no_dropped_answer_and_no_key_of_what_is_gone() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let page_token = canary("page-token");
    meta.set_token(PAGE, &page_token);
    add_forms(&meta);
    let home = Home::new(&meta, &page_token, |text| text);
    let daemon = home.serve(&[]);
    let admin = daemon.admin();
    let mut outsider = Memory::default();
    let dropped = canary("dropped");
    let quote = |number: usize| {
        let name = format!("Zoé {number} {}", "x".repeat(ANSWER_BYTES));
        let lead = lead(DEVIS_FORM).answer("full_name", &[&name]);
        lead.answer("email", &[&format!("q{number}@example.org")]).answer("budget", &[&dropped])
    };
    let letter = |number: usize| {
        let lead = lead(LETTRE_FORM).answer("email", &[&format!("l{number}@example.org")]);
        let lead = lead.answer("phone_number", &["+33639980001"]).answer("unknown", &[&dropped]);
        lead.checkbox("email_optin", true).checkbox("consent_call", true)
    };
    let quotes = (0..QUOTES).map(|number| meta.add_lead(quote(number)));
    let leads: Vec<String> = quotes.chain((0..LETTERS).map(|number| meta.add_lead(letter(number)))).collect();
    for chunk in leads.chunks(60) {
        let ids: Vec<&str> = chunk.iter().map(String::as_str).collect();
        let answer = meta.deliver(&daemon.webhook(), &meta.notification(&ids)).await.expect("an answer");
        assert_eq!(answer.status, 200);
    }
    daemon.until_said("lead.stored", leads.len());
    learn(&mut outsider, &home);
    let post = async |path: &str, body: Value| {
        let answer = admin.call(Method::POST, path, Some(body.to_string()), Some("person-request")).await;
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    };
    let told = |purpose: &str, number: usize| format!("{purpose}-1-{number}");
    for number in 1..=LETTERS {
        let id = told("lettre", number);
        post("/admin/v1/withdrawals", json!({"id": id, "consents": ["call_optin"]})).await;
        post("/admin/v1/passes", json!({"id": id})).await;
    }
    for number in 1..=LETTERS {
        let id = told("devis", number);
        post("/admin/v1/passes", json!({"id": id})).await;
        post("/admin/v1/corrections", json!({"id": id, "fields": {"full_name": ["Anne"]}})).await;
    }
    let before = learn(&mut outsider, &home);

    // From here on one reads and does not go on, and another searches, over and over.
    let reading = begin_export(&daemon);
    let (over, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    let searching = async {
        while !over.load(Ordering::SeqCst) {
            let by = json!({"email": format!("q{}@example.org", QUOTES - 1)});
            let found = admin.post("/admin/v1/find", &by).await;
            searches.fetch_add(usize::from(found.status == 200), Ordering::SeqCst);
        }
    };
    let erasing = async {
        while searches.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for number in 1..=LETTERS / 2 {
            for purpose in ["devis", "lettre"] {
                post("/admin/v1/erasures", json!({"by": {"id": told(purpose, number)}})).await;
            }
        }
        post("/admin/v1/erasures", json!({"by": {"email": "q100@example.org"}})).await;
        let there = learn(&mut outsider, &home);
        let gone: Vec<&Version> = outsider.versions().filter(|version| !there.contains(*version)).collect();
        assert!(gone.len() > before.len() - there.len(), "no version of before a correction is among them");
        let alive = there.iter().next().expect("a survivor");
        let mut all = keys_of(&outsider, gone);
        all.push(("a dropped answer".to_owned(), dropped.as_bytes().to_vec()));
        lets_go_of(daemon.pid, &Needles::named(all), &kept(&outsider, home.directory.path(), alive)).await;
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(searching, erasing);
    println!("{} searches beside it", searches.load(Ordering::SeqCst));
    drop(reading);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}
