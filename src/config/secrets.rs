//! Going to where the secrets lie: only `serve` and `check` do.

use zeroize::Zeroizing;

use crate::config::Config;
use crate::config::fault::{Code, Fault, FaultCode, Faults};
use crate::id::PageId;
use crate::secret::location::{Environment, Location, LocationCode};
use crate::secret::owner::Owners;
use crate::secret::{Key, Secret, WatchedSecret};
use crate::visible::shell_word;

/// The key that says where the mail server's password lies.
const MAIL_PASSWORD: &str = "mail.password";

/// All secrets, read. No `Debug`.
pub struct Secrets {
    /// The app's, the newest first; never empty.
    pub app_secrets: Vec<Secret>,
    /// The word that Meta repeats when the webhook is registered.
    pub verify_token: Secret,
    /// Each page's token, read again when its file changes.
    pub page_tokens: Vec<PageToken>,
    /// The key that seals the keyring.
    pub root: Key,
    /// The mail server's password; none: there is no server, or it takes mails without a login.
    pub mail_password: Option<Secret>,
    /// What a person should look at.
    pub warnings: Vec<Fault>,
}

/// A page and its token.
pub struct PageToken {
    /// Meta's id.
    pub id: PageId,
    /// What operators read.
    pub name: String,
    /// The token.
    pub token: WatchedSecret,
}

/// Where a secret lies, by the key that says so.
pub(super) struct SecretPlace {
    pub(super) key: String,
    pub(super) location: Location,
}

/// What may be said of a secret without saying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFound {
    /// The config's key.
    pub key: String,
    /// Where it lies.
    pub location: Location,
    /// Whether it is there.
    pub state: SecretState,
}

/// Whether a secret is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretState {
    /// It is.
    Set {
        /// How long it is.
        bytes: usize,
        /// Why it may be the wrong one.
        doubt: Option<Fault>,
    },
    /// A credential, and systemd did not start this process: nobody can tell from here.
    NotReadableHere(Fault),
    /// It cannot be used.
    Refused(Fault),
}

/// What a secret must look like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// 64 hex digits: 32 bytes.
    RootKey,
    /// Any line of text: Meta repeats the verify token in a URL's query, and a mail server takes whatever password it gave.
    Line,
    /// A word of visible ASCII: it goes into a header, or Meta made it of hex digits.
    Word,
}

impl Config {
    /// Reads all secrets.
    ///
    /// # Errors
    /// All faults at once: absent, unreadable, readable for others, empty, of a form that cannot be right.
    pub fn resolve(&self, environment: &Environment) -> Result<Secrets, Faults> {
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        let mut read = |key: &str, place: &Location, kind: Kind| {
            let secret = read(key, place, kind, environment);
            warnings.extend(secret.as_ref().ok().and_then(|secret| doubt(key, secret)));
            secret
        };
        let app_secrets: Vec<Option<Secret>> = (self.meta.app_secrets.iter().enumerate())
            .map(|(at, place)| keep(read(&format!("meta.app_secrets[{at}]"), place, Kind::Word), &mut faults))
            .collect();
        let token = read("meta.verify_token", &self.meta.verify_token, Kind::Line);
        let verify_token = keep(token, &mut faults);
        let page_tokens: Vec<Option<PageToken>> = (self.meta.pages.iter().enumerate())
            .map(|(at, page)| {
                let key = format!("meta.pages[{at}].token");
                keep(read(&key, &page.token, Kind::Word), &mut faults)?;
                let watched = WatchedSecret::read(page.token.clone(), environment.clone());
                let token = keep(watched.map_err(|code| refusal(&key, &page.token, code)), &mut faults)?;
                Some(PageToken { id: page.id, name: page.name.clone(), token })
            })
            .collect();
        let root = keep(read("keys.root", &self.keys.root, Kind::RootKey), &mut faults);
        let root = root.and_then(|secret| root_key(&secret));
        let password =
            self.mail_password_at().map(|place| read(MAIL_PASSWORD, place, Kind::Line)).transpose();
        let password = keep(password, &mut faults);
        let secrets = (|| {
            Some(Secrets {
                mail_password: password?,
                app_secrets: app_secrets.into_iter().collect::<Option<_>>()?,
                verify_token: verify_token?,
                page_tokens: page_tokens.into_iter().collect::<Option<_>>()?,
                root: root?,
                warnings,
            })
        })();
        secrets.ok_or(Faults { faults, warnings: Vec::new() })
    }

    /// Reads the mail server's password; none: no server is named, or it takes mails without a login.
    ///
    /// # Errors
    /// It cannot be used, and why.
    pub fn mail_password(&self, environment: &Environment) -> Result<Option<Secret>, Faults> {
        let password =
            self.mail_password_at().map(|place| read(MAIL_PASSWORD, place, Kind::Line, environment));
        password.transpose().map_err(|fault| Faults { faults: vec![fault], warnings: Vec::new() })
    }

