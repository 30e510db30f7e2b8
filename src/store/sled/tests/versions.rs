//! Rows of `seen` and `parked` as they were before a form could stand under several purposes, and of `parked` as they were
//! before it was noted that something was sieved.

use serde::Serialize;

use super::support::*;
use crate::lead::sample;
use crate::notification::ParkCode;
use crate::store::sled::rows::{EndRow, OpenRow, ParkedRow, PurposeFate, SeenRow, WhyRow};
use crate::store::{Forms, Leads, Life, Outcome, Parked, Requeue, Seen, Settlement, Verdict};
use crate::trail::Action;

#[derive(Serialize)]
struct FirstSeen {
    fate: FirstFate,
    day: u32,
}

#[derive(Serialize)]
enum FirstFate {
    Stored {
        purpose: String,
        epoch: u32,
        number: u64,
    },
    Parked {
        arrival: u64,
    },
    Refused {
        code: String,
    },
    #[expect(dead_code, reason = "its place in the list is the layout")]
    Erased,
    Dropped {
        received_ms: i64,
    },
    ParkedBeside {
        arrivals: Vec<u64>,
    },
}

#[derive(Serialize)]
struct FirstParked {
    seen: [u8; 32],
    why: WhyRow,
    since_ms: i64,
    submitted_day: u32,
    sealed_day: u32,
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

#[derive(Serialize)]
struct SecondParked {
    seen: [u8; 32],
    why: WhyRow,
    open: Vec<OpenRow>,
    others_ended: bool,
    since_ms: i64,
    submitted_day: u32,
    sealed_day: u32,
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

fn encode(row: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(row, vec![1]).expect("a vector grows")
}

fn second_parked(bytes: &[u8]) -> Vec<u8> {
    let ParkedRow {
        seen, why, open, others_ended, since_ms, submitted_day, sealed_day, nonce, sealed, ..
    } = ParkedRow::read(bytes).expect("a row");
    let row =
        SecondParked { seen, why, open, others_ended, since_ms, submitted_day, sealed_day, nonce, sealed };
    postcard::to_extend(&row, vec![2]).expect("a vector grows")
}

fn first_seen(bytes: &[u8]) -> Vec<u8> {
    let row = SeenRow::read(bytes).expect("a row");
    let fate = match (row.fates.first(), row.end, row.arrivals.as_slice()) {
        (Some(fate), ..) => match fate.fate {
            PurposeFate::Stored { epoch, number } => {
                FirstFate::Stored { purpose: fate.purpose.clone(), epoch, number }
            }
            _ => panic!("there was no such end"),
        },
        (None, Some(EndRow::Refused { code }), _) => FirstFate::Refused { code },
        (None, Some(EndRow::Dropped { received_ms }), _) => FirstFate::Dropped { received_ms },
        (None, _, [arrival]) => FirstFate::Parked { arrival: *arrival },
        (None, _, arrivals) => FirstFate::ParkedBeside { arrivals: arrivals.to_vec() },
    };
    encode(&FirstSeen { fate, day: row.day })
}

fn first_parked(bytes: &[u8]) -> Vec<u8> {
    let ParkedRow { seen, why, since_ms, submitted_day, sealed_day, nonce, sealed, .. } =
        ParkedRow::read(bytes).expect("a row");
    encode(&FirstParked { seen, why, since_ms, submitted_day, sealed_day, nonce, sealed })
}

/// A row as an earlier version would have written it.
type Older = fn(&[u8]) -> Vec<u8>;

/// Puts every row of these trees into a layout of before.
fn age(world: &World, trees: &[(&str, Older)]) {
    tamper(world, |db| {
        for (tree, first) in trees {
            let tree = db.open_tree(tree).expect("a tree");
            let rows: Vec<_> = tree.iter().map(|row| row.expect("read")).collect();
            assert!(!rows.is_empty());
            for (key, value) in rows {
                tree.insert(key, first(&value)).expect("written");
            }
        }
    });
}

#[tokio::test]
async fn rows_of_the_first_version_say_what_they_said_and_go_on() {
    let world = World::new();
    let store = world.open();
    let whys = [waiting(1, 3), HELD, REFUSED, BURIED];
    let mut batch: Vec<Settlement> = (1..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    batch.extend([stored(5), parked(6, 1, waiting(60, 1)), parked(6, 2, HELD), parked(7, 7, HELD)]);
    store.settle(batch).await.expect("settled");
    assert_eq!(store.drop_held(form_id(7), by_officer(Action::HeldDropped)).await, Ok(1));
    let said = async |store: &crate::store::sled::SledStore| {
        let mut said = Vec::new();
        for number in 1..=8 {
            said.push(store.seen(&leadgen(number)).await.expect("an answer"));
        }
        let overview = store.overview().await.expect("an overview");
        let refused: Vec<_> =
            overview.refused.iter().map(|one| (one.purpose.clone(), one.code, one.count)).collect();
        let known = store.known(&[1, 2, 3, 4, 5, 6, 7].map(reference)).await.expect("an answer");
        (said, overview.waiting, refused, overview.buried.len(), known)
    };
    let before = said(&store).await;
    assert_eq!(
        before.2,
        [(None, ParkCode::ConsentMissing, 1)],
        "of what was refused then nobody says for whom"
    );
    store.close().await.expect("closed");
    age(&world, &[("seen", first_seen), ("parked", first_parked)]);
    let store = world.open();
    assert_eq!(said(&store).await, before);
    assert_eq!(scan(&store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));

    // What was not settled is, now for two purposes; what was stays.
    assert_eq!(
        store.requeue(Requeue::Code(ParkCode::ConsentMissing), by_officer(Action::Requeued)).await,
        Ok(1)
    );
    let two = |number| {
        let lead = |name| Verdict::Stored(Box::new(sample::lead(name, &email_of(number), false, later(10))));
        let outcome = Outcome::Sieved(vec![lead("devis"), lead("lettre")]);
        Settlement { outcome, ..parked(number, 1, HELD) }
    };
    let settled = store.settle([1, 2, 3, 4, 5, 6, 7].map(two).into()).await.expect("settled");
    assert_eq!(
        words(&settled),
        [
            "devis-1-2 lettre-1-1",
            "devis-1-3 lettre-1-2",
            "devis-1-4 lettre-1-3",
            "devis-1-5 lettre-1-4",
            "known",
            "devis-1-6 lettre-1-5",
            "devis-1-7 lettre-1-6",
        ]
    );
    assert_eq!(store.parked().await, Ok(0));
    assert_eq!(scan(&store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
}

#[tokio::test]
async fn rows_of_the_second_version_are_open_for_the_same_and_what_is_refused_was_counted() {
    let world = World::new();
    let store = world.open();
    let refused = |number| {
        let verdict = |name| Verdict::Refused(purpose(name), ParkCode::ConsentMissing);
        let outcome = Outcome::Sieved(vec![verdict("devis"), verdict("lettre")]);
        let mut settlement = Settlement { outcome, ..parked(number, 1, HELD) };
        settlement.dropped.note("loisirs");
        settlement
    };
    store.settle(vec![refused(1), parked(2, 1, waiting(1, 3))]).await.expect("settled");
    store.close().await.expect("closed");
    age(&world, &[("parked", second_parked)]);
    let store = world.open();
    assert_eq!(
        store.requeue(Requeue::Code(ParkCode::ConsentMissing), by_officer(Action::Requeued)).await,
        Ok(1)
    );
    let settled = store.settle(vec![refused(1), refused(2)]).await.expect("settled");
    assert_eq!(settled.len(), 2);
    let counted = store.dropped().await.expect("counts");
    assert_eq!(counted.iter().map(|field| field.count).collect::<Vec<_>>(), [2], "of each once");
    assert_eq!(scan(&store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
}
