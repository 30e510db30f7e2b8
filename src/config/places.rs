//! Whose the files and directories are that a config names, and who else may write or enter them: modes and owners as they
//! are on this host, not names. Only `serve` and `check` look.

use std::io::ErrorKind;
use std::path::Path;

use crate::config::Config;
use crate::config::fault::{Fault, FaultCode, Faults};
use crate::secret::owner::{Harm, Owners};

impl Config {
    /// Who may own what this config names: root and the daemon's user. Root, checking on the daemon's behalf, tells it by
    /// what is the daemon's already.
    pub(super) fn owners(&self) -> Owners {
        Owners::of_daemon(self.keys.keyring.parent().into_iter().chain([self.store.path.as_path()]))
    }

    /// Looks at the config's own file and at the directories of store, keyring and socket. What is not there yet is made
    /// private: then the way to it counts.
    pub(super) fn look_at_places(&self, file: &Path, owners: &Owners) -> Faults {
        let mut found = Faults::default();
        if let Ok(Some(harm)) = owners.look_at_file(file) {
            let fault = fault_of(harm, "", "the config file");
            match harm {
                // Its owner may be the person who writes it; who that is, is for root to know.
                Harm::ForeignOwner => found.warnings.push(fault),
                Harm::Writable | Harm::WayWritable => found.faults.push(fault),
            }
        }
        let keys = self.keys.keyring.parent().unwrap_or(Path::new("/"));
        for (key, what, directory) in [
            ("store.path", "the store's directory", self.store.path.as_path()),
            ("keys.keyring", "the keyring's directory", keys),
        ] {
            let harm = match owners.look_at_own_directory(directory) {
                Err(error) if error.kind() == ErrorKind::NotFound => look_at_existing(directory, owners),
                // What cannot be looked at cannot be opened either, which has a code of its own.
                looked => looked.ok().flatten(),
            };
            found.faults.extend(harm.map(|harm| fault_of(harm, key, what)));
        }
        let door = self.admin.socket.parent().unwrap_or(Path::new("/"));
        let harm = look_at_existing(door, owners);
        found.faults.extend(harm.map(|harm| fault_of(harm, "admin.socket", "the socket's directory")));
        if owners.lets_others_in(door).unwrap_or(false) {
            found.warnings.push(Fault::new(
                FaultCode::Exposed,
                "admin.socket",
                "others may enter the socket's directory, and it must be private",
                "Give the socket a directory of its own with mode 700, as in \"/run/tamis/admin.sock\".",
            ));
        }
        found
    }
}

/// Looks at the way to a directory, as far as it exists.
fn look_at_existing(directory: &Path, owners: &Owners) -> Option<Harm> {
    let existing = directory.ancestors().find(|step| step.exists())?;
    owners.look_at_way(existing).ok().flatten()
}

fn fault_of(harm: Harm, key: &str, what: &str) -> Fault {
    match harm {
        Harm::ForeignOwner => Fault::new(
            FaultCode::ForeignOwner,
            key,
            format!(
                "{what}, or a directory above it, belongs to somebody other than root and the user that runs tamis"
            ),
            "`chown` it to that user or to root.",
        ),
        Harm::Writable | Harm::WayWritable => Fault::new(
            FaultCode::Writable,
            key,
            format!("others may write {what} or a directory above it, and so put anything in its place"),
            "`chmod go-w` what they may write: `namei -l PATH` shows each step.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::parse;
    use crate::secret::location::Environment;

    /// Key and code.
    type Told = (String, &'static str);

    struct Place {
        directory: tempfile::TempDir,
        config: Config,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let at = |name: &str| directory.path().join(name).display().to_string();
            let text = include_str!("../../config/tamis.example.toml")
                .replace("/run/tamis/admin.sock", &at("run/admin.sock"))
                .replace("/var/lib/tamis/store", &at("store"))
                .replace("/var/lib/tamis-keys/keyring", &at("keys/keyring"));
            let config = parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
            let place = Self { directory, config };
            for (name, mode) in [("run", 0o700), ("store", 0o700), ("keys", 0o700)] {
                fs::create_dir(place.at(name)).expect("made");
                place.mode(name, mode);
            }
            fs::write(place.at("tamis.toml"), "").expect("written");
            place.mode("tamis.toml", 0o640);
            place
        }

        fn at(&self, name: &str) -> std::path::PathBuf {
            self.directory.path().join(name)
        }

        fn mode(&self, name: &str, mode: u32) {
            fs::set_permissions(self.at(name), Permissions::from_mode(mode)).expect("a mode");
        }

        /// Faults, then warnings.
        fn found(&self) -> (Vec<Told>, Vec<Told>) {
            let Faults { faults, warnings } =
                self.config.look_at_places(&self.at("tamis.toml"), &Owners::of_this_process());
            let told = |faults: Vec<Fault>| {
                faults.into_iter().map(|fault| (fault.key, fault.code.as_str())).collect::<Vec<_>>()
            };
            (told(faults), told(warnings))
        }
    }

    #[test]
    fn private_places_are_well_and_so_are_those_that_are_not_made_yet() {
        let place = Place::new();
        assert_eq!(place.found(), (vec![], vec![]));
        for name in ["run", "store", "keys"] {
            fs::remove_dir(place.at(name)).expect("removed");
        }
        assert_eq!(place.found(), (vec![], vec![]));
    }

    #[test]
    fn what_others_may_write_is_refused_by_its_key() {
        for (name, key) in
            [("store", "store.path"), ("keys", "keys.keyring"), ("run", "admin.socket"), ("tamis.toml", "")]
        {
            let place = Place::new();
            place.mode(name, 0o702);
            assert_eq!(place.found(), (vec![(key.to_owned(), "path-writable")], vec![]), "{name}");
        }
        let place = Place::new();
        place.mode("store", 0o1777);
        assert_eq!(place.found().0, [("store.path".to_owned(), "path-writable")], "sticky is not enough");
    }

    #[test]
    fn a_socket_s_directory_that_others_may_enter_is_judged_by_its_mode_and_not_its_name() {
        let place = Place::new();
        for mode in [0o755, 0o711, 0o1777] {
            place.mode("run", mode);
            assert_eq!(place.found(), (vec![], vec![("admin.socket".to_owned(), "exposed")]), "{mode:o}");
        }
    }
}
