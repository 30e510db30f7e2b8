//! A CRM beside a restore: the client of docs/crm-follow.py, ahead of what was restored or behind it, is in step again afterwards.

use std::collections::BTreeMap;

use serde_json::json;

use super::{World, exported, post, told};
use crate::api::run;
use crate::follow::Crm;
use crate::support::process::Daemon;

/// What tamis gives out: the address of each record.
async fn truth(daemon: &Daemon) -> BTreeMap<String, String> {
    exported(daemon).await.0.into_iter().collect()
}

async fn erase(daemon: &Daemon, id: &str) -> String {
    let (status, said) = post(daemon, "/admin/v1/erasures", json!({"by": {"id": id}})).await;
    assert_eq!(status, 200, "{said}");
    said["erasure"].as_str().expect("a number").to_owned()
}

async fn correct(daemon: &Daemon, id: &str, email: &str) {
    let body = json!({"id": id, "fields": {"email": [email]}});
    let (status, said) = post(daemon, "/admin/v1/corrections", body).await;
    assert_eq!(status, 200, "{said}");
}

/// Lets it follow; what it said. None: there is no Python.
async fn follow(crm: &Crm) -> Option<String> {
    let output = crm.follow().await?;
    assert!(output.status.success(), "{}", told(&output));
    Some(told(&output))
}

/// Its cursor leads behind what is there; what it holds of that time nobody will tell it anything about any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_cursor_is_ahead_of_what_was_restored_is_what_tamis_has_again() {
    for keys_are_lost in [false, true] {
        let mut world = World::with_ledger().await;
        let daemon = world.home.serve(&[]);
        let mut crm = Crm::at(&daemon.admin(), &daemon.admin).await;
        world.store(&daemon, 5).await;
        let Some(said) = follow(&crm).await else {
            println!("skipped: python3 is not installed");
            return world.meta.stop().await;
        };
        assert!(!said.contains("put back"), "{said}");
        let backup = world.back_up("backup");
        // It has what came after the backup, and lags behind an erasure and a restriction.
        world.store(&daemon, 3).await;
        correct(&daemon, "devis-1-2", "right@example.org").await;
        follow(&crm).await;
        assert_eq!(crm.holds().await, truth(&daemon).await);
        erase(&daemon, "devis-1-4").await;
        let body = json!({"id": "devis-1-5", "until": crate::correcting::day(5), "reason": "objection"});
        assert_eq!(post(&daemon, "/admin/v1/restrictions", body).await.0, 200);
        assert!(daemon.terminate().0.success());
        world.restore_after_loss(&backup, keys_are_lost);

        let daemon = world.home.serve(&[]);
        crm.url = format!("http://{}", daemon.admin);
        world.store(&daemon, 4).await;
        // Killed in the middle of it, it begins anew.
        let killed =
            crm.client("            others -= {", "            sys.exit(7)\n            others -= {");
        assert_eq!(run(killed).await.expect("python3").status.code(), Some(7));
        let said = follow(&crm).await.expect("python3");
        assert!(said.contains("put back; devis was compared"), "it met a cursor that is ahead: {said}");
        let mut there = truth(&daemon).await;
        // The backup's own keyring knows nothing of the correction; under today's what was corrected is gone.
        assert_eq!(there.contains_key("devis-1-2"), keys_are_lost);
        assert!(
            there.len() == 6 + usize::from(keys_are_lost) && !there.contains_key("devis-1-4"),
            "{there:?}"
        );
        // It holds what nobody may use, and does not use it.
        there.insert("devis-1-5".to_owned(), "-".to_owned());
        for _ in 0..2 {
            assert_eq!(crm.holds().await, there, "keys lost: {keys_are_lost}");
            let said = follow(&crm).await.expect("python3");
            assert!(!said.contains("put back"), "once is enough: {said}");
        }
        // It goes on as ever, and what it holds is reached by what people ask for.
        let erasure = erase(&daemon, "devis-1-1").await;
        assert_eq!(post(&daemon, "/admin/v1/erasures", json!({"by": {"id": "devis-1-5"}})).await.0, 200);
        follow(&crm).await;
        assert_eq!(crm.holds().await, truth(&daemon).await);
        let followed = daemon.admin().get(&format!("/admin/v1/erasures/{erasure}")).await.json();
        assert!(followed["followed"][0]["confirmed_at"].is_string(), "{followed}");
        assert!(daemon.terminate().0.success());
        world.meta.stop().await;
    }
}

/// Its cursor is one that tamis gave before the backup, so nobody refuses it: what became of what it holds stands in its feed.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_lags_behind_a_backup_hears_of_who_was_erased_between_it_and_the_loss() {
    for keys_are_lost in [false, true] {
        let mut world = World::with_ledger().await;
        let daemon = world.home.serve(&[]);
        let mut crm = Crm::at(&daemon.admin(), &daemon.admin).await;
        world.store(&daemon, 4).await;
        if follow(&crm).await.is_none() {
            println!("skipped: python3 is not installed");
            return world.meta.stop().await;
        }
        world.store(&daemon, 2).await;
        erase(&daemon, "devis-1-1").await;
        let backup = world.back_up("backup");
        erase(&daemon, "devis-1-2").await;
        erase(&daemon, "devis-1-5").await;
        assert!(daemon.terminate().0.success());
        world.restore_after_loss(&backup, keys_are_lost);
        let daemon = world.home.serve(&[]);
        crm.url = format!("http://{}", daemon.admin);
        world.store(&daemon, 2).await;
        assert_eq!(crm.holds().await.len(), 4, "it holds whom it did not hear of");
        let said = follow(&crm).await.expect("python3");
        assert!(!said.contains("put back"), "{said}");
        let there = truth(&daemon).await;
        assert!(there.len() == 5 && !there.contains_key("devis-1-2"), "{there:?}");
        assert_eq!(crm.holds().await, there, "keys lost: {keys_are_lost}");
        assert!(daemon.terminate().0.success());
        world.meta.stop().await;
    }
}
