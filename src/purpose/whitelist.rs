//! The names of the fields that a purpose may hold.

use std::fmt;
use std::sync::Arc;

use crate::purpose::ConsentKey;
use crate::purpose::declared::is_name;
use crate::purpose::law::Contact;

/// Our name of a field, in the config, in exports and in sealed records: `[a-z][a-z0-9_]{0,62}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldName(Arc<str>);

impl FieldName {
    /// Reads `[a-z][a-z0-9_]{0,62}`.
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a field is needed, in the operator's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// One text for whatever somebody reads; its language is not said.
    Plain(String),
    /// By language tag; never empty.
    Told(Vec<(String, String)>),
}

/// One field of a whitelist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Our name.
    pub name: FieldName,
    /// The types of the form's questions; none: by key alone.
    pub types: QuestionTypes,
    /// Meta's exact keys, the first listed wins.
    pub from: Vec<String>,
    /// A lead without it is refused.
    pub required: bool,
    /// Of a choice the text that people read is kept, in place of its key.
    pub labels: bool,
    /// Dropped unless this consent was given.
    pub consent: Option<ConsentKey>,
    /// Why it is needed, in the operator's words; it stands in the notice.
    pub why: Option<Need>,
    /// Never asked for: worked out from the answers of this field, as E.164 numbers.
    pub e164_of: Option<FieldName>,
}

impl FieldRule {
    /// A field that is fed by the key that is its name.
    pub fn named(name: FieldName) -> Self {
        Self {
            name,
            types: QuestionTypes::default(),
            from: Vec::new(),
            required: false,
            labels: false,
            consent: None,
            why: None,
            e164_of: None,
        }
    }

    /// The field in which the numbers of this one stand as E.164 does: under the same consent, for the same reason.
    pub fn e164(&self, name: FieldName) -> Self {
        Self {
            consent: self.consent.clone(),
            why: self.why.clone(),
            e164_of: Some(self.name.clone()),
            ..Self::named(name)
        }
    }
}

/// Types of questions as Meta writes them (`EMAIL`), the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuestionTypes(Vec<String>);

impl QuestionTypes {
    /// Each, the best first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// True if questions are known by their keys alone.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> FromIterator<T> for QuestionTypes {
    fn from_iter<I: IntoIterator<Item = T>>(types: I) -> Self {
        Self(types.into_iter().map(Into::into).collect())
    }
}

/// The order of the fields in a CSV export: these first, the others alphabetically after them.
const COLUMN_ORDER: [&str; 6] =
    ["first_name", "last_name", "full_name", "email", "phone_number", "phone_e164"];

/// The fields that a purpose may hold; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whitelist(Vec<FieldRule>);

impl Whitelist {
    /// Takes at least one rule; the names are distinct (config has seen to it).
    pub fn new(rules: Vec<FieldRule>) -> Option<Self> {
        (!rules.is_empty()).then_some(Self(rules))
    }

    /// The rules, in the order of the config.
    pub fn rules(&self) -> &[FieldRule] {
        &self.0
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<&FieldRule> {
        self.0.iter().find(|rule| rule.name.as_str() == name)
    }

    /// The fields that hold an address to write to, in the order of the config: by what their questions ask, or where they go by
    /// a key alone, by a name that speaks of mail.
    pub fn mailboxes(&self) -> impl Iterator<Item = &FieldRule> {
        let speaks = |name: &str| name.to_ascii_lowercase().contains("mail");
        self.0.iter().filter(move |rule| {
            let names = || [rule.name.as_str()].into_iter().chain(rule.from.iter().map(String::as_str));
            match Contact::of(names(), rule.types.iter().collect::<Vec<_>>()) {
                Some(contact) => contact == Contact::Address,
                None => rule.types.is_empty() && names().any(speaks),
            }
        })
    }

    /// True if the name may be held.
    pub fn allows(&self, name: &str) -> bool {
        self.rule(name).is_some()
    }

    /// The names in the order of a CSV export's columns.
    pub fn columns(&self) -> Vec<&FieldName> {
        let rank = |name: &FieldName| COLUMN_ORDER.iter().position(|known| *known == name.as_str());
        let mut names: Vec<&FieldName> = self.0.iter().map(|rule| &rule.name).collect();
        names.sort_by(|a, b| match (rank(a), rank(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => a.cmp(b),
        });
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::field;

    fn whitelist(names: &[&str]) -> Whitelist {
        Whitelist::new(names.iter().map(|name| field(name)).collect()).expect("fields")
    }

    #[test]
    fn only_what_it_names_may_be_held_and_it_never_names_nothing() {
        let list = whitelist(&["ville", "email"]);
        for (name, allowed) in [("email", true), ("ville", true), ("Email", false), ("", false), ("x", false)]
        {
            assert_eq!(list.allows(name), allowed, "{name}");
            let rule = list.rule(name).map(|rule| rule.name.as_str());
            assert_eq!(rule, allowed.then_some(name));
        }
        let order: Vec<&str> = list.rules().iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(order, ["ville", "email"], "in the order of the config");
        assert!(Whitelist::new(Vec::new()).is_none());
    }

    /// Whoever reads an export by its columns finds the person first, whatever the order of the config.
    #[test]
    fn columns_begin_with_the_person_and_go_on_by_the_alphabet() {
        let wanted =
            "first_name last_name full_name email phone_number phone_e164 age budget zone".split(' ');
        let wanted: Vec<&str> = wanted.collect();
        let names = "zone phone_number budget email full_name last_name phone_e164 first_name age".split(' ');
        let names: Vec<&str> = names.collect();
        let turned: Vec<&str> = names.iter().rev().copied().collect();
        for order in [&names, &turned, &wanted] {
            let list = whitelist(order);
            let columns: Vec<&str> = list.columns().into_iter().map(FieldName::as_str).collect();
            assert_eq!(columns, wanted);
        }
    }

    #[test]
    fn a_name_is_shown_as_it_is_written() {
        let name = FieldName::parse("post_code").expect("a name");
        assert_eq!(
            (format!("{name}"), format!("{name:?}")),
            ("post_code".to_owned(), "post_code".to_owned())
        );
        assert!(FieldName::parse("Post_code").is_none());
    }
}
