//! Copies of forms: what a purpose relies on of a form, and how another form differs from it.

use std::collections::BTreeMap;

use crate::id::FormId;
use crate::purpose::{
    Asked, BoxDefault, ConsentKey, FieldName, FormDefinition, Matching, Purpose, PurposeId, TextHash,
};

crate::codes! {
    /// In what a form differs from the one that it might be a copy of.
    pub enum DifferenceCode {
        /// A question that feeds a field there is not on this form.
        QuestionMissing = "question-missing",
        /// A question of this form feeds a field, and is not on the other.
        QuestionAdded = "question-added",
        /// A question has another type.
        QuestionRetyped = "question-retyped",
        /// A tick-box that a consent counts there is not on this form.
        BoxMissing = "box-missing",
        /// A tick-box of this form counts for a consent, and is not on the other.
        BoxAdded = "box-added",
        /// A tick-box has another text beside it.
        BoxReworded = "box-reworded",
        /// A tick-box stands otherwise when the form opens.
        BoxDefaultDiffers = "box-default-differs",
        /// Graph does not give the tick-boxes of one of the two, and a consent counts some.
        BoxesUnread = "boxes-unread",
        /// It is like forms of different purposes, and nobody can say which it is a copy of.
        SeveralOriginals = "several-originals",
    }
}

/// One thing in which a form is no copy. Keys, types and the operator's own names: never an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// For this purpose.
    pub purpose: PurposeId,
    /// What.
    pub code: DifferenceCode,
    /// The question's or the box's key; of a whole form nothing, of several originals the other's id.
    pub key: String,
    /// The field or consent that it is for.
    pub of: Option<String>,
    /// How it is on the original: a type, or how a box stands.
    pub original: Option<String>,
    /// How it is on this form.
    pub form: Option<String>,
}

/// A form that is no copy: of which it is least unlike, and in what it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// The form of the config that it was held against.
    pub original: FormId,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub total: usize,
}

/// So many differences of one form are kept.
pub(in crate::purpose) const DIFFERENCES_MAX: usize = 20;

/// A question as a purpose relies on it: its type, and what brings its answer.
type Typed = (String, Asked);
/// A box as a purpose relies on it: the text beside it, and how it stands when the form opens.
type Standing = (TextHash, Option<bool>);

/// What a purpose relies on of a form. Two forms of which it relies on the same are one to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::purpose) struct Reliance {
    questions: BTreeMap<(FieldName, String), Vec<Typed>>,
    /// Of each box that may count what is on the form: of a key that it has not, nothing.
    boxes: BTreeMap<(ConsentKey, String), Vec<Standing>>,
    /// The boxes are not known, and some would count.
    is_blind: bool,
}

impl Reliance {
    /// What a purpose relies on of a form that counts as this one of its own.
    pub(in crate::purpose) fn of(
        purpose: &Purpose,
        counted_as: &FormId,
        definition: &FormDefinition,
    ) -> Self {
        let matching = Matching::new(purpose, Some(definition));
        let mut questions: BTreeMap<_, Vec<Typed>> = BTreeMap::new();
        for question in &definition.questions {
            if let Some(permit) = matching.permit(&question.key) {
                let at = (permit.rule().name.clone(), question.key.clone());
                questions.entry(at).or_default().push((question.question_type.clone(), question.asked));
            }
        }
        let (known, mut boxes, mut is_blind) = (definition.legal.boxes(), BTreeMap::new(), false);
        for rule in &purpose.consents {
            for key in rule.keys_on(counted_as) {
                is_blind |= known.is_none();
                let found = known.unwrap_or_default().iter().filter(|found| found.key == key);
                let standing = found.map(|found| (found.text.hash, found.is_ticked_by_default)).collect();
                boxes.insert((rule.key.clone(), key.to_owned()), standing);
            }
        }
        Self { questions, boxes, is_blind }
    }

    /// True if the purpose can tell no difference. Boxes that nobody can read are like none, nor is a form that feeds nothing.
    pub(in crate::purpose) fn is_like(&self, other: &Self) -> bool {
        !self.is_blind && !other.is_blind && !self.questions.is_empty() && self == other
    }

    /// In what a form, of which the purpose relies on `self`, differs from the original.
    pub(in crate::purpose) fn differences(
        &self,
        purpose: &PurposeId,
        form: &FormDefinition,
        (original, original_form): (&Self, &FormDefinition),
    ) -> Vec<Difference> {
        let mut all = self.of_questions(purpose, form, (original, original_form));
        if self.is_blind || original.is_blind {
            all.push(Difference { code: DifferenceCode::BoxesUnread, ..nothing(purpose) });
            return all;
        }
        for (at @ (consent, key), standing) in &original.boxes {
            let found = self.boxes.get(at).map(Vec::as_slice).unwrap_or_default();
            let texts = |of: &[Standing]| of.iter().map(|(text, _)| *text).collect::<Vec<_>>();
            let code = match (standing.as_slice(), found) {
                (one, other) if one == other => continue,
                (_, []) => DifferenceCode::BoxMissing,
                ([], _) => DifferenceCode::BoxAdded,
                (one, other) if texts(one) != texts(other) => DifferenceCode::BoxReworded,
                _ => DifferenceCode::BoxDefaultDiffers,
            };
            let stands = |definition: &FormDefinition| match definition.legal.default_of(key) {
                BoxDefault::Ticked => "ticked",
                BoxDefault::Clear => "clear",
                BoxDefault::Unknown => "unknown",
            };
            let stands = |of| (code == DifferenceCode::BoxDefaultDiffers).then(|| stands(of).to_owned());
            all.push(Difference {
                code,
                key: key.clone(),
                of: Some(consent.as_str().to_owned()),
                original: stands(original_form),
                form: stands(form),
                ..nothing(purpose)
            });
        }
        all
    }

    fn of_questions(
        &self,
        purpose: &PurposeId,
        form: &FormDefinition,
        (original, original_form): (&Self, &FormDefinition),
    ) -> Vec<Difference> {
        let mut all = Vec::new();
        let typed = |form: &FormDefinition, key: &str| form.question(key).map(described);
        let mut differ = |code, (field, key): &(FieldName, String)| {
            let (before, now) = (typed(original_form, key), typed(form, key));
            // What feeds a field on one form alone may stand on the other under another type.
            let code = if before.is_some() && now.is_some() { DifferenceCode::QuestionRetyped } else { code };
            let known = all.iter().any(|told: &Difference| told.code == code && told.key == *key);
            if !known {
                let of = Some(field.to_string());
                all.push(Difference {
                    code,
                    key: key.clone(),
                    of,
                    original: before,
                    form: now,
                    ..nothing(purpose)
                });
            }
        };
        for (at, typed) in &original.questions {
            if self.questions.get(at) != Some(typed) {
                differ(DifferenceCode::QuestionMissing, at);
            }
        }
        for at in self.questions.keys().filter(|at| !original.questions.contains_key(at)) {
            differ(DifferenceCode::QuestionAdded, at);
        }
        all
    }
}

fn described(question: &crate::purpose::Question) -> String {
    match question.asked {
        Asked::Question => question.question_type.clone(),
        Asked::Hidden | Asked::Dependent => question.asked.to_string(),
    }
}

/// A difference of which no more is said than for whom.
pub(in crate::purpose) fn nothing(purpose: &PurposeId) -> Difference {
    Difference {
        purpose: purpose.clone(),
        code: DifferenceCode::SeveralOriginals,
        key: String::new(),
        of: None,
        original: None,
        form: None,
    }
}
