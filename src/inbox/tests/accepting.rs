//! Accepting, claiming, bounds, keys of days.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::world::*;
use crate::clock::{Clock, Day};
use crate::inbox::{DiskRoom, InboxCode, frame};
use crate::notification::{Claims, LeadRef, sample};

#[tokio::test]
async fn what_was_accepted_is_claimed_in_order_and_known_until_it_is_done_and_after() {
    let world = World::new();
    let inbox = open_on_disk(&world);
    let accepted = inbox.accept(world.references([3, 1, 3, 2])).await.expect("accepted");
    assert_eq!((accepted.new.len(), accepted.known), (3, 1));
    assert_eq!(inbox.queued(), 3);
    let again = inbox.accept(world.references([1, 4])).await.expect("accepted");
    assert_eq!((again.new.len(), again.known), (1, 1));
    assert!(same(&drain(&inbox), &ids([3, 1, 2, 4])));
    assert_eq!(inbox.queued(), 4, "claimed ones count");
    inbox.release(&lane(), &ids([1, 2]));
    assert!(same(&drain(&inbox), &ids([1, 2])));
    world.settle(&inbox, [1, 2, 3]);
    assert_eq!(inbox.queued(), 1);
    let settled = inbox.accept(world.references([1, 2, 3, 4])).await.expect("accepted");
    assert_eq!((settled.new.len(), settled.known), (0, 4));
    inbox.close().expect("closes");
}

