//! What a restart finds: after a clean end, a kill, a torn tail, damage.

use std::fs;
use std::sync::Arc;

use super::world::*;
use crate::inbox::InboxCode;
use crate::keyring::memory::MemoryKeyring;

#[tokio::test]
async fn a_replay_gives_exactly_what_was_not_done_after_a_close_and_after_a_kill() {
    let world = World::new();
    let inbox = world.open();
    for call in world.references(0..3_000).chunks(7) {
        inbox.accept(call.to_vec()).await.expect("accepted");
    }
    world.settle(&inbox, (0..3_000).filter(|n| n % 3 != 0));
    drain(&inbox);
    let open = ids((0..3_000).filter(|n| n % 3 == 0));
    assert!(inbox.figures().segments_live > 2, "over several segments");
    assert!(same(&drain(&world.killed().open()), &open), "killed");
    inbox.close().expect("closes");
    assert!(same(&drain(&world.killed().open()), &open), "closed");
    drop(inbox);
    for _ in 0..10 {
        assert!(same(&drain(&world.open()), &open), "opened again and again");
    }
    assert!(world.files().len() < 12, "restarts do not pile up files");
}

#[tokio::test]
async fn times_and_ids_come_back_as_they_were() {
    let world = World::new();
    let inbox = world.open();
    let mut one = world.reference(1);
    one.created = jiff::Timestamp::from_second(1_700_000_000).ok();
    world.clock.advance_ms(1_234);
    let other = world.reference(2);
    inbox.accept(vec![one.clone(), other.clone()]).await.expect("accepted");
    assert_eq!(inbox.oldest(), Some((one.lane(), one.received)));
    drop(inbox);
    let inbox = world.open();
    let (_, claimed) = inbox.claim(10).expect("two");
    assert!(claimed == [one.clone(), other]);
    assert_eq!(inbox.oldest(), Some((one.lane(), one.received)), "claimed, but still here");
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_costs_only_what_was_not_acknowledged() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1, 2])).await.expect("accepted");
    inbox.accept(world.references([3])).await.expect("accepted");
    let killed = world.killed();
    let (file, frames) = killed.last_segment();
    let last = frames.last().expect("a frame").clone();
    let whole = fs::read(&file).expect("read");
    for cut in last.clone() {
        let mut torn = whole.clone();
        torn[cut..last.end].fill(0);
        let world = killed.killed();
        fs::write(world.settings.path.join(file.file_name().expect("a name")), torn).expect("written");
        // A cut in trailing bytes that happen to be zero changes nothing.
        let intact = whole[cut..last.end].iter().all(|byte| *byte == 0);
        let open = if intact { ids([1, 2, 3]) } else { ids([1, 2]) };
        let inbox = world.open();
        assert!(same(&drain(&inbox), &open), "cut at {cut}");
        inbox.accept(world.references([4])).await.expect("goes on");
        let again = world.killed().open();
        assert_eq!(again.queued(), open.len() as u64 + 1, "cut at {cut}, opened again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_batch_whose_later_frames_survive_is_still_a_torn_tail() {
    let world = World::new();
    let inbox = Arc::new(world.open());
    inbox.accept(world.references([1])).await.expect("accepted");
    world.faults.hold(true);
    let mut calls = vec![spawn(&inbox, world.references([2]))];
    eventually("2 is being written", || inbox.queued() == 2 && inbox.shared.lock().gathered_bytes() == 0);
    calls.extend([3, 4].map(|leadgen| spawn(&inbox, world.references([leadgen]))));
    eventually("3 and 4 share the next batch", || inbox.queued() == 4);
    world.faults.hold(false);
    for call in calls {
        assert_eq!(call.await.expect("accepted"), 1);
    }
    let killed = world.killed();
    // As if killed before the witness knew of the batch.
    fs::remove_file(&killed.settings.witness).expect("removed");
    let (file, frames) = killed.last_segment();
    assert_eq!(frames.len(), 4);
    flip(&file, frames[2].start + 40);
    assert!(same(&drain(&killed.open()), &ids([1, 2])), "3 and 4 came in one batch");
    let (_, frames) = killed.last_segment();
    assert_eq!(frames.len(), 3, "an end marker stands where 3 was, before the rest of its batch");
    assert!(same(&drain(&killed.open()), &ids([1, 2])), "and hides it for good");
}

#[tokio::test]
async fn damage_before_a_later_batch_is_no_torn_tail() {
    let world = World::new();
    let inbox = world.open();
    for leadgen in 0..20 {
        inbox.accept(world.references([leadgen])).await.expect("accepted");
    }
    let killed = world.killed();
    let (_, frames) = killed.last_segment();
    for (number, frame) in frames.iter().enumerate() {
        for offset in [0, 4, 8, 16, 20, 24, 28, 40, frame.len() - 1] {
            let damaged = killed.killed();
            let (file, _) = damaged.last_segment();
            flip(&file, frame.start + offset);
            let before = damaged.all_bytes();
            let found = code(damaged.try_open());
            if number + 1 == frames.len() {
                assert_eq!(found, None, "in the last batch it may be torn");
            } else {
                assert_eq!(found, Some(InboxCode::Corrupt), "frame {number}, byte {offset}");
                assert!(before == damaged.all_bytes(), "nothing is touched");
            }
        }
    }
}

#[tokio::test]
async fn after_a_clean_end_damage_in_the_last_frame_is_noticed_too() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    inbox.close().expect("closes");
    let (file, frames) = world.last_segment();
    assert_eq!(frames.len(), 2, "the frame and the end marker");
    drop(inbox);
    for at in frames[0].clone() {
        let damaged = world.killed();
        flip(&damaged.settings.path.join(file.file_name().expect("a name")), at);
        assert_eq!(code(damaged.try_open()), Some(InboxCode::Corrupt), "byte {at}");
    }
}