    fn mail_password_at(&self) -> Option<&Location> {
        self.mail.as_ref()?.password.as_ref()
    }
}

impl Config {
    /// Reads the root key alone, for what works on store and keyring while tamis does not run.
    ///
    /// # Errors
    /// Why it cannot be had, as a fault of `keys.root`.
    pub fn resolve_root(&self, environment: &Environment) -> Result<Key, Faults> {
        Self::root_at("keys.root", &self.keys.root, environment)
    }

    /// Reads a root key at a location that is named elsewhere than in the config.
    ///
    /// # Errors
    /// Why it cannot be had, as a fault of what names it.
    pub fn root_at(named: &str, location: &Location, environment: &Environment) -> Result<Key, Faults> {
        let of_fault = |fault| Faults { faults: vec![fault], warnings: Vec::new() };
        let secret = read(named, location, Kind::RootKey, environment).map_err(of_fault)?;
        root_key(&secret).ok_or_else(|| Faults { faults: Vec::new(), warnings: Vec::new() })
    }
}

/// Looks whether each secret is there, keeping none.
pub(super) fn look_for(
    places: &[SecretPlace],
    owners: &Owners,
    environment: &Environment,
) -> Vec<SecretFound> {
    let look = |SecretPlace { key, location }: &SecretPlace| {
        let kind = match key.as_str() {
            "keys.root" => Kind::RootKey,
            "meta.verify_token" | MAIL_PASSWORD => Kind::Line,
            _ => Kind::Word,
        };
        let state = match read_under(owners, key, location, kind, environment) {
            Ok(secret) => SecretState::Set { bytes: secret.len(), doubt: doubt(key, &secret) },
            Err(fault) if fault.code == Code::Secret(LocationCode::NoCredentials) => {
                SecretState::NotReadableHere(fault)
            }
            Err(fault) => SecretState::Refused(fault),
        };
        SecretFound { key: key.clone(), location: location.clone(), state }
    };
    places.iter().map(look).collect()
}

impl SecretFound {
    /// Why `serve` could not start with it.
    pub(super) fn into_fault(self) -> Option<Fault> {
        match self.state {
            SecretState::Set { .. } => None,
            SecretState::NotReadableHere(fault) | SecretState::Refused(fault) => Some(fault),
        }
    }
}

fn keep<T>(read: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn read(key: &str, location: &Location, kind: Kind, environment: &Environment) -> Result<Secret, Fault> {
    read_under(&Owners::of_this_process(), key, location, kind, environment)
}

fn read_under(
    owners: &Owners,
    key: &str,
    location: &Location,
    kind: Kind,
    environment: &Environment,
) -> Result<Secret, Fault> {
    let secret = location.read_under(owners, environment).map_err(|code| refusal(key, location, code))?;
    let (good, reason, mend) = match kind {
        Kind::RootKey => (
            root_key(&secret).is_some(),
            "a root key is 64 hex digits, and this is something else",
            "Restore it from its backup. For a new instance, `tamis init DIR` makes one.",
        ),
        Kind::Line => (
            secret.expose_str().is_some_and(|text| !text.chars().any(char::is_control)),
            "this is not one line of text",
            "Write it again: one line, UTF-8.",
        ),
        Kind::Word => (
            secret.expose().iter().all(u8::is_ascii_graphic),
            "this is not one word of visible ASCII",
            "Copy it from Meta again, without spaces or line ends within.",
        ),
    };
    if good { Ok(secret) } else { Err(Fault::new(FaultCode::SecretMalformed, key, reason, mend)) }
}

/// Files and variables have no quotes around what they hold: these are sent along, and Meta refuses what it is sent.
fn doubt(key: &str, secret: &Secret) -> Option<Fault> {
    let is_quoted = match secret.expose() {
        [first @ (b'"' | b'\'' | b'`'), .., last] => first == last,
        _ => false,
    };
    is_quoted.then(|| {
        let reason = "this begins and ends with a quote, which counts as a part of it";
        Fault::new(FaultCode::SecretQuoted, key, reason, "Write it again without the quotes.")
    })
}

fn root_key(secret: &Secret) -> Option<Key> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    hex::decode_to_slice(secret.expose(), bytes.as_mut_slice()).ok()?;
    Some(Key::new(*bytes))
}

