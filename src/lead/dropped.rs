//! What the sieve let fall: names of questions, never an answer.

use std::collections::HashMap;

use crate::purpose::DropCode;

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

/// The names of the fields of one lead that were dropped, each as often as it came, and why.
#[derive(Default)]
pub struct Dropped {
    named: Vec<(String, DropCode)>,
    nameless: usize,
    too_long: usize,
}

impl Dropped {
    /// Notes a field that no whitelist names, by the key of its question.
    pub fn note(&mut self, key: &str) {
        self.note_for(key, DropCode::NotWhitelisted);
    }

    /// Notes a dropped field by the key of its question.
    pub fn note_for(&mut self, key: &str, code: DropCode) {
        if self.named.len() >= NAMES_MAX {
            return self.note_nameless(1);
        }
        let mut end = key.len().min(NAME_BYTES_MAX);
        while !key.is_char_boundary(end) {
            end -= 1;
        }
        self.named.push((key[..end].to_owned(), code));
    }

    /// Notes a whitelisted answer that is too long to be kept.
    pub fn note_too_long(&mut self, key: &str) {
        self.note_for(key, DropCode::NotKept);
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
            let mut left: HashMap<&str, Vec<DropCode>> = HashMap::new();
            other.named.iter().for_each(|(name, code)| left.entry(name).or_default().push(*code));
            let mut also = |(name, code): (String, DropCode)| {
                let theirs = left.get_mut(name.as_str()).and_then(Vec::pop)?;
                Some((name, code.max(theirs)))
            };
            let named = one.named.into_iter().filter_map(&mut also).collect();
            let too_long = one.too_long.max(other.too_long);
            Self { named, nameless: one.nameless.min(other.nameless), too_long }
        })
        .unwrap_or_default()
    }

    /// Lets the others count no more.
    pub(in crate::lead) fn retain(&mut self, counts: impl Fn(&str) -> bool) {
        self.named.retain(|(name, _)| counts(name));
    }

    /// The names and the reasons, for the counters by form that `tamis inbox` shows.
    pub fn named(&self) -> impl Iterator<Item = (&str, DropCode)> {
        self.named.iter().map(|(name, code)| (name.as_str(), *code))
    }

    /// The names.
    pub fn names(&self) -> Vec<&str> {
        self.named().map(|(name, _)| name).collect()
    }

    /// How many fields were dropped, nameless ones included.
    pub fn count(&self) -> usize {
        self.named.len().saturating_add(self.nameless)
    }

    /// The names that a log line may show.
    pub fn standard(&self) -> Vec<&'static str> {
        self.named().filter_map(|(name, _)| STANDARD.iter().find(|known| **known == name).copied()).collect()
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
        assert_eq!((dropped.names(), dropped.count()), (vec!["budget", "email"], 3));
        dropped.retain(|name| name != "email");
        assert_eq!(dropped.names(), ["budget"]);
        assert_eq!(Dropped::by_all([of(&["a", "a"], 3)].into_iter()).count(), 5);
        assert_eq!(Dropped::by_all(std::iter::empty()).count(), 0);
    }

    #[test]
    fn of_several_reasons_the_one_counts_that_comes_nearest_to_keeping() {
        let of = |code| {
            let mut dropped = Dropped::default();
            dropped.note_for("email", code);
            dropped.note("budget");
            dropped
        };
        let codes = [DropCode::NotKept, DropCode::NotWhitelisted, DropCode::ConsentNotGiven];
        let dropped = Dropped::by_all(codes.into_iter().map(of));
        let named: Vec<(&str, DropCode)> = dropped.named().collect();
        assert_eq!(named, [("email", DropCode::ConsentNotGiven), ("budget", DropCode::NotWhitelisted)]);
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
        let lengths: Vec<usize> = dropped.names().iter().map(|name| name.len()).collect();
        assert_eq!(lengths, [120, 119]);
    }
}