#[tokio::test]
async fn damage_in_a_segment_that_is_not_the_last_is_noticed_down_to_its_end_marker() {
    let world = World::new();
    let inbox = world.open();
    // Calls of 100, so that segments end in the middle of nothing in particular.
    for call in world.references(0..1_500).chunks(100) {
        inbox.accept(call.to_vec()).await.expect("accepted");
    }
    let killed = world.killed();
    assert_eq!(killed.open().queued(), 1_500);
    let (first, last) = (killed.files()[0].clone(), killed.last_segment().0);
    assert!(first != last);
    let content = fs::read(&first).expect("read");
    let end = content.iter().rposition(|byte| *byte != 0).expect("an end marker");
    for at in [8_192, 8_230, 20_000, end - 20, end] {
        let damaged = world.killed();
        // What the bytes alone tell: a witness knows that nothing is missing where only the end marker is damaged.
        fs::remove_file(&damaged.settings.witness).expect("removed");
        flip(&damaged.settings.path.join(first.file_name().expect("a name")), at);
        assert_eq!(code(damaged.try_open()), Some(InboxCode::Corrupt), "byte {at}");
    }
}

#[tokio::test]
async fn one_damaged_header_is_noticed_only_when_it_counted() {
    let world = World::new();
    let inbox = world.open();
    // So many that every file has been recycled, and its first header names an earlier use.
    for round in 0..8_u64 {
        let leadgens = round * 1_000..round * 1_000 + 1_000;
        for call in world.references(leadgens.clone()).chunks(50) {
            inbox.accept(call.to_vec()).await.expect("accepted");
        }
        world.settle(&inbox, leadgens);
    }
    inbox.accept(world.references([1])).await.expect("known");
    inbox.accept(world.references([9_999])).await.expect("accepted");
    let killed = world.killed();
    let (file, _) = killed.last_segment();
    let content = fs::read(&file).expect("read");
    let used = |at: usize| u64::from_le_bytes(content[at + 28..at + 36].try_into().expect("eight bytes"));
    let (counts, other) = if used(0) > used(4096) { (0, 4096) } else { (4096, 0) };
    assert!(used(other) > 0, "recycled before");
    for (at, expected) in [(counts, Some(InboxCode::Corrupt)), (other, None)] {
        let damaged = killed.killed();
        flip(&damaged.settings.path.join(file.file_name().expect("a name")), at + 30);
        assert_eq!(code(damaged.try_open()), expected, "header at {at}");
    }
    let damaged = killed.killed();
    let (file, _) = damaged.last_segment();
    flip(&file, counts + 30);
    flip(&file, other + 30);
    assert_eq!(code(damaged.try_open()), Some(InboxCode::Corrupt), "both");
}

#[tokio::test]
async fn a_damaged_header_in_a_segments_first_use_does_not_make_it_look_empty() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    let killed = world.killed();
    let (file, _) = killed.last_segment();
    flip(&file, 4096 + 30);
    assert_eq!(code(killed.try_open()), Some(InboxCode::Corrupt));
}

