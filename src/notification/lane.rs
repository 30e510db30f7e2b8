//! What waits in one line, and which lines may move.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::id::{FormId, PageId};

/// The references of one form of one page: they share a page token, a form's definition and a `fields=` list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The page whose token reads them.
    pub page: PageId,
    /// Their form.
    pub form: FormId,
}

/// Which lanes may move now, as data: who looks for the next reference asks nobody on the way.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// The forms that a purpose claims.
    pub forms: Arc<HashSet<FormId>>,
    /// The pages of the config; true: theirs may be read now, false: they are paused.
    pub pages: HashMap<PageId, bool>,
}

/// What may become of a lane's references now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// They may be read: the due, and those that were held until somebody may read them.
    Read,
    /// Nobody may read them any more: those that wait are to be held.
    Hold,
    /// They may be read, but not now: they stay where they are.
    Stay,
}

impl Lanes {
    /// What may become of this lane's references.
    pub fn moves(&self, lane: &Lane) -> Move {
        match self.pages.get(&lane.page) {
            Some(readable) if self.forms.contains(&lane.form) => {
                if *readable {
                    Move::Read
                } else {
                    Move::Stay
                }
            }
            _ => Move::Hold,
        }
    }
}
