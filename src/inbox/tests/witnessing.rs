//! What the witness lets a start say: exactly what had been answered for and is not there, once, and nothing after an
//! honest crash.

use std::fs;
use std::path::Path;

use futures_util::FutureExt;

use super::world::*;
use crate::inbox::witness::Witness;
use crate::inbox::{Inbox, InboxCode};
use crate::keyring::Keyring;
use crate::keyring::memory::MemoryKeyring;

/// Waits until the witness knows everything that the journal answers for.
fn witnessed(world: &World, inbox: &Inbox) {
    eventually("the witness knows", || {
        let witness = Witness::open(world.settings.witness.clone(), world.keyring.instance());
        witness.expect("readable").last() == Some(&inbox.shared.lock().testimony())
    });
}

/// A world that was killed, of which the witness knows everything: calls of ten, over several segments, the first two
/// thirds of the references at their ends but for every tenth.
async fn killed_with_open() -> (World, u64) {
    let world = World::new();
    let inbox = world.open();
    for call in world.references(0..3_500).chunks(10) {
        inbox.accept(call.to_vec()).await.expect("accepted");
    }
    world.settle(&inbox, (0..2_000).filter(|number| number % 10 != 0));
    witnessed(&world, &inbox);
    assert!(inbox.figures().segments_live > 3, "over several segments");
    (world.killed(), 200 + 1_500)
}

/// Opens, and says how many are missing; the second start says nothing, and everything that is there can be claimed.
fn missing(world: &World) -> u64 {
    let inbox = world.open();
    let (missing, queued) = (inbox.figures().references_missing, inbox.queued());
    assert_eq!(drain(&inbox).len() as u64, queued);
    drop(inbox);
    let again = world.open();
    assert_eq!((again.figures().references_missing, again.queued()), (0, queued), "said once");
    assert_eq!(again.ready().now_or_never(), Some(true), "it takes what comes");
    missing
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name")
}

#[tokio::test]
async fn a_directory_that_is_gone_is_said_with_how_many_were_open_in_it() {
    let (world, open) = killed_with_open().await;
    assert_eq!(missing(&world.killed()), 0, "nothing is missing yet");
    fs::remove_dir_all(&world.settings.path).expect("removed");
    assert_eq!(missing(&world), open);
}

#[tokio::test]
async fn each_segment_that_is_gone_is_said_with_what_was_open_in_it_and_no_other() {
    let (world, open) = killed_with_open().await;
    let mut counted = 0;
    for file in world.files() {
        let lacking = world.killed();
        fs::remove_file(lacking.settings.path.join(name(&file))).expect("removed");
        let inbox = lacking.open();
        let found = inbox.figures().references_missing;
        assert_eq!(found + inbox.queued(), open, "{}", name(&file));
        counted += found;
        drop(inbox);
        assert_eq!(lacking.open().figures().references_missing, 0, "said once");
    }
    assert_eq!(counted, open, "each is in one segment");
}

#[tokio::test]
async fn frames_zeroed_to_the_end_and_files_cut_are_said_at_every_frame() {
    let (world, open) = killed_with_open().await;
    let (file, frames) = world.last_segment();
    let content = fs::read(&file).expect("read");
    let all = frames.len();
    for (number, frame) in frames.iter().enumerate().step_by(frames.len() / 7) {
        let lost = (all - number) as u64 * 10;
        let mut zeroed = content.clone();
        zeroed[frame.start..].fill(0);
        let cut = content[..frame.start].to_vec();
        // In the middle of the frame before: what is torn there had been durable all the same.
        let within = content[..frame.start.saturating_sub(20)].to_vec();
        for (damaged, lost) in
            [(zeroed, lost), (cut, lost), (within, if number == 0 { lost } else { lost + 10 })]
        {
            let world = world.killed();
            let at = world.settings.path.join(name(&file));
            fs::write(&at, &damaged).expect("written");
            let inbox = world.open();
            assert_eq!(inbox.figures().references_missing, lost, "from frame {number} of {all}");
            assert_eq!(inbox.queued(), open - lost, "from frame {number} of {all}");
            inbox.accept(world.references([990_000])).await.expect("goes on");
            drop(inbox);
            assert_eq!(
                fs::metadata(&at).map_or(content.len() as u64, |file| file.len()),
                content.len() as u64
            );
            let again = world.open();
            assert_eq!((again.figures().references_missing, again.queued()), (0, open - lost + 1));
        }
    }
}

