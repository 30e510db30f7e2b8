//! What the sieve let fall: names of questions, never an answer.

use std::collections::HashMap;

/// Meta's standard keys (English) and types of questions: the only names of dropped fields that a log may show. Others
/// are the form author's words and may reveal by themselves.
const STANDARD: [&str; 24] = [
    "full_name",
    "first_name",
    "last_name",
    "email",
    "work_email",
    "phone_number",
    "work_phone_number",
    "whatsapp_number",
    "city",
    "state",
    "province",
    "country",
    "post_code",
    "zip_code",
    "street_address",
    "date_of_birth",
    "gender",
    "marital_status",
    "relationship_status",
    "military_status",
    "company_name",
    "job_title",
    "education_level",
    "inbox_url",
];

/// How much of a custom name is kept, in bytes: names are shown to an operator, not matched.
const NAME_BYTES_MAX: usize = 120;

/// The most names that are kept of one lead; Meta's forms have far fewer questions. The others are counted.
pub(in crate::lead) const NAMES_MAX: usize = 1_000;

/// The names of the fields of one lead that were dropped, each as often as it came.
#[derive(Default)]
pub struct Dropped {
    names: Vec<String>,
    nameless: usize,
    too_long: usize,
}

impl Dropped {
    /// Notes a dropped field by the key of its question.
    pub fn note(&mut self, key: &str) {
        if self.names.len() >= NAMES_MAX {
            return self.note_nameless(1);
        }
        let mut end = key.len().min(NAME_BYTES_MAX);
        while !key.is_char_boundary(end) {
            end -= 1;
        }
        self.names.push(key[..end].to_owned());
    }

    /// Notes a whitelisted answer that is too long to be kept.
    pub fn note_too_long(&mut self, key: &str) {
        self.note(key);
        self.too_long = self.too_long.saturating_add(1);
    }

    /// How many whitelisted answers were too long.
    pub fn too_long(&self) -> usize {
        self.too_long
    }

    /// Notes entries that have no name, or whose names were not read.
    pub fn note_nameless(&mut self, count: usize) {
        self.nameless = self.nameless.saturating_add(count);
    }

    /// Of what several sieves of one lead dropped, what each of them did.
    pub(in crate::lead) fn by_all(each: impl Iterator<Item = Self>) -> Self {
        each.reduce(|one, other| {
            let mut left: HashMap<&str, usize> = HashMap::new();
            other.names.iter().for_each(|name| *left.entry(name).or_default() += 1);
            let mut also = |name: &String| match left.get_mut(name.as_str()) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    true
                }
                _ => false,
            };
            let names = one.names.into_iter().filter(|name| also(name)).collect();
            let too_long = one.too_long.max(other.too_long);
            Self { names, nameless: one.nameless.min(other.nameless), too_long }
        })
        .unwrap_or_default()
    }

    /// Lets the others count no more.
    pub(in crate::lead) fn retain(&mut self, counts: impl Fn(&str) -> bool) {
        self.names.retain(|name| counts(name));
    }

    /// The names, for the counters by form that `tamis inbox` shows.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many fields were dropped, nameless ones included.
    pub fn count(&self) -> usize {
        self.names.len().saturating_add(self.nameless)
    }

    /// The names that a log line may show.
    pub fn standard(&self) -> Vec<&'static str> {
        self.names.iter().filter_map(|name| STANDARD.iter().find(|known| *known == name).copied()).collect()
    }

    /// How many others there were, nameless ones included.
    pub fn custom(&self) -> usize {
        self.count() - self.standard().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_sees_standard_names_and_a_count_of_the_others() {
        let mut dropped = Dropped::default();
        for name in ["email", "have_you_diabetes", "Email", "email", ""] {
            dropped.note(name);
        }
        dropped.note_nameless(2);
        assert_eq!(dropped.too_long(), 0);
        assert_eq!(dropped.standard(), ["email", "email"]);
        assert_eq!((dropped.count(), dropped.custom()), (7, 5));
        assert_eq!(dropped.names(), ["email", "have_you_diabetes", "Email", "email", ""]);
    }

    #[test]
    fn of_several_sieves_what_each_dropped_counts_as_often_as_it_came() {
        let of = |names: &[&str], nameless: usize| {
            let mut dropped = Dropped::default();
            names.iter().for_each(|name| dropped.note(name));
            dropped.note_nameless(nameless);
            dropped
        };
        let sieves = [of(&["budget", "email", "email", "city"], 2), of(&["email", "budget", "shoe"], 1)];
        let mut dropped = Dropped::by_all(sieves.into_iter());
        assert_eq!((dropped.names(), dropped.count()), (&["budget".to_owned(), "email".to_owned()][..], 3));
        dropped.retain(|name| name != "email");
        assert_eq!(dropped.names(), ["budget"]);
        assert_eq!(Dropped::by_all([of(&["a", "a"], 3)].into_iter()).count(), 5);
        assert_eq!(Dropped::by_all(std::iter::empty()).count(), 0);
    }

    #[test]
    fn names_beyond_the_bound_are_counted_and_a_long_answer_is_dropped_like_any_other() {
        let mut dropped = Dropped::default();
        dropped.note_too_long("city");
        for _ in 0..NAMES_MAX {
            dropped.note("loisirs");
        }
        dropped.note_too_long("email");
        assert_eq!((dropped.names().len(), dropped.count()), (NAMES_MAX, NAMES_MAX + 2));
        assert_eq!((dropped.too_long(), dropped.standard()), (2, vec!["city"]));
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let mut dropped = Dropped::default();
        dropped.note(&"é".repeat(100));
        dropped.note(&format!("x{}", "é".repeat(100)));
        let lengths: Vec<usize> = dropped.names().iter().map(String::len).collect();
        assert_eq!(lengths, [120, 119]);
    }
}
