//! The states of what is not stored, how they follow one another, and how they end.

use super::Host;
use super::support::*;
use crate::clock::Day;
use crate::id::PageId;
use crate::keyring::Keyring;
use crate::notification::{LeadRef, ParkCode, Why};
use crate::store::{
    HeldCounts, Oldest, OldestRef, Requeue, SeenState, Settled, Settlement, SharedStore, StoreCode,
};
use crate::trail::{Action, Outcome};

fn bringing_back() -> crate::trail::Entry {
    by_officer(Action::Requeued)
}

/// One of each kind.
fn one_of_each() -> Vec<Settlement> {
    let whys = [waiting(10, 2), HELD, REFUSED, BURIED, waiting(500, 0)];
    (1..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect()
}

async fn buried(store: &SharedStore) -> Vec<(u64, u32)> {
    let buried = store.overview().await.expect("an overview").buried;
    buried.iter().map(|buried| (buried.arrival, buried.attempts)).collect()
}

pub(crate) async fn a_reference_parked_again_keeps_its_arrival_and_leaves_one_row<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(1, 1, waiting(1, 0))]).await.expect("settled");
    assert_eq!(claim(&store, 2, 10).await, [(1, 0)]);
    store.settle(vec![parked(1, 1, waiting(100, 1))]).await.expect("settled");
    assert_eq!((store.parked().await, claim(&store, 50, 10).await), (Ok(1), vec![]));
    assert_eq!(claim(&store, 100, 10).await, [(1, 1)], "its lease ended when it was settled");
    store.settle(vec![parked(1, 1, BURIED)]).await.expect("settled");
    assert_eq!(store.parked().await, Ok(0));
    assert_eq!(buried(&store).await, [(1, 8)]);
}

pub(crate) async fn held_again_it_is_held_since_it_first_was<H: Host>() {
    let host = H::new();
    let store = host.open();
    let since = async || store.overview().await.expect("an overview").held[0].oldest;
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    host.clock().advance_ms(DAY_MS);
    assert_eq!(claim(&store, 60, 10).await, [(1, 0)]);
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    assert_eq!(since().await, start());
    store.settle(vec![parked(1, 1, waiting(1, 0))]).await.expect("settled");
    store.settle(vec![parked(1, 1, HELD)]).await.expect("settled");
    assert_eq!(since().await, later(1), "in between it was not");
}

pub(crate) async fn who_has_waited_or_been_held_longest_is_told_until_it_has_its_end<H: Host>() {
    let host = H::new();
    let store = host.open();
    let oldest = async |store: &SharedStore| store.oldest().await.expect("told");
    assert_eq!(oldest(&store).await, Oldest::default());
    let of = |form: u64, since, code| Some(OldestRef { lane: reference_of(1, form).lane(), since, code });
    let batch = vec![parked(1, 1, waiting(500, 0)), parked(2, 2, waiting(1, 0)), parked(3, 3, REFUSED)];
    store.settle(batch).await.expect("settled");
    host.clock().advance_ms(DAY_MS);
    store.settle(vec![parked(4, 4, HELD)]).await.expect("settled");
    host.clock().advance_ms(DAY_MS);
    store.settle(vec![parked(5, 5, HELD), parked(6, 6, waiting(0, 0))]).await.expect("settled");
    let waits = ParkCode::GraphUnavailable;
    let both = Oldest { waiting: of(1, start(), waits), held: of(4, later(1), ParkCode::FormUnclaimed) };
    assert_eq!(oldest(&store).await, both, "whatever is due next");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(oldest(&store).await, both, "also after a restart");
    store.settle(vec![stored(1), parked(4, 4, REFUSED)]).await.expect("settled");
    let next = Oldest { waiting: of(2, start(), waits), held: of(5, later(2), ParkCode::FormUnclaimed) };
    assert_eq!(oldest(&store).await, next);
    store.settle(vec![parked(2, 2, BURIED), stored(6), parked(5, 5, REFUSED)]).await.expect("settled");
    assert_eq!(oldest(&store).await, Oldest::default());
}

