//! `kill -9` under load, again and again: whatever got a 200 has its end, once, and everything opens. More of the same:
//! `cargo run --release --example kill -- --kills 200`.

use crate::support::killing::{self, Plan, siege};
use crate::support::process::Home;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_got_a_200_has_its_end_once_after_twenty_kills() {
    let meta = killing::meta().await;
    let home = Home::new(&meta, "page-token", |text| text);
    let plan = Plan { kills: 20, seed: 20, check_every: 5 };
    let summary = siege(&home, &meta, plan).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert!(summary.acknowledged > plan.kills, "the load was too small to prove anything: {summary}");
    println!("{summary}");
    meta.stop().await;
}