fn refusal(key: &str, location: &Location, code: LocationCode) -> Fault {
    let (reason, mend) = match code {
        LocationCode::Absent => return absent(key, location),
        LocationCode::Unreadable => {
            ("the file cannot be read", "Let the user that runs tamis own it, with mode 600.")
        }
        LocationCode::NotAFile => (
            "what lies there is no file (a directory, a pipe, a device)",
            "Put a plain file there; a pipe is never waited for.",
        ),
        LocationCode::NotInTime => (
            "the file could not be read within three seconds: what it lies on hangs",
            "Look at the mount; keep secrets on a local disk, or hand them over as systemd credentials.",
        ),
        LocationCode::WorldReadable => (
            "others than its owner may read or write the file",
            "`chmod 600` it, and replace the secret where others may have read it.",
        ),
        LocationCode::ForeignOwner => (
            "the file, or a directory above it, belongs to somebody other than root and the user that runs tamis",
            "`chown` it to that user, and replace the secret: its owner could read and change it.",
        ),
        LocationCode::PlaceWritable => (
            "others may write a directory above this file, and so put another in its place",
            "`chmod go-w` that directory (`namei -l FILE` shows each), and replace the secret.",
        ),
        LocationCode::Empty => ("the secret is empty", "Fill it in."),
        LocationCode::TooLong => ("this is longer than any secret", "Check that it is the right file."),
        LocationCode::NoCredentials => (
            "this credential is not readable here, since systemd did not start this process",
            "Start tamis by its unit, or use a file.",
        ),
    };
    Fault::new(code, key, reason, mend)
}

