//! Small trees, to the last case.

use super::encoded;
use super::model::Model;
use crate::keyring::tree::{Frontier, read_frontier};
use crate::random::SeededRandom;

fn tree<const H: u8>() -> Frontier<H> {
    Frontier::new(&SeededRandom::new(u64::from(H))).expect("randomness")
}

/// Of eight leaves each set, erased in order, from the end and at once; and from each of them every next leaf.
#[test]
fn every_set_of_eight_leaves_is_erased_alike_in_whatever_order() {
    let whole = tree::<3>();
    for dead in 0..1_u16 << 8 {
        let set: Vec<u16> = (0..8).filter(|leaf| dead >> leaf & 1 == 1).collect();
        let mut model = Model::of(&whole);
        set.iter().for_each(|leaf| model.erase(*leaf..leaf + 1));
        let upwards = set.iter().fold(whole.puncture_range(0..0), |tree, leaf| tree.puncture(*leaf));
        let downwards = set.iter().rev().fold(whole.puncture_range(0..0), |tree, leaf| tree.puncture(*leaf));
        assert_eq!(model.judge(&upwards), Ok(()), "{dead:b}");
        assert!(encoded(&upwards) == encoded(&downwards), "{dead:b}");
        let (read, rest) =
            read_frontier::<3>(&encoded(&upwards)).map(|(read, rest)| (read, rest.len())).expect("read");
        assert!(rest == 0 && encoded(&read) == encoded(&upwards), "{dead:b}");
        for start in 0..8 {
            for end in start..=8 {
                let mut model = Model::of(&whole);
                set.iter().for_each(|leaf| model.erase(*leaf..leaf + 1));
                model.erase(start..end);
                assert_eq!(
                    model.judge(&upwards.puncture_range(start..end)),
                    Ok(()),
                    "{dead:b} {start}..{end}"
                );
            }
        }
    }
}

/// Of four leaves, every sequence of four steps: erase one of four, or make the nodes from one of five leaves on anew.
#[test]
fn every_sequence_of_four_steps_on_four_leaves_ends_where_the_model_does() {
    fn step(tree: &Frontier<2>, model: &Model, deep: u32, random: &SeededRandom, seen: &mut u32) {
        assert_eq!(model.judge(tree), Ok(()));
        let bytes = encoded(tree);
        assert!(
            read_frontier::<2>(&bytes).is_some_and(|(read, rest)| rest.is_empty() && encoded(&read) == bytes)
        );
        *seen += 1;
        if deep == 0 {
            return;
        }
        for leaf in 0..4 {
            let mut model = model.clone();
            model.erase(leaf..leaf + 1);
            step(&tree.puncture(leaf), &model, deep - 1, random, seen);
        }
        for from in 0..=4 {
            let next = tree.renew_unassigned(from, random).expect("randomness");
            let mut model = model.clone();
            model.renew(from, &next);
            step(&next, &model, deep - 1, random, seen);
        }
    }
    let (whole, mut seen) = (tree::<2>(), 0);
    step(&whole, &Model::of(&whole), 4, &SeededRandom::new(3), &mut seen);
    assert_eq!(seen, (0..=4).map(|steps| 9_u32.pow(steps)).sum::<u32>());
}

/// Whatever is read is what would be written: of all short byte strings around a true one, none has a second form.
#[test]
fn a_frontier_has_one_form() {
    let random = SeededRandom::new(4);
    let tree = tree::<2>().renew_unassigned(2, &random).expect("randomness").puncture(0);
    let bytes = encoded(&tree);
    for at in 0..bytes.len() - tree.places().len() * 32 {
        for value in 0..=u8::MAX {
            let mut other = bytes.clone();
            other[at] = value;
            if let Some((read, rest)) = read_frontier::<2>(&other) {
                let length = other.len() - rest.len();
                assert!(encoded(&read) == other[..length], "byte {at} = {value}");
            }
        }
    }
    for length in 0..bytes.len() {
        assert!(read_frontier::<2>(&bytes[..length]).is_none(), "cut at {length}");
    }
}