#[tokio::test]
async fn an_earlier_segment_without_its_end_is_said_too_and_the_later_ones_are_read() {
    let (world, open) = killed_with_open().await;
    let earlier = world.files()[0].clone();
    assert!(earlier != world.last_segment().0);
    let content = fs::read(&earlier).expect("read");
    for at in [8_192, 20_000, 40_000] {
        for cut in [true, false] {
            let world = world.killed();
            let mut damaged = content.clone();
            if cut {
                damaged.truncate(at)
            } else {
                damaged[at..].fill(0)
            }
            fs::write(world.settings.path.join(name(&earlier)), damaged).expect("written");
            let inbox = world.open();
            let found = inbox.figures().references_missing;
            assert!(
                found > 0 && found + inbox.queued() == open,
                "{found} from {at}, {} queued",
                inbox.queued()
            );
            drop(inbox);
            assert_eq!(missing(&world), 0, "said once");
        }
    }
}

#[tokio::test]
async fn a_file_in_which_nothing_is_left_is_a_segment_that_is_gone() {
    let (world, open) = killed_with_open().await;
    let (file, frames) = world.last_segment();
    let length = fs::metadata(&file).expect("there").len();
    let lost = frames.len() as u64 * 10;
    for left in [Vec::new(), vec![0; 10], vec![0; usize::try_from(length).expect("small")]] {
        let world = world.killed();
        fs::write(world.settings.path.join(name(&file)), left).expect("written");
        let inbox = world.open();
        assert_eq!((inbox.figures().references_missing, inbox.queued()), (lost, open - lost));
    }
}

#[tokio::test]
async fn damage_amid_frames_that_can_be_read_refuses_and_moving_that_segment_away_is_the_way_on() {
    let (world, open) = killed_with_open().await;
    let (file, frames) = world.last_segment();
    flip(&file, frames[frames.len() / 2].start + 40);
    let before = world.all_bytes();
    assert_eq!(code(world.try_open()), Some(InboxCode::Corrupt));
    assert!(before == world.all_bytes(), "nothing is touched");
    fs::remove_file(file).expect("moved away");
    assert_eq!(missing(&world), frames.len() as u64 * 10);
    assert_eq!(world.open().queued(), open - frames.len() as u64 * 10);
}

/// What used to be taken for a torn tail: the last batch's first frame is damaged, and the rest of the batch is there.
#[tokio::test]
async fn a_batch_that_was_answered_for_is_no_torn_tail() {
    let world = World::new();
    let inbox = world.open();
    let at_open = world.witness();
    inbox.accept(world.references([1])).await.expect("accepted");
    inbox.accept(world.references([2, 3])).await.expect("accepted");
    let young = world.killed();
    fs::write(&young.settings.witness, at_open).expect("written");
    witnessed(&world, &inbox);
    let old = world.killed();
    for (world, lost) in [(young, 0), (old, 2)] {
        let (file, frames) = world.last_segment();
        flip(&file, frames[1].start + 40);
        let inbox = world.open();
        assert_eq!((inbox.figures().references_missing, inbox.queued()), (lost, 1));
    }
}

#[tokio::test]
async fn what_had_its_end_is_missed_by_nobody() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..50)).await.expect("accepted");
    world.settle(&inbox, 0..40);
    inbox.close().expect("closes");
    drop(inbox);
    fs::remove_dir_all(&world.settings.path).expect("removed");
    assert_eq!(missing(&world), 10);
    let inbox = world.open();
    inbox.accept(world.references(50..57)).await.expect("accepted");
    inbox.close().expect("closes");
    drop(inbox);
    fs::remove_dir_all(&world.settings.path).expect("removed");
    assert_eq!(missing(&world), 7, "no use number is given twice, so a second loss is told from the first");
}

#[tokio::test]
async fn an_older_copy_of_the_directory_is_said_and_taken() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..5)).await.expect("accepted");
    let old = world.killed();
    inbox.accept(world.references(5..25)).await.expect("accepted");
    world.settle(&inbox, 0..5);
    inbox.close().expect("closes");
    drop(inbox);
    fs::copy(&world.settings.witness, &old.settings.witness).expect("copied");
    assert_eq!(missing(&old), 20);
}

#[tokio::test]
async fn honest_kills_say_nothing() {
    let world = World::new();
    let inbox = world.open();
    let (mut sent, mut kills) = (0_u64, 0);
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(6) {
        for call in world.references(sent..sent + 700).chunks(9) {
            inbox.accept(call.to_vec()).await.expect("accepted");
        }
        // Some stay open for long, so that segments are written again; most end, so that they are recycled.
        world.settle(&inbox, (sent.saturating_sub(300)..sent + 400).filter(|number| number % 97 != 0));
        sent += 700;
        let killed = world.killed();
        let open = killed.open();
        assert_eq!(open.figures().references_missing, 0, "kill {kills} after {sent}");
        assert_eq!(open.queued(), inbox.queued());
        kills += 1;
    }
    println!("{kills} kills, {sent} references, {} segments", inbox.figures().segments_live);
    assert!(kills > 5);
    inbox.close().expect("closes");
    assert_eq!(world.killed().open().figures().references_missing, 0);
}

