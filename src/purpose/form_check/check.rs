//! What a look at a form finds.

use jiff::{SignedDuration, Timestamp};

use crate::id::FormId;
use crate::purpose::form_check::finding::{Finding, FindingCode, Severity};
use crate::purpose::form_check::link::{LinkLeads, NoticeHome};
use crate::purpose::law::Delicate;
use crate::purpose::{
    Asked, BoxFinding, ConsentKey, FormDefinition, FormPurposes, Legal, Policy, Purpose, Question, SharedForm,
};

/// So many findings of one form are told, the worst first.
pub const FINDINGS_TOLD_MAX: usize = 60;
/// So long a form counts as changed: whoever looks once a month sees it.
const CHANGE_STANDS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What Graph gave longer ago says nothing of today.
const SEEN_STANDS: SignedDuration = SignedDuration::from_hours(3 * 24);

/// A form as it was last seen.
#[derive(Clone, Copy)]
pub struct FormSeen<'f> {
    /// The form.
    pub form: FormId,
    /// Its definition; none: Graph does not give it, or nobody asked.
    pub definition: Option<&'f FormDefinition>,
    /// When Graph was asked for it; none: never, since nobody claims it.
    pub read_at: Option<Timestamp>,
    /// Since when people see what they see now; none: as long as it is known.
    pub changed_at: Option<Timestamp>,
    /// Leads of it wait for a purpose: a form that nobody claims and of which none comes is nobody's worry.
    pub is_held: bool,
}

/// Holds a form against what the purposes of the policy may hold, and against where their notices are. The worst comes first, at
/// most `FINDINGS_TOLD_MAX`.
pub fn check_form(
    policy: &Policy,
    home: Option<&NoticeHome>,
    seen: &FormSeen<'_>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let purposes = policy.of_form(&seen.form);
    if purposes.is_empty() {
        // What is nobody's is not judged: it may be somebody else's form.
        let finding = match policy.is_withheld(&seen.form) {
            true => Some(Finding::of(FindingCode::NoticeIncomplete, Severity::Serious)),
            false => seen.is_held.then(|| Finding::of(FindingCode::FormUnclaimed, Severity::Warning)),
        };
        return finding.into_iter().collect();
    }
    match seen.definition {
        None => found.push(Finding::of(FindingCode::FormUnreadable, Severity::Warning)),
        Some(definition) => {
            found.extend(questions(&purposes, definition));
            found.extend(home.and_then(|home| link(&purposes, home, definition)));
        }
    }
    for purpose in purposes.iter() {
        let counts_as = purposes.copy_of.unwrap_or(seen.form);
        found.extend(boxes(purpose, &counts_as, seen.definition));
    }
    let is_within = |since: Timestamp, stands: SignedDuration| now.duration_since(since) < stands;
    if seen.definition.is_some() && seen.read_at.is_some_and(|at| !is_within(at, SEEN_STANDS)) {
        found.push(Finding::of(FindingCode::FormNotSeen, Severity::Warning));
    }
    if seen.changed_at.is_some_and(|at| is_within(at, CHANGE_STANDS)) {
        found.push(Finding::of(FindingCode::FormChanged, Severity::Note));
    }
    found.sort();
    found.dedup();
    found.truncate(FINDINGS_TOLD_MAX);
    found
}

/// What it asks and no field takes. A hidden parameter asks nobody; without its type a question is told by its key.
fn questions(purposes: &FormPurposes, definition: &FormDefinition) -> Vec<Finding> {
    let form = SharedForm::new(purposes, Some(definition));
    let asked = definition.questions.iter().filter(|question| question.asked != Asked::Hidden);
    let unneeded = asked.filter(|question| form.fed_by(&question.key).is_empty());
    let finding = |question: &Question| match Delicate::of(&question.key, &question.question_type)
        .is_some_and(Delicate::is_special)
    {
        true => Finding::about(FindingCode::QuestionSpecial, Severity::Serious, &question.key),
        false => Finding::about(FindingCode::QuestionUnneeded, Severity::Warning, &question.key),
    };
    unneeded.map(finding).collect()
}

/// Where its privacy link leads. Of several purposes the notice of one is enough: the form has one link.
fn link(purposes: &FormPurposes, home: &NoticeHome, definition: &FormDefinition) -> Option<Finding> {
    let Legal::Read(content) = &definition.legal else {
        return Some(Finding::of(FindingCode::LinkUnknown, Severity::Note));
    };
    let (code, severity) = match home.leads(content.policy_url.as_deref()) {
        LinkLeads::Notice(of) if purposes.iter().any(|purpose| purpose.id.as_str() == of) => return None,
        LinkLeads::Notice(_) => (FindingCode::LinkOtherPurpose, Severity::Serious),
        LinkLeads::Nowhere => (FindingCode::LinkMissing, Severity::Serious),
        LinkLeads::Elsewhere => (FindingCode::LinkElsewhere, Severity::Warning),
    };
    Some(Finding::of(code, severity))
}

/// What weakens or ends a consent. Without the box of a required one every lead is refused, or none ever comes.
fn boxes(purpose: &Purpose, form: &FormId, definition: Option<&FormDefinition>) -> Vec<Finding> {
    let is_required =
        |key: &ConsentKey| purpose.consents.iter().any(|rule| rule.required && rule.key == *key);
    let finding = |found: BoxFinding<'_>| {
        let (code, severity, consent) = match found {
            BoxFinding::Unread => (FindingCode::BoxDefaultUnknown, Severity::Warning, None),
            BoxFinding::DefaultUnknown(key) => (FindingCode::BoxDefaultUnknown, Severity::Warning, Some(key)),
            BoxFinding::PreTicked(key) => (FindingCode::BoxPreTicked, Severity::Serious, Some(key)),
            BoxFinding::Absent(key) if is_required(key) => {
                (FindingCode::BoxAbsent, Severity::Serious, Some(key))
            }
            BoxFinding::Absent(key) => (FindingCode::BoxAbsent, Severity::Warning, Some(key)),
        };
        Finding {
            purpose: Some(purpose.id.clone()),
            consent: consent.cloned(),
            ..Finding::of(code, severity)
        }
    };
    purpose.box_findings(form, definition).into_iter().map(finding).collect()
}
