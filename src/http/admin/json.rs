//! JSON: one document a page, `{"leads":[…],"next_cursor":…,"more":…}`.

use crate::http::admin::record::Record;
use crate::http::admin::stream::Format;
use crate::purpose::Cursor;

/// The place where the next page begins is known before the first record, so it can close the document.
pub(super) struct Json {
    next: Cursor,
    more: bool,
    first: bool,
}

impl Json {
    /// A document that ends with this cursor.
    pub(super) fn new(next: Cursor, more: bool) -> Self {
        Self { next, more, first: true }
    }
}

impl Format for Json {
    fn head(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"leads\":[");
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.first) {
            out.push(b',');
        }
        record.write_json(out);
    }

    fn tail(&mut self, out: &mut Vec<u8>) {
        // A cursor is letters, digits, `_` and `-`: nothing that JSON escapes.
        out.extend_from_slice(
            format!("],\"next_cursor\":\"{}\",\"more\":{}}}", self.next, self.more).as_bytes(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::leads::{Lead, LeadPage};
    use crate::http::admin::ndjson::Ndjson;
    use crate::http::admin::tests::{ids, record};
    use crate::purpose::Keep;

    const LINE: &str = concat!(
        r#"{"id":"lettre-1-7","purpose":"lettre","created_time":"2026-11-25T08:47:38Z","#,
        r#""received_at":"2026-11-25T08:47:39Z","form_id":"901000000000002","page_id":"104000000000001","#,
        r#""fields":{"first_name":["Éloïse"],"email":["eloise@lumen.example"]},"#,
        r#""consents":{"email_optin":{"given":true,"valid_until":"2027-11-25T08:47:38Z"}},"#,
        r#""expires_at":"2028-06-24T08:47:38Z","reconfirm_due":"2028-05-25T08:47:38Z","test":false,"#,
        r#""campaign_id":"120200000000001","leadgen_id":"9007199254740993"}"#,
    );

    fn written(format: &mut dyn Format, records: usize) -> String {
        let (id, form, page) = ids();
        let mut out = Vec::new();
        format.head(&mut out);
        for _ in 0..records {
            format.record(&record(&id, &form, &page), &mut out);
        }
        format.tail(&mut out);
        String::from_utf8(out).expect("text")
    }

    fn json() -> Json {
        Json::new(Cursor::parse("lettre-1-7").expect("a cursor"), false)
    }

    #[test]
    fn a_document_closes_with_its_cursor() {
        let tail = r#"],"next_cursor":"lettre-1-7","more":false}"#;
        assert_eq!(written(&mut json(), 0), format!(r#"{{"leads":[{tail}"#));
        assert_eq!(written(&mut json(), 2), format!(r#"{{"leads":[{LINE},{LINE}{tail}"#));
    }

    /// Records are written by hand: what is written must be what the document declares, no more and no less.
    #[test]
    fn what_is_written_is_what_is_declared() {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let mut lines = vec![LINE.to_owned()];
        let (id, form, page) = ids();
        let mut bare = record(&id, &form, &page);
        bare.reconfirm_due = None;
        bare.kept = Vec::new();
        bare.fields = Vec::new();
        let mut full = record(&id, &form, &page);
        full.consents.push(("call_optin", crate::api::leads::Consent { given: false, valid_until: None }));
        full.kept = Keep::ALL
            .iter()
            .map(|keep| (*keep, if *keep == Keep::IsOrganic { "true" } else { "1" }))
            .collect();
        for record in [bare, full] {
            let mut out = Vec::new();
            record.write_json(&mut out);
            lines.push(String::from_utf8(out).expect("text"));
        }
        for line in lines {
            let lead: Lead = serde_json::from_str(&line).expect("a lead");
            assert_eq!(value(&serde_json::to_string(&lead).expect("JSON")), value(&line));
        }
        let page = written(&mut json(), 2);
        let read: LeadPage = serde_json::from_str(&page).expect("a page");
        assert_eq!(value(&serde_json::to_string(&read).expect("JSON")), value(&page));
    }

    #[test]
    fn ndjson_is_one_record_a_line() {
        assert_eq!(written(&mut Ndjson, 0), "");
        assert_eq!(written(&mut Ndjson, 2), format!("{LINE}\n{LINE}\n"));
    }

    #[test]
    fn no_line_steers_a_terminal_and_each_reads_back_as_it_was_answered() {
        let (id, form, page) = ids();
        let mut record = record(&id, &form, &page);
        let nasty = "Anne\0\u{1b}]0;x\u{7}\u{9b}2J\r\u{7f}\u{202e}gpj\u{200b}\u{e0041} 😀";
        record.fields = vec![("email", vec![nasty])];
        let mut out = Vec::new();
        record.write_json(&mut out);
        let line = String::from_utf8(out).expect("text");
        assert!(line.chars().all(crate::visible::is_printable), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["fields"]["email"][0], nasty);
    }

    #[test]
    fn a_date_that_is_not_set_is_null_and_what_is_not_kept_is_left_out() {
        let (id, form, page) = ids();
        let mut record = record(&id, &form, &page);
        record.reconfirm_due = None;
        record.kept = Vec::new();
        record.fields = vec![("email", vec!["a\n\"b\"", "c"])];
        let mut out = Vec::new();
        record.write_json(&mut out);
        assert!(!out.contains(&b'\n'));
        let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(value["reconfirm_due"], serde_json::Value::Null);
        assert_eq!(value["fields"]["email"], serde_json::json!(["a\n\"b\"", "c"]));
        assert!(value.get("leadgen_id").is_none() && value.get("campaign_id").is_none());
    }
}
