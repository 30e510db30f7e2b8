//! A secret that may be replaced while the daemon runs.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::secret::Secret;
use crate::secret::location::{Environment, Location, LocationCode};
use crate::secret::reading::{LookEnd, begin_look, look};

/// How often a file is looked at, however often the secret is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long whoever asks for the secret waits for that look. A file on a mount that hangs is looked at by a thread that
/// hangs with it; the secret that is known holds on meanwhile.
const LOOK_WITHIN: Duration = Duration::from_millis(100);

/// A secret that is read again when its file changes, so that a replaced page token works without a restart.
pub struct WatchedSecret {
    place: Arc<WatchedPlace>,
    held: Mutex<Held>,
    pause: Duration,
}

struct WatchedPlace {
    location: Location,
    environment: Environment,
}

struct Held {
    /// Of the version that `secret` was read from.
    stamp: Option<Stamp>,
    secret: Arc<Secret>,
    /// Of the last version that could not be read.
    refused: Option<Stamp>,
    looked: Instant,
    /// A look that did not come back in time.
    under_way: Option<Receiver<Option<OtherVersion>>>,
}

/// What tells one version of a file from the next.
type Stamp = (u64, i64, i64, u64);

/// Another version of the file than the known one, and what is in it.
struct OtherVersion {
    stamp: Stamp,
    read: Result<Secret, LocationCode>,
}

/// What a look at a watched secret found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretLook {
    /// What was there before.
    Same,
    /// Another secret.
    Replaced,
    /// Another version of the file, which cannot be read; said once for each version. The last secret holds on.
    Refused(LocationCode),
}

impl WatchedSecret {
    /// Reads the secret for the first time.
    ///
    /// # Errors
    /// See [`LocationCode`].
    pub fn read(location: Location, environment: Environment) -> Result<Self, LocationCode> {
        let secret = Arc::new(location.read(&environment)?);
        let place = Arc::new(WatchedPlace { location, environment });
        // Its version is told by the first look: a file that was replaced in between is read once more.
        let held = Held { stamp: None, secret, refused: None, looked: Instant::now(), under_way: None };
        let watched = Self { place, held: Mutex::new(held), pause: LOOK_EVERY };
        watched.current_after(Duration::ZERO);
        Ok(watched)
    }

    /// The same, looked at whenever it is asked for: where time stands still, no moment passes between two looks.
    #[doc(hidden)]
    pub fn looked_at_each_time(self) -> Self {
        Self { pause: Duration::ZERO, ..self }
    }

    /// The secret as it is now, give or take a moment, and what became of it since the last look. A file that is away for
    /// the moment changes nothing: it is being replaced.
    pub fn current(&self) -> (Arc<Secret>, SecretLook) {
        self.current_after(self.pause)
    }

    fn current_after(&self, pause: Duration) -> (Arc<Secret>, SecretLook) {
        let mut held = self.held.lock();
        let found = held.look(&self.place, pause);
        let look = found.map_or(SecretLook::Same, |found| held.take(found));
        (Arc::clone(&held.secret), look)
    }
}

impl Held {
    /// Looks at the file, if the last look is that long ago. None: nothing new is known.
    fn look(&mut self, place: &Arc<WatchedPlace>, pause: Duration) -> Option<OtherVersion> {
        let (outcome, patience) = match self.under_way.take() {
            Some(outcome) => (outcome, Duration::ZERO),
            None if self.looked.elapsed() < pause => return None,
            None => {
                self.looked = Instant::now();
                let (place, known) = (Arc::clone(place), self.stamp);
                let Location::File(_) = place.location else { return None };
                (begin_look(move || place.other_than(known))?, LOOK_WITHIN)
            }
        };
        match look(&outcome, patience) {
            LookEnd::Done(found) => found,
            LookEnd::UnderWay => {
                self.under_way = Some(outcome);
                None
            }
            LookEnd::Gone => None,
        }
    }

    fn take(&mut self, found: OtherVersion) -> SecretLook {
        match found.read {
            Ok(secret) => {
                let same = secret.equals(self.secret.expose());
                (self.stamp, self.refused) = (Some(found.stamp), None);
                self.secret = Arc::new(secret);
                if same { SecretLook::Same } else { SecretLook::Replaced }
            }
            Err(_) if self.refused == Some(found.stamp) => SecretLook::Same,
            Err(code) => {
                self.refused = Some(found.stamp);
                SecretLook::Refused(code)
            }
        }
    }
}

impl WatchedPlace {
    fn other_than(&self, known: Option<Stamp>) -> Option<OtherVersion> {
        let Location::File(path) = &self.location else { return None };
        let stamp = |m: Metadata| (m.ino(), m.mtime(), m.mtime_nsec(), m.len());
        let stamp = std::fs::metadata(path).ok().map(stamp).filter(|stamp| Some(*stamp) != known)?;
        Some(OtherVersion { stamp, read: self.location.read(&self.environment) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn put(path: &Path, secret: &str, mode: u32) {
        let new = path.with_extension("new");
        std::fs::write(&new, secret).expect("a file");
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).expect("a mode");
        std::fs::rename(&new, path).expect("a file");
    }

    #[test]
    fn a_replaced_file_is_seen_and_one_that_cannot_be_read_is_said_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        put(&path, "one", 0o600);
        let watched = WatchedSecret::read(Location::File(path.clone()), Environment::default());
        let watched = watched.expect("a secret");
        let look = |wanted: &[u8], look: SecretLook| {
            let (secret, found) = watched.current_after(Duration::ZERO);
            assert!(secret.equals(wanted) && found == look, "{found:?}");
        };
        look(b"one", SecretLook::Same);
        put(&path, "two two", 0o644);
        look(b"one", SecretLook::Refused(LocationCode::WorldReadable));
        look(b"one", SecretLook::Same);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        look(b"two two", SecretLook::Replaced);
        put(&path, "two two\n", 0o600);
        look(b"two two", SecretLook::Same);
        put(&path, " \n", 0o600);
        look(b"two two", SecretLook::Refused(LocationCode::Empty));
        std::fs::remove_file(&path).expect("a file");
        look(b"two two", SecretLook::Same);
        put(&path, "three", 0o600);
        look(b"three", SecretLook::Replaced);
    }

    #[test]
    fn however_often_it_is_asked_for_its_file_is_looked_at_now_and_then() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        put(&path, "one", 0o600);
        let watched = WatchedSecret::read(Location::File(path.clone()), Environment::default());
        let watched = watched.expect("a secret");
        put(&path, "two two", 0o600);
        let begun = Instant::now();
        while !watched.current().0.equals(b"two two") {
            assert!(begun.elapsed() < Duration::from_secs(20), "never seen");
        }
        let begun = Instant::now();
        (0..10_000).for_each(|_| drop(watched.current()));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_look_that_hangs_is_not_waited_for_and_counts_when_it_comes_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        put(&path, "one", 0o600);
        let watched = WatchedSecret::read(Location::File(path.clone()), Environment::default());
        let watched = watched.expect("a secret");
        let (answer, hanging) = std::sync::mpsc::channel();
        watched.held.lock().under_way = Some(hanging);
        let begun = Instant::now();
        for _ in 0..1_000 {
            assert!(watched.current_after(Duration::ZERO).0.equals(b"one"));
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        let found = OtherVersion { stamp: (1, 2, 3, 4), read: Ok(Secret::new(b"two".to_vec())) };
        answer.send(Some(found)).expect("somebody waits");
        let (secret, look) = watched.current_after(Duration::ZERO);
        assert!(secret.equals(b"two") && look == SecretLook::Replaced);
    }
}
