//! A form's `legal_content`, in the shapes in which it was seen: the disclaimer's body an object or a plain string, the
//! tick-boxes a list or `{"data":[…]}`.

use crate::json::{Json, Kind};
use crate::purpose::{Checkbox, Legal, LegalContent, Wording};

/// Boxes that are kept; Meta's forms have a handful.
const BOXES_MAX: usize = 50;
/// A box with a longer key is not kept: its tick counts as that of a box that the form does not have.
const KEY_BYTES_MAX: usize = 200;
const URL_BYTES_MAX: usize = 2_000;
/// What is kept of the texts of one form together; what is beyond is hashed and not kept.
const TEXT_BYTES_MAX: usize = 24 * 1024;

/// What a form says beside its questions. What is not there, or stands in no shape that is known, is not known: then
/// nobody may say that a box was empty when the form opened.
pub(super) fn legal(raw: Option<Json<'_>>) -> Legal {
    let Some(raw) = raw.filter(|raw| raw.kind() == Kind::Object) else { return Legal::Withheld };
    let mut room = TEXT_BYTES_MAX;
    let policy_url = member(raw, "privacy_policy").and_then(|policy| text(policy, "url"));
    let policy_url = policy_url.filter(|url| url.len() <= URL_BYTES_MAX);
    let Some(disclaimer) = member(raw, "custom_disclaimer") else {
        return Legal::Read(LegalContent { title: None, body: None, boxes: Vec::new(), policy_url });
    };
    let listed = member(disclaimer, "checkboxes").map_or(Some(Vec::new()), list);
    let (Kind::Object, Some(listed)) = (disclaimer.kind(), listed) else { return Legal::Withheld };
    let boxes = listed.into_iter().filter_map(|raw| checkbox(raw, &mut room)).take(BOXES_MAX).collect();
    let title = text(disclaimer, "title").map(|title| wording(&title, &mut room));
    let body = member(disclaimer, "body").and_then(|body| match body.kind() {
        Kind::Object => text(body, "text"),
        _ => body.text().map(|text| text.into_owned()),
    });
    let body = body.map(|body| wording(&body, &mut room));
    Legal::Read(LegalContent { title, body, boxes, policy_url })
}

fn checkbox(raw: Json<'_>, room: &mut usize) -> Option<Checkbox> {
    let key = text(raw, "key").filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX)?;
    let flag = |name: &str| member(raw, name).and_then(flag);
    Some(Checkbox {
        key,
        text: wording(&text(raw, "text").unwrap_or_default(), room),
        is_required: flag("is_required"),
        is_ticked_by_default: flag("is_checked_by_default"),
    })
}

/// Booleans, and the spellings in which Meta writes a tick elsewhere.
fn flag(raw: Json<'_>) -> Option<bool> {
    match (raw.kind(), raw.scalar(), raw.text().as_deref()) {
        (_, _, Some("true" | "1")) | (Kind::Bool, Some("true"), _) | (Kind::Number, Some("1"), _) => {
            Some(true)
        }
        (_, _, Some("false" | "0" | "")) | (Kind::Bool, Some("false"), _) | (Kind::Number, Some("0"), _) => {
            Some(false)
        }
        _ => None,
    }
}

/// The elements of a list, wrapped or not; none: it is no list.
fn list(raw: Json<'_>) -> Option<Vec<Json<'_>>> {
    match raw.kind() {
        Kind::Array => Some(raw.elements().collect()),
        _ => {
            let data = member(raw, "data").filter(|data| data.kind() == Kind::Array)?;
            Some(data.elements().collect())
        }
    }
}

fn wording(text: &str, room: &mut usize) -> Wording {
    let wording = Wording::of(text, *room);
    *room = room.saturating_sub(wording.text.len());
    wording
}

/// The first member of this name; `null` is as good as none.
fn member<'t>(raw: Json<'t>, wanted: &str) -> Option<Json<'t>> {
    let found = raw.members().find(|(name, _)| name == wanted).map(|(_, value)| value);
    found.filter(|found| !found.is_null())
}