pub(crate) async fn what_is_stored_in_the_end_is_parked_no_longer<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(one_of_each()).await.expect("settled");
    let settled = store.settle((1..=5).map(stored).collect()).await.expect("settled");
    assert!(settled.iter().all(|settled| record_of(settled).is_some()));
    let overview = store.overview().await.expect("an overview");
    assert_eq!((overview.waiting, overview.held.len(), overview.refused.len()), (0, 0, 0));
    assert_eq!((store.parked().await, buried(&store).await), (Ok(0), Vec::new()));
    assert_eq!((store.next_due(due(0)).await, store.sealed_days().await), (Ok(None), Ok(Vec::new())));
    assert_eq!(store.requeue(Requeue::Form(form_id(1)), bringing_back()).await, Ok(0));
}

pub(crate) async fn an_overview_shows_each_kind_and_leaves_out_the_held_that_are_leased<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(one_of_each()).await.expect("settled");
    host.clock().advance_ms(DAY_MS);
    let more = vec![parked(6, 1, REFUSED), parked(7, 2, HELD), parked(8, 1, HELD), parked(9, 2, REFUSED)];
    store.settle(more).await.expect("settled");
    let overview = store.overview().await.expect("an overview");
    assert_eq!(overview.waiting, 2);
    let held = overview.held.iter().map(|held| (held.form, held.page, held.count, held.oldest));
    let expected = [(form_id(1), page_id(), 2, start()), (form_id(2), page_id(), 1, later(1))];
    assert_eq!(held.collect::<Vec<_>>(), expected);
    let refused = overview.refused.iter().map(|row| (row.form, row.code, row.count, row.oldest));
    let missing = ParkCode::ConsentMissing;
    let expected = [(form_id(1), missing, 2, start()), (form_id(2), missing, 1, later(1))];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
    let buried = overview.buried.iter().map(|row| (row.arrival, row.form, row.code, row.attempts, row.since));
    assert_eq!(buried.collect::<Vec<_>>(), [(4, Some(form_id(1)), ParkCode::AttemptsSpent, 8, start())]);
    // The oldest is a held one of form 1.
    assert_eq!(claim(&store, 0, 1).await, [(2, 0)]);
    let overview = store.overview().await.expect("an overview");
    assert_eq!(overview.held.iter().map(|held| held.count).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(store.parked().await, Ok(5), "it is parked all the same");
}

pub(crate) async fn refused_and_buried_ones_come_back_by_reference_code_or_form_with_their_trail_line<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![
        parked(1, 1, REFUSED),
        parked(2, 1, BURIED),
        parked(3, 2, REFUSED),
        parked(4, 2, HELD),
        parked(5, 2, waiting(900, 5)),
    ];
    store.settle(batch).await.expect("settled");
    assert_eq!(store.requeue(Requeue::Ref(2), bringing_back()).await, Ok(1));
    assert_eq!(store.requeue(Requeue::Ref(2), bringing_back()).await, Ok(0), "it waits now");
    assert_eq!(store.requeue(Requeue::Ref(999), bringing_back()).await, Ok(0));
    assert_eq!(store.requeue(Requeue::Form(form_id(2)), bringing_back()).await, Ok(2));
    assert_eq!(store.requeue(Requeue::Code(ParkCode::ConsentMissing), bringing_back()).await, Ok(1));
    let first = store.claim_due(due(0), 10, &all_claimed()).await.expect("claimed").expect("some").1;
    let codes: Vec<_> = first.iter().map(|claim| claim.code).collect();
    assert_eq!(codes, [Some(ParkCode::ConsentMissing), Some(ParkCode::AttemptsSpent)], "why it had been");
    let mut claims = [numbers(&first), claim(&store, 0, 10).await].concat();
    claims.sort_unstable();
    assert_eq!(claims, [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)], "due now with no attempts spent");
    let lines = store.lines(0, 100).await.expect("a trail");
    let told: Vec<_> = lines.iter().map(|line| (line.entry.count, line.entry.result)).collect();
    let (done, nothing) = (Outcome::Done, Outcome::Nothing);
    assert_eq!(told, [(1, done), (0, nothing), (0, nothing), (2, done), (1, done)]);
    assert!(lines.iter().all(|line| line.entry.action() == Action::Requeued));
    let overview = store.overview().await.expect("an overview");
    assert!(overview.refused.is_empty() && overview.buried.is_empty());
}

