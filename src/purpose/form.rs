//! A form as Meta defines it: which question has which key and type, and what it says beside them.

use crate::id::{FormId, PageId};
use crate::purpose::legal::{Legal, TextHash};

crate::codes! {
    /// What brings the answer that comes under a key.
    #[derive(Default)]
    pub enum Asked {
        /// A question that people see.
        #[default]
        Question = "question",
        /// A hidden parameter (`tracking_parameters`), which the form's author or the ad fills in.
        Hidden = "hidden",
        /// A question whose choices depend on another's answer (`dependent_conditional_questions`).
        Dependent = "dependent",
    }
}

/// One question of a form, or what comes like the answer to one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Question {
    /// The key under which a lead's answer comes: translated for standard questions, any UTF-8 for custom ones.
    pub key: String,
    /// Meta's type, upper case (`EMAIL`, `CUSTOM`); empty where Meta gave none.
    pub question_type: String,
    /// What brings the answer.
    #[serde(default, skip_serializing_if = "Asked::is_question")]
    pub asked: Asked,
    /// What people choose from, where a key is not its text: answers come as keys. Empty also where there is too much of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// One thing to choose.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    /// How an answer names it.
    pub key: String,
    /// What people read.
    pub label: String,
}

impl Asked {
    fn is_question(&self) -> bool {
        *self == Self::Question
    }
}

impl<'de> serde::Deserialize<'de> for Asked {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| serde::de::Error::custom("no way of asking"))
    }
}

impl Question {
    /// True of what a person sees who fills the form in.
    fn is_seen(&self) -> bool {
        self.asked != Asked::Hidden
    }

    /// A question that people see, without choices.
    pub fn new(key: &str, question_type: &str) -> Self {
        Self {
            key: key.to_owned(),
            question_type: question_type.to_owned(),
            asked: Asked::Question,
            choices: Vec::new(),
        }
    }
}

/// What tamis keeps of a form's definition. It holds no answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormDefinition {
    /// The form.
    pub form: FormId,
    /// The page that it belongs to; none: Graph does not say.
    pub page: Option<PageId>,
    /// Its language as Meta writes it (`fr_FR`); empty where Meta gave none.
    pub locale: String,
    /// What its author calls it, where Graph gives that.
    pub name: Option<String>,
    /// Its questions, in the form's order; dependent ones and hidden parameters come after.
    pub questions: Vec<Question>,
    /// Its disclaimer and tick-boxes.
    pub legal: Legal,
    /// Graph refused hidden parameters, or was not asked for them: they are not known.
    pub is_partial: bool,
}

/// A form's content as it is kept and hashed: what a person sees of it who fills it in.
#[derive(serde::Serialize)]
struct Written<'d> {
    locale: &'d str,
    questions: Vec<&'d Question>,
    legal: &'d Legal,
}

/// What is known of a form and nobody sees who fills it in: what its author calls it, and what the ad fills in.
#[derive(Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Beside {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_partial: bool,
    /// Hidden parameters, each with its place among the questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<(usize, Question)>,
}

/// The content, read. What an earlier version did not ask for is not there; one before this had in it what is [`Beside`] now.
#[derive(serde::Deserialize)]
struct Content {
    #[serde(default)]
    locale: String,
    #[serde(default)]
    name: Option<String>,
    questions: Vec<Question>,
    #[serde(default)]
    legal: Legal,
    #[serde(default)]
    is_partial: bool,
}

/// How a form's definition differs from an earlier one. Counts alone: names of questions are the form author's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormChange {
    /// Questions with a new key.
    pub added: usize,
    /// Questions whose key is gone.
    pub removed: usize,
    /// Questions whose type is another one now.
    pub retyped: usize,
    /// The disclaimer, a box or its text is another one now.
    pub is_reworded: bool,
}

impl FormDefinition {
    /// A form of which no more is known than what it asks.
    pub fn asking(form: FormId, questions: Vec<Question>) -> Self {
        Self {
            form,
            page: None,
            locale: String::new(),
            name: None,
            questions,
            legal: Legal::NotAsked,
            is_partial: false,
        }
    }

