//! The copies that go with mails: made by whoever can, which is the admin side.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::language::Language;
use crate::purpose::RecordId;
use crate::secret::Wiped;
use crate::workers::Searcher;

/// Of whom a copy is made: records of one mailbox.
pub struct CopyOf {
    /// Its records.
    pub records: Vec<RecordId>,
    /// The mailbox.
    pub address: Wiped<String>,
    /// In which language its sentences are.
    pub language: Language,
    /// What it may lack.
    pub lacks: Lacks,
}

/// What a copy may lack: whoever reads it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// How many records hold the address, where that is more than were looked into.
    pub total: Option<u64>,
    /// How many records do not open, and may hold it.
    pub unreadable: u64,
}

/// A copy.
pub struct CopyFiles {
    /// For programs.
    pub json: Wiped<String>,
    /// To be read.
    pub html: Wiped<String>,
}

/// Makes copies, with a line in the trail for each record; the error is a code.
pub type Copying = Box<dyn Fn(CopyOf) -> BoxFuture<'static, Result<CopyFiles, &'static str>> + Send + Sync>;

/// What is asked where such mails are written.
pub(super) struct Answering {
    pub(super) searcher: Arc<Searcher>,
    pub(super) copying: Copying,
}