/// As after a clock that was 200 days ahead, or a page whose token was dead for long.
pub(crate) async fn what_waits_comes_back_too_unless_it_is_due_or_leased<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![
        parked(1, 1, waiting(200 * 86_400, 7)),
        parked(2, 1, waiting(900, 0)),
        parked(3, 1, waiting(-5, 3)),
        parked(4, 1, waiting(-6, 0)),
        parked(5, 1, waiting(-7, 2)),
    ];
    store.settle(batch).await.expect("settled");
    assert_eq!(claim(&store, 0, 1).await, [(5, 2)], "one is being fetched");
    let code = Requeue::Code(ParkCode::GraphUnavailable);
    assert_eq!(store.requeue(code.clone(), bringing_back()).await, Ok(3));
    assert_eq!(store.requeue(code, bringing_back()).await, Ok(0), "all are due, with no attempts spent");
    assert_eq!(store.requeue(Requeue::Ref(1), bringing_back()).await, Ok(0));
    assert_eq!(claim(&store, 0, 10).await, [(4, 0), (1, 0), (2, 0), (3, 0)], "and nobody holds them");
    store.release(&reference(5).lane(), &[leadgen(5)]).await;
    assert_eq!(store.requeue(Requeue::Ref(5), bringing_back()).await, Ok(1));
    assert_eq!(store.parked().await, Ok(5));
}

pub(crate) async fn all_of_a_code_come_back_however_many_and_the_lines_say_how_many<H: Host>() {
    let host = H::new();
    let store = host.open();
    for from in (0..600).step_by(50) {
        store.settle((from..from + 50).map(|n| parked(n, 1, REFUSED)).collect()).await.expect("settled");
    }
    assert_eq!(store.requeue(Requeue::Code(ParkCode::ConsentMissing), bringing_back()).await, Ok(600));
    assert_eq!(store.parked().await, Ok(600));
    let lines = store.lines(0, 100).await.expect("a trail");
    assert_eq!(lines.iter().map(|line| line.entry.count).sum::<u64>(), 600);
}

pub(crate) async fn what_meta_no_longer_has_is_refused_for_good_and_its_row_is_gone<H: Host>() {
    let host = H::new();
    let store = host.open();
    for from in (1..601).step_by(50) {
        store.settle((from..from + 50).map(|n| parked(n, 1, HELD)).collect()).await.expect("settled");
    }
    let others = vec![parked(601, 1, REFUSED), parked(602, 1, BURIED), parked(603, 1, waiting(900, 1))];
    store.settle(others).await.expect("settled");
    assert_eq!(claim(&store, 1, 1).await, [(1, 0)], "one is being fetched");
    host.pass_days(&store, 90);
    assert_eq!(store.expire_parked().await, Ok(0));
    host.pass_days(&store, 1);
    assert_eq!(store.expire_parked().await, Ok(602));
    assert_eq!(store.parked().await, Ok(1), "the leased one");
    for number in [600, 601, 602, 603] {
        let gone = SeenState::Refused(ParkCode::TooOld);
        assert_eq!(seen(&store, number).await, Ok(Some(gone)));
        assert_eq!(store.settle(vec![stored(number)]).await, Ok(vec![Settled::Known]));
    }
    assert_eq!(store.requeue(Requeue::Code(ParkCode::TooOld), bringing_back()).await, Ok(0));
    store.release(&reference(1).lane(), &[leadgen(1)]).await;
    assert_eq!(store.expire_parked().await, Ok(1));
    assert_eq!((store.parked().await, store.sealed_days().await), (Ok(0), Ok(Vec::new())));
}

