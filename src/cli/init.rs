//! `tamis init DIR`: a config to fill in, a root key, a verify token. Nothing that is there is touched.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::machine::disk::sync_dir;
use crate::machine::own::{self, Directory, FileCode};
use crate::random::Random;
use crate::terminal::shell_word;

/// The config that is written, with `{dir}` for the directory.
const TEMPLATE: &str = include_str!("../../config/init.toml");

/// A socket's path has at most 107 bytes (unix(7)), and the template puts one below the directory.
const DIRECTORY_BYTES_MAX: usize = 107 - "/run/admin.sock".len();

const EXAMPLE: &str = "\
Example:
  tamis init /srv/tamis";

/// What the command line says.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// The directory to write into; it is made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something is there already. Nothing was written.
    #[error("{} is there already, and init overwrites nothing. Choose another directory, or move it away", .0.display())]
    Present(PathBuf),
    /// The directory's name cannot stand in a config. Nothing was written.
    #[error(
        "the directory's path must be UTF-8 without control characters and have at most {DIRECTORY_BYTES_MAX} bytes"
    )]
    Name,
    /// The system has no randomness to give. Nothing was written.
    #[error("the system gives no randomness to make keys of")]
    Random,
    /// Somebody else could have a hand in what is written.
    #[error("{} is not used: {} ({code}). Choose a directory of your own", .path.display(), .code.sentence())]
    Refused {
        /// Where.
        path: PathBuf,
        /// Why.
        code: FileCode,
    },
    /// The system refused.
    #[error("cannot write {}: {kind}. What was written so far is still there", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        kind: ErrorKind,
    },
}

/// Writes everything, synced, and gives back what to do next, for stdout.
///
/// # Errors
/// See [`InitError`]; exit code 1.
pub fn run(arguments: &Arguments, random: &dyn Random) -> Result<String, InitError> {
    let directory = std::path::absolute(&arguments.directory).map_err(|_| InitError::Name)?;
    let quoted = quoted_for_toml(&directory).ok_or(InitError::Name)?;
    let config = directory.join("tamis.toml");
    let secrets = directory.join("secrets");
    for target in [&config, &secrets] {
        // A dangling link is something, too.
        if target.symlink_metadata().is_ok() {
            return Err(InitError::Present(target.clone()));
        }
    }
    let root_key = random_hex::<32>(random)?;
    let verify_token = random_hex::<16>(random)?;

    let made = made_directory(&directory)?;
    // From here on by handles: nobody puts another directory in the place of one that was looked at.
    let home = at(&directory, Directory::own(&directory))?;
    let inner = at(&secrets, home.make_directory("secrets"))?;
    for (name, secret) in [("root-key", &root_key), ("verify-token", &verify_token)] {
        at(&secrets.join(name), write_new(&inner, name, secret.as_bytes()))?;
    }
    at(&secrets, inner.sync())?;
    // Last, so that a config that is there has its secrets.
    at(&config, write_new(&home, "tamis.toml", TEMPLATE.replace("{dir}", &quoted).as_bytes()))?;
    at(&directory, home.sync())?;
    for parent in made {
        at(&parent, sync_dir(&parent))?;
    }
    Ok(next_steps(&directory))
}

/// Makes the directory for its owner alone, with its parents; gives back the directories that got a new entry.
fn made_directory(directory: &Path) -> Result<Vec<PathBuf>, InitError> {
    let missing = directory.ancestors().take_while(|ancestor| !ancestor.exists());
    let changed: Vec<PathBuf> = missing.filter_map(|missing| missing.parent().map(Path::to_owned)).collect();
    at(directory, crate::machine::disk::private_dir(directory))?;
    Ok(changed)
}

fn random_hex<const BYTES: usize>(random: &dyn Random) -> Result<Zeroizing<String>, InitError> {
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    random.fill(bytes.as_mut_slice()).map_err(|_| InitError::Random)?;
    let mut text = Zeroizing::new(hex::encode(bytes.as_slice()));
    text.push('\n');
    Ok(text)
}

