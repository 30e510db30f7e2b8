//! CSV (RFC 4180): a header row, CRLF, one column a field, no control characters, and a guard against formulas.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::api::Moment;
use crate::clock::Rfc3339;
use crate::http::admin::record::Record;
use crate::http::admin::stream::Format;
use crate::purpose::{Keep, Purpose};
use crate::spreadsheet::{excel, guard, without_controls, write_row};

/// Between several values of one answer.
const VALUE_SEPARATOR: &str = "; ";

/// Columns before the fields.
const BEFORE: [&str; 6] = ["id", "purpose", "created_time", "received_at", "form_id", "page_id"];

/// Columns after the consents.
const AFTER: [&str; 3] = ["expires_at", "reconfirm_due", "test"];

/// Those of them that hold moments.
const MOMENTS: [&str; 4] = ["created_time", "received_at", "expires_at", "reconfirm_due"];

/// For whom the table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Programs: RFC 4180.
    Plain,
    /// People with a spreadsheet.
    Excel,
}

/// The columns of one purpose: the same on every page, whatever a record holds.
pub(super) struct Csv {
    dialect: Dialect,
    /// The names of all columns.
    header: Vec<String>,
    fields: Vec<String>,
    consents: Vec<String>,
    kept: Vec<Keep>,
}

impl Csv {
    /// The columns of this purpose. Those of moments say in a spreadsheet which clock they are by: dates do not there.
    pub(super) fn new(purpose: &Purpose, dialect: Dialect) -> Self {
        let fields: Vec<String> = purpose.whitelist.columns().into_iter().map(ToString::to_string).collect();
        let consents: Vec<String> = purpose.consents.iter().map(|rule| rule.key.to_string()).collect();
        let kept: Vec<Keep> = Keep::ALL.iter().copied().filter(|keep| purpose.keeps(*keep)).collect();
        let moment = |name: &str| match dialect {
            Dialect::Plain => name.to_owned(),
            Dialect::Excel => format!("{name}{}", excel::MOMENTS_BY),
        };
        let fixed = |name: &str| if MOMENTS.contains(&name) { moment(name) } else { name.to_owned() };
        let mut header: Vec<String> = BEFORE.map(fixed).to_vec();
        header.extend(fields.iter().map(|name| field_column(name, &kept).into_owned()));
        header.extend(
            consents
                .iter()
                .flat_map(|key| [format!("consents.{key}"), moment(&format!("consents.{key}.valid_until"))]),
        );
        header.extend(AFTER.map(fixed));
        header.extend(kept.iter().map(|keep| keep.as_str().to_owned()));
        Self { dialect, header, fields, consents, kept }
    }

    fn delimiter(&self) -> u8 {
        match self.dialect {
            Dialect::Plain => b',',
            Dialect::Excel => excel::DELIMITER,
        }
    }

    fn cells<'r>(&self, record: &Record<'r>) -> Vec<Cow<'r, str>> {
        let moment = |moment| self.moment(moment);
        let text = |text| self.text(text);
        let given = |given| Cow::from(if given { "true" } else { "false" });
        let mut row = Vec::with_capacity(self.header.len());
        row.push(text(record.id.to_string().into()));
        row.push(text(record.id.purpose.as_str().into()));
        row.extend([moment(record.created), moment(record.received)]);
        row.extend([record.form.as_str(), record.page.as_str()].map(|id| text(id.into())));
        row.extend(self.fields.iter().map(|name| {
            let found = record.fields.iter().find(|(known, _)| known == name);
            found.map(|(_, values)| text(guard(without_controls(joined(values))))).unwrap_or_default()
        }));
        row.extend(self.consents.iter().flat_map(|key| {
            let found = record.consents.iter().find(|(known, _)| known == key).map(|(_, found)| found);
            let until = found.and_then(|found| found.valid_until).map(|Moment(until)| moment(until));
            [found.map(|found| given(found.given)).unwrap_or_default(), until.unwrap_or_default()]
        }));
        row.extend([
            moment(record.expires_at),
            record.reconfirm_due.map(moment).unwrap_or_default(),
            given(record.test),
        ]);
        row.extend(self.kept.iter().map(|keep| {
            let found = record.kept.iter().find(|(known, _)| known == keep);
            found.map(|(_, value)| text(guard(without_controls(Cow::from(*value))))).unwrap_or_default()
        }));
        row
    }

    /// A cell that is a text.
    fn text<'c>(&self, cell: Cow<'c, str>) -> Cow<'c, str> {
        match self.dialect {
            Dialect::Plain => cell,
            Dialect::Excel => excel::text(cell),
        }
    }

    /// A cell that is a moment.
    fn moment<'c>(&self, moment: Timestamp) -> Cow<'c, str> {
        match self.dialect {
            Dialect::Plain => Rfc3339(moment).to_string().into(),
            Dialect::Excel => excel::moment(moment).into(),
        }
    }
}

