//! Stores of earlier versions: each is kept as it was written, opens, migrates, and goes on.
//!
//! `tests/data/store-5a9719d.tar.gz` was made by the build of that commit on a clock that stood at [`DAY`]: store, keyring
//! (under the worlds' root key) and witness; records of two purposes, a reference of each kind that is parked, a token, and
//! one reference in the journal that nobody had fetched. `expected.json` in it is what that build answered.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tamis::clock::ManualClock;
use tamis_simulator::{Lead, Simulator};

use crate::support::{DEVIS_FORM, PAGE, Plan, World};

pub const DAY: &str = "2026-11-26T10:00:00Z";
const SUBMITTED_S: u64 = 1_795_683_600;
/// In the journal, not fetched.
const UNREAD: &str = "77000000000042";
/// Parked, to be tried again.
const WAITING: &str = "77000000000041";

/// Puts the old store into a world's directory.
pub fn unpack(directory: &Path) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-5a9719d.tar.gz");
    let packed = GzDecoder::new(File::open(packed).expect("the old store"));
    tar::Archive::new(packed).unpack(directory).expect("unpacked");
}

/// How many records are in it.
pub fn expected_records(directory: &Path) -> u64 {
    let expected = std::fs::read_to_string(directory.join("expected.json")).expect("there");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    (lines(&expected["devis"]).len() + lines(&expected["lettre"]).len()) as u64
}

/// Meta has the two leads that are still to be fetched.
fn with_leads(meta: &Simulator) {
    for (id, email) in [(UNREAD, "unread@example.org"), (WAITING, "waits@example.org")] {
        let lead = Lead::new(PAGE, DEVIS_FORM, SUBMITTED_S).with_id(id);
        meta.add_lead(lead.answer("full_name", &["Zoé"]).answer("email", &[email]));
    }
}

fn lines(text: &Value) -> Vec<Value> {
    let text = text.as_str().expect("a text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
}

/// What that build answered, in the shape of today: a consent was its tick alone. One to calls holds for twelve months.
fn as_written_now(mut records: Vec<Value>) -> Vec<Value> {
    for record in &mut records {
        let created: jiff::Timestamp =
            record["created_time"].as_str().expect("a time").parse().expect("a moment");
        let year = tamis::clock::plus_months(created, 12).to_string();
        for (key, given) in record["consents"].as_object_mut().expect("consents") {
            let ends = key == "call_optin" && *given == json!(true);
            *given = json!({"given": given, "valid_until": ends.then_some(&year)});
        }
    }
    records
}

async fn trail(world: &World) -> Vec<Value> {
    let answer = world.admin().get("/admin/v1/trail?limit=10000").await;
    assert_eq!(answer.status, 200, "the chain is broken: {}", answer.text());
    answer.lines()
}

fn emails(records: &[Value]) -> Vec<&str> {
    let mut emails: Vec<&str> =
        records.iter().filter_map(|record| record["fields"]["email"][0].as_str()).collect();
    emails.sort_unstable();
    emails
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_first_layout_opens_migrates_and_goes_on() {
    let clock = Arc::new(ManualClock::new(DAY.parse().expect("a moment")));
    let plan = Plan::at(clock.clone());
    let mut world = World::prepared(plan, |directory, meta| {
        unpack(directory);
        with_leads(meta);
    })
    .await;
    let expected = std::fs::read_to_string(world.directory.path().join("expected.json")).expect("there");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");

    // What waited and what lay in the journal is fetched, once its time has come.
    clock.advance_ms(120_000);
    world.stored("devis", 5).await;
    let before = as_written_now(lines(&expected["devis"]));
    let devis = world.records("devis").await;
    assert_eq!(devis[..3], before, "what was kept reads as it did");
    assert_eq!(emails(&devis[3..]), ["unread@example.org", "waits@example.org"]);
    assert_eq!(world.records("lettre").await, as_written_now(lines(&expected["lettre"])));

    let told = trail(&world).await;
    let told_before = lines(&expected["trail"]);
    assert_eq!(told[..told_before.len()], told_before, "the old lines verify by their old rule");
    assert!(told.len() > told_before.len() + 2, "and new ones follow them");

    // What is parked is what was, but for what was fetched.
    let inbox = world.admin().get("/admin/v1/inbox").await.json();
    for kind in ["held", "refused", "buried", "dropped"] {
        let mut shown = inbox[kind].clone();
        // That build did not say it.
        let later = match kind {
            "held" | "dropped" => "code",
            "buried" => "form_id",
            _ => "",
        };
        for row in shown.as_array_mut().expect("a list") {
            row.as_object_mut().expect("a row").remove(later);
        }
        assert_eq!(shown, expected["inbox"][kind], "{kind}");
    }
    assert_eq!((&inbox["waiting"], &inbox["queued"]), (&json!(0), &json!(0)));

    // Who was let in is let in.
    let token = expected["token"]["token"].as_str().expect("a token");
    let exported = world.admin_tcp(Some(token)).get("/admin/v1/purposes/devis/leads?test=include").await;
    assert_eq!((exported.status, exported.lines().len()), (200, 5));

    // Known ones are known, whatever layout knew them.
    assert_eq!(world.deliver(&[UNREAD, WAITING]).await.status, 200);
    world.settled().await;
    assert_eq!(world.records("devis").await.len(), 5);

    // What that build refused is brought back, its rows of the first version with it.
    let consent_missing = json!({"code": "consent-missing"});
    let requeued = world.admin().post("/admin/v1/inbox/requeue", &consent_missing).await;
    assert_eq!((requeued.status, &requeued.json()["requeued"]), (200, &json!(1)), "{}", requeued.text());
    world
        .until("it is read", || async {
            world.admin().get("/admin/v1/inbox").await.json()["refused"] == json!([])
        })
        .await;
    let found = world.admin().post("/admin/v1/find", &json!({ "leadgen_id": WAITING })).await.json();
    assert_eq!(found["records"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(
        (&found["records"][0]["purpose"], &found["records"][0]["state"]),
        (&json!("devis"), &json!("stored"))
    );

    // Its records are under keys of their own, and the keys that they had are gone.
    let keys = world.directory.path().join("keys");
    assert!(std::fs::read(keys.join("keyring")).expect("there").starts_with(b"TAMISKEY\x02"));
    assert!(!keys.join("keyring.next").exists());

    // The second start migrates nothing, and everything still stands.
    world.restart().await;
    assert_eq!(world.records("devis").await, devis);
    let again = trail(&world).await;
    assert_eq!(again[..told.len()], told);
    world.end().await;
}
