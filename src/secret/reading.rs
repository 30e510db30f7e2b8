//! Reading a small file of the operator's (the config, a secret), which may turn out to be anything: a pipe without a
//! writer, a device, a gigabyte, a file on a mount that has gone.
//!
//! Only a regular file is read, which opening without waiting makes sure of: a pipe is opened at once and refused. Links are
//! followed, as Kubernetes' secrets are some. A mount that hangs holds a call in the system for as long as it likes: so
//! whoever asks waits on another thread's word, within a limit, and those threads are few.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// How long a file may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// Readings that have not come back, of the whole process: what they wait for is outside of it.
static READINGS: Crowd = Crowd::of(4);
/// The same of looks at files that may have been replaced: those that hang do not keep a reload from reading.
static LOOKS: Crowd = Crowd::of(8);

/// How many threads may hang at one time for one end; the next one is not begun.
struct Crowd {
    hanging: AtomicUsize,
    most: usize,
}

/// A file as it was when it was opened. Its bytes are wiped when dropped.
pub struct SmallFile {
    /// Whose it is, and who may read it.
    pub metadata: Metadata,
    /// All of it.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
    /// The system says no.
    Io(ErrorKind),
    /// It is a directory, a pipe, a device, a socket.
    NotAFile,
    /// It is longer than what was asked for.
    TooLong,
    /// No answer in three seconds: what it lies on hangs.
    NotInTime,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => write!(f, "{kind}"),
            Self::NotAFile => f.write_str("what lies there is no file (a directory, a pipe, a device)"),
            Self::TooLong => f.write_str("it is longer than any that is meant to be there"),
            Self::NotInTime => f.write_str("no answer within three seconds: what it lies on hangs"),
        }
    }
}

/// Reads a regular file of at most `max_bytes`, within three seconds.
///
/// # Errors
/// See [`NotRead`].
pub fn read_small(path: &Path, max_bytes: u64) -> Result<SmallFile, NotRead> {
    let path = path.to_owned();
    within(&READINGS, READ_WITHIN, move || read_now(&path, max_bytes)).unwrap_or(Err(NotRead::NotInTime))
}

fn read_now(path: &PathBuf, max_bytes: u64) -> Result<SmallFile, NotRead> {
    let io = |error: std::io::Error| NotRead::Io(error.kind());
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path);
    let mut file: File = opened.map_err(|error| match error.kind() {
        // A socket.
        _ if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => NotRead::NotAFile,
        kind => NotRead::Io(kind),
    })?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(NotRead::NotAFile);
    }
    if metadata.len() > max_bytes {
        return Err(NotRead::TooLong);
    }
    // Room for all of it at once: what grows leaves copies behind.
    let room = usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let read = file.by_ref().take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if read as u64 > max_bytes { Err(NotRead::TooLong) } else { Ok(SmallFile { metadata, bytes }) }
}

/// Has something done on another thread that may hang in the system. None: not in time, or as many hang already as may.
fn within<T: Send + 'static>(
    crowd: &'static Crowd,
    limit: Duration,
    act: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    begin(crowd, act)?.recv_timeout(limit).ok()
}

/// Begins a look at a file. None: as many hang already as may.
pub(super) fn begin_look<T: Send + 'static>(
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<Receiver<T>> {
    begin(&LOOKS, look)
}

fn begin<T: Send + 'static>(
    crowd: &'static Crowd,
    act: impl FnOnce() -> T + Send + 'static,
) -> Option<Receiver<T>> {
    let place = crowd.enter()?;
    let (done, outcome) = channel();
    let acting = move || {
        let outcome = act();
        drop(place);
        // Whoever asked may have stopped waiting.
        let _ = done.send(outcome);
    };
    Builder::new().name("small-file".to_owned()).spawn(acting).ok()?;
    Some(outcome)
}

/// What became of something that was begun.
pub(super) enum LookEnd<T> {
    /// It is done.
    Done(T),
    /// It goes on.
    UnderWay,
    /// It ended without a word.
    Gone,
}

/// Looks whether it is done, waiting so long at most.
pub(super) fn look<T>(outcome: &Receiver<T>, limit: Duration) -> LookEnd<T> {
    match outcome.recv_timeout(limit) {
        Ok(done) => LookEnd::Done(done),
        Err(RecvTimeoutError::Timeout) => LookEnd::UnderWay,
        Err(RecvTimeoutError::Disconnected) => LookEnd::Gone,
    }
}

impl Crowd {
    const fn of(most: usize) -> Self {
        Self { hanging: AtomicUsize::new(0), most }
    }

    fn enter(&'static self) -> Option<CrowdPlace> {
        let place = (self.hanging.fetch_add(1, Ordering::SeqCst) < self.most, CrowdPlace(self));
        place.0.then_some(place.1)
    }
}

/// A place in the crowd, until it is dropped.
struct CrowdPlace(&'static Crowd);

impl Drop for CrowdPlace {
    fn drop(&mut self) {
        self.0.hanging.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    use super::*;

    #[test]
    fn only_a_regular_file_of_its_length_is_read_and_nothing_is_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "1234").expect("a file");
        std::os::unix::fs::symlink(at("file"), at("link")).expect("a link");
        let fifo = rustix::fs::mknodat(
            rustix::fs::CWD,
            at("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        );
        fifo.expect("a pipe");
        let _socket = UnixListener::bind(at("socket")).expect("a socket");
        let read = |path: &Path, max: u64| read_small(path, max).map(|file| file.bytes.to_vec());
        let begun = Instant::now();
        for name in ["file", "link"] {
            assert_eq!(read(&at(name), 4), Ok(b"1234".to_vec()), "{name}");
        }
        assert_eq!(read(&at("file"), 3), Err(NotRead::TooLong));
        assert_eq!(read(&at("absent"), 3), Err(NotRead::Io(ErrorKind::NotFound)));
        for odd in [at("fifo"), at("socket"), at(""), "/dev/null".into(), "/dev/tty".into()] {
            let refused = read(&odd, 3);
            assert!(matches!(refused, Err(NotRead::NotAFile | NotRead::Io(_))), "{}", odd.display());
        }
        assert_eq!(read(&at("fifo"), 3), Err(NotRead::NotAFile));
        assert!(begun.elapsed() < READ_WITHIN);
        // What does not say how long it is.
        assert!(read(Path::new("/proc/self/status"), 100_000).is_ok_and(|text| text.len() > 100));
        assert_eq!(read(Path::new("/proc/self/status"), 100), Err(NotRead::TooLong));
    }

    #[test]
    fn what_hangs_is_not_waited_for_and_no_crowd_of_it_gathers() {
        static CROWD: Crowd = Crowd::of(8);
        let (release, held) = channel::<()>();
        let held = std::sync::Arc::new(parking_lot::Mutex::new(held));
        let hang = || {
            let held = std::sync::Arc::clone(&held);
            within(&CROWD, Duration::from_millis(20), move || held.lock().recv().is_ok())
        };
        let begun = Instant::now();
        (0..100).for_each(|_| assert_eq!(hang(), None));
        assert!(begun.elapsed() < Duration::from_millis(20 * 50), "{:?}", begun.elapsed());
        drop(release);
        let begun = Instant::now();
        while within(&CROWD, Duration::from_secs(1), || 7) != Some(7) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it never comes back");
        }
    }
}
