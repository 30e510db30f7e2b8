//! What stays open for long: no day's key is needed for longer than eight days.

use super::world::*;
use crate::clock::{Clock, Day};
use crate::inbox::Inbox;
use crate::keyring::{DAY_KEY_SERVES_DAYS, Keyring};

const DAY_MS: i64 = 86_400_000;

/// Every reference that is queued, and no other, in whatever order.
fn holds(inbox: &Inbox, expected: impl IntoIterator<Item = u64>) -> bool {
    let (mut found, mut expected) = (drain(inbox), ids(expected));
    found.sort_unstable_by_key(|leadgen| leadgen.expose().to_owned());
    expected.sort_unstable_by_key(|leadgen| leadgen.expose().to_owned());
    same(&found, &expected)
}

#[tokio::test]
async fn what_is_open_for_seven_days_is_written_again_and_survives_a_kill_at_any_of_its_steps() {
    let world = World::new();
    let inbox = world.open();
    let first = Day::of(world.clock.now());
    inbox.accept(world.references(1..=700)).await.expect("accepted");
    world.settle(&inbox, 1..=10);
    let mut later = Vec::new();
    for day in 1..=DAY_KEY_SERVES_DAYS {
        assert!(inbox.days().contains(&first), "day {day}");
        world.clock.advance_ms(DAY_MS);
        let today = first.plus(day);
        eventually("the keys of the day", || inbox.days().contains(&today.next()));
        later.push(1_000 + u64::from(day));
        inbox.accept(world.references(later.last().copied())).await.expect("accepted");
    }
    let open = || (11..=700).chain(later.iter().copied());
    for cut in 0..4 {
        let killed = world.killed();
        assert!(holds(&killed.open(), open()), "cut {cut}");
    }
    eventually("nothing needs the first day's key", || !inbox.days().contains(&first));
    let killed = world.killed();
    world.keyring.destroy_days(&[first]).expect("destroyed");
    let again = killed.open();
    assert!(!again.days().contains(&first));
    assert!(holds(&again, open()));
    assert!(holds(&inbox, open()), "who claims meanwhile sees nothing of it");
}
