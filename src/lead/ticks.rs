//! What Meta says of the tick-boxes of a lead: the evidence of consent.

use std::borrow::Cow;

use crate::id::FormId;
use crate::json::{Json, Kind};
use crate::lead::minimised::{ConsentEvidence, Tick};
use crate::purpose::ConsentRule;

/// The most entries of `custom_disclaimer_responses` that are read of one lead. Beyond it a box counts as absent, which
/// is no consent.
const BOXES_MAX: usize = 200;

/// The tick-boxes of one lead by Meta's `checkbox_key`, compared by exact bytes.
pub(in crate::lead) struct Ticks<'r>(Vec<(Cow<'r, str>, Tick)>);

impl<'r> Ticks<'r> {
    /// Reads `custom_disclaimer_responses`. What is no list has no boxes; an entry without a key is none.
    pub fn read(disclaimers: Option<Json<'r>>) -> Self {
        let entries = disclaimers.into_iter().flat_map(Json::elements).take(BOXES_MAX);
        Self(entries.filter_map(read_box).collect())
    }

    /// What the first listed box that is there says, for the record. A box that came twice with different ticks says
    /// nothing clear.
    pub fn evidence(&self, rule: &ConsentRule, form: &FormId) -> ConsentEvidence {
        let found = rule.keys_on(form).find_map(|key| Some((key, self.tick(key)?)));
        let first_listed = rule.keys_on(form).next().unwrap_or(rule.key.as_str());
        let (checkbox_key, tick) = found.unwrap_or((first_listed, Tick::Absent));
        ConsentEvidence { key: rule.key.clone(), checkbox_key: checkbox_key.to_owned(), tick }
    }

    fn tick(&self, key: &str) -> Option<Tick> {
        let mut said = self.0.iter().filter(|(name, _)| name == key).map(|(_, tick)| *tick);
        let first = said.next()?;
        Some(if said.all(|tick| tick == first) { first } else { Tick::Unclear })
    }
}

fn read_box<'r>(entry: Json<'r>) -> Option<(Cow<'r, str>, Tick)> {
    let (mut key, mut checked) = (None, None);
    for (name, value) in entry.members() {
        match &*name {
            "checkbox_key" => key = key.or(Some(value)),
            "is_checked" => checked = checked.or(Some(value)),
            _ => {}
        }
    }
    Some((key.and_then(Json::text)?, checked.map_or(Tick::Unclear, tick)))
}

/// Meta documents the strings `"1"` and `""`; booleans and `"0"` were seen. A yes in any other spelling is not clear.
fn tick(checked: Json<'_>) -> Tick {
    match (checked.kind(), checked.scalar(), checked.text().as_deref()) {
        (Kind::Bool, Some("true"), _) | (_, _, Some("1")) => Tick::Yes,
        (Kind::Bool, Some("false"), _) | (_, _, Some("" | "0")) => Tick::No,
        _ => Tick::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::consent;
    use crate::purpose::{BoxKey, Channel};

    fn rule(from: &[&str]) -> ConsentRule {
        ConsentRule {
            from: from.iter().map(|key| BoxKey::anywhere(key)).collect(),
            ..consent("email_optin", Channel::Email)
        }
    }

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    fn evidence(json: &str, from: &[&str]) -> (String, Tick) {
        let evidence = Ticks::read(Json::read(json.as_bytes())).evidence(&rule(from), &form("901"));
        (evidence.checkbox_key, evidence.tick)
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        for (checked, wanted) in [
            (r#""1""#, Tick::Yes),
            ("true", Tick::Yes),
            (r#""\u0031""#, Tick::Yes),
            (r#""""#, Tick::No),
            (r#""0""#, Tick::No),
            ("false", Tick::No),
            ("null", Tick::Unclear),
            ("1", Tick::Unclear),
            ("0", Tick::Unclear),
            ("1.0", Tick::Unclear),
            (r#""true""#, Tick::Unclear),
            (r#""yes""#, Tick::Unclear),
            (r#""on""#, Tick::Unclear),
            (r#"" 1""#, Tick::Unclear),
            (r#""1 ""#, Tick::Unclear),
            (r#""11""#, Tick::Unclear),
            (r#""１""#, Tick::Unclear),
            (r#"["1"]"#, Tick::Unclear),
            (r#"{"1":true}"#, Tick::Unclear),
        ] {
            let json = format!(r#"[{{"checkbox_key":"a","is_checked":{checked}}}]"#);
            assert_eq!(evidence(&json, &["a"]), ("a".to_owned(), wanted), "{checked}");
        }
        assert_eq!(evidence(r#"[{"checkbox_key":"a"}]"#, &["a"]).1, Tick::Unclear);
    }

    #[test]
    fn a_box_that_is_not_there_is_absent() {
        for json in [
            "null",
            "{}",
            "[]",
            "7",
            "\"a\"",
            r#"{"checkbox_key":"a","is_checked":"1"}"#,
            r#"[null,7,"a",["a"],{},{"is_checked":"1"},{"checkbox_key":null,"is_checked":"1"}]"#,
            r#"[{"checkbox_key":"A","is_checked":"1"},{"checkbox_key":"a ","is_checked":"1"}]"#,
            r#"[{"checkbox_key":"а","is_checked":"1"},{"Checkbox_key":"a","is_checked":"1"}]"#,
        ] {
            assert_eq!(evidence(json, &["a"]), ("a".to_owned(), Tick::Absent), "{json}");
        }
        assert!(Ticks::read(None).evidence(&rule(&["a"]), &form("901")).tick == Tick::Absent);
    }

    #[test]
    fn one_box_twice_counts_if_it_says_the_same() {
        for (first, second, wanted) in [
            ("\"1\"", "\"1\"", Tick::Yes),
            ("\"1\"", "true", Tick::Yes),
            ("\"\"", "false", Tick::No),
            ("\"1\"", "\"\"", Tick::Unclear),
            ("\"\"", "\"1\"", Tick::Unclear),
            ("\"1\"", "null", Tick::Unclear),
        ] {
            let json = format!(
                r#"[{{"checkbox_key":"a","is_checked":{first}}},{{"checkbox_key":"b","is_checked":true}},
                    {{"is_checked":{second},"checkbox_key":"\u0061"}}]"#
            );
            assert_eq!(evidence(&json, &["a"]).1, wanted, "{first} {second}");
        }
    }

    #[test]
    fn of_several_keys_the_first_listed_that_is_there_counts() {
        let json = r#"[{"checkbox_key":"c","is_checked":"1"},{"checkbox_key":"b","is_checked":""}]"#;
        assert_eq!(evidence(json, &["a", "b", "c"]), ("b".to_owned(), Tick::No));
        assert_eq!(evidence(json, &["a", "c", "b"]), ("c".to_owned(), Tick::Yes));
        assert_eq!(evidence(json, &["x", "y"]), ("x".to_owned(), Tick::Absent));
        assert_eq!(evidence(json, &[]), ("email_optin".to_owned(), Tick::Absent));
    }
}
