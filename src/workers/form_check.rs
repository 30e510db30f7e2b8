//! What the form check found of each form, as it stands, for whoever asks how things are.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::current::Current;
use crate::id::FormId;
use crate::purpose::form_check::{Finding, FindingCode, FormLook, NoticeHome, Severity};

/// How often all forms are gone over: what was not read for a day is read again then.
const ROUND_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The form check: where notices are, and what stands.
pub struct FormCheck {
    home: Current<Option<NoticeHome>>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// Of every form that was looked at.
    standing: HashMap<FormId, Standing>,
    /// All forms were gone over under the config in force.
    is_known: bool,
    next_round: Option<Timestamp>,
}

struct Standing {
    looked_at: Timestamp,
    findings: Vec<Finding>,
}

/// How often something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// How much it matters.
    pub severity: Severity,
    /// What.
    pub code: FindingCode,
    /// On these forms, in order.
    pub forms: Vec<FormId>,
}

impl FormCheck {
    /// Notices are below this address.
    pub fn new(public_url: &str) -> Self {
        Self { home: Current::new(NoticeHome::below(public_url)), book: Mutex::default() }
    }

    /// Another config is in force: all forms are gone over again. What was found stands until then.
    pub fn begin_anew(&self, public_url: &str) {
        self.home.replace(NoticeHome::below(public_url).into());
        let mut book = self.book.lock();
        (book.is_known, book.next_round) = (false, None);
    }

    /// Where notices are.
    pub(super) fn home(&self) -> std::sync::Arc<Option<NoticeHome>> {
        self.home.pin()
    }

    /// True if it is time to go over all forms. A clock that was set back says nothing.
    pub(super) fn is_round_due(&self, now: Timestamp) -> bool {
        let book = self.book.lock();
        book.next_round.is_none_or(|next| now >= next || next.duration_since(now) > ROUND_EVERY)
    }

    /// All forms were gone over; there is more to read again at once, or not.
    pub(super) fn went_round(&self, now: Timestamp, again: Option<SignedDuration>) {
        let mut book = self.book.lock();
        book.is_known = true;
        book.next_round = now.checked_add(again.unwrap_or(ROUND_EVERY)).ok();
    }

    /// What could not be looked at is looked at with the next round, which is due.
    pub(super) fn hurry(&self) {
        self.book.lock().next_round = None;
    }

    /// This is how a form stands.
    pub(super) fn note(&self, look: &FormLook) {
        let findings = look.standing().map(|kept| kept.finding.clone()).collect();
        let standing = Standing { looked_at: look.looked_at, findings };
        self.book.lock().standing.insert(look.form, standing);
    }

    /// True if something serious stands; none: not all forms were gone over yet.
    pub fn is_serious(&self) -> Option<bool> {
        let book = self.book.lock();
        let serious = |finding: &Finding| finding.severity == Severity::Serious;
        book.is_known.then(|| book.standing.values().any(|one| one.findings.iter().any(serious)))
    }

    /// What stands, the worst first.
    pub fn standing(&self) -> Vec<Stands> {
        let book = self.book.lock();
        let mut found: Vec<Stands> = Vec::new();
        for (form, standing) in &book.standing {
            for finding in &standing.findings {
                let (severity, code) = (finding.severity, finding.code);
                let at = found.iter_mut().find(|one| (one.severity, one.code) == (severity, code));
                match at {
                    Some(one) => one.forms.push(*form),
                    None => found.push(Stands { severity, code, forms: vec![*form] }),
                }
            }
        }
        for one in &mut found {
            one.forms.sort();
            one.forms.dedup();
        }
        found.sort_by_key(|one| (one.severity, one.code));
        found
    }

    /// When the form among these that was looked at the longest time ago was; none: none of them was ever.
    pub fn oldest_look(&self, among: impl Fn(&FormId) -> bool) -> Option<Timestamp> {
        let book = self.book.lock();
        let looks = book.standing.iter().filter(|(form, _)| among(form));
        looks.map(|(_, standing)| standing.looked_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::form_check::KeptFinding;

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + minutes * 60).expect("in range")
    }

    fn look(id: &str, minutes: i64, found: &[(Severity, FindingCode, bool)]) -> FormLook {
        let kept = |(severity, code, stands): &(Severity, FindingCode, bool)| KeptFinding {
            finding: Finding {
                severity: *severity,
                code: *code,
                purpose: None,
                consent: None,
                question: None,
            },
            first_seen: at(0),
            last_seen: at(minutes),
            ended: (!stands).then(|| at(minutes)),
        };
        let findings = found.iter().map(kept).collect();
        FormLook { form: form(id), looked_at: at(minutes), revision: None, changed_at: None, findings }
    }

    #[test]
    fn what_stands_is_told_once_with_its_forms_and_what_ended_is_not() {
        use FindingCode::{LinkElsewhere, LinkMissing};
        use Severity::{Serious, Warning};
        let check = FormCheck::new("https://leads.lumen.example");
        assert_eq!((check.is_serious(), check.standing()), (None, Vec::new()));
        check.note(&look("2", 5, &[(Warning, LinkElsewhere, true), (Serious, LinkMissing, false)]));
        check.note(&look("1", 9, &[(Warning, LinkElsewhere, true)]));
        assert_eq!(check.is_serious(), None, "not all were gone over");
        check.went_round(at(9), None);
        assert_eq!(check.is_serious(), Some(false));
        let elsewhere = Stands { severity: Warning, code: LinkElsewhere, forms: vec![form("1"), form("2")] };
        assert_eq!(check.standing(), vec![elsewhere]);
        check.note(&look("1", 9, &[(Serious, LinkMissing, true)]));
        assert_eq!(check.is_serious(), Some(true));
        let codes: Vec<FindingCode> = check.standing().iter().map(|one| one.code).collect();
        assert_eq!(codes, [LinkMissing, LinkElsewhere], "the worst first");
        assert_eq!(check.oldest_look(|_| true), Some(at(5)));
        assert_eq!(check.oldest_look(|of| *of == form("1")), Some(at(9)));
        assert_eq!(check.oldest_look(|_| false), None);
    }

    #[test]
    fn all_are_gone_over_hourly_at_once_after_a_reload_and_again_when_the_clock_was_ahead() {
        let check = FormCheck::new("https://leads.lumen.example");
        assert!(check.is_round_due(at(0)));
        check.went_round(at(0), None);
        assert!(!check.is_round_due(at(0)) && !check.is_round_due(at(59)) && check.is_round_due(at(60)));
        assert!(check.is_round_due(at(-10_000)), "the clock was ahead");
        check.went_round(at(60), Some(SignedDuration::from_mins(1)));
        assert!(!check.is_round_due(at(60)) && check.is_round_due(at(61)));
        check.went_round(at(61), None);
        check.begin_anew("https://leads.lumen.example");
        assert!(check.is_round_due(at(61)) && check.is_serious().is_none());
        check.went_round(at(61), None);
        check.hurry();
        assert!(check.is_round_due(at(61)) && check.is_serious().is_some());
    }
}
