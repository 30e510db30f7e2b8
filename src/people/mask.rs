//! Answers as whoever holds a link sees them: enough for the person to know their own, not enough for anybody else to use. A link may be
//! forwarded, or lie in a mailbox that others read.

/// Stands for whatever is hidden, its length too.
const HIDDEN: &str = "•••";
/// Of a number so many of the last digits show.
const DIGITS_SHOWN: usize = 2;
/// A number has so many digits at least, otherwise it is a text like another.
const DIGITS_MIN: usize = 6;

/// The first letter. Of an e-mail address the domain as well, since a person has several; of a telephone number the last two digits,
/// since the first ones are everybody's.
pub fn mask(answer: &str) -> String {
    let answer = answer.trim();
    if let Some((name, domain)) = answer.rsplit_once('@')
        && !name.is_empty()
        && domain.contains('.')
        && !domain.contains(char::is_whitespace)
    {
        return format!("{}@{domain}", first_of(name));
    }
    let digits: Vec<char> = answer.chars().filter(char::is_ascii_digit).collect();
    let dials = |letter: char| letter.is_ascii_digit() || " +-./()\u{a0}\u{202f}".contains(letter);
    if digits.len() >= DIGITS_MIN && answer.chars().all(dials) {
        let last: String = digits.iter().skip(digits.len() - DIGITS_SHOWN).collect();
        return format!("{HIDDEN}{last}");
    }
    first_of(answer)
}

fn first_of(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (None, _) => String::new(),
        (Some(_), None) => HIDDEN.to_owned(),
        (Some(first), Some(_)) => format!("{first}{HIDDEN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_shows_and_it_is_what_tells_one_s_own_apart() {
        for (answer, masked) in [
            ("marie.dupont@example.org", "m•••@example.org"),
            (" marie@example.org ", "m•••@example.org"),
            ("m@example.org", "•••@example.org"),
            ("\"a@b\"@example.org", "\"•••@example.org"),
            ("+33 6 39 98 00 42", "•••42"),
            ("06.39.98.00.42", "•••42"),
            ("(030) 1234567", "•••67"),
            ("12345", "1•••"),
            ("2026-11-30", "•••30"),
            ("Anne-Sophie", "A•••"),
            ("Éloïse", "É•••"),
            ("x", "•••"),
            ("name@", "n•••"),
            ("@handle", "@•••"),
            ("marie@example.org and more", "m•••"),
            ("", ""),
        ] {
            assert_eq!(mask(answer), masked, "{answer}");
        }
    }
}