pub(crate) async fn ninety_days_count_from_the_submission_or_from_its_notification<H: Host>() {
    let host = H::new();
    let store = host.open();
    let of = |number, created: Option<i64>| {
        let mut settlement = parked(number, 1, HELD);
        settlement.reference.created = created.map(later);
        settlement
    };
    // Submitted the day before; a moment that is not known; one in the future.
    store.settle(vec![of(1, Some(-1)), of(2, None), of(3, Some(40))]).await.expect("settled");
    host.pass_days(&store, 90);
    assert_eq!(store.expire_parked().await, Ok(1));
    assert!(matches!(seen(&store, 1).await, Ok(Some(SeenState::Refused(_)))));
    host.pass_days(&store, 1);
    host.clock().advance_ms(-30 * 60_000);
    assert_eq!(store.expire_parked().await, Ok(2), "by the highest clock seen");
    host.clock().advance_ms(-60 * DAY_MS);
    assert_eq!(code(store.expire_parked().await), Some(StoreCode::ClockUnconfirmed), "it was set");
}

pub(crate) async fn the_days_whose_keys_are_needed_are_those_of_what_is_parked<H: Host>() {
    let host = H::new();
    let store = host.open();
    let today = Day::of(start());
    store.settle(vec![parked(1, 1, HELD), parked(2, 1, REFUSED)]).await.expect("settled");
    host.pass_days(&store, 2);
    store.settle(vec![parked(3, 1, BURIED)]).await.expect("settled");
    let day_after_next = today.next().next();
    assert_eq!(store.sealed_days().await, Ok(vec![today, day_after_next]));
    assert_eq!(claim(&store, 1, 1).await, [(1, 0)]);
    assert_eq!(store.sealed_days().await, Ok(vec![today, day_after_next]), "also while it is leased");
    store.settle(vec![parked(1, 1, HELD), stored(2)]).await.expect("settled");
    assert_eq!(store.sealed_days().await, Ok(vec![day_after_next]), "parked anew under the day's key");
}

pub(crate) async fn what_was_sealed_seven_days_ago_is_sealed_again_and_is_otherwise_as_it_was<H: Host>() {
    let host = H::new();
    let store = host.open();
    let day = |days: u32| Day::of(start()).plus(days);
    store.settle(one_of_each()).await.expect("settled");
    host.pass_days(&store, 1);
    store.settle(vec![parked(9, 1, REFUSED)]).await.expect("settled");
    host.pass_days(&store, 5);
    assert_eq!((store.reseal_parked().await, store.sealed_days().await), (Ok(0), Ok(vec![day(0), day(1)])));
    host.pass_days(&store, 1);
    let leased = claim(&store, 10, 1).await;
    let shown = async || {
        let overview = store.overview().await.expect("an overview");
        let buried = overview.buried.iter().map(|row| (row.arrival, row.code, row.attempts, row.since));
        let refused = overview.refused.iter().map(|row| (row.form, row.code, row.count, row.oldest));
        (
            buried.collect::<Vec<_>>(),
            refused.collect::<Vec<_>>(),
            store.parked().await,
            store.next_due(due(0)).await,
        )
    };
    let before = shown().await;
    let count = store.reseal_parked().await.expect("sealed again");
    assert_eq!(
        count + leased.len() as u64,
        one_of_each().len() as u64,
        "all of the first day but the leased one"
    );
    assert_eq!(store.sealed_days().await, Ok(vec![day(0), day(1), day(7)]), "what is leased needs its key");
    assert!(shown().await == before);
    store.release(&reference(1).lane(), &(1..=9).map(leadgen).collect::<Vec<_>>()).await;
    assert_eq!(store.reseal_parked().await, Ok(1));
    assert_eq!(store.sealed_days().await, Ok(vec![day(1), day(7)]));
    host.keyring().destroy_days(&[day(0)]).expect("destroyed");
    host.pass_days(&store, 1);
    assert_eq!((store.reseal_parked().await, store.sealed_days().await), (Ok(1), Ok(vec![day(7), day(8)])));
    host.keyring().destroy_days(&[day(1)]).expect("destroyed");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(claim(&store, 10, 10).await, [(2, 0), (1, 2)], "each opens");
    assert_eq!(store.requeue(Requeue::Ref(4), by_officer(Action::Requeued)).await, Ok(1));
}

