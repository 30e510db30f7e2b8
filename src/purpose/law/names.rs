//! Names of fields, and keys of questions, taken apart into words.

/// The words of a name, folded: lower case, no accents, `ß` as `ss`.
pub(in crate::purpose) fn words(name: &str) -> Vec<String> {
    let folded: String = name.chars().flat_map(char::to_lowercase).flat_map(fold).collect();
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A small letter without its accent.
fn fold(letter: char) -> impl Iterator<Item = char> {
    let folded: &[char] = match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => &['a'],
        'ç' => &['c'],
        'è' | 'é' | 'ê' | 'ë' => &['e'],
        'ì' | 'í' | 'î' | 'ï' => &['i'],
        'ñ' => &['n'],
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => &['o'],
        'ù' | 'ú' | 'û' | 'ü' => &['u'],
        'ý' | 'ÿ' => &['y'],
        'œ' => &['o', 'e'],
        'æ' => &['a', 'e'],
        'ß' => &['s', 's'],
        // Accents that stand for themselves (a decomposed `é`).
        '\u{300}'..='\u{36F}' => &[],
        _ => return [Some(letter), None].into_iter().flatten(),
    };
    [folded.first().copied(), folded.get(1).copied()].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_apart_wherever_no_letter_and_no_digit_stands() {
        for (name, wanted) in [
            ("phone_number", &["phone", "number"][..]),
            ("  Tel.  n°2 ", &["tel", "n", "2"]),
            ("e-mail/adresse", &["e", "mail", "adresse"]),
            ("q7", &["q7"]),
            ("何色ですか", &["何色ですか"]),
            ("", &[]),
            ("___", &[]),
        ] {
            assert_eq!(words(name), wanted, "{name}");
        }
    }

    /// A special field must not slip through the net by its accent, its case, or how a keyboard composes letters.
    #[test]
    fn every_accent_of_our_languages_is_folded_however_it_is_written() {
        for (name, wanted) in [
            ("àáâãäå", "aaaaaa"),
            ("ç", "c"),
            ("èéêë", "eeee"),
            ("ìíîï", "iiii"),
            ("ñ", "n"),
            ("òóôõö", "ooooo"),
            ("ùúûü", "uuuu"),
            ("ýÿ", "yy"),
            ("cœur", "coeur"),
            ("æther", "aether"),
            ("Größe", "grosse"),
            ("ÉTAT", "etat"),
            ("e\u{301}tat", "etat"),
            ("u\u{308}ber", "uber"),
            ("x\u{300}\u{36f}y", "xy"),
        ] {
            assert_eq!(words(name), [wanted], "{name}");
        }
    }
}
