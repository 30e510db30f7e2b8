//! Calls that come without a pause, and the account of what became of each lead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tamis_simulator::{Lead, Simulator};

use super::{Caller, DEVIS_FORM, PAGE, an_hour_ago};

/// How many calls are under way at once.
const SENDERS: usize = 4;
/// How long a sender waits after a refusal.
const AFTER_REFUSAL: Duration = Duration::from_millis(5);
/// How often the account looks whether everything has come to its end: 40 seconds in all.
const LOOKS: usize = 2_000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What Meta's side has sent and what was answered.
pub struct Load {
    meta: Simulator,
    next: AtomicUsize,
    acknowledged: Mutex<BTreeSet<String>>,
    sent: Mutex<BTreeSet<String>>,
}

/// What a daemon holds once nothing is on its way any more.
pub struct Account {
    /// By e-mail address: how often it is stored.
    pub stored: BTreeMap<String, usize>,
    /// The numbers of the records, in the order of the export.
    pub numbers: Vec<u64>,
    pub inbox: Value,
}

impl Load {
    pub fn new(meta: &Simulator) -> Self {
        Self {
            meta: meta.clone(),
            next: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
            sent: Mutex::default(),
        }
    }

    /// Sends, several at once, until the daemon no longer answers.
    pub async fn send(&self, webhook: &str) {
        join_all((0..SENDERS).map(|_| self.send_alone(webhook))).await;
    }

    async fn send_alone(&self, webhook: &str) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let (id, email) = (format!("77300{number:011}"), format!("p{number}@example.org"));
            let lead = Lead::new(PAGE, DEVIS_FORM, an_hour_ago())
                .with_id(&id)
                .answer("full_name", &[&format!("Person {number}")])
                .answer("email", &[&email]);
            self.meta.add_lead(lead);
            self.sent.lock().expect("no panic").insert(email.clone());
            let body = self.meta.notification(&[&id]);
            match self.meta.deliver(webhook, &body).await {
                Ok(delivery) if delivery.status == 200 => {
                    self.acknowledged.lock().expect("no panic").insert(email);
                }
                Ok(_) => tokio::time::sleep(AFTER_REFUSAL).await,
                Err(_) => return,
            }
        }
    }

    /// Waits until so many were acknowledged.
    pub async fn until_acknowledged(&self, count: usize) {
        while self.acknowledged() < count {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().expect("no panic").len()
    }

    /// Panics unless whatever got a 200 is stored once, and nothing else is.
    pub fn hold_against(&self, account: &Account) {
        let Account { stored, numbers, inbox } = account;
        let acknowledged = self.acknowledged.lock().expect("no panic");
        let sent = self.sent.lock().expect("no panic");
        let lost: Vec<&String> = acknowledged.iter().filter(|email| !stored.contains_key(*email)).collect();
        assert!(
            lost.is_empty(),
            "{} of {} were acknowledged and lost, {:?} first; inbox: {inbox}",
            lost.len(),
            acknowledged.len(),
            lost.first()
        );
        assert!(stored.values().all(|count| *count == 1), "a lead was stored twice");
        assert!(stored.keys().all(|email| sent.contains(email)), "a record that nobody sent");
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "numbers grow");
    }
}

impl Account {
    /// Waits until nothing is queued and nothing waits, then reads everything out.
    pub async fn of(admin: &Caller) -> Self {
        for _ in 0..LOOKS {
            let inbox = admin.get("/admin/v1/inbox").await.json();
            if inbox["queued"] == 0 && inbox["waiting"] == 0 {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let (mut stored, mut numbers) = (BTreeMap::<String, usize>::new(), Vec::new());
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
        Self { stored, numbers, inbox: admin.get("/admin/v1/inbox").await.json() }
    }
}
