use super::support::*;
use crate::clock::Day;
use crate::notification::ParkCode;
use crate::store::sled::SledStore;
use crate::store::{Leads, Life, Parked, ParkedClaim, Requeue, Seen, SeenState, Settled, StoreCode, Trail};
use crate::trail::{Action, Outcome};

fn after(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(START_S + seconds).expect("in range")
}

async fn claim(store: &SledStore, seconds: i64, max: usize) -> Vec<(u64, u32)> {
    let claimed = store.claim_due(after(seconds), max, &all_claimed()).await.expect("claimed");
    claimed.map_or(Vec::new(), |(_, claims)| numbers(&claims))
}

fn numbers(claims: &[ParkedClaim]) -> Vec<(u64, u32)> {
    let number = |claim: &ParkedClaim| {
        claim.reference.leadgen.expose().parse::<u64>().expect("digits") - 7_700_000_000_000
    };
    claims.iter().map(|claim| (number(claim), claim.attempts)).collect()
}

#[tokio::test]
async fn waiting_ones_are_claimed_when_due_in_the_order_of_being_due_and_leased() {
    let world = World::new();
    let store = world.open();
    let batch =
        vec![parked(1, 1, waiting(30, 1)), parked(2, 1, waiting(10, 2)), parked(3, 1, waiting(20, 3))];
    let settled = store.settle(batch).await.expect("settled");
    assert_eq!(settled[0], Settled::Parked(ParkCode::GraphUnavailable));
    assert_eq!((store.parked().await, store.next_due().await), (Ok(3), Ok(Some(after(10)))));
    assert_eq!(claim(&store, 9, 10).await, []);
    assert_eq!(claim(&store, 20, 10).await, [(2, 2), (3, 3)]);
    assert_eq!(claim(&store, 20, 10).await, [], "leased");
    assert_eq!(store.parked().await, Ok(3), "leased ones still count");
    store.release(&[leadgen(3)]).await;
    assert_eq!(claim(&store, 60, 1).await, [(3, 3)], "back at its old place, the bound holds");
    assert_eq!(claim(&store, 60, 10).await, [(1, 1)]);
}

#[tokio::test]
async fn only_one_lane_is_claimed_that_of_the_oldest_that_may_move() {
    let world = World::new();
    let store = world.open();
    let batch = vec![
        parked(1, 1, waiting(1, 0)),
        parked(2, 2, waiting(2, 0)),
        parked(3, 3, waiting(3, 0)),
        parked(4, 2, waiting(4, 0)),
    ];
    store.settle(batch).await.expect("settled");
    let lanes = claimed([2, 3]);
    let mut paused = claimed([1, 2, 3]);
    paused.pages.insert(page_id(), false);
    assert!(store.claim_due(after(60), 10, &paused).await.expect("claimed").is_none(), "they stay");
    // Nobody claims form 1: what waits of it comes first, to be held.
    let (lane, claims) = store.claim_due(after(60), 10, &lanes).await.expect("claimed").expect("some");
    assert_eq!((lane.form, numbers(&claims)), (form_id(1), vec![(1, 0)]));
    let (lane, claims) = store.claim_due(after(60), 10, &lanes).await.expect("claimed").expect("some");
    assert_eq!((lane.form, numbers(&claims)), (form_id(2), vec![(2, 0), (4, 0)]));
    let (lane, claims) = store.claim_due(after(60), 10, &lanes).await.expect("claimed").expect("some");
    assert_eq!((lane.form, numbers(&claims)), (form_id(3), vec![(3, 0)]));
    assert!(store.claim_due(after(60), 10, &lanes).await.expect("claimed").is_none());
}

#[tokio::test]
async fn held_ones_are_due_as_soon_as_a_purpose_claims_their_form() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, HELD), parked(2, 1, HELD)]).await.expect("settled");
    assert!(store.claim_due(after(60), 10, &unclaimed()).await.expect("claimed").is_none());
    assert_eq!(store.next_due().await, Ok(None));
    let overview = store.overview().await.expect("an overview");
    assert_eq!(overview.held.len(), 1);
    assert_eq!((overview.held[0].form, overview.held[0].count), (form_id(1), 2));
    assert_eq!(overview.held[0].oldest, start());
    assert_eq!(claim(&store, 60, 10).await, [(1, 0), (2, 0)]);
    assert_eq!(store.settle(vec![stored(1), stored(2)]).await.expect("settled").len(), 2);
    assert_eq!(store.parked().await, Ok(0));
    assert_eq!(export(&store, 10).await.expect("exported"), [email_of(1), email_of(2)]);
}

#[tokio::test]
async fn a_waiting_one_whose_form_lost_its_purpose_is_claimed_to_be_held() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, waiting(1, 4))]).await.expect("settled");
    let (lane, claims) = store.claim_due(after(5), 10, &unclaimed()).await.expect("claimed").expect("some");
    assert_eq!((lane.form, numbers(&claims)), (form_id(1), vec![(1, 4)]));
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    assert_eq!(store.seen(&leadgen(1)).await, Ok(Some(SeenState::Parked(HELD))));
    assert_eq!(store.parked().await, Ok(1));
}

