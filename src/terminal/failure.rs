//! How a command line ends.

use std::fmt;
use std::path::Path;

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
    /// Of a daemon's refusal: its code.
    code: Option<String>,
}

impl Failure {
    /// A failure with this exit code and sentence.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), code: None }
    }

    /// A daemon refused it with this code.
    pub fn of_daemon(code: String, sentence: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::failed(sentence) }
    }

    /// True if a daemon refused it with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
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
