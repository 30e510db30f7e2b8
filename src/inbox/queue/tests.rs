//! Order, places, lanes and counts of the queue.

use std::sync::Arc;

use super::*;
use crate::notification::sample;

fn reference(leadgen: u64, page: u64, form: u64) -> LeadRef {
    let received = Timestamp::from_millisecond(1_000 + leadgen as i64).expect("in range");
    let created = Timestamp::from_second(leadgen as i64).ok();
    LeadRef { created, ..sample::reference((leadgen, page, form), received) }
}

fn queued(all: &[(u64, u64, u64)]) -> Queue {
    let mut queue = Queue::default();
    for (leadgen, page, form) in all {
        let ticket = queue.insert(&reference(*leadgen, *page, *form), None);
        assert!(queue.land(ticket, 1) == Landed::Open { left: None });
    }
    queue
}

fn ids(claim: &Option<(Lane, Vec<LeadRef>)>) -> Vec<String> {
    claim.iter().flat_map(|(_, refs)| refs).map(|r| r.leadgen.expose().to_owned()).collect()
}

/// A form of page 5.
fn lane(form: u64) -> Lane {
    reference(1, 5, form).lane()
}

fn leadgens(ids: &[&str]) -> Vec<LeadgenId> {
    ids.iter().map(|id| LeadgenId::parse(id).expect("digits")).collect()
}

#[test]
fn a_claim_takes_the_oldest_lane_in_its_order() {
    let all = [(10, 5, 9), (11, 5, 1), (12, 5, 3), (13, 5, 2), (14, 6, 1), (15, 5, 1)];
    let mut queue = queued(&all);
    assert_eq!(ids(&queue.claim(1)), ["10"]);
    assert_eq!(ids(&queue.claim(1)), ["11"]);
    assert_eq!(ids(&queue.claim(1)), ["12"], "the oldest of all comes next");
    assert_eq!(ids(&queue.claim(50)), ["13"]);
    assert_eq!(ids(&queue.claim(50)), ["14"]);
    assert_eq!(ids(&queue.claim(50)), ["15"]);
    assert!(queue.claim(50).is_none(), "all are claimed");
    assert_eq!(queue.len(), 6);
    assert_eq!(queue.oldest().map(|(_, at)| at.as_millisecond()), Some(1_010));
}

#[test]
fn a_claim_of_one_lane_takes_nothing_of_another() {
    let mut queue = queued(&[(10, 5, 9), (11, 5, 1), (12, 5, 1), (13, 6, 1)]);
    let lane = reference(11, 5, 1).lane();
    let claimed = |found: Vec<LeadRef>| ids(&Some((lane, found)));
    assert_eq!(claimed(queue.claim_of(&lane, 1)), ["11"]);
    assert_eq!(claimed(queue.claim_of(&lane, 9)), ["12"]);
    assert!(queue.claim_of(&lane, 9).is_empty());
    assert!(queue.claim_of(&reference(1, 7, 7).lane(), 9).is_empty(), "nothing is in it");
    assert_eq!(ids(&queue.claim(9)), ["10"]);
    assert_eq!(ids(&queue.claim(9)), ["13"]);
}

#[test]
fn what_is_released_comes_back_at_its_old_place() {
    let mut queue = queued(&[(10, 5, 1), (11, 5, 1), (12, 5, 1), (13, 5, 1)]);
    assert_eq!(ids(&queue.claim(3)), ["10", "11", "12"]);
    queue.release(&lane(1), &leadgens(&["12", "10", "99"]));
    assert_eq!(ids(&queue.claim(50)), ["10", "12", "13"]);
}

