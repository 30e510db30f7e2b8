//! A backup that somebody put in the store's place by hand, as docs/operator.md says one must not: no start opens it, and a restore that
//! follows is as if nothing had been.

use std::fs;
use std::path::Path;

use super::{World, epoch, exported, ids, told};

/// What of a backup is copied where.
type Parts<'p> = &'p [(&'p str, &'p str)];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).expect("copied") }
    }
}

/// Beside today's keyring, beside today's witness, and on a machine where there is nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_copied_into_the_place_is_refused_so_that_no_id_is_given_twice() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 4).await;
    let backup = world.back_up("backup");
    world.store(&daemon, 2).await;
    let (given, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    world.lose_store();
    let whole = [("store", "store"), ("store/witness", "keys/witness"), ("keys/keyring", "keys/keyring")];
    let cases: [(&str, Parts<'_>, &str); 3] = [
        ("its store part alone", &whole[..1], "store-behind-witness"),
        ("with its witness", &whole[..2], "store-not-restored"),
        ("all of it", &whole, "store-not-restored"),
    ];
    let keys = world.path("keys of today");
    copy(&world.path("keys"), &keys);
    for (what, parts, code) in cases {
        for (from, to) in parts {
            let (from, to) = (backup.join(from), world.path(to));
            if from.is_dir() { copy(&from, &to) } else { fs::copy(&from, &to).map(drop).expect("copied") }
        }
        let refused = world.home.try_serve::<&str>(&[], &[]).err().expect("it does not start");
        assert!(refused.contains(code), "{what}: {refused}");
        assert!(!refused.contains("@example.org"), "{what}");
        fs::remove_dir_all(world.path("store")).expect("moved away");
    }
    // As the code's line says: away with it, the keyring of today in its place, and a restore.
    fs::remove_dir_all(world.path("keys")).expect("removed");
    copy(&keys, &world.path("keys"));
    let restored = world.restore(&backup, &["--without-ledger"]);
    assert!(restored.status.success(), "{}", told(&restored));
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 2).await;
    let (records, _) = exported(&daemon).await;
    assert_eq!(records[..4], given[..4]);
    let new = &ids(&records)[4..];
    assert!(new.len() == 2 && new.iter().all(|id| epoch(id) > 1 && !ids(&given).contains(id)), "{new:?}");
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}
