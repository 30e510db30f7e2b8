//! Queues references while Graph is away, lets it come back, and checks that all are drained once, oldest first, within
//! bounds: the test `meta::outage` with another number.
//!
//! `cargo build --release && cargo run --release --example outage -- --thousands 100`
#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a harness speaks to people")]

#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use more of it")]
mod support;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--thousands").skip(1);
    let thousands = arguments.next().map_or(100, |number| number.parse().expect("a number of thousands"));
    let outage = support::outage::outage(thousands).await;
    println!("{outage}");
    outage.hold();
}