pub(crate) async fn a_restart_keeps_every_parked_reference_and_gives_up_the_leases<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(one_of_each()).await.expect("settled");
    assert_eq!(claim(&store, 10, 1).await, [(2, 0)]);
    store.close().await.expect("closed");
    drop(store);
    host.clock().advance_ms(DAY_MS);
    let store = host.open();
    assert_eq!((store.parked().await, store.next_due(due(0)).await), (Ok(3), Ok(Some(after(10)))));
    assert_eq!(store.sealed_days().await, Ok(vec![Day::of(start())]));
    assert_eq!(claim(&store, 10, 10).await, [(2, 0), (1, 2)]);
    let overview = store.overview().await.expect("an overview");
    assert_eq!((overview.waiting, overview.refused.len(), overview.buried.len()), (2, 1, 1));
    let Ok(Some(SeenState::Parked(Why::Buried { attempts: 8, .. }))) = seen(&store, 4).await else {
        panic!("it is buried");
    };
    // Arrivals are not given again.
    store.settle((1..=5).map(stored).collect()).await.expect("settled");
    store.settle(vec![parked(6, 1, BURIED)]).await.expect("settled");
    assert_eq!(buried(&store).await, [(6, 8)]);
}

pub(crate) async fn no_more_than_a_thousand_buried_ones_are_listed<H: Host>() {
    let host = H::new();
    let store = host.open();
    for from in (0..1_100).step_by(100) {
        store.settle((from..from + 100).map(|n| parked(n, 1, BURIED)).collect()).await.expect("settled");
    }
    let listed = buried(&store).await;
    assert_eq!(
        listed.iter().map(|(arrival, _)| *arrival).collect::<Vec<_>>(),
        (1..=1_000).collect::<Vec<_>>()
    );
    assert_eq!(store.requeue(Requeue::Form(form_id(1)), bringing_back()).await, Ok(1_100), "all are there");
}

pub(crate) async fn what_is_held_is_counted_together_and_by_form<H: Host>() {
    let host = H::new();
    let store = host.open();
    let forms = [2, 9, 1].map(form_id);
    let counts = |total, of_forms: [u64; 3]| Ok(HeldCounts { total, of_forms: of_forms.to_vec() });
    assert_eq!(store.held(&forms).await, counts(0, [0, 0, 0]));
    let held = [(1, 1), (2, 1), (3, 2)].map(|(number, form)| parked(number, form, HELD));
    store
        .settle(held.into_iter().chain([parked(4, 1, REFUSED), parked(5, 1, BURIED)]).collect())
        .await
        .expect("settled");
    assert_eq!(store.held(&forms).await, counts(3, [1, 0, 2]));
    assert_eq!(claim(&store, 0, 1).await, [(1, 0)]);
    assert_eq!(store.held(&forms).await, counts(3, [1, 0, 2]), "leased ones count");
    store.settle(vec![parked(1, 1, waiting(60, 1))]).await.expect("settled");
    assert_eq!(store.held(&forms).await, counts(2, [1, 0, 1]));
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.held(&forms).await, counts(2, [1, 0, 1]), "also after a restart");
    store.settle(vec![stored(2), stored(3)]).await.expect("settled");
    assert_eq!(store.held(&forms).await, counts(0, [0, 0, 0]));
}

