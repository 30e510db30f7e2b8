//! What is an activity of its own: the suppression list, the log of access, requests of persons, evidence that outlives its record. No purpose can have their
//! references: a purpose's name has no hyphen.

use crate::desk::activity::{Activity, Column};
use crate::desk::house::{Keeping, Scribe};
use crate::notice::naming;
use crate::purpose::Term;
use crate::purpose::law::Recipient;

impl Scribe<'_> {
    /// The three, in the order in which people ask; and evidence, where that is kept.
    pub(in crate::desk) fn own_activities(&self, today: &str) -> Vec<Activity> {
        let mut own = vec![self.suppressions(today), self.trail(today), self.requests(today)];
        if self.house.keeping.evidence_months > 0 {
            own.push(self.evidence(today));
        }
        own
    }

    /// Arts. 7(1), 17(3)(e): that somebody had agreed is shown after their erasure.
    fn evidence(&self, today: &str) -> Activity {
        let words = self.words;
        let months = Term::months(self.house.keeping.evidence_months);
        self.own(
            today,
            [
                (Column::Reference, vec!["tamis-evidence"]),
                (Column::Name, vec![words.ev_name]),
                (Column::Purpose, vec![words.ev_purpose]),
                (Column::Basis, vec![words.ev_basis, words.to_confirm]),
                (Column::Persons, vec![words.ev_persons]),
                (Column::Data, vec![words.ev_data, words.sup_clear]),
                (Column::Source, vec![words.ev_source]),
            ],
            vec![self.lasting(words.ev_erasure, months)],
            &[],
        )
    }

    /// Art. 21(3): who objected is known by a fingerprint.
    fn suppressions(&self, today: &str) -> Activity {
        let words = self.words;
        let months = Term::months(self.house.keeping.suppression_months);
        self.own(
            today,
            [
                (Column::Reference, vec!["tamis-suppressions"]),
                (Column::Name, vec![words.sup_name]),
                (Column::Purpose, vec![words.sup_purpose]),
                (Column::Basis, vec![words.sup_basis, words.to_confirm]),
                (Column::Persons, vec![words.sup_persons]),
                (Column::Data, vec![words.sup_data, words.sup_clear]),
                (Column::Source, vec![words.sup_source]),
            ],
            vec![self.lasting(words.sup_erasure, months)],
            &[],
        )
    }

    /// Arts. 5(2), 32: who did what. Beside it the log of the machine.
    fn trail(&self, today: &str) -> Activity {
        let (words, Keeping { trail_months, log_days, .. }) = (self.words, self.house.keeping);
        let log = match log_days {
            Some(days) => self.lasting(words.log_erasure, Term::days(days)),
            None => words.log_elsewhere.to_owned(),
        };
        self.own(
            today,
            [
                (Column::Reference, vec!["tamis-trail"]),
                (Column::Name, vec![words.trail_name]),
                (Column::Purpose, vec![words.trail_purpose]),
                (Column::Basis, vec![words.trail_basis, words.to_confirm]),
                (Column::Persons, vec![words.trail_persons]),
                (Column::Data, vec![words.trail_data, words.trail_log]),
                (Column::Source, vec![words.trail_source]),
            ],
            vec![self.lasting(words.trail_erasure, Term::months(trail_months)), log],
            &[],
        )
    }

    /// Arts. 12, 15 to 22. Letters with people do not go through tamis.
    fn requests(&self, today: &str) -> Activity {
        let words = self.words;
        let mut activity = vec![
            (Column::Reference, vec!["tamis-requests"]),
            (Column::Name, vec![words.req_name]),
            (Column::Purpose, vec![words.req_purpose]),
            (Column::SubPurposes, vec![words.req_sub]),
            (Column::Basis, vec![words.req_basis]),
            (Column::Persons, vec![words.req_persons]),
            (
                Column::Data,
                vec![
                    words.req_register,
                    words.req_data,
                    words.req_restriction,
                    words.req_print,
                    words.req_letters,
                ],
            ),
            (Column::Source, vec![words.req_source]),
        ];
        activity.push((Column::Recipients, vec![words.recipients_own, words.req_recipients]));
        let months = Term::months(self.house.keeping.request_months);
        let mut erasure = vec![self.lasting(words.req_answered, months)];
        let others = [words.req_row, words.req_restriction_end, words.req_tombstone, words.req_kept];
        erasure.extend(others.map(str::to_owned));
        // Whoever had the record is told: each of them may be one of these.
        let told: Vec<&Recipient> = self.house.recipients.iter().collect();
        self.own(today, activity, erasure, &told)
    }

    fn own(
        &self,
        today: &str,
        cells: impl IntoIterator<Item = (Column, Vec<&'static str>)>,
        erasure: Vec<String>,
        recipients: &[&Recipient],
    ) -> Activity {
        let words = self.words;
        let owned = |points: Vec<&str>| points.into_iter().map(str::to_owned).collect();
        let mut all: Vec<(Column, Vec<String>)> =
            cells.into_iter().map(|(column, points)| (column, owned(points))).collect();
        all.extend(self.actors(today));
        all.push((Column::Erasure, erasure));
        all.push((Column::Transfers, self.transfers(recipients)));
        let rest = [
            (Column::Joint, words.none),
            (Column::SubPurposes, words.none),
            (Column::Sensitive, words.none),
            (Column::Recipients, words.recipients_own),
        ];
        for (column, text) in rest {
            if all.iter().all(|(known, _)| *known != column) {
                all.push((column, vec![text.to_owned()]));
            }
        }
        Activity::of(self, all)
    }

    fn lasting(&self, text: &str, term: Term) -> String {
        naming::line(text, &[("term", &naming::term(term, self.language))])
    }
}
