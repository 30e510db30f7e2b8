//! Fields that a form does not feed, and what may be meant: silence is a fault of the config or of the form.

use crate::purpose::law::{type_of_key, words};
use crate::purpose::{FieldName, FieldRule, Matching, Question};

crate::codes! {
    /// Why a field gets no answer from a form.
    pub enum UnfedCode {
        /// No question of the form feeds it.
        Unfed = "field-unfed",
        /// And a question whose answers are dropped has nearly its key.
        NearMiss = "field-near-miss",
        /// And the question is there under another key: the field names its key on forms in English.
        OneLanguage = "field-one-language",
    }
}

/// A field that no question of a form feeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unfed {
    /// The field.
    pub field: FieldName,
    /// Without it every lead of the form is refused.
    pub required: bool,
    /// Why.
    pub code: UnfedCode,
    /// The question that may be meant: the form author's words, for whoever may see those.
    pub question: Option<String>,
    /// The type by which it would match in any language.
    pub question_type: Option<&'static str>,
}

/// Shorter words are near too much.
const WORD_CHARS_MIN: usize = 3;
/// Of so many letters one may be another.
const LETTERS_FOR_ONE_SLIP: usize = 5;

impl Matching<'_> {
    /// The fields that no question of the form feeds, with what may be meant; without a definition nobody knows, and none is
    /// named.
    pub fn silent(&self) -> Vec<Unfed> {
        let Some(questions) = self.questions() else { return Vec::new() };
        let names = self.unfed();
        let rules = names.iter().filter_map(|name| self.purpose().whitelist.rule(name.as_str()));
        let silent = rules.map(|rule| self.why(rule, questions));
        // Where Graph gave the questions alone, a hidden parameter may feed what none of these does.
        let is_partial = self.definition().is_some_and(|definition| definition.is_partial);
        silent.filter(|unfed| !is_partial || unfed.code != UnfedCode::Unfed).collect()
    }

    fn why(&self, rule: &FieldRule, questions: &[Question]) -> Unfed {
        let Unmeant { code, question, question_type } =
            translated(rule, questions).or_else(|| self.near(rule, questions)).unwrap_or_default();
        Unfed { field: rule.name.clone(), required: rule.required, code, question, question_type }
    }

    /// A question that is dropped, and that nearly has one of the field's keys.
    fn near(&self, rule: &FieldRule, questions: &[Question]) -> Option<Unmeant> {
        let dropped = questions.iter().filter(|question| self.permit(&question.key).is_none());
        let keys = || rule.from.iter().map(String::as_str).chain([rule.name.as_str()]);
        let mut near = dropped.filter(|question| keys().any(|key| is_near(key, &question.key)));
        let question = near.next()?.key.clone();
        Some(Unmeant { code: UnfedCode::NearMiss, question: Some(question), question_type: None })
    }
}

struct Unmeant {
    code: UnfedCode,
    question: Option<String>,
    question_type: Option<&'static str>,
}

impl Default for Unmeant {
    fn default() -> Self {
        Self { code: UnfedCode::Unfed, question: None, question_type: None }
    }
}

/// The standard question whose English key the field names, where the form has it under another key.
fn translated(rule: &FieldRule, questions: &[Question]) -> Option<Unmeant> {
    let by_name = rule.from.is_empty().then_some(rule.name.as_str());
    let keys = rule.from.iter().map(String::as_str).chain(by_name);
    let mut types = keys.filter(|_| rule.types.is_empty()).filter_map(type_of_key);
    let (question_type, question) = types.find_map(|known| {
        let question = questions.iter().find(|question| question.question_type == known)?;
        Some((known, question.key.clone()))
    })?;
    let code = UnfedCode::OneLanguage;
    Some(Unmeant { code, question: Some(question), question_type: Some(question_type) })
}