    /// Its content as text, for keeping it; the same content is the same text.
    pub fn content(&self) -> String {
        let Self { locale, questions, legal, .. } = self;
        let questions = questions.iter().filter(|question| question.is_seen()).collect();
        // Texts, numbers and lists always become JSON; were they not to, nothing is better than half of it.
        serde_json::to_string(&Written { locale, questions, legal }).unwrap_or_default()
    }

    /// What is known of it beside its content, as text; none: nothing.
    pub fn beside(&self) -> Option<String> {
        let places = self.questions.iter().enumerate();
        let hidden = places.filter(|(_, question)| !question.is_seen());
        let beside = Beside {
            name: self.name.clone(),
            is_partial: self.is_partial,
            hidden: hidden.map(|(place, question)| (place, question.clone())).collect(),
        };
        (beside != Beside::default()).then(|| serde_json::to_string(&beside).unwrap_or_default())
    }

    /// With what [`FormDefinition::beside`] wrote, in the place of what is there.
    pub fn with_beside(self, text: &str) -> Option<Self> {
        let Beside { name, is_partial, hidden } = serde_json::from_str(text).ok()?;
        let mut all = Self { name, is_partial, ..self.as_seen() };
        for (place, question) in hidden {
            let place = place.min(all.questions.len());
            all.questions.insert(place, question);
        }
        Some(all)
    }

    /// What is content of it alone.
    pub fn as_seen(self) -> Self {
        let questions = self.questions.into_iter().filter(Question::is_seen).collect();
        Self { page: None, name: None, is_partial: false, questions, ..self }
    }

    /// Reads what [`FormDefinition::content`] wrote, also what an earlier version did. Whose page it is, is no content.
    pub fn of_content(form: FormId, text: &str) -> Option<Self> {
        let Content { locale, name, questions, legal, is_partial } = serde_json::from_str(text).ok()?;
        Some(Self { form, page: None, locale, name, questions, legal, is_partial })
    }

    /// Which content this is: the hash of its text. It is another where a person sees something else: another language,
    /// question, choice, text or box, another default; not where its author calls it otherwise, where the ad fills in something
    /// else, or where Graph gives more or less of that.
    pub fn revision(&self) -> TextHash {
        TextHash::of(self.content().as_bytes())
    }

    /// What changed since; none: nothing that decides which question is which field.
    pub fn change_since(&self, before: &Self) -> Option<FormChange> {
        let new = |one: &Self, other: &Self| one.questions.iter().filter(|q| !other.knows(&q.key)).count();
        let retyped = self.questions.iter().filter(|question| {
            let of_before = before.questions.iter().find(|earlier| earlier.key == question.key);
            of_before.is_some_and(|earlier| earlier.question_type != question.question_type)
        });
        let change = FormChange {
            added: new(self, before),
            removed: new(before, self),
            retyped: retyped.count(),
            is_reworded: self.legal != before.legal && before.legal != Legal::NotAsked,
        };
        (change != FormChange::default()).then_some(change)
    }

    /// True if Graph names another page than this one. Where it names none, nobody knows, which is not wrong.
    pub fn is_of_another_page(&self, page: &PageId) -> bool {
        self.page.is_some_and(|own| own != *page)
    }

    /// True if the form has a question with exactly this key.
    pub fn knows(&self, key: &str) -> bool {
        self.question(key).is_some()
    }

