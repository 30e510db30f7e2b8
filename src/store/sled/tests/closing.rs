use super::support::*;
use crate::store::Life;
use crate::store::sled::engine::witness::Witness;

#[tokio::test]
async fn the_witness_knows_how_long_a_closed_database_is() {
    let world = World::new();
    let store = world.open();
    for round in 0..40 {
        store_many(&store, round * 100, 100).await;
    }
    store.close().await.expect("closed");
    let witness = Witness::open(&world.witness()).expect("readable").expect("valid");
    assert_eq!(witness.last().db_bytes, std::fs::metadata(world.db()).expect("there").len());
}