fn text(raw: Json<'_>, wanted: &str) -> Option<String> {
    member(raw, wanted).and_then(Json::text).map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::BoxDefault;

    fn read(json: &str) -> Legal {
        legal(Json::read(json.as_bytes()))
    }

    /// The boxes in a form that a test can read: `key=text` with `+` ticked, `-` not, `?` not said.
    fn boxes(json: &str) -> Option<String> {
        let legal = read(json);
        let shown = legal.boxes()?.iter().map(|found| {
            let default = match found.is_ticked_by_default {
                Some(true) => '+',
                Some(false) => '-',
                None => '?',
            };
            format!("{default}{}={}", found.key, found.text.text)
        });
        Some(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn boxes_are_read_in_every_shape_that_was_seen() {
        let list = r#"[{"key":"optional_1","text":"Les appels","is_required":false,"is_checked_by_default":true,"id":"1"},
            {"key":"optional_2","text":"L\u2019e-mail","is_checked_by_default":false}]"#;
        let wanted = Some("+optional_1=Les appels -optional_2=L’e-mail".to_owned());
        for disclaimer in [
            format!(r#"{{"title":"T","body":{{"text":"B","url_entities":[]}},"checkboxes":{list}}}"#),
            format!(r#"{{"checkboxes":{{"data":{list},"paging":{{}}}},"body":"B","title":"T"}}"#),
        ] {
            let json = format!(
                r#"{{"id":"9","privacy_policy":{{"url":"https://lumen.example/p","link_text":""}},"custom_disclaimer":{disclaimer}}}"#
            );
            assert_eq!(boxes(&json), wanted, "{json}");
            let Legal::Read(content) = read(&json) else { panic!("it is there") };
            let shown = |wording: Option<Wording>| wording.map(|wording| wording.text);
            assert_eq!(
                (shown(content.title).as_deref(), shown(content.body).as_deref()),
                (Some("T"), Some("B"))
            );
            assert_eq!(content.policy_url.as_deref(), Some("https://lumen.example/p"));
            assert_eq!(content.boxes[0].is_required, Some(false));
        }
    }

    #[test]
    fn a_form_without_a_disclaimer_has_no_boxes_and_one_that_is_not_shown_may_have_some() {
        for none in [
            "{}",
            r#"{"id":"9","privacy_policy":{"url":"https://lumen.example"}}"#,
            r#"{"custom_disclaimer":null}"#,
            r#"{"custom_disclaimer":{}}"#,
            r#"{"custom_disclaimer":{"checkboxes":null}}"#,
            r#"{"custom_disclaimer":{"checkboxes":[]}}"#,
            r#"{"custom_disclaimer":{"checkboxes":{"data":[]}}}"#,
        ] {
            assert_eq!(boxes(none).as_deref(), Some(""), "{none}");
        }
        for unknown in [
            "null",
            "[]",
            "\"x\"",
            "7",
            r#"{"custom_disclaimer":"x"}"#,
            r#"{"custom_disclaimer":[]}"#,
            r#"{"custom_disclaimer":{"checkboxes":"x"}}"#,
            r#"{"custom_disclaimer":{"checkboxes":{"key":"a"}}}"#,
            r#"{"custom_disclaimer":{"checkboxes":{"data":{}}}}"#,
        ] {
            assert_eq!(read(unknown), Legal::Withheld, "{unknown}");
        }
        assert_eq!(legal(None), Legal::Withheld);
    }

    #[test]
    fn a_default_that_is_not_said_clearly_is_not_known() {
        for (said, wanted) in [
            ("true", Some(true)),
            ("1", Some(true)),
            (r#""1""#, Some(true)),
            (r#""true""#, Some(true)),
            ("false", Some(false)),
            ("0", Some(false)),
            (r#""""#, Some(false)),
            (r#""0""#, Some(false)),
            (r#""false""#, Some(false)),
            ("null", None),
            (r#""yes""#, None),
            ("2", None),
            ("[true]", None),
            ("{}", None),
        ] {
            let json = format!(
                r#"{{"custom_disclaimer":{{"checkboxes":[{{"key":"a","is_checked_by_default":{said}}}]}}}}"#
            );
            let legal = read(&json);
            let found = legal.boxes().and_then(|boxes| boxes.first()).expect("a box");
            assert_eq!(found.is_ticked_by_default, wanted, "{said}");
        }
    }

    #[test]
    fn an_odd_box_does_not_spoil_the_others_and_no_list_is_without_end() {
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        let json = format!(
            r#"{{"custom_disclaimer":{{"checkboxes":[null,7,"x",[],{{}},{{"key":""}},{{"key":7}},{{"key":"{long}"}},
                {{"key":"a","text":{{}}}},{{"text":"b","key":"b","key":"c"}}]}}}}"#
        );
        assert_eq!(boxes(&json).as_deref(), Some("?a= ?b=b"));
        let many = vec![r#"{"key":"a"}"#; BOXES_MAX + 5].join(",");
        let legal = read(&format!(r#"{{"custom_disclaimer":{{"checkboxes":[{many}]}}}}"#));
        assert_eq!(legal.boxes().map(<[Checkbox]>::len), Some(BOXES_MAX));
        assert_eq!(legal.default_of("a"), BoxDefault::Unknown);
        let text = "é".repeat(TEXT_BYTES_MAX);
        let json = format!(
            r#"{{"custom_disclaimer":{{"title":"{text}","body":"{text}","checkboxes":[{{"key":"a","text":"{text}"}}]}}}}"#
        );
        let Legal::Read(content) = read(&json) else { panic!("it is there") };
        let (title, body) = (content.title.expect("a title"), content.body.expect("a body"));
        let kept = content.boxes[0].text.text.len() + title.text.len() + body.text.len();
        assert!(kept <= TEXT_BYTES_MAX && content.boxes[0].text.text.len() > TEXT_BYTES_MAX - 2);
        assert_eq!(title.hash, body.hash, "of the whole text");
    }
}
