//! `tamis keys rotate-root`: the keyring under another root key, while tamis does not run.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::app::{Ambient, RotateError, Rotated, Rotating};
use crate::cli::ConfigPath;
use crate::cli::serve::{not_done, refused};
use crate::clock::SystemClock;
use crate::config::{self, Config};
use crate::lifecycle::forbid_cores;
use crate::machine::disk::{directory_of, sync_dir};
use crate::machine::own::{self, Directory};
use crate::random::{Random, SystemRandom};
use crate::secret::Key;
use crate::secret::location::{Environment, Location};
use crate::terminal::{Exit, Failure, print};

const EXAMPLE: &str = "\
LOCATION is file:PATH, credential:NAME or env:NAME. A file that is not there is made, with a new key in it; what is there is read, and
must be 64 hex digits. tamis must not run.
At each moment one of the two keys opens all of it: the old one until the new file takes its place, the new one from then on. A run that
was cut short is begun again with the same words.
Copies of the keyring that were made before open with the old key for as long as they are kept.

Example:
  tamis keys rotate-root --to file:/etc/tamis/secrets/root-key-2";

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Seal the keyring under another root key: the old one went astray, or who had it has left
    #[command(after_help = EXAMPLE)]
    RotateRoot(RotateArguments),
}

#[derive(clap::Args)]
struct RotateArguments {
    /// Where the new root key lies, or is to lie
    #[arg(long, value_name = "LOCATION", value_parser = location)]
    to: Location,
}

fn location(text: &str) -> Result<Location, String> {
    let is_name = |name: &str| !name.is_empty() && !name.contains('/');
    match text.split_once(':') {
        Some(("file", path)) if Path::new(path).is_absolute() => Ok(Location::File(PathBuf::from(path))),
        Some(("credential", name)) if is_name(name) => Ok(Location::Credential(name.to_owned())),
        Some(("env", name)) if is_name(name) => Ok(Location::Env(name.to_owned())),
        _ => Err("it is file:PATH with a path from the root on, credential:NAME or env:NAME".to_owned()),
    }
}

/// Does it.
pub(super) fn run(arguments: Arguments, path: &ConfigPath, environment: &Environment) -> Result<(), Failure> {
    let Verb::RotateRoot(RotateArguments { to }) = arguments.verb;
    forbid_cores()
        .map_err(|error| Failure::failed(format!("cores cannot be forbidden: {}", error.kind())))?;
    let config = config::load(&path.path, environment).map_err(|faults| refused(path, &faults))?;
    let old = config.resolve_root(environment).map_err(|faults| refused(path, &faults))?;
    let random = Arc::new(SystemRandom);
    let rotating = Rotating::begin(&config).map_err(|error| not_rotated(&config, &error))?;
    let is_made = make_where_absent(&to, &*random)?;
    let new = Config::root_at("--to", &to, environment)
        .map_err(|faults| Failure::new(Exit::ConfigRefused, format!("nothing is changed.\n\n{faults}")))?;
    if is_same(&old, &new) {
        return Err(Failure::new(
            Exit::Usage,
            "nothing is changed: this is the root key that `keys.root` names. Name another location, or exchange the two to take a \
             rotation back",
        ));
    }
    make_durable(&to)?;
    let ambient = Ambient { clock: Arc::new(SystemClock), random, progress: Arc::default() };
    let done = rotating.finish(&old, &new, &ambient).map_err(|error| not_rotated(&config, &error))?;
    let made = if is_made { format!("a new root key was made: {to}. ") } else { String::new() };
    let Rotated { pages, from, to: id } = done;
    let done = match pages {
        0 => format!("the keyring is under the new root key already ({id}; the old one is {from})"),
        pages => format!(
            "{pages} pages of the keyring are under the new root key now ({id}; the old one is {from})"
        ),
    };
    let days = config.backup.horizon_days;
    print(&format!(
        "{made}{done}, and the old one opens nothing of it. Before you start tamis, let `keys.root` lead to the new one ({to}), and copy it to \
         where you keep such things. Then make a backup, and delete the key parts of before, within {days} days: they open with \
         the old root key\n"
    ))
}

