//! `kill -9` under load, again and again: whatever got a 200 is stored once, and everything opens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tamis_simulator::{Lead, Setup, Simulator};

use crate::support::process::Home;
use crate::support::{DEVIS_FORM, PAGE, add_forms, an_hour_ago};

/// How often the daemon is killed.
const KILLS: usize = 20;
/// How many calls are under way at once.
const SENDERS: usize = 4;

/// What Meta's side has sent and what was answered.
struct Load {
    meta: Simulator,
    next: AtomicUsize,
    acknowledged: Mutex<BTreeSet<String>>,
    sent: Mutex<BTreeSet<String>>,
}

impl Load {
    /// Sends until the daemon no longer answers.
    async fn send(&self, webhook: &str) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let id = format!("77300{number:011}");
            let lead = Lead::new(PAGE, DEVIS_FORM, an_hour_ago())
                .with_id(&id)
                .answer("full_name", &[&format!("Person {number}")])
                .answer("email", &[&format!("p{number}@example.org")]);
            self.meta.add_lead(lead);
            self.sent.lock().expect("no panic").insert(format!("p{number}@example.org"));
            let body = self.meta.notification(&[&id]);
            match self.meta.deliver(webhook, &body).await {
                Ok(delivery) if delivery.status == 200 => {
                    self.acknowledged.lock().expect("no panic").insert(format!("p{number}@example.org"));
                }
                Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(_) => return,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_got_a_200_is_stored_once_after_twenty_kills() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    let home = Home::new(&meta, "page-token", |text| text);
    let load = Arc::new(Load {
        meta: meta.clone(),
        next: AtomicUsize::new(0),
        acknowledged: Mutex::default(),
        sent: Mutex::default(),
    });
    for round in 0..KILLS {
        let daemon = home.serve(&[]);
        let webhook = daemon.webhook();
        let senders = join_all((0..SENDERS).map(|_| load.send(&webhook)));
        // Between the start-up and the middle of the work, never twice at the same moment.
        let killer = async {
            tokio::time::sleep(Duration::from_millis(15 + (round as u64 * 37) % 260)).await;
            daemon.kill();
        };
        tokio::join!(senders, killer);
    }
    let daemon = home.serve(&[]);
    let admin = daemon.admin();
    for _ in 0..1_000 {
        if admin.get("/admin/v1/inbox").await.json()["queued"] == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    let mut numbers: Vec<u64> = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.get(&format!("/admin/v1/purposes/devis/leads?limit=10000{after}")).await;
        assert_eq!(page.status, 200);
        for record in page.lines() {
            let email = record["fields"]["email"][0].as_str().expect("an address").to_owned();
            *stored.entry(email).or_default() += 1;
            let id = record["id"].as_str().expect("an id").to_owned();
            numbers.push(id.rsplit('-').next().expect("a number").parse().expect("digits"));
        }
        if page.header("tamis-more") != "true" {
            break;
        }
        after = format!("&after={}", page.header("tamis-next-cursor"));
    }
    let inbox = admin.get("/admin/v1/inbox").await.json();
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let acknowledged = load.acknowledged.lock().expect("no panic").clone();
    let sent = load.sent.lock().expect("no panic").clone();
    assert!(acknowledged.len() > KILLS, "the load was too small to prove anything: {}", acknowledged.len());
    let lost: Vec<&String> = acknowledged.iter().filter(|email| !stored.contains_key(*email)).collect();
    assert!(lost.is_empty(), "{} of {} were acknowledged and lost; inbox: {inbox}", lost.len(), acknowledged.len());
    assert!(stored.values().all(|count| *count == 1), "a lead was stored twice");
    assert!(stored.keys().all(|email| sent.contains(email)), "a record that nobody sent");
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "numbers grow");
    println!("{KILLS} kills, {} sent, {} acknowledged, {} stored", sent.len(), acknowledged.len(), stored.len());
    meta.stop().await;
}
