//! One row is one row: whichever cannot be read, the store goes on, says so, and nothing else is harmed.

use super::support::*;
use crate::purpose::{FormDefinition, Question};
use crate::store::sled::layout::{Place, meta, seen_key};
use crate::store::sled::rows::{FateRow, SeenRow};
use crate::store::{Fault, Forms, KnownForm, Leads, Life, Parked, Seen, SeenState, Tokens, Wanted};
use crate::trail::Action;

/// A version that there is not yet; a row cut short; nothing; a purpose that is none, of either version.
const UNREADABLE: [&[u8]; 6] = [
    &[9, 1, 2, 3],
    &[1, 0, 5, b'd'],
    &[2, 1, 5, b'd'],
    &[],
    &[1, 0, 1, b'#', 1, 1, 0],
    &[2, 1, 1, b'#', 0, 1, 1, 0, 0, 1],
];

fn seen_of(world: &World, number: u64) -> [u8; 32] {
    use crate::keyring::Keyring;
    seen_key(&world.keyring.seen_key(), &leadgen(number))
}

fn put(world: &World, tree: &str, key: &[u8], value: &[u8]) {
    tamper(world, |db| drop(db.open_tree(tree).expect("a tree").insert(key, value).expect("written")));
}

#[tokio::test]
async fn a_note_that_cannot_be_read_is_as_none_and_its_lead_is_stored_again() {
    for unreadable in UNREADABLE {
        let world = World::new();
        let store = world.open();
        store.settle(vec![stored(1), stored(2)]).await.expect("settled");
        store.close().await.expect("closed");
        put(&world, "seen", &seen_of(&world, 1), unreadable);
        let store = world.open();
        assert_eq!(
            scan(&store, 50).await.expect("scanned").faults.len(),
            2,
            "a note, and what it should note"
        );
        assert!(scan(&store, 50).await.expect("scanned").faults.contains(&Fault::Seen(1)));
        let known = store.known(&[reference(1), reference(2), reference(3)]).await;
        assert_eq!(known, Ok(vec![false, true, false]), "it is fetched again");
        let found = store.find(Wanted::Leadgen(leadgen(1)), by_officer(Action::Found)).await.expect("found");
        assert!(matches!(found[0].state, SeenState::Parked(_)), "something is known");
        // A redelivery, in one batch with others.
        let settled = store.settle(vec![stored(3), stored(1), stored(2)]).await.expect("settled");
        assert_eq!(words(&settled), ["devis-1-3", "devis-1-4", "known"]);
        assert_eq!(store.known(&[reference(1)]).await, Ok(vec![true]));
        assert_eq!(store.halted(), None);
        // What stood there is kept.
        let engine = store.shared.engine().expect("open");
        let kept = engine.read(&Place::Aside, &[b"seen\0".as_slice(), &seen_of(&world, 1)].concat());
        assert_eq!(kept.expect("read").expect("kept").as_ref(), unreadable);
        assert_eq!(engine.counter(&Place::Meta, meta::ASIDE), Ok(1));
        drop(engine);
        store.close().await.expect("closed");
    }
}

#[tokio::test]
async fn a_note_of_a_parked_row_that_is_gone_is_as_none() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![parked(1, 1, HELD), parked(2, 1, HELD)]).await.expect("settled");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        drop(db.open_tree("parked").expect("a tree").remove(1_u64.to_be_bytes()).expect("removed"));
    });
    for _ in 0..2 {
        let store = world.open();
        assert_eq!(store.known(&[reference(1), reference(2)]).await, Ok(vec![false, true]));
        let found = store.find(Wanted::Leadgen(leadgen(1)), by_officer(Action::Found)).await;
        assert_eq!((found.map(|found| found.len()), store.halted()), (Ok(1), None));
        store.close().await.expect("closed");
    }
    let store = world.open();
    assert_eq!(words(&store.settle(vec![stored(1)]).await.expect("settled")), ["devis-1-1"]);
    assert_eq!(store.known(&[reference(1)]).await, Ok(vec![true]));
}

/// The row can be read, its note cannot, or is not there, or says that it is stored: it gets its end, once.
#[tokio::test]
async fn a_parked_reference_whose_note_is_damaged_or_gone_gets_its_end_once() {
    let fates = vec![FateRow::stored(&record("devis-1-9"))];
    let good = SeenRow { fates, day: 1, ..SeenRow::default() }.bytes();
    let mut notes: Vec<Option<&[u8]>> = UNREADABLE.map(Some).to_vec();
    notes.extend([None, Some(good.as_slice())]);
    for note in notes {
        let world = World::new();
        let store = world.open();
        store.settle(vec![parked(1, 1, waiting(1, 0)), parked(2, 1, waiting(2, 0))]).await.expect("settled");
        store.close().await.expect("closed");
        tamper(&world, |db| {
            let seen = db.open_tree("seen").expect("a tree");
            match note {
                Some(note) => drop(seen.insert(seen_of(&world, 1), note).expect("written")),
                None => drop(seen.remove(seen_of(&world, 1)).expect("removed")),
            }
        });
        let store = world.open();
        assert_eq!(claim(&store, 10, 10).await, [(1, 0), (2, 0)]);
        let settled = store.settle(vec![stored(1), stored(2)]).await.expect("settled");
        assert!(record_of(&settled[0]).is_some() || note == Some(good.as_slice()), "{}", words(&settled)[0]);
        assert_eq!((store.parked().await, store.halted()), (Ok(0), None));
        assert!(claim(&store, 1_000, 10).await.is_empty(), "it is not claimed for ever");
        store.close().await.expect("closed");
    }
}

