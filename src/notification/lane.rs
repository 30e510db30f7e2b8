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

/// What is claimed in the config, as data: forms by purposes, pages by their tokens. What is not would only be held.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The forms that a purpose claims.
    pub forms: Arc<HashSet<FormId>>,
    /// The pages that have a token.
    pub pages: Arc<HashSet<PageId>>,
}

impl Claims {
    /// True if both claim this lane.
    pub fn cover(&self, lane: &Lane) -> bool {
        self.forms.contains(&lane.form) && self.pages.contains(&lane.page)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_read_held_or_left_by_its_page_and_its_form() {
        let page = |id| PageId::parse(id).expect("digits");
        let form = |id| FormId::parse(id).expect("digits");
        let lanes = Lanes {
            forms: Arc::new(HashSet::from([form("1")])),
            pages: HashMap::from([(page("10"), true), (page("11"), false)]),
        };
        for (on, of, wanted) in [
            ("10", "1", Move::Read),
            ("11", "1", Move::Stay),
            // Nobody claims the form.
            ("10", "2", Move::Hold),
            ("11", "2", Move::Hold),
            // Nobody has the page's token.
            ("12", "1", Move::Hold),
            ("12", "2", Move::Hold),
        ] {
            assert_eq!(lanes.moves(&Lane { page: page(on), form: form(of) }), wanted, "{on}/{of}");
        }
        assert_eq!(Lanes::default().moves(&Lane { page: page("10"), form: form("1") }), Move::Hold);
    }
}
