//! Graph is away, and comes back.

use crate::support::outage::outage;

/// `cargo run --release --example outage -- --thousands 100` does the same with 100,000.
const THOUSANDS: u64 = 20;
/// Fifty a call, eight calls at a time; twice, since a claim may be on its way while the next are made.
const OVERTAKEN_MAX: usize = 2 * 8 * 50;
/// Measured 38 MiB for 20,000 in a debug build, the store's cache among them.
const GROWN_BYTES_MAX: u64 = 96 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_graph_was_away_is_drained_oldest_first_once_and_within_bounds() {
    let outage = outage(THOUSANDS).await;
    println!("{outage}");
    assert!(outage.overtaken_max <= OVERTAKEN_MAX, "{outage}");
    assert!(outage.grown_bytes <= GROWN_BYTES_MAX, "{outage}");
    let fewest = usize::try_from(outage.references).expect("a small number") / 50;
    assert!(outage.calls <= fewest + fewest / 4 + 20, "{outage}");
}