#[tokio::test]
async fn without_a_witness_one_begins_and_nothing_is_said() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..30)).await.expect("accepted");
    inbox.close().expect("closes");
    drop(inbox);
    fs::remove_file(&world.settings.witness).expect("removed");
    let inbox = world.open();
    assert_eq!((inbox.figures().references_missing, inbox.queued()), (0, 30), "made by an earlier version");
    drop(inbox);
    fs::remove_dir_all(&world.settings.path).expect("removed");
    assert_eq!(missing(&world), 30, "it began");
    // One that says nothing is replaced, and no reason to refuse.
    fs::write(&world.settings.witness, b"TAMIS").expect("written");
    assert_eq!(missing(&world), 0);
}

#[tokio::test]
async fn a_witness_of_a_later_version_is_refused_and_one_of_another_instance_is_replaced() {
    let mut world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..3)).await.expect("accepted");
    inbox.close().expect("closes");
    drop(inbox);
    let mut foreign = World::new();
    foreign.keyring = MemoryKeyring::of_instance(8);
    fs::copy(&world.settings.witness, &foreign.settings.witness).expect("copied");
    assert_eq!(missing(&foreign), 0);
    let later = world.witness().len();
    assert_eq!(later, 2 * 64 * 1024, "it does not grow");
    world.settings.witness = world.settings.witness.with_file_name("later");
    let mut bytes = world_bytes(&world, 2);
    fs::write(&world.settings.witness, &bytes).expect("written");
    assert_eq!(code(world.try_open()), Some(InboxCode::Format));
    bytes[0] = b'X';
    fs::write(&world.settings.witness, &bytes).expect("written");
    assert!(world.try_open().is_ok(), "no witness at all");
}

/// A witness of this version, without segments.
fn world_bytes(world: &World, version: u32) -> Vec<u8> {
    let mut bytes = b"TAMISJWT".to_vec();
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    bytes.extend_from_slice(&world.keyring.instance().0);
    bytes.extend_from_slice(&1_u64.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.resize(2 * 64 * 1024, 0);
    bytes
}

/// A record torn at any byte, or changed in one, leaves what was said before, never something else.
#[tokio::test]
async fn a_torn_or_changed_record_leaves_the_one_before() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references(0..3)).await.expect("accepted");
    witnessed(&world, &inbox);
    let before = world.witness();
    inbox.accept(world.references(3..8)).await.expect("accepted");
    witnessed(&world, &inbox);
    let after = world.witness();
    let open = |bytes: &[u8]| {
        let path = world.settings.witness.with_file_name("torn");
        fs::write(&path, bytes).expect("written");
        let witness = Witness::open(path, world.keyring.instance()).expect("readable");
        let said = witness.last().expect("one slot holds");
        said.segments.iter().map(|segment| u64::from(segment.open)).sum::<u64>()
    };
    assert_eq!((open(&before), open(&after)), (3, 8));
    let differs: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    let (first, last) = (differs[0], differs[differs.len() - 1]);
    for cut in first..=last {
        let torn = [&after[..cut], &before[cut..]].concat();
        assert_eq!(open(&torn), 3, "torn at {cut}");
        let mut changed = after.clone();
        changed[cut] ^= 1;
        assert_eq!(open(&changed), 3, "changed at {cut}");
    }
}

#[tokio::test]
async fn a_witness_that_cannot_be_told_keeps_segments_and_refuses_nobody() {
    let world = World::new();
    let inbox = world.open();
    let write = async |leadgens: std::ops::Range<u64>| {
        for call in world.references(leadgens).chunks(50) {
            inbox.accept(call.to_vec()).await.expect("accepted");
        }
    };
    write(0..5_000).await;
    witnessed(&world, &inbox);
    let live = inbox.figures().segments_live;
    assert!(live > 3, "{live}");
    // A directory stands where the file was: it can neither be written nor replaced.
    fs::remove_file(&world.settings.witness).expect("removed");
    fs::create_dir(&world.settings.witness).expect("made");
    fs::write(world.settings.witness.join("in the way"), b"").expect("written");
    world.settle(&inbox, 0..5_000);
    write(5_000..8_000).await;
    assert!(inbox.figures().segments_live > live, "what the witness speaks of is kept");
    assert!(inbox.halted().is_none());
    world.settle(&inbox, 5_000..8_000);
    fs::remove_dir_all(&world.settings.witness).expect("removed");
    eventually("they are recycled", || inbox.figures().segments_live < 3);
    witnessed(&world, &inbox);
    inbox.close().expect("closes");
    assert_eq!(world.killed().open().figures().references_missing, 0);
}