fn not_rotated(config: &Config, error: &RotateError) -> Failure {
    match error {
        RotateError::Refused(error) => not_done("the keyring is not under the new root key", error),
        RotateError::NotEnded(error) => not_done(
            "the keyring is under the new root key, but the file under the old one is not overwritten yet. Keep both keys, and run the same \
             command again",
            error,
        ),
        RotateError::OfBefore => Failure::failed(
            "nothing is changed: a keyring of an earlier version. Start tamis once, which moves it, and stop it again",
        ),
        RotateError::Absent => {
            let place = config.keys.keyring.display();
            Failure::failed(format!("nothing is changed: there is no keyring at {place}"))
        }
    }
}

/// A file that is not there gets a new key, durably, before any page is sealed by it.
fn make_where_absent(to: &Location, random: &dyn Random) -> Result<bool, Failure> {
    let Location::File(path) = to else { return Ok(false) };
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        _ => return Ok(false),
    }
    let no_randomness = |_| Failure::failed("nothing is changed: the system gives no randomness");
    let mut bytes = Zeroizing::new([0_u8; 32]);
    random.fill(bytes.as_mut_slice()).map_err(no_randomness)?;
    let mut text = Zeroizing::new(hex::encode(bytes.as_slice()));
    text.push('\n');
    let made = Directory::own_of(path).and_then(|(directory, name)| {
        // Under its name it is whole, wherever this is cut short; a part of one has sealed nothing.
        let mut part = name.clone();
        part.push(".part");
        directory.discard(&part)?;
        let mut file = directory.create_new(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        directory.rename_new(&part, name)?;
        directory.sync()
    });
    made.map(|()| true).map_err(|error| {
        let why =
            own::refusal(&error).map_or_else(|| error.kind().to_string(), |code| code.sentence().to_owned());
        Failure::failed(format!("nothing is changed: no root key can be made at {}: {why}", path.display()))
    })
}

/// A file that was there already may lie in the system's memory alone: after a power cut nobody would have the key of what was sealed
/// by it.
fn make_durable(to: &Location) -> Result<(), Failure> {
    let Location::File(path) = to else { return Ok(()) };
    let synced = File::open(path).and_then(|file| file.sync_all()).and_then(|()| {
        match sync_dir(directory_of(path)) {
            // Whoever may read the key need not be let into its directory; who made it was told to sync that.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        }
    });
    synced.map_err(|error| {
        let (path, why) = (path.display(), error.kind());
        Failure::failed(format!(
            "nothing is changed: the root key at {path} cannot be synced to its disk: {why}"
        ))
    })
}

/// Of two keys at hand, not of one and a guess: how long it takes tells nobody anything.
fn is_same(one: &Key, other: &Key) -> bool {
    one.expose() == other.expose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_said_in_one_word() {
        assert_eq!(location("file:/a/b"), Ok(Location::File(PathBuf::from("/a/b"))));
        assert_eq!(location("credential:tamis-root-key"), Ok(Location::Credential("tamis-root-key".into())));
        assert_eq!(location("env:ROOT"), Ok(Location::Env("ROOT".into())));
        for bad in ["", "/a/b", "file:a", "file:", "credential:", "credential:a/b", "env:", "vault:a"] {
            assert!(location(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let to = Location::File(directory.path().join("root-key-2"));
        let made = make_where_absent(&to, &SystemRandom);
        assert!(matches!(made, Ok(true)));
        let read = || Config::root_at("--to", &to, &Environment::default()).expect("a root key");
        let key = read();
        // What is left of a run that was cut short is no key, and in nobody's way.
        let second = Location::File(directory.path().join("root-key-3"));
        let part = directory.path().join("root-key-3.part");
        std::fs::write(&part, "00").expect("written");
        assert!(matches!(make_where_absent(&second, &SystemRandom), Ok(true)) && !part.exists());
        assert!(Config::root_at("--to", &second, &Environment::default()).is_ok());
        assert!(matches!(make_where_absent(&to, &SystemRandom), Ok(false)) && is_same(&key, &read()));
        let nowhere = Location::File(directory.path().join("nowhere/root-key"));
        assert!(make_where_absent(&nowhere, &SystemRandom).is_err());
        assert!(matches!(make_where_absent(&Location::Env("ROOT".into()), &SystemRandom), Ok(false)));
    }

    #[test]
    fn a_key_that_was_there_is_synced_or_nothing_is_sealed_by_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("root-key-2");
        let to = Location::File(path.clone());
        assert!(make_durable(&to).is_err(), "it went meanwhile");
        std::fs::write(&path, "00").expect("written");
        assert!(make_durable(&to).is_ok());
        assert!(make_durable(&Location::Env("ROOT".into())).is_ok(), "it lies nowhere that we know of");
    }
}
