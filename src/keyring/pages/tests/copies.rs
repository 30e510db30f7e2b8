//! Old and new copies of pages in one file, as a backup that is taken while the file changes may have them.

use super::disk::Sim;
use super::*;
use crate::random::Random;

/// The disk after each of these changes.
fn history(changes: &[Change]) -> Vec<(Image, Told)> {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..3)).expect("made");
    let mut history = vec![(sim.image(), told(&pages))];
    for change in changes {
        pages.change(change).expect("changed");
        history.push((sim.image(), told(&pages)));
    }
    history
}

#[test]
fn each_combination_of_old_and_new_pages_is_the_old_keyring_the_new_one_or_refused() {
    let two = changed(|change| [0, 2].iter().for_each(|index| change.puncture(bucket(*index), 5..6)));
    let all = changed(|change| (0..3).for_each(|index| change.puncture(bucket(index), 0..512)));
    let gone = changed(|change| (0..3).for_each(|index| change.forget(bucket(index))));
    let history = history(&[erasing(1, 9), two, making(3..6), all, gone]);
    for pair in history.windows(2) {
        let [(old, old_told), (new, new_told)] = pair else { panic!("two") };
        let differ: Vec<usize> = (0..old.len()).filter(|at| old[*at] != new[*at]).collect();
        assert!((3..10).contains(&differ.len()), "{differ:?}");
        let (mut were_old, mut were_new, mut refused) = (0, 0, 0);
        for mix in 0..1_u32 << differ.len() {
            let mut image = old.clone();
            for (bit, at) in differ.iter().enumerate().filter(|(bit, _)| mix >> bit & 1 == 1) {
                assert!(bit < 32);
                image[*at] = Arc::clone(&new[*at]);
            }
            match open_image(&image) {
                Ok(pages) if told(&pages) == *old_told => were_old += 1,
                Ok(pages) if told(&pages) == *new_told => were_new += 1,
                Ok(_) => panic!("a keyring that never was opens"),
                Err(error) => {
                    assert_eq!(error.code, KeyringCode::Incomplete);
                    refused += 1;
                }
            }
        }
        assert!(were_old > 0 && were_new > 0 && refused > 0, "{were_old} {were_new} {refused}");
    }
}

#[test]
fn pages_of_many_moments_open_to_one_of_them_or_are_refused() {
    let changes: Vec<Change> = (0..8).map(|step| erasing(step % 3, step as u16)).collect();
    let history = history(&changes);
    let chance = SeededRandom::new(5);
    let mut opened = 0;
    for round in 0..300 {
        let mut drawn = vec![0; history[0].0.len()];
        chance.fill(&mut drawn).expect("seeded");
        // A copy that goes through the file once: each page is of the same moment as the one before, or a later one.
        let mut moment = 0;
        let image: Image = (0..drawn.len())
            .map(|at| {
                if round % 2 == 0 {
                    moment = (moment + usize::from(drawn[at].is_multiple_of(4))).min(history.len() - 1);
                } else {
                    moment = usize::from(drawn[at]) % history.len();
                }
                Arc::clone(&history[moment].0[at])
            })
            .collect();
        match open_image(&image) {
            Ok(pages) => {
                let found = told(&pages);
                assert!(history.iter().any(|(_, told)| *told == found), "a keyring that never was opens");
                opened += 1;
            }
            Err(error) => assert_eq!(error.code, KeyringCode::Incomplete),
        }
    }
    assert!(opened > 0);
}