/// True of keys that differ by a slip, by case and accents, or in that one has words more than the other.
fn is_near(one: &str, other: &str) -> bool {
    let (one, other) = (words(one), words(other));
    let (short, long) = if one.len() <= other.len() { (&one, &other) } else { (&other, &one) };
    let tells = short.iter().any(|word| word.chars().count() >= WORD_CHARS_MIN);
    if tells && short.iter().all(|word| long.contains(word)) {
        return true;
    }
    let (one, other) = (one.join(" "), other.join(" "));
    let letters = one.chars().count().max(other.chars().count());
    one == other && !one.is_empty() || strsim::levenshtein(&one, &other) <= letters / LETTERS_FOR_ONE_SLIP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FormId;
    use crate::purpose::sample::{field, purpose};
    use crate::purpose::{FormDefinition, Purpose, Whitelist};

    fn definition(questions: &[(&str, &str)]) -> FormDefinition {
        let form = FormId::parse("901000000000001").expect("digits");
        FormDefinition::asking(form, questions.iter().map(|(key, kind)| Question::new(key, kind)).collect())
    }

    fn with(rules: Vec<FieldRule>) -> Purpose {
        let mut purpose = purpose("devis", &["budget"]);
        purpose.whitelist = Whitelist::new(rules).expect("fields");
        purpose
    }

    fn rule(name: &str, question_type: Option<&str>, from: &[&str]) -> FieldRule {
        let mut rule = field(name);
        rule.types = question_type.into_iter().collect();
        rule.from = from.iter().map(|key| (*key).to_owned()).collect();
        rule
    }

    /// What is said of each unfed field: name, code, question, type.
    fn said(rules: Vec<FieldRule>, questions: &[(&str, &str)]) -> Vec<String> {
        let (purpose, form) = (with(rules), definition(questions));
        let silent = Matching::new(&purpose, Some(&form)).silent();
        let shown = |unfed: Unfed| {
            let question = unfed.question.unwrap_or_default();
            format!("{} {} {question} {}", unfed.field, unfed.code, unfed.question_type.unwrap_or_default())
        };
        silent.into_iter().map(|unfed| shown(unfed).trim_end().to_owned()).collect()
    }

    #[test]
    fn a_near_miss_is_named_and_what_is_fed_is_not() {
        let phone = || vec![rule("phone_number", Some("PHONE"), &[])];
        assert_eq!(said(phone(), &[("phone", "CUSTOM")]), ["phone_number field-near-miss phone"]);
        assert_eq!(
            said(phone(), &[("phone_number", "CUSTOM")]),
            ["phone_number field-near-miss phone_number"]
        );
        assert_eq!(said(phone(), &[("téléphone", "PHONE"), ("phone", "CUSTOM")]), [""; 0]);
        assert_eq!(said(phone(), &[("email", "EMAIL")]), ["phone_number field-unfed"]);
        let budget = || vec![rule("budget", None, &["budget_prévu"])];
        for near in ["budget_prevu", "Budget prévu ?", "budjet_prévu", "quel_budget_prévu_0", "budget"] {
            assert_eq!(
                said(budget(), &[(near, "CUSTOM")]),
                [format!("budget field-near-miss {near}")],
                "{near}"
            );
        }
        for far in ["pointure", "ville", "prénom", "x", ""] {
            assert_eq!(said(budget(), &[(far, "CUSTOM")]), ["budget field-unfed"], "{far}");
        }
    }

    /// `work_email` is what Meta calls it on forms in English alone.
    #[test]
    fn a_field_that_names_english_keys_is_told_the_type_where_the_form_is_in_another_language() {
        let work = || vec![rule("work", None, &["work_email"])];
        let german = [("geschäftliche_e-mail", "WORK_EMAIL"), ("e-mail-adresse", "EMAIL")];
        assert_eq!(said(work(), &german), ["work field-one-language geschäftliche_e-mail WORK_EMAIL"]);
        assert_eq!(said(work(), &[("work_email", "WORK_EMAIL")]), [""; 0], "in English");
        let city = vec![rule("city", None, &[])];
        assert_eq!(said(city, &[("ort", "CITY")]), ["city field-one-language ort CITY"]);
        let typed = vec![rule("city", Some("CITY"), &[])];
        assert_eq!(said(typed, &[("ort", "CITY")]), [""; 0]);
    }

    #[test]
    fn a_required_field_says_so_and_without_a_definition_nobody_knows() {
        let mut required = rule("email", Some("EMAIL"), &[]);
        required.required = true;
        let purpose = with(vec![required]);
        let form = definition(&[("pointure", "CUSTOM")]);
        let silent = Matching::new(&purpose, Some(&form)).silent();
        assert!(silent.len() == 1 && silent[0].required);
        assert_eq!(Matching::new(&purpose, None).silent(), []);
    }
}
