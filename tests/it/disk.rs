//! Disks that are full or turn read-only while the daemon runs: refused or waiting, never a lie, and it goes on by itself
//! where it says so. (The log's file has a test of its own; the store under load is tested in its room.)

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tamis::clock::{Clock, Day, SystemClock};
use tamis::keyring::file::FileKeyring;
use tamis::keyring::{Keyring, KeyringCode};
use tamis::random::SystemRandom;
use tamis::secret::Key;
use tamis_simulator::{Page, Setup, Simulator};

use crate::support::mounts::Mounted;
use crate::support::process::{Daemon, Home};
use crate::support::{Account, Caller, DEVIS_FORM, PAGE, Plan, World, add_forms, canary, lead};

/// The machine's clock, so many hours off.
#[derive(Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(self.0.load(Ordering::SeqCst))
    }
}

/// A lead of this form; its id.
fn submit(world: &World, form: &str) -> String {
    let email = format!("{}@example.org", canary("disk"));
    world.submit(lead(form).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
}

async fn ready(world: &World) -> u16 {
    Caller::tcp(&world.addresses.public.to_string(), None).get("/health/ready").await.status
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// Room for changes of the keyring is kept ahead: a new day's key is made where no other byte can be written.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_keyring_makes_nothing_wait_for_a_key() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::planned(Plan::at(clock.clone())).await;
    world.stop_daemon().await;
    let Some(disk) = Mounted::memory(&world.directory.path().join("keys"), 8_192) else {
        return world.end().await;
    };
    world.start_daemon().await;
    let first = submit(&world, DEVIS_FORM);
    assert_eq!(world.deliver(&[&first]).await.status, 200);
    world.stored("devis", 1).await;

    disk.fill(0);
    // Today's key and tomorrow's are there; of the day after there is none.
    clock.0.store(48, Ordering::SeqCst);
    let claimed = submit(&world, DEVIS_FORM);
    let unclaimed = submit(&world, "901000000000088");
    assert_eq!(world.deliver(&[&claimed, &unclaimed]).await.status, 200);
    world
        .until("one is stored, and one parked under the new day's key", || async {
            let seen = inbox(&world).await;
            world.records("devis").await.len() == 2 && seen["queued"] == 0 && seen["held"][0]["count"] == 1
        })
        .await;
    assert_eq!(ready(&world).await, 200);

    disk.empty();
    world.restart().await;
    assert_eq!(inbox(&world).await["held"][0]["count"], 1);
    assert_eq!(world.records("devis").await.len(), 2);
    world.stop_daemon().await;
    world.end().await;
    drop(disk);
}

/// No line of the trail can be written: nobody reads, finds or makes a token, and nobody is told that it worked.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_trail_refuses_every_act_that_must_leave_a_line() {
    let mut world = World::start().await;
    world.stop_daemon().await;
    let Some(disk) = Mounted::memory(&world.store_path(), 192 * 1024) else {
        return world.end().await;
    };
    world.start_daemon().await;
    let first = submit(&world, DEVIS_FORM);
    assert_eq!(world.deliver(&[&first]).await.status, 200);
    world.stored("devis", 1).await;
    let lines = async || world.admin().get("/admin/v1/trail?limit=10000").await.lines().len();
    let before = lines().await;

    // Below the floor of the config, which is a MiB.
    disk.fill(512 * 1024);
    world.until("it notices", || async { ready(&world).await == 503 }).await;
    let second = submit(&world, DEVIS_FORM);
    assert_eq!(world.deliver(&[&second]).await.status, 503, "Meta repeats it");
    let token = json!({"name": "crm", "role": "viewer"});
    let admin = world.admin();
    for (act, answer) in [
        ("export", admin.get("/admin/v1/purposes/devis/leads").await),
        ("find", admin.post("/admin/v1/find", &json!({"leadgen_id": first})).await),
        ("token", admin.post("/admin/v1/tokens", &token).await),
    ] {
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("disk-full")), "{act}");
    }
    assert_eq!(lines().await, before, "what was refused left no line, and can be read");
    assert_eq!(Caller::tcp(&world.addresses.public.to_string(), None).get("/health/live").await.status, 200);

    disk.empty();
    world.until("it goes on by itself", || async { ready(&world).await == 200 }).await;
    assert_eq!(world.deliver(&[&second]).await.status, 200);
    world.stored("devis", 2).await;
    assert_eq!(world.admin().post("/admin/v1/tokens", &token).await.status, 201);
    assert!(lines().await > before);
    world.stop_daemon().await;
    world.end().await;
    drop(disk);
}

