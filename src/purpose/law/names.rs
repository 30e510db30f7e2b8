//! Names of fields, and keys of questions, taken apart into words.

/// The words of a name, folded: lower case, no accents, `ß` as `ss`.
pub(super) fn words(name: &str) -> Vec<String> {
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
