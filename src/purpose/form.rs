//! A form as Meta defines it: which question has which key and type.

use crate::id::{FormId, PageId};

/// One question of a form.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Question {
    /// The key under which a lead's answer comes: translated for standard questions, any UTF-8 for custom ones.
    pub key: String,
    /// Meta's type, upper case (`EMAIL`, `CUSTOM`); empty where Meta gave none.
    pub question_type: String,
}

/// What tamis keeps of a form's definition. It holds no answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormDefinition {
    /// The form.
    pub form: FormId,
    /// The page that it belongs to; none: Graph does not say.
    pub page: Option<PageId>,
    /// Its questions, in the form's order.
    pub questions: Vec<Question>,
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
}

impl FormDefinition {
    /// What changed since; none: nothing that decides which question is which field.
    pub fn change_since(&self, before: &Self) -> Option<FormChange> {
        let new = |one: &Self, other: &Self| one.questions.iter().filter(|q| !other.knows(&q.key)).count();
        let retyped = self.questions.iter().filter(|question| {
            let of_before = before.questions.iter().find(|earlier| earlier.key == question.key);
            of_before.is_some_and(|earlier| earlier.question_type != question.question_type)
        });
        let change =
            FormChange { added: new(self, before), removed: new(before, self), retyped: retyped.count() };
        (change != FormChange::default()).then_some(change)
    }

    /// True if Graph names another page than this one. Where it names none, nobody knows, which is not wrong.
    pub fn is_of_another_page(&self, page: &PageId) -> bool {
        self.page.is_some_and(|own| own != *page)
    }

    /// True if the form has a question with exactly this key.
    pub fn knows(&self, key: &str) -> bool {
        self.questions.iter().any(|question| question.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(questions: &[(&str, &str)]) -> FormDefinition {
        let question = |(key, kind): &(&str, &str)| Question {
            key: (*key).to_owned(),
            question_type: (*kind).to_owned(),
        };
        let form = FormId::parse("901000000000001").expect("an id");
        FormDefinition { form, page: None, questions: questions.iter().map(question).collect() }
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
        let wanted = FormChange { added: 2, removed: 1, retyped: 1 };
        assert_eq!(after.change_since(&before), Some(wanted));
        let turned = form(&[("ville", "CUSTOM"), ("email", "EMAIL"), ("budget", "CUSTOM")]);
        assert_eq!(turned.change_since(&before), None);
    }
}
