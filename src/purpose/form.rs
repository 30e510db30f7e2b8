//! A form as Meta defines it: which question has which key and type.

use crate::id::FormId;

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
    /// Its questions, in the form's order.
    pub questions: Vec<Question>,
}

impl FormDefinition {
    /// True if the form has a question with exactly this key.
    pub fn knows(&self, key: &str) -> bool {
        self.questions.iter().any(|question| question.key == key)
    }
}
