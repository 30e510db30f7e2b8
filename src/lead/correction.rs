//! What an officer says that a record should hold, held to the same rules as what the sieve takes: whitelisted names, no blank
//! answer, a bound on how many, numbers worked out beside what was written.

use std::sync::Arc;

use crate::lead::minimise::VALUES_MAX;
use crate::lead::minimised::Answer;
use crate::lead::revise::Revision;
use crate::purpose::{FieldName, FieldRule, Purpose};
use crate::secret::Wiped;

/// So many fields are corrected at once: their names stand in one line of the trail.
const FIELDS_MAX: usize = 100;

/// Why a correction is not taken, whatever the record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectionFault {
    /// The whitelist has no such field.
    FieldUnknown,
    /// The field is worked out from another, which is to be corrected in its place.
    FieldWorkedOut,
    /// A field without which the purpose takes no lead cannot be taken away.
    FieldRequired,
    /// A field twice, a blank answer, more answers than a field may have, or more than a hundred fields.
    ValueInvalid,
}

/// What a correction of a record of this purpose comes to. Without answers a field goes.
///
/// # Errors
/// See [`CorrectionFault`].
pub fn correction(
    purpose: &Purpose,
    fields: Vec<(String, Vec<Wiped<String>>)>,
) -> Result<Revision, CorrectionFault> {
    let mut revision =
        Revision { one_of: purpose.require_one_of.clone(), keeps_some: true, ..Revision::default() };
    for (name, values) in fields {
        let rule = purpose.whitelist.rule(&name).ok_or(CorrectionFault::FieldUnknown)?;
        if rule.e164_of.is_some() {
            return Err(CorrectionFault::FieldWorkedOut);
        }
        if rule.required && values.is_empty() {
            return Err(CorrectionFault::FieldRequired);
        }
        let is_odd =
            revision.names().any(|said| *said == rule.name) || revision.names().count() >= FIELDS_MAX;
        if is_odd || values.len() > VALUES_MAX || values.iter().any(|value| value.trim().is_empty()) {
            return Err(CorrectionFault::ValueInvalid);
        }
        let answers: Vec<Answer> = values.into_iter().map(|value| Answer::corrected(rule, value)).collect();
        let numbers = number_beside(purpose, &rule.name, &answers);
        set(purpose, &mut revision, rule, answers);
        if let Some((rule, numbers)) = numbers {
            set(purpose, &mut revision, rule, numbers);
        }
    }
    Ok(revision)
}

fn set(purpose: &Purpose, revision: &mut Revision, rule: &FieldRule, answers: Vec<Answer>) {
    let consent = rule.consent.as_ref();
    let consent = consent.and_then(|key| purpose.consents.iter().find(|consent| consent.key == *key));
    revision.hangs_on.extend(consent.map(|consent| (rule.name.clone(), consent.clone())));
    revision.fields.push((rule.name.clone(), Arc::from(answers)));
}

/// What E.164 makes of a number's new answers, where a field stands for it.
fn number_beside<'p>(
    purpose: &'p Purpose,
    name: &FieldName,
    answers: &[Answer],
) -> Option<(&'p FieldRule, Vec<Answer>)> {
    let region = purpose.phone_region?;
    let rule = purpose.whitelist.rules().iter().find(|rule| rule.e164_of.as_ref() == Some(name))?;
    let number = |answer: &Answer| Some(Answer::worked_out(answer, region.e164(answer.expose())?));
    Some((rule, answers.iter().filter_map(number).collect()))
}
