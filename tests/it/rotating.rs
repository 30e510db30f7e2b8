//! Another root key: the keyring is under it alone afterwards, whichever kind of place it lies in. At each step one of the two opens it
//! alone, whatever a kill or a power cut leaves, and what is left is gone on with.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use tamis::keyring::file::{FileKeyring, NotRotated, OtherRoot, Rotation};
use tamis::keyring::pages::{PAGE_BYTES, Root};
use tamis::keyring::{Keyring, KeyringCode, KeyringError};
use tamis::random::SystemRandom;
use tamis::secret::Key;

use crate::backup::{World, exported, told};
use crate::mutated::number;
use crate::support::mounts::Mounted;
use crate::support::power::{self, Disk, Unsynced, What};
use crate::support::process::{BINARY, ROOT_KEY, installed};
use crate::support::senders::Chance;

/// More steps than this a rotation of a small keyring does not have.
const STEPS_MAX: u64 = 2_000;
/// Every so many of them a kill, and of the writes a power cut; `TAMIS_ROTATING_STRIDE=1` takes each.
const STRIDE: u64 = 7;

/// With an environment; `at` is where the config says that the root key lies.
fn rotate(world: &World, to: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["keys", "rotate-root", "--to", to, "--config"]).arg(world.home.config()).env_clear();
    command.envs(variables.iter().copied()).output().expect("tamis runs")
}

/// Lets `keys.root` lead somewhere else.
fn lead_to(world: &World, location: &str) {
    let config = fs::read_to_string(world.home.config()).expect("a config");
    let line = config.lines().find(|line| line.starts_with("root = ")).expect("it names one");
    let changed = config.replace(line, &format!("root = {location}"));
    fs::write(world.home.config(), changed).expect("written");
}

fn opens(path: &Path, root: [u8; 32]) -> Option<KeyringCode> {
    let copy = tempfile::tempdir().expect("a directory");
    let place = copy.path().join("keyring");
    fs::copy(path, &place).expect("copied");
    open(&place, root).err().map(|error| error.code)
}

fn open(place: &Path, root: [u8; 32]) -> Result<FileKeyring, KeyringError> {
    let opened = unlocked(|| FileKeyring::open(place, Key::new(root), Arc::new(SystemRandom)));
    opened.map(|keyring| keyring.expect("there"))
}

/// A process that another test starts right now has this one's locks until it is a program of its own.
fn unlocked<T>(open: impl Fn() -> Result<T, KeyringError>) -> Result<T, KeyringError> {
    for _ in 0..400 {
        match open() {
            Err(error) if error.code == KeyringCode::Locked => std::thread::sleep(Duration::from_millis(5)),
            opened => return opened,
        }
    }
    open()
}

fn id(root: [u8; 32]) -> String {
    Root::new(Key::new(root)).id().to_string()
}

fn key_in(path: &Path) -> [u8; 32] {
    let text = fs::read_to_string(path).expect("a key");
    hex::decode(text.trim()).expect("hexadecimal").try_into().expect("32 bytes")
}

