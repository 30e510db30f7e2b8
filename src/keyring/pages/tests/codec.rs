//! Insides, without the cipher around them.

use proptest::prelude::*;

use super::*;
use crate::keyring::pages::body::{Head, read_buckets, write_buckets};
use crate::keyring::pages::page::BODY_BYTES;
use crate::keyring::tree::{BOUNDS_MAX, Frontier};

fn head(pages: &[u32], keys: &[KeyName]) -> Head {
    Head {
        change: 7,
        sum_key: Key::new([3; 32]),
        sum: [4; 32],
        pages: pages.iter().copied().collect(),
        keys: keys.iter().map(|name| (*name, Arc::new(Key::new([5; 32])))).collect(),
    }
}

fn written(head: &Head) -> Option<Vec<u8>> {
    let mut body = vec![0; BODY_BYTES];
    head.write(&mut body).map(|()| body)
}

fn buckets_written(buckets: &[(Bucket, Frontier)]) -> Option<Vec<u8>> {
    let mut body = vec![0; BODY_BYTES];
    let buckets: Vec<_> = buckets.iter().map(|(bucket, frontier)| (bucket, frontier)).collect();
    write_buckets(7, &buckets, &mut body).map(|()| body)
}

fn frontier(seed: u64) -> Frontier {
    Frontier::new(&SeededRandom::new(seed)).expect("randomness")
}

#[test]
fn the_fullest_head_and_the_largest_bucket_fit_into_a_page() {
    let days: Vec<KeyName> = (0..HEAD_KEYS_MAX as u32).map(|day| KeyName::Day(Day(u32::MAX - day))).collect();
    let fullest = head(&[0, PAGES_MAX - 1], &days);
    let body = written(&fullest).expect("fits");
    let read = Head::read(&body).expect("read");
    assert!(read.keys.len() == HEAD_KEYS_MAX && read.pages == fullest.pages);
    assert!(written(&head(&[PAGES_MAX], &[])).is_none(), "no keyring has more pages");
    let random = SeededRandom::new(2);
    let mut largest = frontier(1);
    for from in (1..2 * BOUNDS_MAX as u16).step_by(2) {
        largest = largest.renew_unassigned(from, &random).expect("randomness");
    }
    for leaf in (2 * BOUNDS_MAX as u16..512).step_by(2) {
        largest = largest.puncture(leaf);
    }
    let purpose = PurposeId::parse(&"p".repeat(63)).expect("a purpose");
    let bucket = Bucket { purpose, epoch: u32::MAX, index: u64::MAX };
    let body = buckets_written(&[(bucket, largest)]).expect("fits");
    assert!(read_buckets(&body).is_some());
}

#[test]
fn each_inside_has_one_form() {
    let head = written(&head(&[3, 9, 4_000], &[KeyName::Seen, KeyName::Day(Day(4)), KeyName::Day(Day(5))]))
        .expect("fits");
    let head_again = |body: &[u8]| Head::read(body).map(|read| written(&read).expect("fits"));
    let many =
        [(0, 1), (0, 2), (1, 0)].map(|(epoch, index)| (Bucket { epoch, ..bucket(index) }, frontier(index)));
    let buckets = buckets_written(&many).expect("fits");
    let buckets_again = |body: &[u8]| {
        let read = read_buckets(body)?.1;
        buckets_written(&read)
    };
    assert!(head_again(&head).as_ref() == Some(&head) && buckets_again(&buckets).as_ref() == Some(&buckets));
    for (body, skip, again) in
        [(head, 8, &head_again as &dyn Fn(&[u8]) -> Option<Vec<u8>>), (buckets, 8, &buckets_again)]
    {
        let used = body.iter().rposition(|byte| *byte != 0).expect("something") + 1;
        for at in (skip..used + 2).chain([BODY_BYTES - 1]) {
            for value in [0, 1, 2, 7, 0x80, 0xff] {
                let mut other = body.clone();
                other[at] = value;
                assert!(again(&other).is_none_or(|again| again == other), "byte {at} = {value}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_inside_makes_a_reader_panic(start in prop::collection::vec(any::<u8>(), 0..300), small in prop::collection::vec(0_u8..3, 0..80)) {
        for start in [start, small] {
            let mut body = vec![0; BODY_BYTES];
            body[..start.len()].copy_from_slice(&start);
            if let Some(read) = Head::read(&body) {
                prop_assert!(written(&read).is_some_and(|again| again == body));
            }
            let _ = read_buckets(&body);
            let _ = (Head::read(&start), read_buckets(&start));
        }
    }
}