/// The disk under `place` turns read-only while leads come in.
async fn read_only(place: &str) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let token = canary("page");
    meta.add_page(Page { id: PAGE.to_owned(), name: "Atelier".to_owned(), token: token.clone() });
    add_forms(&meta);
    let home = Home::new(&meta, &token, |text| text);
    let image = home.directory.path().join("image");
    let Some(disk) = Mounted::image(&home.directory.path().join(place), &image, 192) else {
        return meta.stop().await;
    };
    let daemon = home.serve(&[]);
    let deliver = async |daemon: &Daemon, number: usize| {
        let email = format!("p{number}@example.org");
        let id = meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &[&email]));
        let answer = meta.deliver(&daemon.webhook(), &meta.notification(&[&id])).await.expect("an answer");
        (answer.status, email)
    };
    let mut acknowledged = BTreeSet::new();
    let mut refused = Vec::new();
    for number in 0..5 {
        let (status, email) = deliver(&daemon, number).await;
        assert_eq!(status, 200);
        acknowledged.insert(email);
    }
    daemon.until_said("lead.stored", 5);

    disk.abort();
    for number in 5..200 {
        match deliver(&daemon, number).await {
            (200, email) => drop(acknowledged.insert(email)),
            (503, email) => refused.push(email),
            (other, _) => panic!("neither taken nor refused: {other}"),
        }
        if refused.len() >= 3 {
            break;
        }
    }
    assert!(refused.len() >= 3, "it never noticed");
    let public = Caller::tcp(&daemon.public, None);
    assert_eq!(public.get("/health/ready").await.status, 503);
    assert_eq!(public.get("/health/live").await.status, 200);
    let export = daemon.admin().get("/admin/v1/purposes/devis/leads").await;
    assert_eq!((export.status, &export.json()["code"]), (503, &json!("store-unavailable")));
    let (status, said) = daemon.terminate();
    assert!(!status.success(), "it did not end well, and says so");
    let halted = said.lines().filter(|line| line.contains(".halted "));
    let told: Vec<&str> = halted.collect();
    assert!(!told.is_empty(), "{said}");
    assert!(told.iter().any(|line| line.contains("ReadOnlyFilesystem")), "{told:#?}");
    assert!(!said.contains("process.panic"), "{said}");

    // Started again over it, it refuses with a code that docs/codes.md explains, and the page is named.
    let none: [(&str, &str); 0] = [];
    let said = home.try_serve(&[], &none).err().expect("it cannot run there");
    let code = if place == "keys" { "keyring-io" } else { "store-io" };
    assert!(said.contains(code) && said.contains("tamis explain"), "{said}");
    assert!(!said.contains("process.panic"), "{said}");

    disk.repair();
    let daemon = home.serve(&[]);
    for number in 300..303 {
        let (status, email) = deliver(&daemon, number).await;
        assert_eq!(status, 200);
        acknowledged.insert(email);
    }
    let mut account = Account::of(&daemon.admin()).await;
    for _ in 0..500 {
        if account.stored.len() >= acknowledged.len() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        account = Account::of(&daemon.admin()).await;
    }
    let stored: BTreeSet<String> = account.stored.keys().cloned().collect();
    assert!(acknowledged.is_subset(&stored), "acknowledged and not there");
    assert!(account.stored.values().all(|times| *times == 1), "each once");
    println!("{place}: {} acknowledged, {} refused", acknowledged.len(), refused.len());
    assert!(daemon.terminate().0.success());
    drop(disk);
    fs::remove_file(image).expect("removed");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_under_the_store_is_refused_and_nothing_acknowledged_is_lost() {
    read_only("store").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_under_the_keys_is_refused_and_nothing_acknowledged_is_lost() {
    read_only("keys").await;
}

/// A replacement of the keys' file is a new file, its sync, a name, the directory's sync: the disk turns read-only amid one
/// after another, each time elsewhere. What was answered for is there after the repair, and the file is whole.
#[test]
fn keys_that_are_rewritten_while_their_disk_turns_read_only_are_whole_and_none_is_lost_that_was_made() {
    const ROUNDS: u64 = 6;
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().expect("a directory");
        let (place, image) = (directory.path().join("keys"), directory.path().join("image"));
        let Some(disk) = Mounted::image(&place, &image, 16) else { return };
        let path = place.join("keyring");
        let root = || Key::new([42; 32]);
        let keyring = FileKeyring::create(&path, root(), Arc::new(SystemRandom)).expect("made");
        let made = AtomicU32::new(0);
        let refused = std::thread::scope(|scope| {
            let rewriting = scope.spawn(|| {
                for day in 1.. {
                    if let Err(error) = keyring.make_days(&[Day(day)]) {
                        return error;
                    }
                    made.store(day, Ordering::SeqCst);
                }
                panic!("it never noticed");
            });
            while made.load(Ordering::SeqCst) < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(7_300 * round));
            disk.abort();
            rewriting.join().expect("no panic")
        });
        let made = made.into_inner();
        assert_eq!(refused.code, KeyringCode::Io, "{refused:?}");
        assert!(keyring.day_key(Day(made)).is_ok(), "readers go on with what is in memory");
        assert!(keyring.make_days(&[Day(made + 2)]).is_err(), "refused, and no lie");
        drop(keyring);

        disk.repair();
        let open =
            || FileKeyring::open(&path, root(), Arc::new(SystemRandom)).expect("whole").expect("there");
        let keyring = open();
        let days: BTreeSet<u32> = keyring.days().iter().map(|day| day.0).collect();
        assert!((1..=made).all(|day| days.contains(&day)), "made and not there: {made} of {days:?}");
        assert!(
            days.iter().all(|day| *day <= made + 1),
            "of what was refused at most the one that was under way"
        );
        keyring.make_days(&[Day(made + 7)]).expect("it goes on");
        drop(keyring);
        assert!(open().day_key(Day(made + 7)).is_ok());
        told.push(format!("{made} ({:?})", refused.io));
    }
    println!("rewritten before each end: {}", told.join(", "));
}
