//! Putting things into texts, and saying lists and periods.

use crate::language::Language;
use crate::notice::document::Inline;
use crate::notice::words::{Words, words};
use crate::purpose::Term;

/// What is put into a text, by name.
pub(in crate::notice) type Given<'g> = &'g [(&'static str, Inline)];

/// A text with its places filled. A name that is not given stays as it is written, for the test that looks for braces.
pub(in crate::notice) fn fill(text: &str, given: Given<'_>) -> Vec<Inline> {
    let mut pieces: Vec<Inline> = Vec::new();
    let mut say = |piece: Inline| match pieces.last_mut() {
        Some(last)
            if last.link.is_none() && last.lang.is_none() && piece.link.is_none() && piece.lang.is_none() =>
        {
            last.text.push_str(&piece.text);
        }
        _ if piece.text.is_empty() => {}
        _ => pieces.push(piece),
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        say(Inline::text(before));
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        match given.iter().find(|(known, _)| *known == name) {
            Some((_, piece)) => say(piece.clone()),
            None => say(Inline::text(format!("{{{name}}}"))),
        }
        rest = behind;
    }
    say(Inline::text(rest));
    pieces
}

/// A text without places.
pub(in crate::notice) fn say(text: &str) -> Vec<Inline> {
    vec![Inline::text(text)]
}

/// The words of a text with its places filled.
pub(in crate::notice) fn line(text: &str, given: &[(&'static str, &str)]) -> String {
    let given: Vec<(&'static str, Inline)> =
        given.iter().map(|(name, value)| (*name, Inline::text(*value))).collect();
    fill(text, &given).into_iter().map(|piece| piece.text).collect()
}

/// `a, b and c`.
pub(in crate::notice) fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., end] => format!("{}{last}{end}", others.join(", ")),
    }
}

/// A length of time.
pub(in crate::notice) fn term(term: Term, language: Language) -> String {
    let words = words(language);
    let count = |number: u32, one: &str, many: &str| {
        let text = if number == 1 { one } else { many };
        (number > 0).then(|| line(text, &[("n", &number.to_string())]))
    };
    let months = count(term.months, words.month, words.months);
    let days = count(term.days, words.day, words.days);
    let parts: Vec<String> = months.into_iter().chain(days).collect();
    list(&parts, words.and)
}

/// The first to end of several.
pub(in crate::notice) fn first_of(terms: &[Term], language: Language) -> String {
    let words: &Words = words(language);
    let said: Vec<String> = terms.iter().map(|one| term(*one, language)).collect();
    match said.as_slice() {
        [one] => one.clone(),
        several => line(words.first_of, &[("terms", &list(several, words.or))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_links_stay_links() {
        let mail = Inline::mail("a@b.example");
        let filled = fill("Write to {email} or {other}.", &[("email", mail.clone())]);
        assert_eq!(filled, [Inline::text("Write to "), mail, Inline::text(" or {other}.")]);
        assert_eq!(fill("{a}{b}", &[("a", Inline::text("x")), ("b", Inline::text("{a}"))]), say("x{a}"));
        assert_eq!(line("{n", &[]), "{n}");
    }

    #[test]
    fn periods_and_lists_are_said_as_people_say_them() {
        let both = Term { months: 18, days: 30 };
        assert_eq!(term(both, Language::Fr), "18 mois et 30 jours");
        assert_eq!(term(Term::months(1), Language::De), "1 Monat");
        assert_eq!(term(Term::days(1), Language::En), "1 day");
        let two = [Term::months(19), both];
        assert_eq!(first_of(&two, Language::En), "19 months or 18 months and 30 days, whichever ends first");
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            (list(&items, " and "), list(&items[..1], " and ")),
            ("a, b and c".to_owned(), "a".to_owned())
        );
    }
}
