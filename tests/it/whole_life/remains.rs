//! What is left of people, held against the receipts that they were handed: each thing that a receipt names is there until its day, and
//! gone after it; and of what they wrote nothing lies in any file.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use tamis::clock::Day;
use tamis::keyring::file::FileKeyring;
use tamis::keyring::lease::LeaseError;
use tamis::keyring::tree::Kind;
use tamis::keyring::{BUCKET_RECORDS, Bucket, Keyring};
use tamis::purpose::RecordId;
use tamis::random::SystemRandom;
use tamis::secret::Key;

use super::people::People;
use crate::support::disk::Needles;
use crate::support::{World, canary, log};

/// The receipts that were handed out, and to whom.
#[derive(Default)]
pub struct Receipts(Vec<(&'static str, Value)>);

impl Receipts {
    /// The receipt of what was erased last, which the register names: one record of the letter, for this reason.
    pub async fn take(&mut self, world: &World, who: &'static str, why: &str) {
        let list = world.admin().get("/admin/v1/requests").await.json();
        let erasures = list["requests"].as_array().expect("a list").iter();
        let mut erasures = erasures.filter_map(|one| one["answered"]["erasure"].as_str());
        let known = |number: &str| self.0.iter().any(|(_, receipt)| receipt["number"] == number);
        let number = erasures.find(|number| !known(number)).unwrap_or_else(|| panic!("{who}: {list}"));
        let shown = world.admin().get(&format!("/admin/v1/erasures/{number}")).await.json();
        let note = shown["receipt"].as_str().unwrap_or_else(|| panic!("{who}: {shown}"));
        let receipt: Value = serde_json::from_str(note.lines().next().expect("a line")).expect("JSON");
        assert_eq!((&receipt["why"], &receipt["number"]), (&json!(why), &json!(number)), "{receipt}");
        let records: Vec<_> = receipt["records"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|of| (&of["purpose"], &of["count"]))
            .collect();
        assert_eq!(records, [(&json!("lettre"), &json!(1))], "{receipt}");
        self.0.push((who, receipt));
    }

    /// Each thing that a receipt names is there, for as long as it says: so many are, that are to be or still are.
    pub async fn hold_now(&self, world: &World, people: &People, today: Day) -> usize {
        let trail = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
        let list = world.admin().get("/admin/v1/suppressions").await.json()["suppressions"].clone();
        let list = list.as_array().expect("a list");
        let status = world.admin().get("/admin/v1/status").await.json();
        let (mut holding, mut barred) = (0, 0);
        for (who, receipt) in &self.0 {
            let remains = &receipt["remains"];
            let holds =
                |name: &str| remains[name].as_str().is_some_and(|day| day > today.to_string().as_str());
            // Lines go by whole months, and the month may be a long one.
            let is_told = trail.iter().any(|line| line["erasure"] == receipt["number"]);
            assert!(is_told || !holds("trail_line_until"), "{who}: {receipt}");
            holding += usize::from(is_told);
            let asked = json!({"leadgen_id": people[who].lead});
            let found = world.admin().post("/admin/v1/find", &asked).await.json()["records"].clone();
            let is_remembered = found[0]["state"] == "erased";
            assert!(is_remembered || !holds("tombstones_until"), "{who}: {found}");
            holding += usize::from(is_remembered);
            if let Some(until) = remains["suppression_until"].as_str() {
                assert_eq!(receipt["why"], "objection");
                let is_barred =
                    list.iter().any(|entry| entry["until"].as_str().is_some_and(|at| at.starts_with(until)));
                assert!(is_barred || !holds("suppression_until"), "{who}: {until}: {list:?}");
                barred += usize::from(is_barred);
            }
            // What the file still had of them went with the vacuum that came since.
            if !holds("sealed_bytes_until") {
                let vacuumed = status["last_vacuum"].as_str().expect("a moment");
                assert!(
                    vacuumed >= receipt["done"].as_str().expect("a moment"),
                    "{who}: {vacuumed}: {receipt}"
                );
            }
        }
        assert_eq!(list.len(), barred, "nobody else is on the list: {list:?}");
        holding + barred
    }
}

/// Of no answer, in no spelling, anything lies in a file of the daemon, or in its log.
pub fn no_answer_lies_in(world: &World, people: &People) {
    let control = canary("control");
    let needles = Needles::of(people.marks().into_iter().chain([control.clone()]));
    let place = world.directory.path().join("store/control");
    fs::write(&place, format!("…{control}…")).expect("a file");
    let found = needles.below(world.directory.path());
    fs::remove_file(place).expect("ours");
    assert_eq!(found.len(), 1, "the control and nothing else: {found:#?}");
    assert!(needles.within(log().text().as_bytes()).is_empty());
}

/// Of the bucket in which all of them were, this leaf is the first that lives: each that was given before it is destroyed.
pub fn only_this_leaf_lives(world: &World, control: &str) {
    let path = world.directory.path().join("keys/keyring");
    let keyring = FileKeyring::open(&path, Key::new([42; 32]), Arc::new(SystemRandom));
    let keyring = keyring.expect("readable").expect("there");
    let last = RecordId::parse(control).expect("an id");
    let own = u16::try_from(last.number % BUCKET_RECORDS).expect("below 512");
    let lease = keyring.lease(&Bucket::of(&last)).unwrap_or_else(|error| panic!("{error}"));
    assert!(own > 7, "seven came before it");
    assert!(lease.key(own, Kind::Record, 0).is_ok(), "the control lives");
    for leaf in 1..own {
        assert_eq!(lease.key(leaf, Kind::Record, 0).err(), Some(LeaseError::Dead), "{leaf}");
    }
    drop(lease);
    let quote = RecordId::parse("devis-1-1").expect("an id");
    // Of a bucket that is over nothing is left at all.
    let Ok(lease) = keyring.lease(&Bucket::of(&quote)) else { return };
    for leaf in [1, 2] {
        assert_eq!(lease.key(leaf, Kind::Record, 0).err(), Some(LeaseError::Dead), "quote {leaf}");
    }
}
