use super::*;
use crate::clock::plus_months;
use crate::purpose::PurposeId;
use crate::store::feeds::block::RUNS_MAX;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("in range")
}

fn purpose() -> PurposeId {
    PurposeId::parse("devis").expect("a purpose")
}

fn add(feed: &mut Feed, numbers: impl IntoIterator<Item = u64>, epoch: u32) -> Vec<Block> {
    let spots = numbers.into_iter().map(|number| (1, number)).collect();
    feed.add(&Became::of(ChangeKind::Expired, &[]), &purpose(), spots, epoch, at(0))
}

fn listed(block: &Block, after: u64, max: usize) -> Vec<(u64, u64)> {
    let mut changes = Vec::new();
    block.list(after, max, &mut changes).expect("of our words");
    changes.iter().map(|change| (change.n, change.id.number)).collect()
}

#[test]
fn records_that_follow_one_another_are_one_run_and_each_has_its_number() {
    let mut feed = Feed::default();
    let blocks = add(&mut feed, [7, 5, 6, 9, 5], 1);
    let [block] = blocks.as_slice() else { panic!("one block") };
    assert_eq!(block.runs, [(1, 5, 3), (1, 9, 1)]);
    assert_eq!((block.last(), feed.last, feed.blocks, feed.waiting), (4, 4, 1, 4));
    assert_eq!(listed(block, 0, 10), [(1, 5), (2, 6), (3, 7), (4, 9)]);
    assert_eq!(listed(block, 2, 10), [(3, 7), (4, 9)]);
    assert_eq!(listed(block, 1, 2), [(2, 6), (3, 7)]);
    assert_eq!((listed(block, 4, 10), listed(block, 9, 10)), (vec![], vec![]));
    assert_eq!([block.between(0, 9), block.between(1, 3), block.between(4, 9)], [4, 2, 0]);
}

#[test]
fn a_damaged_block_or_feed_is_said_and_makes_nobody_count_beyond_the_end() {
    let mut feed = Feed::default();
    let whole = add(&mut feed, 1..=3, 1).remove(0);
    for bad in [
        Block { first: u64::MAX - 1, ..whole.clone() },
        Block { runs: vec![(1, u64::MAX, 2)], ..whole.clone() },
        Block {
            runs: vec![(1, 1, u32::MAX), (1, 1, 2)],
            first: u64::MAX - u64::from(u32::MAX),
            ..whole.clone()
        },
    ] {
        let mut listed = Vec::new();
        let said = bad.list(0, CHANGES_LISTED_MAX, &mut listed).map_err(|error| error.code);
        assert!(said == Err(StoreCode::Damaged) || listed.len() == CHANGES_LISTED_MAX, "{said:?}");
        // Nor after the last number that there is.
        let _ = bad.list(u64::MAX, 5, &mut Vec::new());
    }
    let (all, full) =
        (u64::MAX, Feed { last: u64::MAX, blocks: u64::MAX, waiting: u64::MAX, ..Feed::default() });
    let mut full = Feed { dropped: all, ..full };
    let block = add(&mut full, 1..=3, 1).remove(0);
    full.drop(block.last(), 3);
    assert_eq!((full.dropped, Feed::unreadable(all, 1, 0).last), (all, all));
}

#[test]
fn a_block_is_less_than_a_row_may_be_and_numbers_run_on_over_blocks() {
    let mut feed = Feed::default();
    let blocks = add(&mut feed, (0..3_000).map(|number| number * 2), 1);
    assert_eq!(blocks.len(), 6);
    assert!(blocks.iter().all(|block| block.runs.len() <= RUNS_MAX));
    let all: Vec<u64> = blocks.iter().flat_map(|block| listed(block, 0, 9_999)).map(|(n, _)| n).collect();
    assert_eq!(all, (1..=3_000).collect::<Vec<_>>());
    assert_eq!((feed.last, feed.waiting), (3_000, 3_000));
}

/// Whoever applied numbers that a restored store forgot meets none of them again, and is not ahead of it.
#[test]
fn a_restored_store_gives_no_number_again() {
    let mut feed = Feed::default();
    add(&mut feed, 1..=50, 1);
    assert!(feed.is_ahead(51, 1) && !feed.is_ahead(50, 1) && !feed.is_ahead(0, 1));
    assert!(!feed.is_ahead(70, 8_000), "it was given after the backup");
    let blocks = add(&mut feed, [99], 8_000);
    assert_eq!(blocks.first().map(|block| block.first), Some((7_999 << 32) + 1));
    assert!(feed.last < 1 << 53, "a number that JSON readers keep whole");
    assert_eq!(feed.waiting, 51);
    assert!(Feed::unreadable(50, 1, 3).last > 50 && Feed::unreadable(0, 8_000, 0).last > 7_999 << 32);
}

#[test]
fn an_erasure_is_followed_once_its_last_change_is_applied() {
    let mut follow = Follow::default();
    follow.await_until(7);
    follow.await_until(3);
    follow.tell(6, at(1));
    assert_eq!(follow.followed(String::new()).told, None);
    follow.tell(7, at(2));
    follow.tell(8, at(3));
    follow.apply(6, at(4));
    assert_eq!(follow.followed(String::new()).confirmed, None);
    follow.apply(9, at(5));
    follow.apply(10, at(6));
    let followed = follow.followed("crm".to_owned());
    assert_eq!((followed.told, followed.confirmed), (Some(at(2)), Some(at(5))));
}

#[test]
fn a_change_that_nobody_applies_is_kept_for_two_years() {
    let mut feed = Feed::default();
    let blocks = add(&mut feed, [1], 1);
    let end = plus_months(at(0), 24);
    assert!(blocks[0].is_kept(end - jiff::SignedDuration::from_secs(1)) && !blocks[0].is_kept(end));
}
