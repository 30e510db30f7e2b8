//! What Meta says of the tick-boxes of a lead: the evidence of consent.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::id::FormId;
use crate::json::{Json, Kind};
use crate::lead::minimised::{ConsentEvidence, Tick};
use crate::purpose::{BoxDefault, ConsentRule, FormDefinition};

/// The most entries of `custom_disclaimer_responses` that are read of one lead. Beyond it a box counts as absent, which
/// is no consent.
const BOXES_MAX: usize = 200;
/// The longest spelling of a tick that is kept verbatim: `false` in quotes. What is longer is no tick, and may be anything.
const ANSWER_BYTES_MAX: usize = 8;

/// The tick-boxes of one lead by Meta's `checkbox_key`, compared by exact bytes.
pub(in crate::lead) struct Ticks<'r>(Vec<Ticked<'r>>);

/// One box of a reply.
struct Ticked<'r> {
    key: Cow<'r, str>,
    tick: Tick,
    answer: Option<String>,
}

/// Of which form and when the ticks are.
#[derive(Clone, Copy)]
pub(in crate::lead) struct Submission<'d> {
    /// Or the form that its form counts as.
    pub form: &'d FormId,
    pub definition: Option<&'d FormDefinition>,
    pub created: Timestamp,
    pub received: Timestamp,
}

impl<'r> Ticks<'r> {
    /// Reads `custom_disclaimer_responses`. What is no list has no boxes; an entry without a key is none.
    pub fn read(disclaimers: Option<Json<'r>>) -> Self {
        let entries = disclaimers.into_iter().flat_map(Json::elements).take(BOXES_MAX);
        Self(entries.filter_map(Ticked::read).collect())
    }

    /// What the first listed box that is there says, for the record. A box that came twice with different ticks says
    /// nothing clear.
    pub fn evidence(&self, rule: &ConsentRule, of: Submission<'_>) -> ConsentEvidence {
        let found = rule.keys_on(of.form).find_map(|key| Some((key, self.said_of(key)?)));
        let first_listed = rule.keys_on(of.form).next().unwrap_or(rule.key.as_str());
        let (checkbox_key, (tick, answer)) = found.unwrap_or((first_listed, (Tick::Absent, None)));
        let legal = of.definition.map(|definition| &definition.legal);
        ConsentEvidence {
            key: rule.key.clone(),
            checkbox_key: checkbox_key.to_owned(),
            tick,
            answer,
            default: legal.map_or(BoxDefault::Unknown, |legal| legal.default_of(checkbox_key)),
            text: legal.and_then(|legal| legal.text_of(checkbox_key)).map(|text| text.hash),
            at: of.created,
            valid_until: rule.valid_until(of.created, of.received),
            confirmed: None,
        }
    }

    fn said_of(&self, key: &str) -> Option<(Tick, Option<String>)> {
        let mut said = self.0.iter().filter(|ticked| ticked.key == key);
        let first = said.next()?;
        let agree = said.all(|other| other.tick == first.tick);
        Some(if agree { (first.tick, first.answer.clone()) } else { (Tick::Unclear, None) })
    }
}

impl<'r> Ticked<'r> {
    fn read(entry: Json<'r>) -> Option<Self> {
        let (mut key, mut checked) = (None, None);
        for (name, value) in entry.members() {
            match &*name {
                "checkbox_key" => key = key.or(Some(value)),
                "is_checked" => checked = checked.or(Some(value)),
                _ => {}
            }
        }
        let key = key.and_then(Json::text)?;
        Some(Self { key, tick: checked.map_or(Tick::Unclear, tick), answer: checked.and_then(verbatim) })
    }
}

/// Meta documents the strings `"1"` and `""`; booleans and `"0"` were seen. A yes in any other spelling is not clear.
fn tick(checked: Json<'_>) -> Tick {
    match (checked.kind(), checked.scalar(), checked.text().as_deref()) {
        (Kind::Bool, Some("true"), _) | (_, _, Some("1")) => Tick::Yes,
        (Kind::Bool, Some("false"), _) | (_, _, Some("" | "0")) => Tick::No,
        _ => Tick::Unclear,
    }
}