#[tokio::test]
async fn a_spare_torn_while_recycled_and_an_unfinished_new_file_are_fine() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    eventually("a spare is made", || inbox.figures().segments_spare > 0);
    let killed = world.killed();
    let (last, _) = killed.last_segment();
    let spare = killed.files().into_iter().find(|file| *file != last).expect("a spare");
    flip(&spare, 4096 + 30);
    fs::write(killed.settings.path.join("000099.new"), [0; 1000]).expect("written");
    assert!(same(&drain(&killed.open()), &ids([1])));
    assert!(killed.files().iter().all(|file| file.extension().is_some_and(|end| end == "seg")));
}

#[tokio::test]
async fn a_segment_that_is_a_link_has_a_second_name_or_is_another_user_s_is_refused() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    let killed = world.killed();
    let (file, _) = killed.last_segment();
    let away = killed.settings.path.join("away");
    fs::hard_link(&file, &away).expect("linked");
    assert_eq!(code(killed.try_open()), Some(InboxCode::NotOwn), "a second name");
    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink(&away, &file).expect("linked");
    assert_eq!(code(killed.try_open()), Some(InboxCode::NotOwn), "a link");
    fs::rename(&away, &file).expect("put back");
    // A trap where a new segment is made is not written through.
    fs::write(killed.settings.path.join("victim"), "theirs").expect("written");
    std::os::unix::fs::symlink("victim", killed.settings.path.join("000001.new")).expect("linked");
    assert_eq!(code(killed.try_open()), Some(InboxCode::NotOwn), "a trap");
    assert_eq!(fs::read(killed.settings.path.join("victim")).expect("there"), b"theirs");
    fs::remove_file(killed.settings.path.join("000001.new")).expect("removed");
    if rustix::process::geteuid().is_root() {
        for given in [&file, &killed.settings.path] {
            std::os::unix::fs::chown(given, Some(65_534), None).expect("given away");
            assert_eq!(code(killed.try_open()), Some(InboxCode::NotOwn), "another user's");
            std::os::unix::fs::chown(given, Some(0), None).expect("taken back");
        }
    }
    assert!(same(&drain(&killed.open()), &ids([1])));
    inbox.close().expect("closes");
}

#[tokio::test]
async fn without_a_witness_a_shortened_segment_is_corrupt() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    let killed = world.killed();
    fs::remove_file(&killed.settings.witness).expect("removed");
    let (file, _) = killed.last_segment();
    let content = fs::read(&file).expect("read");
    fs::write(&file, &content[..content.len() - 1]).expect("written");
    assert_eq!(code(killed.try_open()), Some(InboxCode::Corrupt));
    fs::write(&file, "").expect("written");
    assert_eq!(code(killed.try_open()), Some(InboxCode::Corrupt));
}

#[tokio::test]
async fn a_missing_day_key_and_another_instances_keyring_are_refused() {
    let mut world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    drop(inbox);
    let keys = world.keyring.clone();
    world.keyring = MemoryKeyring::with_other_keys(9);
    assert_eq!(code(world.try_open()), Some(InboxCode::Key), "the day's key is gone");
    crate::keyring::Keyring::make_days(&*world.keyring, &[crate::clock::Day(20_000)]).expect("made");
    assert_eq!(code(world.try_open()), Some(InboxCode::Key), "another key under the same day");
    world.keyring = MemoryKeyring::of_instance(8);
    assert_eq!(code(world.try_open()), Some(InboxCode::Foreign));
    world.keyring = keys;
    assert_eq!(world.open().queued(), 1);
}

#[tokio::test]
async fn a_larger_body_makes_larger_segments_and_the_old_ones_are_read_and_removed() {
    let mut world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..10)).await.expect("accepted");
    drop(inbox);
    world.settings.body_max_bytes = 500_000;
    let inbox = world.open();
    assert_eq!(inbox.queued(), 10);
    inbox.accept(world.references(10..5_000)).await.expect("one large call");
    world.settle(&inbox, 0..10);
    let small = |file: &std::path::PathBuf| fs::metadata(file).is_ok_and(|file| file.len() < 500_000);
    eventually("small ones go", || !world.files().iter().any(small));
    drop(inbox);
    assert_eq!(world.open().queued(), 4_990);
}
