//! A submission, and what the daemon said of it for each of its purposes.

use jiff::Timestamp;
use tamis::clock::Day;
use tamis::notification::{ParkCode, Why};
use tamis::purpose::{PurposeId, RecordId};
use tamis::store::{Fate, SeenState};

use super::evidence::Left;
use super::rights::Held;
use crate::model::ops::Kind;
use crate::model::plan::{PURPOSES, claims};

/// A submission, as Meta knows it, and what the daemon said of it.
pub struct Lead {
    pub id: String,
    pub form: usize,
    pub(super) kind: Kind,
    pub(super) created: Timestamp,
    /// What the daemon took for the time when it first accepted it.
    pub(super) received: Option<Timestamp>,
    /// Meta has deleted it.
    pub(super) gone: bool,
    /// A call with it got its 200.
    pub acknowledged: bool,
    /// A call with it got no answer: it may be in the journal.
    pub maybe: bool,
    /// It was buried since Graph did not say, and a call came an hour later: it may be in the journal as well.
    pub back: bool,
    /// It was erased while a call of it may lie in the journal: there it stays until a fetcher takes it up, and drops it.
    pub lingers: bool,
    /// When it was last erased, for some purpose or all.
    pub(super) erased: Option<Timestamp>,
    /// What became of it for each of its purposes, when last looked.
    pub fates: Vec<Fate>,
    /// Where it is stored: until when, exclusive, by purpose.
    pub(super) expires: [Option<Day>; 2],
    /// What became of its records since, by purpose.
    pub(super) held: [Held; 2],
    /// What is left of the consents of those that are gone.
    pub(super) left: Vec<Left>,
}

impl Lead {
    /// In which way it is parked: where it waits or is held it is so as a whole.
    pub(super) fn parked(&self) -> Option<Why> {
        let whys = self.fates.iter().filter_map(|fate| match fate.state {
            SeenState::Parked(why) => Some(why),
            _ => None,
        });
        whys.min_by_key(|why| match why {
            Why::Waiting { .. } => 0,
            Why::Held { .. } => 1,
            Why::Refused { .. } => 2,
            Why::Buried { .. } => 3,
        })
    }

    /// Its record for a purpose, held still or not.
    pub fn stored(&self, of: usize) -> Option<&RecordId> {
        self.fates.iter().find_map(|fate| match &fate.state {
            SeenState::Stored(id) if purpose_index(&id.purpose) == of => Some(id),
            _ => None,
        })
    }

    /// … and held still: its time has not ended it.
    pub fn record(&self, of: usize) -> Option<&RecordId> {
        self.stored(of).filter(|_| !self.held[of].over)
    }

    /// When it was sent in, or received if that was earlier.
    pub(super) fn sent(&self) -> Timestamp {
        self.received.map_or(self.created, |received| received.min(self.created))
    }

    /// The purposes for which it is open.
    pub(super) fn open(&self) -> Vec<usize> {
        let open = self.fates.iter().filter(|fate| matches!(fate.state, SeenState::Parked(_)));
        open.filter_map(|fate| fate.purpose.as_ref().map(purpose_index)).collect()
    }

    /// For some purpose it has its end.
    pub(super) fn is_decided(&self) -> bool {
        self.fates.iter().any(|fate| !matches!(fate.state, SeenState::Parked(_) | SeenState::Erased))
    }

    /// The purposes for which it is read under a policy, and those for which it was to be, had they not left its form. They
    /// are fixed when its form is first matched, or anew if not one has it any more and nothing of it is decided.
    pub(super) fn purposes(&self, policy: usize) -> (Vec<usize>, Vec<usize>) {
        let (claiming, open) = (claims(policy, self.form), self.open());
        let (read, gone): (Vec<usize>, Vec<usize>) = open.iter().partition(|of| claiming.contains(of));
        if open.is_empty() || read.is_empty() && !self.is_decided() {
            return (claiming.to_vec(), Vec::new());
        }
        (read, gone)
    }
}

/// A call with it may bring it back: what has its end for some purpose is an operator's to bring back.
pub(super) fn may_come_back(lead: &Lead) -> bool {
    let spent =
        |why: Why| matches!(why, Why::Buried { code: ParkCode::AttemptsSpent | ParkCode::FormUnnamed, .. });
    !lead.is_decided() && lead.parked().is_some_and(spent)
}

/// Which of the two purposes it is.
pub(super) fn purpose_index(id: &PurposeId) -> usize {
    PURPOSES.iter().position(|name| *name == id.as_str()).expect("one of two")
}