/// The answer as evidence, as it stands in the reply.
fn verbatim(checked: Json<'_>) -> Option<String> {
    let written = checked.written();
    let is_plain = !matches!(checked.kind(), Kind::Array | Kind::Object);
    (is_plain && written.len() <= ANSWER_BYTES_MAX).then(|| written.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::ConsentOutcome;
    use crate::purpose::sample::consent;
    use crate::purpose::{BoxKey, Channel, Checkbox, Legal, LegalContent, TextHash, Wording};

    fn rule(from: &[&str]) -> ConsentRule {
        ConsentRule {
            from: from.iter().map(|key| BoxKey::anywhere(key)).collect(),
            ..consent("email_optin", Channel::Email)
        }
    }

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn evidence_of(json: &str, rule: &ConsentRule, definition: Option<&FormDefinition>) -> ConsentEvidence {
        let (created, received) = (at(1_764_000_000), at(1_764_000_060));
        let of = Submission { form: &form("901"), definition, created, received };
        Ticks::read(Json::read(json.as_bytes())).evidence(rule, of)
    }

    fn evidence(json: &str, from: &[&str]) -> (String, Tick) {
        let evidence = evidence_of(json, &rule(from), None);
        (evidence.checkbox_key, evidence.tick)
    }

    /// The form 901 with one box `a` that stands so when it opens.
    fn definition(ticked: Option<bool>) -> FormDefinition {
        let text = Wording::of("J'accepte", 100);
        let one = Checkbox { key: "a".to_owned(), text, is_required: None, is_ticked_by_default: ticked };
        let legal = LegalContent { title: None, body: None, boxes: vec![one], policy_url: None };
        FormDefinition { legal: Legal::Read(legal), ..FormDefinition::asking(form("901"), Vec::new()) }
    }

    #[test]
    fn a_tick_that_nobody_set_is_none() {
        use ConsentOutcome::{Absent, DefaultUnknown, Given, NotGiven, PreTicked, Unclear};
        let json = |checked: &str| format!(r#"[{{"checkbox_key":"a","is_checked":{checked}}}]"#);
        let (clear, ticked, unsaid) = (definition(Some(false)), definition(Some(true)), definition(None));
        let withheld = FormDefinition { legal: Legal::Withheld, ..clear.clone() };
        for (checked, definition, outcome) in [
            ("\"1\"", Some(&clear), Given),
            ("true", Some(&clear), Given),
            ("\"1\"", Some(&ticked), PreTicked),
            ("true", Some(&ticked), PreTicked),
            ("\"\"", Some(&ticked), NotGiven),
            ("\"1\"", Some(&unsaid), DefaultUnknown),
            ("\"1\"", Some(&withheld), DefaultUnknown),
            ("\"1\"", None, DefaultUnknown),
            ("\"\"", None, NotGiven),
            ("\"yes\"", Some(&clear), Unclear),
        ] {
            let found = evidence_of(&json(checked), &rule(&["a"]), definition);
            assert_eq!(found.outcome(), outcome, "{checked}");
            assert_eq!(found.given(), matches!(outcome, Given | DefaultUnknown), "{checked}");
        }
        assert_eq!(evidence_of("[]", &rule(&["a"]), Some(&ticked)).outcome(), Absent);
        // A box that the form does not have: nobody knows how it stood.
        let json = r#"[{"checkbox_key":"b","is_checked":"1"}]"#;
        assert_eq!(evidence_of(json, &rule(&["b"]), Some(&ticked)).outcome(), DefaultUnknown);
    }

    #[test]
    fn the_evidence_says_what_was_shown_what_was_answered_and_when() {
        let json = r#"[{"checkbox_key":"a","is_checked":"1"}]"#;
        let mut rule = rule(&["a"]);
        rule.valid_months = Some(1);
        let found = evidence_of(json, &rule, Some(&definition(Some(false))));
        assert_eq!(
            (found.text, found.answer.as_deref()),
            (Some(TextHash::of("J'accepte".as_bytes())), Some("\"1\""))
        );
        assert_eq!((found.at, found.valid_until), (at(1_764_000_000), Some(at(1_764_000_000 + 30 * 86_400))));
        let unknown = evidence_of(json, &rule, None);
        assert_eq!((unknown.text, unknown.default), (None, BoxDefault::Unknown));
    }

    /// Verbatim, as far as it is a tick: what is longer may be anything, and is decoded into nothing that is kept.
    #[test]
    fn an_answer_is_kept_as_it_stood_unless_it_is_no_tick() {
        for (checked, kept) in [
            (r#""1""#, Some(r#""1""#)),
            (r#""""#, Some(r#""""#)),
            ("true", Some("true")),
            ("false", Some("false")),
            (r#""false""#, Some(r#""false""#)),
            ("0", Some("0")),
            ("null", Some("null")),
            (r#""\u0031""#, Some(r#""\u0031""#)),
            (r#""Anne Dupont""#, None),
            ("123456789", None),
            (r#"["1"]"#, None),
            ("{}", None),
        ] {
            let json = format!(r#"[{{"checkbox_key":"a","is_checked":{checked}}}]"#);
            assert_eq!(evidence_of(&json, &rule(&["a"]), None).answer.as_deref(), kept, "{checked}");
        }
    }

    #[test]
    fn a_key_of_another_form_counts_for_nothing_here() {
        let json = r#"[{"checkbox_key":"optional_1","is_checked":"1"},{"checkbox_key":"optional_2","is_checked":""}]"#;
        let on = |id: &str, key: &str| BoxKey { form: Some(form(id)), key: key.to_owned() };
        let mut rule = rule(&[]);
        rule.from = vec![on("902", "optional_1"), on("901", "optional_2")];
        let found = evidence_of(json, &rule, None);
        assert_eq!((found.checkbox_key.as_str(), found.tick), ("optional_2", Tick::No));
        rule.from = vec![on("902", "optional_1")];
        let found = evidence_of(json, &rule, None);
        assert_eq!((found.checkbox_key.as_str(), found.tick), ("email_optin", Tick::Absent));
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
        let (form, created) = (form("901"), at(0));
        let of = Submission { form: &form, definition: None, created, received: created };
        assert!(Ticks::read(None).evidence(&rule(&["a"]), of).tick == Tick::Absent);
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