/// The place is named: it stands in the config, and is where somebody must put something now.
fn absent(key: &str, location: &Location) -> Fault {
    let (reason, mend) = match location {
        Location::File(path) => {
            let path = path.display().to_string();
            let mend = format!("Write it with `install -m 600 /dev/stdin {}`.", shell_word(&path));
            (format!("there is no file {path}"), mend)
        }
        Location::Env(name) => (
            format!("the variable {name} is not set"),
            "Set it for the daemon alone, or use a file.".to_owned(),
        ),
        Location::Credential(name) => (
            format!("systemd gave no credential {name}"),
            "Add LoadCredential= (or LoadCredentialEncrypted=) to the unit.".to_owned(),
        ),
    };
    let mend = match key {
        "keys.root" => {
            "Restore it from its backup: without it nothing can be read. For a new instance, `tamis init DIR` makes one."
                .to_owned()
        }
        _ => mend,
    };
    Fault::new(LocationCode::Absent, key, reason, mend)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    const ROOT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    /// The example with its secrets in files of `directory`.
    fn config(directory: &Path) -> Config {
        let file = |name: &str| format!("{{ file = \"{}\" }}", directory.join(name).display());
        let text = include_str!("../../config/tamis.example.toml")
            .replace("{ credential = \"meta-app-secret\" }", &format!("{}, {}", file("app"), file("old")))
            .replace("{ credential = \"meta-verify-token\" }", &file("verify"))
            .replace("{ credential = \"tamis-root-key\" }", &file("root"))
            .replace("{ file = \"/etc/tamis/secrets/page-104000000000001\" }", &file("page"));
        parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn write(directory: &Path, name: &str, text: &str, mode: u32) {
        let path = directory.join(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, PermissionsExt::from_mode(mode)))
            .expect("written");
    }

    fn all_good(directory: &Path) {
        for (name, text) in
            [("app", "a1\n"), ("old", "a2"), ("verify", "ein Wort\n"), ("root", ROOT), ("page", "EAAG\n")]
        {
            write(directory, name, text, 0o600);
        }
    }

    #[test]
    fn secrets_are_read_without_the_line_ends_around_them() {
        let directory = tempfile::tempdir().expect("a directory");
        all_good(directory.path());
        let Ok(secrets) = config(directory.path()).resolve(&Environment::default()) else {
            panic!("readable")
        };
        let app: Vec<&[u8]> = secrets.app_secrets.iter().map(Secret::expose).collect();
        assert_eq!(app, [b"a1", b"a2"]);
        assert!(secrets.verify_token.equals(b"ein Wort"));
        assert_eq!(hex::encode(secrets.root.expose()), ROOT);
        let [page] = secrets.page_tokens.as_slice() else { panic!("one page") };
        assert!(page.id.as_str() == "104000000000001" && page.token.current().0.equals(b"EAAG"));
    }

    #[test]
    fn faults_of_secrets_come_together_and_say_nothing_of_the_secret() {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), "app", "CANARY", 0o644);
        write(directory.path(), "verify", " \n", 0o600);
        write(directory.path(), "root", "CANARY", 0o600);
        write(directory.path(), "page", "CANARY CANARY", 0o600);
        let config = config(directory.path());
        let Err(faults) = config.resolve(&Environment::default()) else { panic!("faulty") };
        let found: Vec<(&str, &str)> =
            faults.faults.iter().map(|f| (f.key.as_str(), f.code.as_str())).collect();
        assert_eq!(
            found,
            [
                ("meta.app_secrets[0]", "secret-world-readable"),
                ("meta.app_secrets[1]", "secret-absent"),
                ("meta.verify_token", "secret-empty"),
                ("meta.pages[0].token", "secret-malformed"),
                ("keys.root", "secret-malformed"),
            ]
        );
        assert!(!format!("{faults} {faults:?}").contains("CANARY"));
    }

    #[test]
    fn a_secret_between_quotes_is_doubted_and_one_that_is_absent_is_named_by_its_file() {
        let directory = tempfile::tempdir().expect("a directory");
        all_good(directory.path());
        write(directory.path(), "page", "\"EAAGCANARY\"\n", 0o600);
        write(directory.path(), "verify", "'ein Wort'", 0o600);
        fs::remove_file(directory.path().join("old")).expect("removed");
        let config = config(directory.path());
        let Err(faults) = config.resolve(&Environment::default()) else { panic!("one is absent") };
        let [fault] = faults.faults.as_slice() else { panic!("{faults}") };
        let path = directory.path().join("old").display().to_string();
        assert_eq!(fault.reason, format!("there is no file {path}"));
        assert_eq!(fault.mend, format!("Write it with `install -m 600 /dev/stdin {path}`."));
        write(directory.path(), "old", "a'b'", 0o600);
        let Ok(secrets) = config.resolve(&Environment::default()) else { panic!("all are there") };
        let doubted: Vec<(&str, &str)> =
            secrets.warnings.iter().map(|fault| (fault.key.as_str(), fault.code.as_str())).collect();
        assert_eq!(
            doubted,
            [("meta.verify_token", "secret-quoted"), ("meta.pages[0].token", "secret-quoted")]
        );
        assert!(!format!("{:?}", secrets.warnings).contains("CANARY"));
    }

    #[test]
    fn the_password_of_a_mail_server_is_looked_for_and_read_by_whoever_sends() {
        let directory = tempfile::tempdir().expect("a directory");
        all_good(directory.path());
        assert!(matches!(config(directory.path()).mail_password(&Environment::default()), Ok(None)));
        let mut config = config(directory.path());
        config.mail = Some(crate::config::Mail {
            server: "smtp.lumen.example".to_owned(),
            tls: crate::mail::Encryption::Starttls,
            port: 587,
            user: Some("tamis".to_owned()),
            password: Some(Location::File(directory.path().join("mail"))),
            from: crate::mail::Sender::parse("contact@lumen.example").expect("a sender"),
            reply_to: None,
            rate: 200,
            ask_again: true,
        });
        for read in [
            config.resolve(&Environment::default()).err(),
            config.mail_password(&Environment::default()).err(),
        ] {
            let Some(Faults { faults, .. }) = read else { panic!("no password") };
            let [fault] = faults.as_slice() else { panic!("{faults:?}") };
            assert_eq!((fault.key.as_str(), fault.code.as_str()), ("mail.password", "secret-absent"));
        }
        write(directory.path(), "mail", "ein Wort, mit ü\n", 0o600);
        assert!(config.resolve(&Environment::default()).is_ok());
        let Ok(Some(password)) = config.mail_password(&Environment::default()) else { panic!("readable") };
        assert!(password.equals("ein Wort, mit ü".as_bytes()));
    }

    #[test]
    fn the_root_key_that_is_missing_is_never_made_but_its_maker_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        all_good(directory.path());
        fs::remove_file(directory.path().join("root")).expect("removed");
        let Err(faults) = config(directory.path()).resolve(&Environment::default()) else {
            panic!("no root key")
        };
        let [fault] = faults.faults.as_slice() else { panic!("one: {faults:?}") };
        assert!(fault.key == "keys.root" && fault.mend.contains("tamis init"), "{fault}");
        assert!(!directory.path().join("root").exists());
    }

    #[test]
    fn credentials_are_read_where_systemd_put_them_and_missed_elsewhere() {
        let text = include_str!("../../config/tamis.example.toml");
        let text =
            text.replace("{ file = \"/etc/tamis/secrets/page-104000000000001\" }", "{ env = \"PAGE\" }");
        let Ok(config) = parse(&text, &Environment::default()) else { panic!("valid") };
        let page = ("PAGE".to_owned(), "EAAG".to_owned());
        let elsewhere = Environment::new([page.clone()]);
        assert!(config.resolve(&elsewhere).is_err_and(|faults| faults.faults.len() == 3));

        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), "meta-app-secret", "a", 0o440);
        write(directory.path(), "meta-verify-token", "v", 0o440);
        write(directory.path(), "tamis-root-key", ROOT, 0o440);
        let credentials = ("CREDENTIALS_DIRECTORY".to_owned(), directory.path().display().to_string());
        assert!(config.resolve(&Environment::new([page, credentials])).is_ok());
    }
}