#[test]
fn what_is_done_is_gone_and_its_place_is_given_again() {
    let mut queue = queued(&[(10, 5, 1), (11, 5, 1), (12, 5, 1)]);
    assert_eq!(ids(&queue.claim(1)), ["10"]);
    for id in leadgens(&["10", "12"]) {
        assert_eq!(queue.done(&id, &lane(1)), Some(1));
        assert_eq!(queue.done(&id, &lane(1)), None);
    }
    assert_eq!(queue.oldest().map(|(_, at)| at.as_millisecond()), Some(1_011));
    let ticket = queue.insert(&reference(20, 5, 3), None);
    assert!(queue.find(&leadgens(&["20"])[0], &lane(3)) == Some(Standing::Writing { arrival: 3 }));
    assert_eq!(ids(&queue.claim(50)), ["11"]);
    assert!(queue.claim(50).is_none(), "20 is not durable");
    queue.land(ticket, 2);
    assert_eq!(ids(&queue.claim(50)), ["20"]);
    assert_eq!(queue.entries.len(), 3);
    for (id, form) in leadgens(&["11", "20"]).iter().zip([1, 3]) {
        queue.done(id, &lane(form));
    }
    assert!(
        queue.len() == 0
            && queue.heads.is_empty()
            && queue.claimed.is_empty()
            && queue.group_of.is_empty()
            && queue.held_by_form.is_empty()
    );
}

#[test]
fn what_nobody_claimed_when_it_came_is_counted_until_it_leaves() {
    let claims = Claims {
        forms: Arc::new([sample::form(1)].into_iter().collect()),
        pages: Arc::new([sample::page(5)].into_iter().collect()),
    };
    let mut queue = Queue::default();
    for (leadgen, page, form) in [(10, 5, 1), (11, 6, 1), (12, 5, 2), (13, 5, 2)] {
        let ticket = queue.insert(&reference(leadgen, page, form), Some(&claims));
        queue.land(ticket, 1);
    }
    let counts = |queue: &Queue| (queue.held(), [1, 2, 3].map(|form| queue.held_of(&sample::form(form))));
    assert_eq!(counts(&queue), (3, [1, 2, 0]));
    assert_eq!(ids(&queue.claim(1)), ["10"]);
    queue.done(&leadgens(&["10"])[0], &lane(1));
    assert_eq!(counts(&queue), (3, [1, 2, 0]), "it was claimed");
    assert_eq!(ids(&queue.claim(1)), ["11"]);
    assert_eq!(counts(&queue), (3, [1, 2, 0]), "claimed ones count");
    queue.done(&leadgens(&["12"])[0], &lane(2));
    assert_eq!(counts(&queue), (2, [1, 1, 0]));
    let forgotten = queue.insert(&reference(14, 5, 3), Some(&claims));
    assert_eq!(counts(&queue), (3, [1, 1, 1]));
    queue.forget(forgotten);
    assert_eq!(counts(&queue), (2, [1, 1, 0]));
    let of_no_claims = queue.insert(&reference(15, 9, 9), None);
    queue.land(of_no_claims, 1);
    assert_eq!(queue.held(), 2, "nothing is told apart");
}

#[test]
fn a_submission_named_with_another_form_or_page_is_another_reference() {
    let mut queue = queued(&[(10, 5, 1), (10, 5, 2), (10, 6, 1), (11, 5, 2)]);
    let id = leadgens(&["10"])[0];
    assert!(queue.len() == 4 && queue.holds(&id) && !queue.holds(&leadgens(&["12"])[0]));
    assert_eq!(ids(&queue.claim(9)), ["10"], "of one lane");
    queue.release(&lane(2), &[id]);
    assert_eq!(ids(&queue.claim(9)), ["10", "11"], "the one that is claimed is claimed still");
    assert_eq!(queue.done(&id, &lane(1)), Some(1));
    assert!(queue.find(&id, &lane(1)).is_none() && queue.find(&id, &lane(2)).is_some());
    assert!(queue.holds(&id));
    assert_eq!(ids(&queue.claim(9)), ["10"], "of the other page");
}

#[test]
fn a_stale_ticket_touches_nothing() {
    let mut queue = Queue::default();
    let first = queue.insert(&reference(1, 5, 1), None);
    queue.forget(first);
    let second = queue.insert(&reference(2, 5, 1), None);
    assert!(first.place == second.place);
    assert!(queue.land(first, 1) == Landed::Gone);
    queue.forget(first);
    assert!(queue.land(second, 1) == Landed::Open { left: None });
    assert!(queue.land(second, 2) == Landed::Open { left: Some(1) }, "written again elsewhere");
    queue.forget(second);
    assert_eq!(queue.done(&leadgens(&["2"])[0], &lane(1)), Some(2));
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 56);
}