#[tokio::test]
async fn a_reference_parked_again_keeps_its_arrival_and_leaves_one_row() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, waiting(1, 0))]).await.expect("settled");
    assert_eq!(claim(&store, 2, 10).await, [(1, 0)]);
    store.settle(vec![parked(1, 1, waiting(100, 1))]).await.expect("settled");
    assert_eq!((store.parked().await, claim(&store, 50, 10).await), (Ok(1), vec![]));
    assert_eq!(claim(&store, 100, 10).await, [(1, 1)]);
    store.settle(vec![parked(1, 1, BURIED)]).await.expect("settled");
    assert_eq!(store.parked().await, Ok(0));
    let buried = store.overview().await.expect("an overview").buried;
    assert_eq!((buried.len(), buried[0].arrival, buried[0].attempts), (1, 1, 8));
}

#[tokio::test]
async fn refused_and_buried_ones_come_back_by_reference_code_or_form_with_their_trail_line() {
    let world = World::new();
    let store = world.open();
    let batch = vec![
        parked(1, 1, REFUSED),
        parked(2, 1, BURIED),
        parked(3, 2, REFUSED),
        parked(4, 2, HELD),
        parked(5, 2, waiting(900, 5)),
    ];
    store.settle(batch).await.expect("settled");
    let overview = store.overview().await.expect("an overview");
    let refused: Vec<_> = overview.refused.iter().map(|row| (row.form, row.code, row.count)).collect();
    assert_eq!(
        refused,
        [(form_id(1), ParkCode::ConsentMissing, 1), (form_id(2), ParkCode::ConsentMissing, 1)]
    );
    assert_eq!(overview.refused[0].oldest, start());
    let entry = || by_officer(Action::Requeued);
    assert_eq!(store.requeue(Requeue::Ref(overview.buried[0].arrival), entry()).await, Ok(1));
    assert_eq!(store.requeue(Requeue::Ref(overview.buried[0].arrival), entry()).await, Ok(0), "it waits now");
    assert_eq!(store.requeue(Requeue::Ref(999), entry()).await, Ok(0));
    assert_eq!(store.requeue(Requeue::Form(form_id(2)), entry()).await, Ok(1));
    assert_eq!(store.requeue(Requeue::Code(ParkCode::ConsentMissing), entry()).await, Ok(1));
    let mut due = [claim(&store, 0, 10).await, claim(&store, 0, 10).await].concat();
    due.sort_unstable();
    assert_eq!(due, [(1, 0), (2, 0), (3, 0), (4, 0)], "due now with no attempts spent");
    let lines = store.lines(0, 100).await.expect("a trail");
    let counts: Vec<_> = lines.iter().map(|line| (line.entry.count, line.entry.result)).collect();
    let (done, nothing) = (Outcome::Done, Outcome::Nothing);
    assert_eq!(counts, [(1, done), (0, nothing), (0, nothing), (1, done), (1, done)]);
    let overview = store.overview().await.expect("an overview");
    assert!(overview.refused.is_empty() && overview.buried.is_empty());
}

#[tokio::test]
async fn what_meta_no_longer_has_is_refused_for_good_and_its_row_is_gone() {
    let world = World::new();
    let store = world.open();
    let mut settlements: Vec<_> = (1..=600).map(|n| parked(n, 1, HELD)).collect();
    settlements.push(parked(601, 1, REFUSED));
    for chunk in 0..13 {
        let batch: Vec<_> = settlements.drain(..settlements.len().min(50)).collect();
        store.settle(batch).await.unwrap_or_else(|error| panic!("chunk {chunk}: {error}"));
    }
    assert_eq!(claim(&store, 1, 1).await.len(), 1, "one is being fetched");
    let days =
        |days: i64| jiff::Timestamp::from_millisecond(START_S * 1000 + days * DAY_MS).expect("in range");
    assert_eq!(store.expire_parked(days(90)).await, Ok(0));
    assert_eq!(store.expire_parked(days(91)).await, Ok(600));
    assert_eq!(store.parked().await, Ok(1), "the leased one");
    assert_eq!(store.seen(&leadgen(601)).await, Ok(Some(SeenState::Refused(ParkCode::TooOld))));
    assert_eq!(store.settle(vec![stored(601)]).await, Ok(vec![Settled::Known]));
    store.release(&[leadgen(1)]).await;
    assert_eq!(store.expire_parked(days(91)).await, Ok(1));
    assert_eq!((store.parked().await, store.sealed_days().await), (Ok(0), Ok(Vec::new())));
}

