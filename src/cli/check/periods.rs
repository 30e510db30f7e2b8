//! How long the records of a purpose are held in truth, and which keys say so: a limit that another one cuts is a limit that
//! nobody sees.

use crate::api::purposes::Span;
use crate::purpose::{Lifespan, Purpose, Term};

/// A term that can end a record, and the keys that it is made from.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Period {
    #[serde(skip)]
    pub(super) term: Term,
    #[serde(flatten)]
    span: Span,
    pub(super) keys: &'static [&'static str],
}

/// The terms by which a record of this purpose can end, as it is dated by them.
pub(super) fn told(purpose: &Purpose) -> Vec<Period> {
    let keys = |term: &Term| -> &'static [&'static str] {
        if purpose.lapse() == Some(*term) {
            &["reconfirm_months", "grace_days"]
        } else if term.days > 0 {
            &["retention_days"]
        } else {
            &["retention_months"]
        }
    };
    let period = |term: Term| Period { term, span: term.into(), keys: keys(&term) };
    Lifespan::of(purpose).terms().into_iter().map(period).collect()
}

/// The line of a purpose: how long, whence, and what says longer in vain.
pub(super) fn line(purpose: &Purpose) -> String {
    let told = told(purpose);
    let each = |period: &Period| format!("{} ({})", one(&period.term), period.keys.join(", "));
    let text = either(&told.iter().map(each).collect::<Vec<_>>());
    let in_vain = purpose.retention().into_iter().find(|term| told.iter().all(|period| period.term != *term));
    let not = in_vain.map(|term| format!(", not {}", one(&term))).unwrap_or_default();
    format!("held for {text}{not}")
}

/// `18 months and 30 days`.
pub(super) fn in_words(terms: &[Term]) -> String {
    either(&terms.iter().map(one).collect::<Vec<_>>())
}

fn either(periods: &[String]) -> String {
    match periods {
        [one] => one.clone(),
        several => format!("{}, whichever ends first", several.join(" or ")),
    }
}

fn one(term: &Term) -> String {
    let count = |number: u32, noun: &str| {
        let plural = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {noun}{plural}"))
    };
    let parts: Vec<String> =
        [count(term.months, "month"), count(term.days, "day")].into_iter().flatten().collect();
    parts.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::purpose;

    #[test]
    fn what_is_told_is_what_holds_and_whence_it_is() {
        let mut lettre = purpose("lettre", &["email"]);
        let mut said = |months, days, again, grace| {
            (lettre.retention_months, lettre.retention_days) = (months, days);
            (lettre.reconfirm_months, lettre.grace_days) = (again, grace);
            line(&lettre)
        };
        let cut = said(Some(36), None, Some(18), 30);
        assert_eq!(cut, "held for 18 months and 30 days (reconfirm_months, grace_days), not 36 months");
        assert!("#   ".len() + cut.len() <= 80);
        assert_eq!(said(Some(12), None, None, 30), "held for 12 months (retention_months)");
        assert_eq!(said(None, Some(1), None, 30), "held for 1 day (retention_days)");
        assert_eq!(said(Some(1), None, Some(18), 14), "held for 1 month (retention_months)");
        assert_eq!(
            said(None, Some(3_650), Some(6), 14),
            "held for 6 months and 14 days (reconfirm_months, grace_days), not 3650 days"
        );
        assert_eq!(
            said(Some(19), None, Some(18), 30),
            "held for 19 months (retention_months) or 18 months and 30 days (reconfirm_months, grace_days), \
             whichever ends first"
        );
    }
}
