//! `kill -9` under load, again and again: whatever got a 200 has its end, once, and everything opens. More of the same:
//! `cargo run --release --example kill -- --kills 200`.

use std::time::Duration;

use crate::support::deeds;
use crate::support::killing::{Plan, siege};
use crate::support::senders;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_got_a_200_has_its_end_once_after_twenty_kills() {
    let meta = senders::meta().await;
    let home = deeds::home(&meta);
    let plan = Plan { kills: 20, seed: 20, check_every: 5, pause: Duration::from_millis(5), heard: |_| {} };
    let tally = siege(&home, &meta, plan).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert!(tally.acknowledged > 10 * plan.kills, "the load was too small to prove anything:\n{tally}");
    assert!(tally.by_fate.len() == 4, "each fate has its leads:\n{tally}");
    for deed in deeds::DEEDS {
        assert!(tally.deeds.contains_key(deed), "nothing is {deed}:\n{tally}");
    }
    println!("{tally}");
    meta.stop().await;
}
