//! Another root key: the keyring is under it alone afterwards, whichever kind of place it lies in, and a kill at any step is gone on
//! with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use tamis::keyring::KeyringCode;
use tamis::keyring::file::FileKeyring;
use tamis::random::SystemRandom;
use tamis::secret::Key;

use crate::backup::{World, exported, told};
use crate::support::power;
use crate::support::process::{BINARY, ROOT_KEY, installed};

/// More steps than this a rotation of a small keyring does not have.
const STEPS_MAX: u64 = 400;

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
    FileKeyring::open(&place, Key::new(root), Arc::new(SystemRandom)).err().map(|error| error.code)
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
    let (mut kills, mut current) = (0, world.path("secrets/root-key"));
    for step in 1..STEPS_MAX {
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
        let half = fs::read(&next).ok().filter(|key| !done && key.len() < 64);
        if half.is_some() {
            // Killed while the key itself was written: nothing is under it.
            fs::remove_file(&next).expect("removed");
        }
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
    assert!(kills > 8, "{kills} kills");
    println!("{kills} kills");
    let daemon = world.home.serve(&[]);
    assert_eq!(exported(&daemon).await.0, before);
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}