/// As versions wrote it that asked Graph for a form's questions alone: `questions` and `read_ms` behind a version of 1.
#[tokio::test]
async fn what_an_earlier_version_knew_of_a_form_is_known_and_its_boxes_are_not() {
    let world = World::new();
    world.open().close().await.expect("closed");
    let questions = vec![Question::new("e-mail", "EMAIL")];
    let row = postcard::to_extend(&(Some(&questions), start().as_millisecond()), vec![1]).expect("written");
    let none: Option<Vec<Question>> = None;
    let refused = postcard::to_extend(&(none, start().as_millisecond()), vec![1]).expect("written");
    let key = |number: u64| [b"d", form_id(number).as_str().as_bytes()].concat();
    put(&world, "forms", &key(1), &row);
    put(&world, "forms", &key(2), &refused);
    let store = world.open();
    let definition =
        Some(FormDefinition { is_partial: true, ..FormDefinition::asking(form_id(1), questions) });
    let known = KnownForm { form: form_id(1), definition, read_at: start() };
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(known)));
    assert_eq!(store.forms().await.map(|forms| forms.len()), Ok(2));
    assert_eq!(store.form(&form_id(2)).await.map(|form| form.map(|form| form.definition)), Ok(Some(None)));
}

/// A snapshot of which a piece is gone is as good as none, and the next reading of the form puts it back.
#[tokio::test]
async fn a_snapshot_that_cannot_be_read_is_written_again() {
    let world = World::new();
    let store = world.open();
    let questions = vec![Question::new("e-mail", "EMAIL")];
    let definition = FormDefinition::asking(form_id(1), questions);
    let revision = definition.revision();
    let known = KnownForm { form: form_id(1), definition: Some(definition), read_at: start() };
    store.put_form(known.clone()).await.expect("kept");
    store.close().await.expect("closed");
    let of_revision = [b"s", form_id(1).as_str().as_bytes(), &[0], revision.bytes().as_slice()].concat();
    put(&world, "forms", &[of_revision.as_slice(), &[0, 0]].concat(), b"{}");
    let store = world.open();
    assert_eq!(store.form(&form_id(1)).await, Ok(None));
    assert_eq!(store.snapshot(&form_id(1), &revision).await, Ok(None));
    let again = KnownForm { read_at: later(1), ..known.clone() };
    store.put_form(again.clone()).await.expect("kept");
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(again)));
    let snapshot = store.snapshot(&form_id(1), &revision).await.expect("read").expect("there");
    assert_eq!((Some(snapshot.definition), snapshot.first_read_at), (known.definition, start()));
    assert_eq!(store.halted(), None);
}

#[tokio::test]
async fn rows_of_forms_tokens_and_counts_that_cannot_be_read_harm_no_other() {
    let world = World::new();
    let store = world.open();
    let known = |number: u64| KnownForm { form: form_id(number), definition: None, read_at: start() };
    for number in 1..=2 {
        store.put_form(known(number)).await.expect("put");
    }
    store.settle(vec![stored(1)]).await.expect("settled");
    store.close().await.expect("closed");
    let key = |kind: u8, number: u64| [&[kind], form_id(number).as_str().as_bytes()].concat();
    let count = [key(b'n', 1), b"\0city".to_vec()].concat();
    for unreadable in [&[9, 1][..], &[], &[1]] {
        put(&world, "forms", &key(b'd', 1), unreadable);
        put(&world, "forms", b"d", unreadable);
        put(&world, "forms", b"n", unreadable);
        put(&world, "forms", &count, unreadable);
        put(&world, "tokens", b"broken", unreadable);
        put(&world, "parked", b"odd", unreadable);
        put(&world, "meta", &meta::stored(&purpose("devis")), unreadable);
        let store = world.open();
        assert_eq!(store.form(&form_id(1)).await.map(|form| form.is_some()), Ok(false), "asked for again");
        assert_eq!(store.forms().await.map(|forms| forms.len()), Ok(1));
        assert_eq!(store.dropped().await.map(|dropped| dropped.len()), Ok(0));
        assert_eq!(store.token("broken").await.map(|token| token.is_some()), Ok(false), "lets nobody in");
        assert_eq!(store.tokens().await.map(|tokens| tokens.len()), Ok(0));
        assert_eq!(store.parked().await, Ok(0));
        let requeue = crate::store::Requeue::Code(crate::notification::ParkCode::ConsentMissing);
        assert_eq!(store.requeue(requeue, by_officer(Action::Requeued)).await, Ok(0));
        assert!(
            scan(&store, 50).await.is_ok_and(|scanned| !scanned.faults.is_empty()),
            "the count is missed"
        );
        store.put_form(known(1)).await.expect("put again");
        assert_eq!(store.form(&form_id(1)).await.map(|form| form.is_some()), Ok(true));
        assert_eq!(store.halted(), None);
        store.close().await.expect("closed");
    }
    let store = world.open();
    store.settle(vec![stored(2)]).await.expect("settled");
    assert_eq!(store.halted(), None);
}
