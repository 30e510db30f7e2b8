//! A vacuum of a tamis that runs: nothing of who was erased is left in the store's directory, nobody else is missing, and a kill at any
//! step leaves a whole store.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::backup::{World, exported, post, told};
use crate::support::power;
use crate::support::process::{BINARY, installed};

/// Every so many steps of a vacuum a kill.
const STRIDE: usize = 9;

async fn status(world: &World) -> Value {
    let shown = world.tamis(&["status", "--json"]);
    serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", told(&shown)))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("readable").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vacuum_is_told_and_leaves_everybody_who_was_not_erased() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 12).await;
    let (erased, _) = post(&daemon, "/admin/v1/erasures", json!({"by": {"id": "devis-1-2"}})).await;
    assert_eq!(erased, 200);
    fs::create_dir(world.path("store/aside-4")).expect("made");
    let before = exported(&daemon).await;
    let made = world.tamis(&["vacuum"]);
    assert!(made.status.success(), "{}", told(&made));
    assert!(told(&made).starts_with("vacuumed, as of 2"), "{}", told(&made));
    assert_eq!(names(&world.path("store")), ["complete", "db", "inbox", "lock"]);
    assert_eq!(exported(&daemon).await, before);
    let shown = status(&world).await;
    assert!(shown["last_vacuum"].is_string() && shown["last_backup"].is_null(), "{shown}");
    assert!(!shown["attention"].to_string().contains("vacuum"), "{shown}");
    world.store(&daemon, 3).await;
    let (backup, _) =
        post(&daemon, "/admin/v1/backups", json!({"directory": world.path("backup").display().to_string()}))
            .await;
    assert_eq!(backup, 200);
    assert!(status(&world).await["last_backup"].is_string());
    assert_eq!(daemon.said("store.vacuumed").len(), 1);
    let trail = daemon.admin().get("/admin/v1/trail").await;
    assert_eq!(trail.lines().iter().filter(|line| line["action"] == "vacuumed").count(), 1);
    assert!(daemon.terminate().0.success());
    // A restart knows both.
    let daemon = world.home.serve(&[]);
    let shown = status(&world).await;
    assert!(shown["last_vacuum"].is_string() && shown["last_backup"].is_string(), "{shown}");
    assert_eq!(exported(&daemon).await.0.len(), 14);
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_of_a_vacuum_leaves_the_old_store_or_the_new_one() {
    assert!(installed("cc"), "the layer that kills is C");
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 10).await;
    let (before, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    let aside = tempfile::tempdir().expect("a directory");
    let (layer, log) = (power::layer(aside.path()), aside.path().join("changes"));
    // As the layer counts them.
    let steps = || {
        let log = fs::read(&log).expect("a log");
        let counts = |what| !matches!(what, power::What::Write | power::What::Answer);
        power::records(&log).iter().filter(|record| counts(record.what)).count()
    };
    let vacuum = || {
        let mut command = Command::new(BINARY);
        command.arg("vacuum").arg("--config").arg(world.home.config()).env_clear();
        command.stderr(Stdio::null()).stdout(Stdio::null()).status().expect("tamis runs")
    };
    let serve = |kill_at: Option<usize>| {
        let kill_at = kill_at.map(|step| step.to_string());
        let mut environment: Vec<(&str, &Path)> = vec![
            ("LD_PRELOAD", &layer),
            ("TAMIS_UNSYNCED_LOG", &log),
            ("TAMIS_UNSYNCED_ROOT", world.home.directory.path()),
        ];
        environment.extend(kill_at.as_deref().map(|step| ("TAMIS_UNSYNCED_KILL_AT", Path::new(step))));
        fs::write(&log, "").expect("emptied");
        world.home.try_serve(&[], &environment)
    };
    // From which step to which it is one.
    let daemon = serve(None).expect("it starts");
    let begins = steps();
    assert!(vacuum().success());
    let ends = steps();
    assert!(daemon.terminate().0.success());
    assert!(ends > begins + 20, "{begins} {ends}");
    let (mut kills, mut old, mut new) = (0, 0, 0);
    for step in (begins..ends + STRIDE).step_by(STRIDE) {
        let daemon = world.home.serve(&[]);
        let last = status(&world).await["last_vacuum"].clone();
        assert!(daemon.terminate().0.success());
        // Where it is killed while it starts, that is looked at elsewhere.
        let Ok(daemon) = serve(Some(step)) else { continue };
        let done = vacuum().success();
        kills += usize::from(!done);
        drop(daemon);
        let daemon = world.home.serve(&[]);
        assert_eq!(names(&world.path("store")), ["complete", "db", "inbox", "lock"], "step {step}");
        assert_eq!(exported(&daemon).await.0, before, "step {step}");
        match status(&world).await["last_vacuum"] == last {
            true => old += 1,
            false => new += 1,
        }
        assert!(daemon.terminate().0.success());
    }
    println!("{kills} kills; {old} left the old store, {new} the new one");
    assert!(kills > 5 && old > 0 && new > 0, "{kills} kills, {old} old, {new} new");
    world.meta.stop().await;
}
