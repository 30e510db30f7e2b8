//! What was found of a form over time: each finding with its beginning and its end, and when the form was last looked at. A
//! controller who never looked again was fined for it; this is what shows that somebody did.

use jiff::{SignedDuration, Timestamp};

use crate::id::FormId;
use crate::purpose::form_check::check::{FormSeen, check_form};
use crate::purpose::form_check::finding::Finding;
use crate::purpose::form_check::link::NoticeHome;
use crate::purpose::{FormDefinition, Policy, TextHash};

/// So many findings of one form are kept: those that stand, and of those that ended the last.
pub const KEPT_MAX: usize = 200;

const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// A form's looks: the last, and what they found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormLook {
    /// The form.
    pub form: FormId,
    /// When Graph last gave it; of one that it refuses, when it first did; of one that nobody claims, when that was last seen to be
    /// so.
    pub looked_at: Timestamp,
    /// What people saw then; none: it was never readable.
    pub revision: Option<TextHash>,
    /// When that became another; none: never, since it is looked at.
    pub changed_at: Option<Timestamp>,
    /// Those that stand, the worst first, then those that ended, the last first.
    pub findings: Vec<KeptFinding>,
}

/// A finding, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFinding {
    /// What.
    pub finding: Finding,
    /// When a look first found it.
    pub first_seen: Timestamp,
    /// When one last did.
    pub last_seen: Timestamp,
    /// When one first did not any more; none: it stands.
    pub ended: Option<Timestamp>,
}

/// What a look changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookChange {
    /// What was not found before.
    pub begun: Vec<Finding>,
    /// What was, and is no more.
    pub ended: Vec<Finding>,
}

/// That leads of a form wait is seen with each of them, and kept once a day.
fn today(before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let is_today = |at: &Timestamp| (SignedDuration::ZERO..A_DAY).contains(&now.duration_since(*at));
    before.filter(is_today).unwrap_or(now)
}

impl FormLook {
    /// Looks at a form, and takes over from the look before since when each finding stands, and since when the form is another
    /// than it was. Time does not go back: a clock that was set back makes no finding end before it began.
    pub fn after(
        before: Option<&Self>,
        policy: &Policy,
        home: Option<&NoticeHome>,
        seen: FormSeen<'_>,
        now: Timestamp,
    ) -> (Self, LookChange) {
        let FormSeen { form, definition, read_at, .. } = seen;
        let looked_at = read_at.unwrap_or_else(|| today(before.map(|before| before.looked_at), now));
        let known = before.and_then(|before| before.revision);
        let revision = definition.map(FormDefinition::revision).or(known);
        let is_another = known.is_some() && revision != known;
        let changed_at = match is_another {
            true => Some(looked_at),
            false => before.and_then(|before| before.changed_at),
        };
        let found = check_form(policy, home, &FormSeen { changed_at, ..seen }, now);
        let mut change = LookChange::default();
        let mut standing = Vec::new();
        let of_before = || before.into_iter().flat_map(|before| &before.findings);
        for finding in &found {
            let known = of_before().find(|kept| kept.ended.is_none() && kept.finding == *finding);
            if known.is_none() {
                change.begun.push(finding.clone());
            }
            let first_seen = known.map_or(now, |known| known.first_seen);
            let last_seen = known.map_or(now, |known| known.last_seen.max(now));
            standing.push(KeptFinding { finding: finding.clone(), first_seen, last_seen, ended: None });
        }
        let mut over: Vec<KeptFinding> = Vec::new();
        for kept in of_before() {
            match kept.ended {
                Some(_) => over.push(kept.clone()),
                None if !found.contains(&kept.finding) => {
                    change.ended.push(kept.finding.clone());
                    over.push(KeptFinding { ended: Some(now.max(kept.last_seen)), ..kept.clone() });
                }
                None => {}
            }
        }
        over.sort_by_key(|kept| std::cmp::Reverse(kept.ended));
        standing.extend(over);
        standing.truncate(KEPT_MAX);
        (Self { form, looked_at, revision, changed_at, findings: standing }, change)
    }

    /// What stands, the worst first.
    pub fn standing(&self) -> impl Iterator<Item = &KeptFinding> {
        self.findings.iter().filter(|kept| kept.ended.is_none())
    }

    /// True if it says more than this one, save that time has passed.
    pub fn is_news_to(&self, before: &Self) -> bool {
        let told = |look: &Self| -> Vec<(Finding, bool)> {
            look.findings.iter().map(|kept| (kept.finding.clone(), kept.ended.is_some())).collect()
        };
        self.looked_at != before.looked_at || self.revision != before.revision || told(self) != told(before)
    }
}