/// Sectors of zeros, as a tear leaves them, in every page there is.
#[test]
fn a_torn_page_is_zeroed_beside_an_older_copy_and_refused_alone() {
    let history = history(&[erasing(1, 9)]);
    let [(old, old_told), (new, _)] = &history[..] else { panic!("two") };
    let differ: Vec<usize> = (0..old.len()).filter(|at| old[*at] != new[*at]).collect();
    let zeros = vec![0; 512];
    for sector in [0, 1, 15, 31] {
        let tear = |page: &mut Arc<Vec<u8>>| {
            let mut bytes = page.to_vec();
            bytes[sector * 512..][..512].copy_from_slice(&zeros);
            *page = Arc::new(bytes);
        };
        for at in (0..new.len()).filter(|at| new[*at].iter().any(|byte| *byte != 0)) {
            // Alone.
            let mut image = new.clone();
            tear(&mut image[at]);
            if at == 0 && sector > 0 {
                continue; // the title has nothing there
            }
            let sim = Sim::holding(image);
            let refused = (code(open(&sim)), sim.steps());
            assert_eq!(refused, (Some(KeyringCode::DoesNotOpen), 0), "page {at}, sector {sector}");
            if !differ.contains(&at) {
                continue;
            }
            // Beside the older set, whole.
            let mut image = old.clone();
            image[at] = Arc::clone(&new[at]);
            tear(&mut image[at]);
            let sim = Sim::holding(image);
            let pages = open(&sim).expect("opens");
            assert!(told(&pages) == *old_told && is_tidy(&pages, &sim), "page {at}, sector {sector}");
        }
    }
}

#[test]
fn a_page_in_another_place_or_of_another_instance_is_no_page_of_this_one() {
    let history = history(&[erasing(1, 9)]);
    let (image, _) = &history[1];
    let full: Vec<usize> = (1..image.len()).filter(|at| image[*at].iter().any(|byte| *byte != 0)).collect();
    let free = (1..image.len()).find(|at| !full.contains(at)).expect("a free page");
    for at in full {
        let mut moved = image.clone();
        moved.swap(at, free);
        assert_eq!(code(open_image(&moved)), Some(KeyringCode::DoesNotOpen));
    }
    let other = Sim::default();
    let keys = BTreeMap::new();
    drop(
        Pages::create_within(SMALL, other.clone(), roots(1), InstanceId([8; 16]), keys, 0, random(2))
            .expect("made"),
    );
    let mut mixed = image.clone();
    mixed[0] = Arc::clone(&other.image()[0]);
    assert_eq!(code(open_image(&mixed)), Some(KeyringCode::DoesNotOpen));
}

#[test]
fn what_is_cut_short_or_no_keyring_or_a_later_version_s_is_refused_and_left_alone() {
    let (image, _) = &history(&[erasing(1, 9)])[1];
    let full = |image: &Image| (1..image.len()).rev().find(|at| image[*at].iter().any(|byte| *byte != 0));
    let last = full(image).expect("a page");
    assert!(open_image(&image[..=last].to_vec()).is_ok(), "only free pages are missing");
    assert_eq!(code(open_image(&image[..last].to_vec())), Some(KeyringCode::Incomplete));
    assert_eq!(code(open_image(&image[..1].to_vec())), Some(KeyringCode::Incomplete), "a title alone");
    let zeros = Arc::new(vec![0; PAGE_BYTES]);
    for nothing in [vec![], vec![zeros; 3]] {
        assert_eq!(code(open_image(&nothing)), Some(KeyringCode::DoesNotOpen));
    }
    let altered = |at: usize, byte: usize, value: u8| {
        let mut image = image.clone();
        let mut bytes = image[at].to_vec();
        bytes[byte] = value;
        image[at] = Arc::new(bytes);
        let sim = Sim::holding(image);
        (code(open(&sim)), sim.steps())
    };
    assert_eq!(altered(0, 8, 3), (Some(KeyringCode::Format), 0), "another version in the title");
    assert_eq!(altered(0, 40, 1), (Some(KeyringCode::DoesNotOpen), 0));
    assert_eq!(altered(last, 8, 9), (Some(KeyringCode::Format), 0), "a kind of page that is not known");
    assert_eq!(altered(last, 10, 0xfe), (Some(KeyringCode::DoesNotOpen), 0), "another root key's mark");
}