#[tokio::test]
async fn a_restart_keeps_every_parked_reference_and_gives_up_the_leases() {
    let world = World::new();
    let store = world.open();
    let batch = vec![
        parked(1, 1, waiting(10, 2)),
        parked(2, 1, HELD),
        parked(3, 1, REFUSED),
        parked(4, 1, BURIED),
        parked(5, 1, waiting(500, 0)),
    ];
    store.settle(batch).await.expect("settled");
    assert_eq!(claim(&store, 10, 1).await, [(2, 0)]);
    store.close().await.expect("closed");
    world.clock.advance_ms(DAY_MS);
    let store = world.open();
    assert_eq!((store.parked().await, store.next_due().await), (Ok(3), Ok(Some(after(10)))));
    assert_eq!(store.sealed_days().await, Ok(vec![Day::of(start())]));
    assert_eq!(claim(&store, 10, 10).await, [(2, 0), (1, 2)]);
    let overview = store.overview().await.expect("an overview");
    assert_eq!((overview.waiting, overview.refused.len(), overview.buried.len()), (2, 1, 1));
    // Arrivals are not given again.
    store.settle(vec![parked(6, 1, BURIED)]).await.expect("settled");
    let buried = store.overview().await.expect("an overview").buried;
    assert_eq!(buried.iter().map(|buried| buried.arrival).collect::<Vec<_>>(), [4, 6]);
    assert_eq!(store.sealed_days().await.map(|days| days.len()), Ok(2));
}

#[tokio::test]
async fn a_reference_moved_to_another_row_does_not_open_and_the_others_do() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, waiting(1, 0)), parked(2, 1, waiting(1, 0))]).await.expect("settled");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let parked = db.open_tree("parked").expect("a tree");
        let value = parked.get(1_u64.to_be_bytes()).expect("read").expect("there");
        parked.insert(2_u64.to_be_bytes(), value).expect("written");
    });
    let store = world.open();
    assert_eq!(claim(&store, 10, 10).await, [(1, 0)]);
    assert_eq!(store.halted(), None);
}

/// The row's first byte is its version.
const OF_A_LATER_VERSION: &[u8] = &[9, 1, 2, 3];
const CUT_SHORT: &[u8] = &[1, 1, 2, 3];

#[tokio::test]
async fn rows_that_cannot_be_read_are_set_aside_and_shown_and_harm_no_other() {
    let world = World::new();
    let store = world.open();
    let whys = [waiting(1, 0), waiting(1, 0), HELD, BURIED, REFUSED, waiting(1, 0)];
    let batch = (1..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    store.settle(batch).await.expect("settled");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let parked = db.open_tree("parked").expect("a tree");
        parked.insert(1_u64.to_be_bytes(), OF_A_LATER_VERSION).expect("written");
        parked.insert(4_u64.to_be_bytes(), CUT_SHORT).expect("written");
        let value = parked.get(2_u64.to_be_bytes()).expect("read").expect("there");
        parked.insert(5_u64.to_be_bytes(), value).expect("written");
    });
    let store = world.open();
    assert_eq!(claim(&store, 10, 1).await.len(), 1);
    assert_eq!(claim(&store, 10, 10).await.len(), 2);
    assert_eq!(store.parked().await, Ok(3));
    let shown = async || {
        let buried = store.overview().await.expect("an overview").buried;
        buried.iter().map(|buried| (buried.arrival, buried.code)).collect::<Vec<_>>()
    };
    let unreadable = ParkCode::ReferenceUnreadable;
    assert_eq!(shown().await, [(1, unreadable), (4, unreadable), (5, unreadable)]);
    let gone = SeenState::Parked(crate::notification::Why::Buried { code: unreadable, attempts: 0 });
    assert_eq!(
        store.seen(&leadgen(1)).await,
        Ok(Some(gone)),
        "known, so that no redelivery is answered with a 503"
    );
    for which in [Requeue::Ref(1), Requeue::Ref(5), Requeue::Code(unreadable), Requeue::Form(form_id(1))] {
        assert_eq!(store.requeue(which, by_officer(Action::Requeued)).await, Ok(0));
    }
    // A row that does not say which day's key it needs: none is destroyed on the store's word.
    assert!(store.sealed_days().await.is_err());
    let late = jiff::Timestamp::from_millisecond(START_S * 1000 + 91 * DAY_MS).expect("in range");
    assert_eq!(store.expire_parked(late).await, Ok(1), "the one that still says since when");
    assert_eq!(shown().await.len(), 2);
    assert_eq!(store.halted(), None);
}

#[tokio::test]
async fn a_row_that_is_unreadable_once_it_is_claimed_does_not_keep_the_others_waiting() {
    let world = World::new();
    let store = world.open();
    store.settle((1..=4).map(|n| parked(n, 1, waiting(n as i64, 0))).collect()).await.expect("settled");
    let cut = |draft: &mut crate::store::sled::draft::Draft<'_>| {
        draft.write(crate::store::sled::layout::Place::Parked, &1_u64.to_be_bytes(), CUT_SHORT.to_vec())
    };
    store.writer.write(1, cut).await.expect("written");
    assert_eq!(claim(&store, 10, 2).await, [(2, 0)]);
    assert_eq!(claim(&store, 10, 10).await, [(3, 0), (4, 0)]);
    assert_eq!((store.parked().await, store.halted()), (Ok(3), None));
    let buried = store.overview().await.expect("an overview").buried;
    assert_eq!(buried.iter().map(|buried| buried.arrival).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn after_closing_nobody_is_told_that_no_day_is_needed() {
    let world = World::new();
    let store = world.open();
    store.close().await.expect("closed");
    assert_eq!(store.sealed_days().await.err().map(|error| error.code), Some(StoreCode::Closed));
}
