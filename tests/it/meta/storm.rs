//! The same call again and again, at once; and the largest call that there is.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tamis_simulator::CallKind;

use crate::support::{DEVIS_FORM, World, canary, lead};

/// How often each call comes.
const TIMES: usize = 10;
/// The most changes that Meta puts into one call.
const CHANGES_MAX: usize = 1_000;

fn submit(world: &World, count: usize) -> Vec<String> {
    let submit = |_| {
        let email = format!("{}@example.org", canary("storm"));
        world.meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]))
    };
    (0..count).map(submit).collect()
}

/// Sends each body ten times, all at once, each over a connection of its own or one that is free. All are answered 200.
async fn storm(world: &World, bodies: &[Vec<u8>]) {
    let webhook = world.webhook();
    let calls = (0..TIMES).flat_map(|_| bodies).map(|body| world.meta.deliver(&webhook, body));
    for answer in join_all(calls).await {
        assert_eq!(answer.expect("an answer").status, 200);
    }
}

/// All are stored, each once, and each was read once from Graph.
async fn one_record_each(world: &World, ids: &[String]) {
    world.settled().await;
    world.until("all are stored", || async { world.records("devis").await.len() >= ids.len() }).await;
    let records = world.records("devis").await;
    let emails: BTreeSet<String> =
        records.iter().map(|record| record["fields"]["email"].to_string()).collect();
    assert_eq!((records.len(), emails.len()), (ids.len(), ids.len()));
    let calls = world.meta.graph_calls();
    let asked = calls.iter().filter(|call| call.kind == CallKind::Lead);
    let mut asked: Vec<&String> = asked.flat_map(|call| &call.ids).collect();
    asked.sort_unstable();
    let mut once: Vec<&String> = ids.iter().collect();
    once.sort_unstable();
    assert_eq!(asked, once, "a lead was read more often than once");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_ten_times_at_once_is_one_record_each() {
    let world = World::start().await;
    let ids = submit(&world, 60);
    // Calls that overlap, too: the second half of each is the first of the next.
    let bodies: Vec<Vec<u8>> = ids
        .windows(4)
        .step_by(2)
        .map(|ids| world.meta.notification(&ids.iter().map(String::as_str).collect::<Vec<_>>()))
        .collect();
    storm(&world, &bodies).await;
    one_record_each(&world, &ids).await;
    // And again when all is known: nothing is even asked.
    storm(&world, &bodies).await;
    one_record_each(&world, &ids).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_call_ten_times_at_once_is_one_record_each() {
    let world = World::start().await;
    let ids = submit(&world, CHANGES_MAX);
    let body = world.meta.notification(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    storm(&world, &[body]).await;
    one_record_each(&world, &ids).await;
    world.end().await;
}