/// The values of one answer as one cell, from which they can be told apart again: in each `\` is written `\\` and `;` `\;`,
/// in a single one too, since a reader does not know how many there were.
fn joined<'v>(values: &[&'v str]) -> Cow<'v, str> {
    match values {
        [only] => escaped(only),
        _ => Cow::from(values.iter().map(|value| escaped(value)).collect::<Vec<_>>().join(VALUE_SEPARATOR)),
    }
}

fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', ';']) {
        return value.into();
    }
    value.replace('\\', "\\\\").replace(';', "\\;").into()
}

impl Format for Csv {
    fn head(&mut self, out: &mut Vec<u8>) {
        if self.dialect == Dialect::Excel {
            out.extend_from_slice(excel::BOM);
        }
        write_row(&self.header, self.delimiter(), out);
    }

    fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        write_row(&self.cells(record), self.delimiter(), out);
    }

    fn tail(&mut self, _: &mut Vec<u8>) {}
}

/// A field whose name is another column's would hide it from every reader that goes by names.
fn field_column<'n>(name: &'n str, kept: &[Keep]) -> Cow<'n, str> {
    let is_kept = Keep::from_code(name).is_some_and(|keep| kept.contains(&keep));
    let taken = BEFORE.contains(&name) || AFTER.contains(&name) || is_kept;
    if taken { format!("field.{name}").into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::admin::tests::{ids, policy, record};
    use crate::spreadsheet::{FORMULA, SPLITS};

    #[test]
    fn control_characters_do_not_reach_a_table_and_lines_stay_lines() {
        let policy = policy();
        let mut csv = Csv::new(policy.purpose("lettre").expect("a purpose"), Dialect::Plain);
        let (id, form, page) = ids();
        let mut record = record(&id, &form, &page);
        record.fields = vec![("email", vec!["a\0b", "\r=1+1", "\u{1b}[2J"])];
        let mut out = Vec::new();
        csv.record(&record, &mut out);
        let row = String::from_utf8(out).expect("text");
        assert!(row.contains("\"a\u{FFFD}b; \n'=1+1; \u{FFFD}[2J\""), "{row}");
    }

    /// As docs/api.md tells it.
    fn read_back(cell: &str) -> Vec<String> {
        let special = |text: &str| text.starts_with(FORMULA) || text.starts_with(['\t', '\r']);
        let unquoted = cell.trim_start_matches('\'');
        let cell = if special(unquoted) { cell.strip_prefix('\'').unwrap_or(cell) } else { cell };
        let mut bare = String::new();
        for (at, part) in cell.split_inclusive(SPLITS).enumerate() {
            let inside = part.trim_start_matches([' ', '"', '\'']);
            let before = part.strip_suffix(inside).expect("the end of it");
            let guarded = at > 0 && inside.starts_with(FORMULA);
            bare += if guarded { before.strip_suffix('\'').unwrap_or(before) } else { before };
            bare += inside;
        }
        let (mut values, mut rest) = (vec![String::new()], bare.chars());
        while let Some(letter) = rest.next() {
            match letter {
                ';' => {
                    assert_eq!(rest.next(), Some(' '));
                    values.push(String::new());
                }
                '\\' => values.last_mut().expect("one").extend(rest.next()),
                _ => values.last_mut().expect("one").push(letter),
            }
        }
        values
    }

    #[test]
    fn values_are_told_apart_whatever_stands_in_them() {
        for (values, cell) in [
            (&["a", "b"][..], "a; b"),
            (&["a; b"], r"a\; b"),
            (&["a;", "b"], r"a\;; b"),
            (&[r"a\", "b"], r"a\\; b"),
            (&[r"a\;b"], r"a\\\;b"),
            (&["=a", "b"], "'=a; b"),
            (&["a", "=b", "'=c"], "a; '=b; ''=c"),
            (&["a;=b"], r"a\;'=b"),
            (&["a", " b"], "a;  b"),
        ] {
            let written = guard(without_controls(joined(values)));
            assert_eq!(
                (written.as_ref(), read_back(&written)),
                (cell, values.iter().map(|v| (*v).to_owned()).collect())
            );
        }
    }

    #[test]
    fn a_field_named_like_a_column_does_not_hide_it() {
        let kept = [Keep::AdId];
        assert_eq!(field_column("email", &kept), "email");
        assert_eq!(field_column("test", &kept), "field.test");
        assert_eq!(field_column("ad_id", &kept), "field.ad_id");
        assert_eq!(field_column("vehicle", &kept), "vehicle", "no other column has the name here");
    }

    #[test]
    fn a_row_has_every_column_of_its_purpose_whatever_the_record_holds() {
        let policy = policy();
        let mut csv = Csv::new(policy.purpose("lettre").expect("a purpose"), Dialect::Plain);
        let mut out = Vec::new();
        csv.head(&mut out);
        let (id, form, page) = ids();
        let mut record = record(&id, &form, &page);
        csv.record(&record, &mut out);
        record.fields = vec![("email", vec!["=cmd", "second, \"quoted\""])];
        record.consents = Vec::new();
        record.reconfirm_due = None;
        record.test = true;
        record.kept = Vec::new();
        csv.record(&record, &mut out);
        csv.tail(&mut out);
        let expected = concat!(
            "id,purpose,created_time,received_at,form_id,page_id,first_name,email,ville,consents.email_optin,consents.email_optin.valid_until,",
            "expires_at,reconfirm_due,test,campaign_id,leadgen_id\r\n",
            "lettre-1-7,lettre,2026-11-25T08:47:38Z,2026-11-25T08:47:39Z,901000000000002,104000000000001,",
            "Éloïse,eloise@lumen.example,,true,2027-11-25T08:47:38Z,2028-06-24T08:47:38Z,2028-05-25T08:47:38Z,false,",
            "120200000000001,9007199254740993\r\n",
            "lettre-1-7,lettre,2026-11-25T08:47:38Z,2026-11-25T08:47:39Z,901000000000002,104000000000001,",
            ",\"'=cmd; second, \"\"quoted\"\"\",,,,2028-06-24T08:47:38Z,,true,,\r\n",
        );
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn a_page_for_excel_has_its_mark_its_delimiter_and_texts_that_stay_texts() {
        let policy = policy();
        let mut csv = Csv::new(policy.purpose("lettre").expect("a purpose"), Dialect::Excel);
        let mut out = Vec::new();
        csv.head(&mut out);
        let (id, form, page) = ids();
        let mut record = record(&id, &form, &page);
        record.fields = vec![
            ("first_name", vec!["=cmd;x"]),
            ("email", vec!["+33639980000"]),
            ("ville", vec!["49100", "Angers, \"centre\""]),
        ];
        csv.record(&record, &mut out);
        csv.tail(&mut out);
        let expected = concat!(
            "\u{feff}id;purpose;created_time (UTC);received_at (UTC);form_id;page_id;first_name;email;ville;",
            "consents.email_optin;consents.email_optin.valid_until (UTC);",
            "expires_at (UTC);reconfirm_due (UTC);test;campaign_id;leadgen_id\r\n",
            "lettre-1-7;lettre;2026-11-25 08:47:38;2026-11-25 08:47:39;\"=\"\"901000000000002\"\"\";",
            "\"=\"\"104000000000001\"\"\";\"'=cmd\\;x\";\"=\"\"+33639980000\"\"\";",
            "\"49100; Angers, \"\"centre\"\"\";true;2027-11-25 08:47:38;2028-06-24 08:47:38;2028-05-25 08:47:38;false;",
            "\"=\"\"120200000000001\"\"\";\"=\"\"9007199254740993\"\"\"\r\n",
        );
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    proptest! {
        #[test]
        fn several_values_read_back_as_they_were(
            values in prop::collection::vec("[a=+@;,|\\\\\t\n\"' -]{1,8}|\\+[0-9]{5,16}|.{1,9}", 1..5),
        ) {
            // What the table leaves out for every reader is left out before.
            let values: Vec<String> = values.iter().map(|value| without_controls(value.as_str().into()).into()).collect();
            let texts: Vec<&str> = values.iter().map(String::as_str).collect();
            let cell = guard(without_controls(joined(&texts)));
            prop_assert_eq!(read_back(&cell), values);
        }
    }
}