#[tokio::test]
async fn directory_and_files_are_the_owners_alone_and_hold_no_id_in_clear() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..500)).await.expect("accepted");
    eventually("the keeper rests", || inbox.figures().segments_spare > 0);
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&world.settings.path), 0o700);
    assert!(!world.files().is_empty() && world.files().iter().all(|file| mode(file) == 0o600));
    let holds =
        |needle: &str| world.all_bytes().windows(needle.len()).any(|window| window == needle.as_bytes());
    for leadgen in [0, 250, 499] {
        assert!(!holds(id(leadgen).expose()), "a leadgen id in clear");
    }
    assert!(!holds("901000000000001") && !holds("104000000000001"));
    // The control: the search finds what is there.
    std::fs::write(world.settings.path.join("planted"), id(250).expose()).expect("written");
    assert!(holds(id(250).expose()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_ten_times_at_once_is_queued_once_and_every_answer_waits_for_the_sync() {
    let world = World::new();
    let inbox = Arc::new(world.open());
    for round in 0..20 {
        let before = world.faults.syncs.load(Ordering::SeqCst);
        let call = world.references(round * 5..round * 5 + 5);
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let (inbox, call, faults) = (inbox.clone(), call.clone(), world.faults.clone());
                async move {
                    let accepted = inbox.accept(call).await.expect("accepted");
                    assert!(faults.syncs.load(Ordering::SeqCst) > before, "answered before the sync");
                    accepted.new.len()
                }
            })
            .collect();
        let new: usize = together(calls).await.into_iter().sum();
        assert_eq!(new, 5);
    }
    assert_eq!(inbox.queued(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_answer_and_no_claim_before_the_sync_returned() {
    let world = World::new();
    let inbox = Arc::new(world.open());
    let begun = world.faults.syncs.load(Ordering::SeqCst);
    // How many were new, and how many syncs had returned when the answer came.
    let call = |leadgens: &[u64]| {
        let (inbox, faults) = (inbox.clone(), world.faults.clone());
        let call = world.references(leadgens.iter().copied());
        #[expect(clippy::disallowed_methods, reason = "a test's own tasks, joined in it")]
        tokio::spawn(async move {
            let new = inbox.accept(call).await.expect("accepted").new.len();
            (new, faults.syncs.load(Ordering::SeqCst) - begun)
        })
    };
    world.faults.hold(true);
    let (first, repeated) = (call(&[1]), call(&[1]));
    eventually("it is being written", || inbox.queued() == 1 && inbox.shared.lock().gathered_bytes() == 0);
    let later = call(&[2, 1]);
    eventually("it waits for the next sync", || inbox.queued() == 2);
    assert!(!first.is_finished() && !repeated.is_finished() && !later.is_finished());
    assert!(inbox.claim(10).is_none());
    world.faults.hold(false);
    let answers = [first.await, repeated.await, later.await].map(|answer| answer.expect("no panic"));
    assert_eq!(answers[0].0 + answers[1].0, 1);
    assert_eq!(answers[2].0, 1);
    assert!(answers[0].1 >= 1 && answers[1].1 >= 1, "answered before the sync");
    assert!(answers[2].1 >= 2, "answered by the sync of what came before it");
    tokio::time::timeout(Duration::from_secs(5), inbox.arrived().notified()).await.expect("rung");
    assert!(same(&drain(&inbox), &ids([1, 2])));
}

#[tokio::test]
async fn the_bound_counts_queued_and_parked_and_takes_all_of_a_call_or_none() {
    let mut world = World::new();
    world.settings.max_references = 10;
    let inbox = world.open();
    world.store.parked.store(3, Ordering::SeqCst);
    inbox.accept(world.references(0..5)).await.expect("accepted");
    assert!(inbox.ready().await);
    assert_eq!(code(inbox.accept(world.references(4..8)).await), Some(InboxCode::Full));
    assert_eq!(inbox.queued(), 5);
    inbox.accept(world.references(4..7)).await.expect("two new ones fit");
    assert_eq!(inbox.refusal().await, Some(InboxCode::Full));
    inbox.accept(world.references(0..7)).await.expect("known ones need no room");
    world.settle(&inbox, [0]);
    assert!(inbox.ready().await);
    inbox.accept(world.references([7])).await.expect("room again");
}

#[tokio::test]
async fn what_would_only_be_held_takes_its_own_room_and_a_call_is_refused_only_if_it_is_all_over() {
    const INVENTED: u64 = 909_000_000_000_001;
    let mut world = World::new();
    (world.settings.max_references, world.settings.max_held_by_form) = (20, 4);
    let inbox = world.open();
    let forms = Arc::new([sample::form(sample::FORM)].into_iter().collect());
    let pages = Arc::new([sample::page(sample::PAGE)].into_iter().collect());
    *world.store.claims.lock().expect("no panic") = Some(Claims { forms, pages });
    let invented = |leadgens: std::ops::Range<u64>, form: u64| -> Vec<LeadRef> {
        let of = |leadgen| sample::reference((leadgen, sample::PAGE, INVENTED + form), world.clock.now());
        leadgens.map(of).collect()
    };
    let counts = |accepted: crate::inbox::Accepted| (accepted.new.len(), accepted.known, accepted.over);

    assert_eq!(counts(inbox.accept(invented(0..6, 0)).await.expect("four fit")), (4, 0, 2));
    assert_eq!(code(inbox.accept(invented(6..8, 0)).await), Some(InboxCode::HeldFull));
    let twice = [invented(6..7, 0), invented(6..7, 0)].concat();
    assert_eq!(code(inbox.accept(twice).await), Some(InboxCode::HeldFull), "also named twice");
    assert_eq!(counts(inbox.accept(invented(0..1, 0)).await.expect("a known one needs no room")), (0, 1, 0));
    let mixed = [invented(6..8, 0), world.references([1, 2])].concat();
    assert_eq!(counts(inbox.accept(mixed).await.expect("two are claimed")), (2, 0, 2));
    let known_and_over = [invented(0..1, 0), invented(6..7, 0)].concat();
    assert_eq!(counts(inbox.accept(known_and_over).await.expect("one is known")), (0, 1, 1));

    // What is in the store counts as what is queued does, and however many forms there are, half is the most.
    *world.store.held.lock().expect("no panic") = vec![(sample::form(INVENTED + 1), 3)];
    assert_eq!(counts(inbox.accept(invented(10..12, 1)).await.expect("one fits")), (1, 0, 1));
    let spread: Vec<LeadRef> = (2..9).flat_map(|form| invented(20 + form..21 + form, form)).collect();
    assert_eq!(counts(inbox.accept(spread).await.expect("two fit")), (2, 0, 5));
    assert_eq!(inbox.accept(world.references(3..10)).await.expect("the other half is theirs").new.len(), 7);
    assert_eq!(inbox.queued(), 16);
    assert_eq!(drain(&world.killed().open()).len(), 16, "what was passed over is in no frame");
}

#[tokio::test]
async fn a_submission_named_with_another_form_or_page_is_another_reference_also_after_a_kill() {
    let world = World::new();
    let inbox = world.open();
    let own = || world.reference(1);
    let other_form = || LeadRef { form: sample::form(5), ..own() };
    let other_page = || LeadRef { page: sample::page(6), ..own() };
    let accepted = inbox.accept(vec![own(), other_form(), own()]).await.expect("accepted");
    assert_eq!((accepted.new.len(), accepted.known), (2, 1));
    let accepted = inbox.accept(vec![other_page(), other_form()]).await.expect("accepted");
    assert_eq!((accepted.new.len(), accepted.known), (1, 1));
    assert_eq!((inbox.queued(), world.killed().open().queued()), (3, 3));
    let mut claims = Vec::new();
    while let Some((lane, claimed)) = inbox.claim(10) {
        assert!(same(&claimed.iter().map(|one| one.leadgen).collect::<Vec<_>>(), &ids([1])));
        claims.push(lane);
    }
    assert_eq!(claims, [own().lane(), other_form().lane(), other_page().lane()]);
    inbox.release(&claims[2], &ids([1]));
    inbox.done(&claims[0], &ids([1]));
    assert_eq!(inbox.queued(), 2);
    assert_eq!(
        inbox.claim(10).map(|(lane, _)| lane),
        Some(other_page().lane()),
        "the other is claimed still"
    );
}

#[tokio::test]
async fn below_the_disks_floor_nothing_new_is_taken() {
    let mut world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    drop(inbox);
    world.settings.free_disk_min_bytes = u64::MAX;
    let inbox = world.open();
    assert_eq!((inbox.ready().await, inbox.refusal().await), (false, Some(InboxCode::DiskFull)));
    let DiskRoom { free_bytes, floor_bytes } = inbox.disk();
    assert!(0 < free_bytes && free_bytes < floor_bytes && floor_bytes == u64::MAX);
    assert_eq!(code(inbox.accept(world.references([2])).await), Some(InboxCode::DiskFull));
    inbox.accept(world.references([1])).await.expect("a known one needs no room");
    assert!(same(&drain(&inbox), &ids([1])));
}

#[tokio::test]
async fn what_is_settled_between_the_look_at_the_store_and_the_look_at_the_queue_is_not_taken_again() {
    let world = World::new();
    let inbox = Arc::new(world.open());
    let (other, store) = (inbox.clone(), world.store.clone());
    *world.store.meanwhile.lock().expect("no panic") = Some(Box::new(move || {
        store.ends.lock().expect("no panic").insert(id(1));
        other.done(&lane(), &ids([1]));
    }));
    let accepted = inbox.accept(world.references([1, 2])).await.expect("accepted");
    assert_eq!((accepted.new.len(), accepted.known), (1, 1));
    assert!(same(&drain(&inbox), &ids([2])));
    assert!(same(&drain(&world.killed().open()), &ids([2])), "nor is it in the frame");
}

#[tokio::test]
async fn a_store_that_cannot_say_refuses_the_call() {
    let world = World::new();
    let inbox = world.open();
    world.store.fails.store(true, Ordering::SeqCst);
    assert_eq!(code(inbox.accept(world.references([1])).await), Some(InboxCode::Store));
    assert_eq!(inbox.queued(), 0);
}

#[tokio::test]
async fn full_segments_are_recycled_and_frames_of_their_earlier_uses_never_come_back() {
    let world = World::new();
    let inbox = world.open();
    for round in 0..60_u64 {
        let leadgens = round * 200..(round + 1) * 200;
        for call in world.references(leadgens.clone()).chunks(10) {
            inbox.accept(call.to_vec()).await.expect("accepted");
        }
        world.settle(&inbox, leadgens);
    }
    inbox.accept(world.references([12_000])).await.expect("accepted");
    assert_eq!(inbox.figures().frames, 1_201);
    eventually("all but the active one are recycled", || inbox.figures().segments_live <= 1);
    eventually("spares are bounded", || world.files().len() <= 4);
    inbox.close().expect("closes");
    // Were the store to forget, only what the last segment holds could come back: frames of earlier uses do not.
    world.store.ends.lock().expect("no panic").clear();
    let left = drain(&world.killed().open());
    assert!(left.contains(&id(12_000)));
    assert!(left.iter().all(|leadgen| *leadgen >= id(10_500)));
}

#[tokio::test]
async fn midnight_needs_no_keyring_and_the_days_of_finished_segments_are_let_go() {
    let world = World::new();
    let inbox = world.open();
    let today = Day(20_000);
    inbox.accept(world.references([1])).await.expect("accepted");
    assert_eq!(inbox.days(), [today, today.next()]);
    world.keyring.refuses.store(true, Ordering::SeqCst);
    world.clock.advance_ms(86_400_000);
    inbox.accept(world.references([2])).await.expect("tomorrow's key was made yesterday");
    world.clock.advance_ms(10 * 86_400_000);
    inbox.accept(world.references([3])).await.expect("the last key serves on");
    let killed = world.killed();
    world.keyring.refuses.store(false, Ordering::SeqCst);
    assert!(same(&drain(&killed.open()), &ids([1, 2, 3])), "both days' frames open");

    world.settle(&inbox, [1, 2, 3]);
    let now = Day(20_011);
    eventually("old days go", || inbox.days() == [now, now.next()]);
    let old: Vec<Day> = (20_000..20_011).map(Day).collect();
    crate::keyring::Keyring::destroy_days(&*world.keyring, &old).expect("destroyed");
    inbox.accept(world.references([4])).await.expect("accepted");
    assert!(same(&drain(&world.killed().open()), &ids([4])));
}

/// Otherwise everything until that day would be sealed under its one key.
#[tokio::test]
async fn a_clock_that_was_ahead_and_is_put_right_takes_the_keys_back_with_it() {
    let world = World::new();
    let inbox = world.open();
    let (today, ahead) = (Day(20_000), Day(20_200));
    world.clock.advance_ms(200 * 86_400_000);
    eventually("the keys go ahead", || inbox.days().contains(&ahead.next()));
    inbox.accept(world.references([1])).await.expect("accepted");
    world.clock.advance_ms(-200 * 86_400_000);
    eventually("the keys come back", || inbox.days().contains(&today.next()));
    inbox.accept(world.references([2])).await.expect("accepted");
    assert!(inbox.days().contains(&ahead), "what is sealed under it is still here");
    assert!(same(&drain(&world.killed().open()), &ids([1, 2])));
    world.settle(&inbox, [1, 2]);
    eventually("the day that has not come is let go", || inbox.days() == [today, today.next()]);
}

#[tokio::test]
async fn references_that_stay_do_not_each_hold_a_segment() {
    let mut world = World::new();
    world.settings.max_references = 200;
    let inbox = world.open();
    let mut kept = Vec::new();
    for round in 0..40_u64 {
        // One reference of each full segment stays.
        let leadgens = round * 1_000..round * 1_000 + 600;
        for leadgen in leadgens.clone() {
            inbox.accept(world.references([leadgen])).await.expect("accepted");
            if leadgen > leadgens.start {
                world.settle(&inbox, [leadgen]);
            }
        }
        kept.push(leadgens.start);
    }
    assert_eq!(inbox.queued(), 40);
    eventually("few files", || world.files().len() <= 8);
    let mut replayed = drain(&world.killed().open());
    replayed.sort();
    assert!(same(&replayed, &ids(kept)));
}

async fn together<T: Send + 'static>(calls: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    #[expect(clippy::disallowed_methods, reason = "a test's own tasks, joined in it")]
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}

/// A batch that fills a segment and goes on in the next: the first one has its end marker before the batch's references
/// are counted in it, and must not be recycled as one in which nothing is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_segment_that_ends_within_a_batch_is_not_recycled_before_the_batch_has_landed() {
    let world = World::new();
    let inbox = Arc::new(world.open());
    let mut next = 0;
    // Until there is room for two more frames, and not for a third.
    loop {
        inbox.accept(world.references(next..next + 10)).await.expect("accepted");
        world.settle(&inbox, next..next + 10);
        next += 10;
        // In a copy: the keeper renames files meanwhile.
        let copy = world.killed();
        let (file, frames) = copy.last_segment();
        let (frame, end) = (frames[0].len(), frames[frames.len() - 1].end);
        let room = fs::metadata(file).expect("there").len() as usize - frame::HEADER_BYTES - end;
        if room < 3 * frame {
            assert!(room >= 2 * frame, "no room for the two");
            break;
        }
    }
    let call = |from: u64| {
        let (inbox, call) = (inbox.clone(), world.references(from..from + 10));
        #[expect(clippy::disallowed_methods, reason = "a test's own tasks, joined in it")]
        tokio::spawn(async move { code(inbox.accept(call).await) })
    };
    world.faults.hold(true);
    let alone = call(next);
    eventually("it is being written", || inbox.queued() == 10 && inbox.shared.lock().gathered_bytes() == 0);
    let together = [call(next + 10), call(next + 20)];
    eventually("two share the next batch", || inbox.queued() == 30);
    // The one alone, the end marker; the rest of the batch, in the next segment, waits.
    world.faults.hold_after(2);
    assert_eq!(alone.await.expect("no panic"), None);
    world.settle(&inbox, next..next + 10);
    // The keeper has every chance.
    std::thread::sleep(Duration::from_millis(300));
    world.faults.hold(false);
    for call in together {
        assert_eq!(call.await.expect("no panic"), None);
    }
    assert_eq!(world.killed().open().queued(), 20, "acknowledged, and gone after a kill");
}