    /// The question with exactly this key.
    pub fn question(&self, key: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::legal::{Checkbox, LegalContent, Wording};

    fn form(questions: &[(&str, &str)]) -> FormDefinition {
        let form = FormId::parse("901000000000001").expect("an id");
        FormDefinition::asking(form, questions.iter().map(|(key, kind)| Question::new(key, kind)).collect())
    }

    #[test]
    fn a_page_is_wrong_only_where_graph_names_another() {
        let page = |text| PageId::parse(text).expect("an id");
        let unknown = form(&[]);
        assert!(!unknown.is_of_another_page(&page("104")));
        let known = FormDefinition { page: Some(page("104")), ..unknown };
        assert!(!known.is_of_another_page(&page("104")) && known.is_of_another_page(&page("105")));
    }

    #[test]
    fn what_came_went_and_changed_its_type_is_counted_and_an_order_is_no_change() {
        let before = form(&[("email", "EMAIL"), ("budget", "CUSTOM"), ("ville", "CUSTOM")]);
        let after =
            form(&[("e-mail", "EMAIL"), ("téléphone", "PHONE"), ("ville", "CITY"), ("budget", "CUSTOM")]);
        let wanted = FormChange { added: 2, removed: 1, retyped: 1, is_reworded: false };
        assert_eq!(after.change_since(&before), Some(wanted));
        let turned = form(&[("ville", "CUSTOM"), ("email", "EMAIL"), ("budget", "CUSTOM")]);
        assert_eq!(turned.change_since(&before), None);
    }

    fn worded(text: &str, ticked: bool) -> FormDefinition {
        let wording = Wording::of(text, 1_000);
        let one = Checkbox {
            key: "optional_1".to_owned(),
            text: wording.clone(),
            is_required: Some(false),
            is_ticked_by_default: Some(ticked),
        };
        let legal = LegalContent { title: None, body: Some(wording), boxes: vec![one], policy_url: None };
        FormDefinition {
            locale: "fr_FR".to_owned(),
            legal: Legal::Read(legal),
            ..form(&[("email", "EMAIL"), ("ville", "CUSTOM")])
        }
    }

    #[test]
    fn another_wording_or_another_default_is_a_change_and_a_first_reading_is_none() {
        let before = worded("J'accepte les appels", false);
        let reworded = FormChange { is_reworded: true, ..FormChange::default() };
        assert_eq!(worded("J'accepte les e-mails", false).change_since(&before), Some(reworded));
        assert_eq!(worded("J'accepte les appels", true).change_since(&before), Some(reworded));
        assert_eq!(before.change_since(&before.clone()), None);
        let unasked = FormDefinition { legal: Legal::NotAsked, ..before.clone() };
        assert_eq!(before.change_since(&unasked), None);
    }

    #[test]
    fn a_revision_is_another_where_anything_that_a_person_sees_is() {
        let one = worded("J'accepte les appels \u{1F600}\n\"x\"", false);
        let read = FormDefinition::of_content(one.form, &one.content()).expect("its own text");
        assert_eq!((&read, read.revision()), (&one, one.revision()));
        let mut others = vec![
            worded("J'accepte les appels", false),
            worded("J'accepte les appels \u{1F600}\n\"x\"", true),
        ];
        others.push(FormDefinition { locale: "de_DE".to_owned(), ..one.clone() });
        others.push(FormDefinition { questions: one.questions[..1].to_vec(), ..one.clone() });
        others.push(FormDefinition { legal: Legal::Withheld, ..one.clone() });
        for other in others {
            assert_ne!(other.revision(), one.revision(), "{other:?}");
        }
        let mut unseen = vec![FormDefinition { name: Some("Été 2".to_owned()), ..one.clone() }];
        unseen.push(FormDefinition { is_partial: true, ..one.clone() });
        unseen.push(one.clone());
        let hidden = Question { asked: Asked::Hidden, ..Question::new("utm_source", "") };
        unseen.last_mut().expect("one").questions.insert(1, hidden);
        for other in unseen {
            assert_eq!(other.revision(), one.revision(), "nobody sees it who fills the form in");
            let read = FormDefinition::of_content(one.form, &other.content()).expect("its own text");
            let beside = other.beside().expect("something");
            assert_eq!(read.with_beside(&beside), Some(other));
        }
        assert_eq!(one.beside(), None);
        let earlier = r#"{"locale":"fr_FR","name":"Devis","questions":[{"key":"email","question_type":"EMAIL"},{"key":"utm","question_type":"","asked":"hidden"}],"is_partial":true}"#;
        let earlier = FormDefinition::of_content(one.form, earlier).expect("an earlier version's");
        assert_eq!(
            (earlier.name.as_deref(), earlier.questions.len(), earlier.is_partial),
            (Some("Devis"), 2, true)
        );
        assert_eq!(
            earlier.revision(),
            FormDefinition {
                legal: Legal::NotAsked,
                locale: "fr_FR".to_owned(),
                ..form(&[("email", "EMAIL")])
            }
            .revision()
        );
        let old = r#"{"questions":[{"key":"email","question_type":"EMAIL"}]}"#;
        let old = FormDefinition::of_content(one.form, old).expect("an earlier version's");
        assert_eq!(old, form(&[("email", "EMAIL")]));
        assert!(FormDefinition::of_content(one.form, "{}").is_none());
    }
}