pub(crate) async fn what_is_dropped_is_gone_with_its_line_and_a_later_notification_of_it_is_new<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![
        parked(1, 1, HELD),
        parked(2, 1, HELD),
        parked(3, 2, HELD),
        parked(4, 1, REFUSED),
        parked(5, 1, waiting(900, 1)),
        stored(6),
    ];
    store.settle(batch).await.expect("settled");
    assert_eq!(claim(&store, 0, 1).await, [(1, 0)], "one is being looked at");
    let dropping = || by_officer(Action::HeldDropped);
    assert_eq!(store.drop_held(form_id(1), dropping()).await, Ok(1));
    assert_eq!(store.drop_held(form_id(8), dropping()).await, Ok(0));
    store.release(&reference(1).lane(), &[leadgen(1)]).await;
    assert_eq!(store.drop_held(form_id(1), dropping()).await, Ok(1));
    let lines = store.lines(1, 100).await.expect("a trail");
    let told: Vec<_> =
        lines.iter().map(|line| (line.entry.action(), line.entry.count, line.entry.result)).collect();
    let (done, nothing, dropped) = (Outcome::Done, Outcome::Nothing, Action::HeldDropped);
    assert_eq!(told, [(dropped, 1, done), (dropped, 0, nothing), (dropped, 1, done)]);
    assert_eq!(
        (store.parked().await, store.held(&[form_id(1)]).await.map(|held| held.total)),
        (Ok(2), Ok(1))
    );
    for reopened in [false, true] {
        let store = if reopened { host.open() } else { store.clone() };
        assert_eq!(seen(&store, 2).await, Ok(None), "nothing is known of it");
        // The journal may still have the notification that was dropped: a replay must not bring it back.
        let later = |reference| LeadRef { received: after(3_600), ..reference };
        let asked = [
            reference(2),
            later(reference(2)),
            reference_of(3, 2),
            later(reference_of(3, 2)),
            later(reference(6)),
        ];
        assert_eq!(store.known(&asked).await, Ok(vec![true, false, true, true, true]));
        assert_eq!(scan(&store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
        store.close().await.expect("closed");
    }
    let store = host.open();
    let settled = store.settle(vec![stored(2), parked(1, 1, HELD)]).await.expect("settled");
    assert!(
        record_of(&settled[0]).is_some() && matches!(settled[1], Settled::Parked(_)),
        "as if it had never been"
    );
    assert_eq!(claim(&store, 0, 10).await.len(), 1);
}

pub(crate) async fn all_of_a_form_are_dropped_however_many_and_the_lines_say_how_many<H: Host>() {
    let host = H::new();
    let store = host.open();
    for from in (0..600).step_by(50) {
        store.settle((from..from + 50).map(|n| parked(n, 1, HELD)).collect()).await.expect("settled");
    }
    assert_eq!(store.drop_held(form_id(1), by_officer(Action::HeldDropped)).await, Ok(600));
    assert_eq!((store.parked().await, store.sealed_days().await), (Ok(0), Ok(Vec::new())));
    let lines = store.lines(0, 100).await.expect("a trail");
    assert_eq!(lines.iter().map(|line| line.entry.count).sum::<u64>(), 600);
}

pub(crate) async fn what_waits_of_a_page_comes_back_and_what_is_refused_or_of_another_stays<H: Host>() {
    let host = H::new();
    let store = host.open();
    let elsewhere = |number| {
        let mut settlement = parked(number, 1, waiting(900, 5));
        settlement.reference.page = PageId::parse("104000000000099").expect("digits");
        settlement
    };
    let here = reference(1).page;
    let batch = vec![
        parked(1, 1, waiting(900, 5)),
        parked(2, 2, waiting(0, 0)),
        parked(3, 2, waiting(86_400, 1)),
        parked(4, 1, REFUSED),
        parked(5, 1, BURIED),
        parked(6, 1, HELD),
        elsewhere(7),
    ];
    store.settle(batch).await.expect("settled");
    assert_eq!(store.requeue(Requeue::WaitingOf(here), bringing_back()).await, Ok(2), "one is due already");
    assert_eq!(store.requeue(Requeue::WaitingOf(here), bringing_back()).await, Ok(0));
    let nobody = PageId::parse("104000000000098").expect("digits");
    assert_eq!(store.requeue(Requeue::WaitingOf(nobody), bringing_back()).await, Ok(0));
    let overview = store.overview().await.expect("an overview");
    assert_eq!((overview.waiting, overview.refused.len(), overview.buried.len()), (4, 1, 1));
    let due = store.next_due(due(0)).await.expect("known");
    assert!(due.is_some_and(|due| due <= later(0)));
}
