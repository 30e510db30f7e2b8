//! What an officer sees of an answer before asking for all of it: enough to recognise, not enough to use.

/// Stands for whatever is hidden, its length too.
const HIDDEN: &str = "•••";

/// The first character; of an e-mail address that of the name and that of the domain. A single character is hidden
/// whole.
pub(super) fn mask(value: &str) -> String {
    match value.split_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
            format!("{}@{}", first_of(name), first_of(domain))
        }
        _ => first_of(value),
    }
}

fn first_of(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (None, _) => String::new(),
        (Some(_), None) => HIDDEN.to_owned(),
        (Some(first), Some(_)) => format!("{first}{HIDDEN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_first_characters_show() {
        for (value, masked) in [
            ("Anne-Sophie", "A•••"),
            ("anne@lumen.example", "a•••@l•••"),
            ("Éloïse", "É•••"),
            ("+33639980000", "+•••"),
            ("x", "•••"),
            ("a@b", "•••@•••"),
            ("@handle", "@•••"),
            ("name@", "n•••"),
            ("", ""),
        ] {
            assert_eq!(mask(value), masked, "{value}");
        }
    }
}
