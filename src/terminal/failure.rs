//! How a command line ends.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::machine::own::{self, FileCode};

/// The exit codes, stable for scripts (those above 63 as in BSD's sysexits.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It did not work.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// No daemon answers.
    DaemonDown = 69,
    /// Another process holds the store.
    StoreLocked = 75,
    /// The config is refused.
    ConfigRefused = 78,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why it did not work, in a sentence for the person at the terminal.
#[derive(Debug)]
pub struct Failure {
    /// With which code tamis ends.
    pub exit: Exit,
    sentence: String,
    cause: Cause,
}

/// What a daemon says with a refusal.
#[derive(Debug)]
pub struct Refusal {
    /// Its code.
    pub code: String,
    /// With `cursor-ahead`: the cursor to go on after.
    pub resume_after: Option<String>,
    /// How long to wait before the next try.
    pub retry_after: Option<Duration>,
}

#[derive(Debug)]
enum Cause {
    /// This side.
    Here,
    /// An answer ended before its end.
    BrokenOff,
    /// No answer came in time.
    Unanswered,
    /// A daemon's word.
    Refused(Box<Refusal>),
}

impl Failure {
    /// A failure with this exit code and sentence.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), cause: Cause::Here }
    }

    /// A daemon refused it.
    pub fn of_daemon(refusal: Refusal, sentence: impl Into<String>) -> Self {
        Self { cause: Cause::Refused(Box::new(refusal)), ..Self::failed(sentence) }
    }

    /// A daemon stopped in the middle of an answer.
    pub fn broken_off(sentence: impl Into<String>) -> Self {
        Self { cause: Cause::BrokenOff, ..Self::failed(sentence) }
    }

    /// A daemon took the call and did not answer in time.
    pub fn unanswered(sentence: impl Into<String>) -> Self {
        Self { cause: Cause::Unanswered, ..Self::new(Exit::DaemonDown, sentence) }
    }

    /// The same, and what to do about it.
    pub fn and(mut self, what_to_do: &str) -> Self {
        self.sentence.push_str(what_to_do);
        self
    }

    /// What a daemon said, if it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.cause {
            Cause::Refused(refusal) => Some(refusal),
            Cause::Here | Cause::BrokenOff | Cause::Unanswered => None,
        }
    }

    /// True if a daemon refused it with this code.
    pub fn is(&self, code: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == code)
    }

    /// True if an answer ended before its end.
    pub fn is_broken_off(&self) -> bool {
        matches!(self.cause, Cause::BrokenOff)
    }

    /// True if the call was sent and no whole answer came: what it asked for may be done.
    pub fn is_without_answer(&self) -> bool {
        matches!(self.cause, Cause::BrokenOff | Cause::Unanswered)
    }

    /// It did not work.
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Failed, sentence)
    }

    /// A file did not do what was asked of it.
    pub fn file(path: &Path, did_not: &str, error: &std::io::Error) -> Self {
        match own::refusal(error) {
            Some(code) => Self::refused(path, code),
            None => Self::failed(format!("cannot {did_not} {}: {}", path.display(), error.kind())),
        }
    }

    /// A file is not used.
    pub fn refused(path: &Path, code: FileCode) -> Self {
        Self::failed(format!("{} is not used: {} ({code})", path.display(), code.sentence()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
