//! `kill -9` under load, again and again: whatever got a 200 is stored once, and everything opens.

use std::time::Duration;

use tamis_simulator::{Setup, Simulator};

use crate::support::process::Home;
use crate::support::{Account, Load, PAGE, add_forms};

/// How often the daemon is killed.
const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_got_a_200_is_stored_once_after_twenty_kills() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    let home = Home::new(&meta, "page-token", |text| text);
    let load = Load::new(&meta);
    for round in 0..KILLS {
        let daemon = home.serve(&[]);
        let webhook = daemon.webhook();
        // Between the start-up and the middle of the work, never twice at the same moment.
        let killer = async {
            tokio::time::sleep(Duration::from_millis(15 + (round as u64 * 37) % 260)).await;
            daemon.kill();
        };
        tokio::join!(load.send(&webhook), killer);
    }
    let daemon = home.serve(&[]);
    let account = Account::of(&daemon.admin()).await;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    let acknowledged = load.acknowledged();
    assert!(acknowledged > KILLS, "the load was too small to prove anything: {acknowledged}");
    load.hold_against(&account);
    println!("{KILLS} kills, {acknowledged} acknowledged, {} stored", account.stored.len());
    meta.stop().await;
}