fn file(path: &Path) -> String {
    format!("{{ file = \"{}\" }}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_comes_under_another_root_key_at_each_kind_of_place() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 6).await;
    let (before, _) = exported(&daemon).await;
    let second = world.path("secrets/root-key-2");
    let to_second = format!("file:{}", second.display());
    let refused = rotate(&world, &to_second, &[]);
    assert_eq!(refused.status.code(), Some(75), "tamis runs: {}", told(&refused));
    assert!(daemon.terminate().0.success());
    let (keyring, earlier) = (world.path("keys/keyring"), world.path("earlier"));
    fs::copy(&keyring, &earlier).expect("copied");

    // A file that is not there is made.
    assert!(!second.exists(), "nor by one that is refused");
    let done = rotate(&world, &to_second, &[]);
    assert!(done.status.success(), "{}", told(&done));
    assert!(told(&done).contains("a new root key was made") && told(&done).contains("within 7 days"));
    assert_eq!(fs::metadata(&second).expect("there").permissions().mode() & 0o777, 0o600);
    let new = key_in(&second);
    assert!(!told(&done).contains(&hex::encode(new)));
    assert_eq!(opens(&keyring, ROOT_KEY), Some(KeyringCode::DoesNotOpen));
    assert_eq!(opens(&keyring, new), None);
    assert_eq!(opens(&earlier, ROOT_KEY), None, "what no rotation can undo");
    let Err(said) = world.home.try_serve::<&str>(&[], &[]) else { panic!("it starts under the old key") };
    assert!(said.contains("keyring-does-not-open"), "{said}");
    let wanted = format!("it is under the root key {}, and {} is at hand", id(new), id(ROOT_KEY));
    assert!(said.contains(&wanted), "{said}");
    assert!(
        told(&done).contains(&format!("({}; the old one is {})", id(new), id(ROOT_KEY))),
        "{}",
        told(&done)
    );
    let again = rotate(&world, &to_second, &[]);
    assert!(again.status.success() && told(&again).contains("already"), "{}", told(&again));

    lead_to(&world, &file(&second));
    let same = rotate(&world, &to_second, &[]);
    assert_eq!(same.status.code(), Some(2), "{}", told(&same));
    let daemon = world.home.serve(&[]);
    assert_eq!(exported(&daemon).await.0, before);
    world.store(&daemon, 1).await;
    assert!(daemon.terminate().0.success());

    // A variable, then a credential; what is there is read.
    let (third, fourth) = (hex::encode([3; 32]), hex::encode([4; 32]));
    let absent = rotate(&world, "env:ROOT_THREE", &[]);
    assert_eq!(absent.status.code(), Some(78), "{}", told(&absent));
    let done = rotate(&world, "env:ROOT_THREE", &[("ROOT_THREE", &third)]);
    assert!(done.status.success(), "{}", told(&done));
    lead_to(&world, "{ env = \"ROOT_THREE\" }");
    let credentials = world.path("credentials");
    fs::create_dir(&credentials).expect("made");
    fs::write(credentials.join("root-four"), &fourth).expect("written");
    let credentials = credentials.display().to_string();
    let both = [("ROOT_THREE", third.as_str()), ("CREDENTIALS_DIRECTORY", credentials.as_str())];
    let done = rotate(&world, "credential:root-four", &both);
    assert!(done.status.success(), "{}", told(&done));
    lead_to(&world, "{ credential = \"root-four\" }");
    let daemon = world.home.serve_in(&[], &both[1..]);
    assert_eq!(exported(&daemon).await.0.len(), before.len() + 1);
    assert!(daemon.terminate().0.success());
    assert_eq!(opens(&keyring, [3; 32]), Some(KeyringCode::DoesNotOpen));
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_at_any_step_is_gone_on_with_or_taken_back() {
    assert!(installed("cc"), "the layer that kills is C");
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 6).await;
    let (before, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    let aside = tempfile::tempdir().expect("a directory");
    let layer = power::layer(aside.path());
    let (mut kills, mut turned, mut current) = (0, 0, world.path("secrets/root-key"));
    for step in (1..STEPS_MAX).step_by(number("TAMIS_ROTATING_STRIDE", STRIDE) as usize) {
        let next = world.path(&format!("secrets/root-key-{step}"));
        let to = format!("file:{}", next.display());
        let mut command = Command::new(BINARY);
        command.args(["keys", "rotate-root", "--to", &to, "--config"]).arg(world.home.config()).env_clear();
        command.env("LD_PRELOAD", &layer).env("TAMIS_UNSYNCED_LOG", aside.path().join("changes"));
        command.env("TAMIS_UNSYNCED_ROOT", world.home.directory.path());
        command.env("TAMIS_UNSYNCED_KILL_WRITES", "1").env("TAMIS_UNSYNCED_KILL_AT", step.to_string());
        let ended = command.output().expect("tamis runs");
        let done = ended.status.success();
        kills += usize::from(!done);
        // One of the two opens all of it alone: also a new one that was killed while it was made is none.
        let keyring = world.path("keys/keyring");
        let by_old = opens(&keyring, key_in(&current)).is_none();
        let by_new = next.exists() && opens(&keyring, key_in(&next)).is_none();
        assert!(by_old != by_new && (by_new || !done), "step {step}: {by_old} {by_new}");
        turned += usize::from(by_new && !done);
        if !done && step % 2 == 0 && next.exists() {
            // Taken back: the two the other way round.
            lead_to(&world, &file(&next));
            let back = rotate(&world, &format!("file:{}", current.display()), &[]);
            assert!(back.status.success(), "step {step}: {}", told(&back));
        } else {
            let again = rotate(&world, &to, &[]);
            assert!(again.status.success(), "step {step}: {}", told(&again));
            assert_eq!(
                opens(&world.path("keys/keyring"), key_in(&current)),
                Some(KeyringCode::DoesNotOpen),
                "step {step}"
            );
            current = next;
        }
        lead_to(&world, &file(&current));
        assert_eq!(opens(&world.path("keys/keyring"), key_in(&current)), None, "step {step}");
        if done {
            break;
        }
    }
    assert!(kills > 8 && turned > 2 && kills > turned + 8, "{kills} kills, {turned} after its turn");
    println!("{kills} kills, {turned} after its turn");
    let daemon = world.home.serve(&[]);
    assert_eq!(exported(&daemon).await.0, before);
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}

const SECOND: [u8; 32] = [2; 32];

fn second_key(to: &Path) {
    fs::write(to, hex::encode(SECOND)).expect("written");
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// What a keyring says of itself, opened at its place.
fn content(path: &Path, root: [u8; 32]) -> (u64, Vec<u32>, [u8; 32]) {
    let keyring = open(path, root).unwrap_or_else(|error| panic!("{error}"));
    let days = keyring.days().into_iter().map(|day| day.0).collect();
    (keyring.generation(), days, *keyring.seen_key().expose())
}

/// Of the keyring's files.
fn names(directory: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(directory).expect("readable").map(|entry| entry.expect("readable").file_name());
    let all = entries.map(|name| name.into_string().expect("text"));
    let mut names: Vec<String> = all.filter(|name| name.starts_with("keyring")).collect();
    names.sort();
    names
}

/// The nonce of each page of a keyring: no other page that ever was has it.
fn nonces(keyring: &[u8]) -> Vec<Vec<u8>> {
    let sealed = keyring.chunks(PAGE_BYTES).filter(|page| page.starts_with(b"TAMISKY2"));
    sealed.map(|page| page[17..41].to_vec()).collect()
}

fn lies_in(directory: &Path, needles: &[Vec<u8>]) -> bool {
    names(directory).iter().any(|name| {
        let bytes = fs::read(directory.join(name)).expect("readable");
        needles.iter().any(|needle| memchr::memmem::find(&bytes, needle).is_some())
    })
}

fn copied(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("a directory");
    for name in names(from) {
        fs::copy(from.join(&name), to.path().join(&name)).expect("copied");
    }
    fs::set_permissions(to.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
    to
}

fn fingerprint(directory: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in names(directory) {
        (&name, fs::read(directory.join(&name)).expect("readable")).hash(&mut hasher);
    }
    hasher.finish()
}

/// The power is cut after each thing that a rotation does to the files of the keyring.
#[tokio::test(flavor = "multi_thread")]
async fn at_each_cut_one_of_the_two_root_keys_opens_the_keyring_alone_and_nothing_of_the_old_file_is_left_at_the_end()
 {
    assert!(installed("cc"), "the layer that writes changes down is C");
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 3).await;
    assert!(daemon.terminate().0.success());
    let aside = tempfile::tempdir().expect("a directory");
    let (layer, keys) = (power::layer(aside.path()), world.path("keys"));
    let first = copied(&keys);
    let old = nonces(&fs::read(keys.join("keyring")).expect("there"));
    let before = content(&first.path().join("keyring"), ROOT_KEY);
    let to = world.path("secrets/root-key-2");
    second_key(&to);
    for exchanges in [true, false] {
        // The same files, as they were.
        for name in names(&keys) {
            fs::remove_file(keys.join(name)).expect("removed");
        }
        for name in names(first.path()) {
            fs::copy(first.path().join(&name), keys.join(&name)).expect("copied");
        }
        let (mut disk, log) = (Disk::holding(&keys), aside.path().join(format!("changes-{exchanges}")));
        let mut had = File::open(keys.join("keyring")).expect("there");
        let mut command = Command::new(BINARY);
        command.args(["keys", "rotate-root", "--to", &format!("file:{}", to.display()), "--config"]);
        command.arg(world.home.config()).env_clear();
        command.env("LD_PRELOAD", &layer).env("TAMIS_UNSYNCED_LOG", &log).env("TAMIS_UNSYNCED_ROOT", &keys);
        if !exchanges {
            command.env("TAMIS_UNSYNCED_NO_EXCHANGE", "1");
        }
        let done = command.output().expect("tamis runs");
        assert!(done.status.success(), "{}", told(&done));
        let mut left = Vec::new();
        had.read_to_end(&mut left).expect("readable");
        assert!(left.len() > PAGE_BYTES && left.iter().all(|byte| *byte == 0), "overwritten where it lay");
        let changes = fs::read(&log).expect("a log");
        let records = power::records(&changes);
        let turns = records.iter().filter(|record| matches!(record.what, What::Exchange | What::Rename));
        assert_eq!(turns.map(|record| record.what == What::Exchange).collect::<Vec<_>>(), [exchanges]);
        let (chance, mut seen) = (Chance::new(11), HashSet::new());
        let stride = number("TAMIS_ROTATING_STRIDE", STRIDE);
        let (mut by_old, mut by_new, mut beside) = (0, 0, 0);
        for (at, record) in records.iter().enumerate() {
            disk.take(record);
            if record.what == What::Write && !(at as u64).is_multiple_of(stride) {
                continue;
            }
            for fate in [Unsynced::Gone, Unsynced::InPart, Unsynced::Kept] {
                let cut = tempfile::tempdir().expect("a directory");
                disk.rebuild(cut.path(), fate, &chance);
                if !seen.insert(fingerprint(cut.path())) {
                    continue;
                }
                let fault = format!("exchanges: {exchanges}, step {at}, {fate:?}");
                let place = cut.path().join("keyring");
                let (old_opens, new_opens) =
                    (opens(&place, ROOT_KEY).is_none(), opens(&place, SECOND).is_none());
                assert!(old_opens != new_opens, "{fault}: {old_opens} {new_opens}");
                by_old += usize::from(old_opens);
                by_new += usize::from(new_opens);
                beside += usize::from(new_opens && lies_in(cut.path(), &old));
                let (right, wrong) = if old_opens { (ROOT_KEY, SECOND) } else { (SECOND, ROOT_KEY) };
                // The other one is refused, hears which is wanted, and changes nothing.
                let refused = open(&place, wrong).err();
                assert_eq!(refused.map(|error| error.code), Some(KeyringCode::DoesNotOpen), "{fault}");
                let named = OtherRoot::of(&place, &[&Key::new(wrong)]).expect("another").to_string();
                assert!(named.contains(&format!("under the root key {}", id(right))), "{fault}: {named}");
                // A start with the right one goes on, and leaves nothing beside it.
                let started = copied(cut.path());
                assert!(content(&started.path().join("keyring"), right) == before, "{fault}");
                assert_eq!(names(started.path()), ["keyring", "keyring.lock"], "{fault}");
                assert_eq!(lies_in(started.path(), &old), old_opens, "{fault}");
                // And the same command ends it.
                let begin = || {
                    Rotation::begin(&place).map_err(|why| match why {
                        NotRotated::Refused(error) => error,
                        why => panic!("{fault}: {why:?}"),
                    })
                };
                let rotation = unlocked(begin).unwrap_or_else(|error| panic!("{fault}: {error}"));
                let ended = rotation.finish(Key::new(ROOT_KEY), Key::new(SECOND), Arc::new(SystemRandom));
                assert!(ended.is_ok_and(|rotated| (rotated.pages == 0) == new_opens), "{fault}: {ended:?}");
                assert_eq!(names(cut.path()), ["keyring", "keyring.lock"], "{fault}");
                assert!(!lies_in(cut.path(), &old), "{fault}");
                assert!(content(&place, SECOND) == before, "{fault}");
            }
        }
        println!(
            "exchanges: {exchanges}: {} changes, {by_old} under the old, {by_new} under the new, {beside} with the old beside",
            records.len()
        );
        assert!(by_old > 8 && by_new > if exchanges { 8 } else { 0 }, "{by_old} {by_new}");
        assert_eq!(beside > 0, exchanges, "{beside}");
    }
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_or_where_nothing_may_be_written_the_old_root_key_stays_in_force() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 1).await;
    assert!(daemon.terminate().0.success());
    let keys = world.path("keys");
    let Some(disk) = Mounted::memory(&keys, 8_192) else { return };
    let whole = fs::read(keys.join("keyring")).expect("there");
    let to = world.path("secrets/root-key-2");
    second_key(&to);
    let to = format!("file:{}", to.display());
    disk.fill(PAGE_BYTES as u64 * 8);
    let full = rotate(&world, &to, &[]);
    assert_eq!(full.status.code(), Some(1), "{}", told(&full));
    let why = ["not under the new root key", "no storage space"];
    assert!(why.iter().all(|why| told(&full).contains(why)), "{}", told(&full));
    assert_eq!(fs::read(keys.join("keyring")).expect("there"), whole);
    assert!(!keys.join("keyring.new").exists(), "what was written of it is not left");
    disk.empty();
    disk.read_only(true);
    let refused = rotate(&world, &to, &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("read-only filesystem"), "{}", told(&refused));
    disk.read_only(false);
    assert!(fs::read(keys.join("keyring")).expect("there") == whole);
    assert_eq!(opens(&keys.join("keyring"), ROOT_KEY), None);
    let done = rotate(&world, &to, &[]);
    assert!(done.status.success(), "{}", told(&done));
    assert_eq!(opens(&keys.join("keyring"), SECOND), None);
    drop(disk);
    world.meta.stop().await;
}
