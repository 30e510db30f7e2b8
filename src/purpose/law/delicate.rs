//! What a question asks that says much of a person, whoever asks it: what the law protects most, and what is nobody's business
//! without a reason. A net for slips, as the words of special categories are.

use std::fmt;

use crate::purpose::law::Category;
use crate::purpose::law::names::words;

/// What a question seems to ask. `Display` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delicate {
    /// GDPR arts. 9, 10, 87.
    Special(Category),
    /// When or where somebody was born.
    Birth,
    /// Gender.
    Gender,
    /// Marriage, partner, children.
    Family,
    /// Nationality.
    Nationality,
    /// Income and means.
    Money,
    /// Military service.
    Service,
}

impl Delicate {
    /// What a question with this key asks, if it is of this type (empty: it has none).
    pub fn of(key: &str, question_type: &str) -> Option<Self> {
        let special =
            Category::of([key].into_iter(), [question_type].into_iter().filter(|of| !of.is_empty()));
        special.map(Self::Special).or_else(|| of_type(question_type)).or_else(|| of_key(key))
    }

    /// True of what the law protects most.
    pub fn is_special(self) -> bool {
        matches!(self, Self::Special(_))
    }
}

/// By Meta's types; Meta fills some of them in from the profile, so that a person gives them away with a tap.
fn of_type(question_type: &str) -> Option<Delicate> {
    match question_type {
        "DOB" => Some(Delicate::Birth),
        "GENDER" => Some(Delicate::Gender),
        "MARITIAL_STATUS" | "RELATIONSHIP_STATUS" => Some(Delicate::Family),
        "MILITARY_STATUS" => Some(Delicate::Service),
        _ => None,
    }
}

/// By words that begin so, folded as [`words`] folds.
const STEMS: &[(Delicate, &str)] = &[
    (Delicate::Birth, "birth naissance geburt"),
    (Delicate::Gender, "gender geschlecht"),
    (Delicate::Family, "marital matrimonia familienstand celibataire verheiratet"),
    (Delicate::Nationality, "nationalit staatsangehor citizenship"),
    (Delicate::Money, "einkommen salaire salary gehalt"),
    (Delicate::Service, "wehrdienst"),
];

/// By whole words.
const WORDS: &[(Delicate, &str)] = &[
    (Delicate::Birth, "dob"),
    (Delicate::Gender, "sexe sex"),
    (Delicate::Family, "spouse conjoint enfants children kinder"),
    (Delicate::Money, "income revenu revenus"),
];

fn of_key(key: &str) -> Option<Delicate> {
    let words = words(key);
    let stem =
        |stems: &str| words.iter().any(|word| stems.split_whitespace().any(|stem| word.starts_with(stem)));
    let whole = |list: &str| words.iter().any(|word| list.split_whitespace().any(|whole| word == whole));
    let by_stem = STEMS.iter().find(|(_, stems)| stem(stems));
    by_stem.or_else(|| WORDS.iter().find(|(_, list)| whole(list))).map(|(delicate, _)| *delicate)
}

impl fmt::Display for Delicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Special(category) => return category.fmt(f),
            Self::Birth => "date or place of birth",
            Self::Gender => "gender",
            Self::Family => "family",
            Self::Nationality => "nationality",
            Self::Money => "income",
            Self::Service => "military service",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_much_of_a_person_is_told_by_type_or_by_key_and_a_shoe_size_is_not() {
        for (key, question_type, wanted) in [
            ("lieu_de_naissance", "CUSTOM", Some("date or place of birth")),
            ("Birthplace", "", Some("date or place of birth")),
            ("geburtsdatum", "DOB", Some("date or place of birth")),
            ("q7", "DOB", Some("date or place of birth")),
            ("q7", "MARITIAL_STATUS", Some("family")),
            ("combien_d'enfants", "CUSTOM", Some("family")),
            ("nationalité", "CUSTOM", Some("nationality")),
            ("revenu mensuel", "CUSTOM", Some("income")),
            ("q7", "ID_CPF", Some("a national identifier (GDPR art. 87)")),
            ("groupe_sanguin", "CUSTOM", Some("health data (GDPR art. 9)")),
            ("pointure", "CUSTOM", None),
            ("shoe_size", "CUSTOM", None),
            ("email", "EMAIL", None),
            ("child_seat_model", "CUSTOM", None),
        ] {
            let found = Delicate::of(key, question_type);
            assert_eq!(found.map(|found| found.to_string()).as_deref(), wanted, "{key} {question_type}");
            assert_eq!(
                found.is_some_and(Delicate::is_special),
                wanted.is_some_and(|said| said.contains("GDPR"))
            );
        }
    }
}
