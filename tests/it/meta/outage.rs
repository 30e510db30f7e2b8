//! Graph is away, and comes back.

use crate::support::outage::outage;

/// `cargo run --release --example outage -- --thousands 100` does the same with 100,000.
const THOUSANDS: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_graph_was_away_is_drained_oldest_first_once_and_within_bounds() {
    let outage = outage(THOUSANDS).await;
    println!("{outage}");
    outage.hold();
}