/// Writes a file that was not there, for its owner alone, and syncs it.
fn write_new(directory: &Directory, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = directory.create_new(name)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, InitError> {
    let path = path.to_owned();
    done.map_err(|error| match (own::refusal(&error), error.kind()) {
        (Some(code), _) => InitError::Refused { path, code },
        (None, ErrorKind::AlreadyExists) => InitError::Present(path),
        (None, kind) => InitError::Io { path, kind },
    })
}

/// The directory as it stands between quotes in TOML.
fn quoted_for_toml(directory: &Path) -> Option<String> {
    let text = directory.to_str()?;
    let good = !text.chars().any(char::is_control) && text.len() <= DIRECTORY_BYTES_MAX;
    good.then(|| text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn next_steps(directory: &Path) -> String {
    let path = |name: &str| shell_word(&directory.join(name).display().to_string());
    let mut text = String::new();
    let _ = write!(
        text,
        "\
Written, for this user alone:
  {config}
  {root}
  {verify}

Next:
1. Put in the two secrets that only Meta can give: run each line, paste, Enter, Ctrl-D.
     install -m 600 /dev/stdin {app}
     install -m 600 /dev/stdin {page}
2. Fill in what is empty in {config}, declare your purposes, and have it read until nothing is missing:
     tamis check --config {config}
3. Start tamis, and register it with Meta (App dashboard, Webhooks, Page, field leadgen):
     tamis serve --config {config}
     Callback URL: your public.url, then /webhook
     Verify token: what stands in {verify}

The keyring is your data. It will be {keyring}: back it up apart from the store.
It opens with {root} alone: keep a copy of that key elsewhere, now, apart from both.
",
        config = path("tamis.toml"),
        root = path("secrets/root-key"),
        verify = path("secrets/verify-token"),
        app = path("secrets/app-secret"),
        page = path("secrets/page-token"),
        keyring = path("keys/keyring"),
    );
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::{self, SecretState};
    use crate::random::SystemRandom;
    use crate::secret::location::Environment;

    fn init(directory: &Path) -> Result<String, InitError> {
        run(&Arguments { directory: directory.to_owned() }, &SystemRandom)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn everything_is_private_and_random() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("a/b");
        let told = init(&directory).expect("written");
        for (name, expected) in [
            ("", 0o700),
            ("tamis.toml", 0o600),
            ("secrets", 0o700),
            ("secrets/root-key", 0o600),
            ("secrets/verify-token", 0o600),
        ] {
            assert_eq!(mode(&directory.join(name)), expected, "{name}");
        }
        let root = fs::read_to_string(directory.join("secrets/root-key")).expect("text");
        let verify = fs::read_to_string(directory.join("secrets/verify-token")).expect("text");
        assert!(root.trim().len() == 64 && hex::decode(root.trim()).is_ok());
        assert!(verify.trim().len() == 32 && hex::decode(verify.trim()).is_ok());
        assert!(!told.contains(root.trim()) && !told.contains(verify.trim()));
        assert!(told.contains("install -m 600 /dev/stdin") && told.contains("The keyring is your data"));

        let other = parent.path().join("c");
        init(&other).expect("written");
        assert_ne!(fs::read_to_string(other.join("secrets/root-key")).expect("text"), root);
    }

    #[test]
    fn nothing_is_overwritten_and_what_is_in_the_way_is_named() {
        for in_the_way in ["tamis.toml", "secrets"] {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join(in_the_way);
            fs::write(&path, "mine").expect("written");
            let refused = init(directory.path()).expect_err("in the way");
            assert!(matches!(&refused, InitError::Present(present) if *present == path), "{refused}");
            assert_eq!(fs::read_to_string(&path).expect("still there"), "mine");
            assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1);
        }
        let directory = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/nonexistent", directory.path().join("tamis.toml")).expect("a link");
        assert!(matches!(init(directory.path()), Err(InitError::Present(_))));
        assert!(init(&directory.path().join("other")).is_ok());
        assert!(matches!(init(&directory.path().join("other")), Err(InitError::Present(_))));
    }

    #[test]
    fn no_secret_is_put_where_another_user_could_exchange_it() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("shared");
        fs::create_dir(&directory).expect("made");
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o777)).expect("a mode");
        let refused = |wanted: FileCode| {
            let refusal = init(&directory).expect_err("shared");
            assert!(matches!(&refusal, InitError::Refused { code, .. } if *code == wanted), "{refusal}");
            assert!(refusal.to_string().contains(wanted.as_str()), "{refusal}");
            assert_eq!(fs::read_dir(&directory).expect("readable").count(), 0);
        };
        refused(FileCode::DirectoryOpen);
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).expect("a mode");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&directory, Some(65_534), Some(65_534)).expect("given away");
            refused(FileCode::DirectoryForeign);
        }
        // Links in the place of what is written: to a victim, and to nowhere.
        for (name, leads_to) in [("secrets", "/tmp"), ("secrets", "nowhere"), ("tamis.toml", "nowhere")] {
            let directory = parent.path().join("mine");
            fs::create_dir(&directory).expect("made");
            std::os::unix::fs::symlink(leads_to, directory.join(name)).expect("a link");
            assert!(matches!(init(&directory), Err(InitError::Present(_))), "{name}");
            assert_eq!(fs::read_dir(&directory).expect("readable").count(), 1);
            fs::remove_dir_all(&directory).expect("removed");
        }
    }

    #[test]
    fn check_names_exactly_what_is_left_to_fill_in() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("d \"q\" \\ é");
        init(&directory).expect("written");
        let checked = config::check(&directory.join("tamis.toml"), &Environment::default());
        let keys: Vec<&str> = checked.found.faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "controller.name",
                "controller.address",
                "controller.country",
                "controller.email",
                "controller.dpo.none_reason",
                "public.url",
                "meta.app_id",
                "meta.pages[0].id",
                "meta.pages[0].name",
                "meta.app_secrets[0]",
                "meta.pages[0].token",
            ]
        );
        let set: Vec<&str> = (checked.secrets.iter())
            .filter(|secret| matches!(secret.state, SecretState::Set { .. }))
            .map(|secret| secret.key.as_str())
            .collect();
        assert_eq!(set, ["meta.verify_token", "keys.root"]);
    }

    #[test]
    fn filled_in_it_is_good_and_the_commented_purposes_are_too() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("t");
        init(&directory).expect("written");
        for name in ["app-secret", "page-token"] {
            let secrets = Directory::own(&directory.join("secrets")).expect("ours");
            write_new(&secrets, name, b"abc\n").expect("written");
        }
        let path = directory.join("tamis.toml");
        let filled = fs::read_to_string(&path)
            .expect("text")
            .replace("name = \"\"", "name = \"Atelier\"")
            .replace("address = \"\"", "address = \"Angers\"")
            .replace("country = \"\"", "country = \"FR\"")
            .replace("email = \"\"", "email = \"a@b.example\"")
            .replace("none_reason = \"\"", "none_reason = \"art. 37\"")
            .replace("url = \"\"", "url = \"https://leads.example\"")
            .replace("app_id = \"\"", "app_id = \"1\"")
            .replace("\nid = \"\"", "\nid = \"2\"");
        fs::write(&path, &filled).expect("written");
        let checked = config::check(&path, &Environment::default());
        assert_eq!(checked.found.faults, []);
        let warnings: Vec<&str> =
            checked.found.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(warnings, ["nothing-claimed"], "{:?}", checked.found.warnings);

        // Everything that is commented out and looks like TOML.
        let looks = |line: &str| {
            line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
        };
        let uncommented: Vec<&str> = (filled.lines())
            .map(|line| line.strip_prefix("# ").filter(|rest| looks(rest)).unwrap_or(line))
            .collect();
        fs::write(&path, uncommented.join("\n")).expect("written");
        let secrets = Directory::own(&directory.join("secrets")).expect("ours");
        write_new(&secrets, "mail-password", b"abc\n").expect("written");
        let checked = config::check(&path, &Environment::default());
        assert_eq!((checked.found.faults, checked.found.warnings), (Vec::new(), Vec::new()));
        assert_eq!(checked.config.map(|config| config.policy().purposes().len()), Some(2));
    }

    #[test]
    fn a_directory_whose_name_cannot_stand_in_a_config_is_refused() {
        assert!(matches!(init(Path::new("/tmp/\n")), Err(InitError::Name)));
        assert!(matches!(init(Path::new(&format!("/tmp/{}", "x".repeat(100)))), Err(InitError::Name)));
    }
}
