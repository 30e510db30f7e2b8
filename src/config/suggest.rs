//! "Did you mean": the nearest of the known names.

/// Names are short: no more letters of what was given are looked at, however long it is.
const LETTERS_MAX: usize = 64;

/// What mends a name that is not known: the nearest one, else what `otherwise` says.
pub(super) fn mend<'k>(
    given: &str,
    known: impl IntoIterator<Item = &'k str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    nearest(given, known).map_or_else(otherwise, |near| format!("Did you mean \"{near}\"?"))
}

/// The known name that is nearest to `given`, if one is near enough to have been meant.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let given = given.to_lowercase();
    let enough = (given.chars().count() / 3).clamp(1, 3);
    let given: String = given.chars().take(LETTERS_MAX).collect();
    known
        .into_iter()
        .map(|name| (strsim::levenshtein(&given, name), name))
        .filter(|(distance, _)| *distance <= enough)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("é", "e", 1)]
        {
            assert_eq!(strsim::levenshtein(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["retention_months", "reconfirm_months", "forms", "basis"];
        assert_eq!(nearest("retention_month", known), Some("retention_months"));
        assert_eq!(nearest("Basis", known), Some("basis"));
        assert_eq!(nearest("form", known), Some("forms"));
        assert_eq!(nearest("colour", known), None);
    }
}
