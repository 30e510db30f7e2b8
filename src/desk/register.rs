//! The record of processing activities (GDPR art. 30(1)): a row a purpose, and three for what tamis does by itself.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::clock::Rfc3339;
use crate::desk::activity::{Activity, Column};
use crate::desk::house::{House, Scribe};
use crate::desk::page;
use crate::desk::words::words;
use crate::language::Language;
use crate::spreadsheet::{excel, guard, without_controls, write_row};

/// Between the points of a cell: a line each.
const POINT_SEPARATOR: &str = "\n";

/// The record, in one language.
#[derive(Serialize)]
pub struct Register {
    /// What it is, for programs.
    law: &'static str,
    pub(in crate::desk) language: Language,
    #[serde(rename = "made_at", serialize_with = "moment")]
    pub(in crate::desk) made: Timestamp,
    #[serde(skip)]
    pub(in crate::desk) controller: String,
    pub(in crate::desk) activities: Vec<Activity>,
}

impl Register {
    /// From what is enforced, as of then.
    pub fn of(house: House<'_>, language: Language, made: Timestamp) -> Self {
        let scribe = Scribe::new(house, language);
        let today = made.strftime("%Y-%m-%d").to_string();
        let purposes = house.purposes.iter().map(|purpose| scribe.activity(purpose, &today));
        let mut activities: Vec<Activity> = purposes.collect();
        activities.extend(scribe.own_activities(&today));
        let controller = house.controller.name.clone();
        Self { law: "GDPR art. 30(1)", language, made, controller, activities }
    }

    /// For a double click: byte order mark, `;`, no cell that is run or taken for a number. A point of a cell is a line in it.
    pub fn csv(&self) -> Vec<u8> {
        let words = words(self.language);
        let mut out = excel::BOM.to_vec();
        let head: Vec<&str> = Column::ALL.iter().map(|column| column.label(words)).collect();
        write_row(&head, excel::DELIMITER, &mut out);
        for activity in &self.activities {
            let cells: Vec<String> =
                activity.cells().iter().map(|(column, points)| cell(*column, points)).collect();
            write_row(&cells, excel::DELIMITER, &mut out);
        }
        out
    }

    /// Keys in English, texts in the language.
    pub fn json(&self) -> String {
        // Texts and numbers: nothing of it can fail.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// A page to print, whole in itself.
    pub fn html(&self) -> String {
        page::page(self)
    }
}

fn moment<S: Serializer>(made: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Rfc3339(*made))
}

fn cell(column: Column, points: &[String]) -> String {
    let text = points.join(POINT_SEPARATOR);
    // A day of ours is to be a date; all else stays the text that it is.
    if column == Column::Updated {
        return text;
    }
    excel::text(guard(without_controls(text.into()))).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::desk::house::sample::Sample;
    use crate::purpose::law::{Dpo, RecipientRole};

    fn made() -> Timestamp {
        "2026-11-30T08:00:00Z".parse().expect("a time")
    }

    fn rows(csv: &[u8]) -> Vec<Vec<String>> {
        let text = csv.strip_prefix(excel::BOM).expect("a byte order mark");
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').has_headers(false).from_reader(text);
        reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    }

    /// The elements of art. 30(1), each in each language, with nothing left to put in.
    #[test]
    fn each_purpose_and_each_of_our_own_is_a_row_with_all_that_the_law_asks_for() {
        let sample = Sample::new();
        for language in Language::ALL {
            let register = Register::of(sample.house(), language, made());
            let rows = rows(&register.csv());
            assert_eq!(rows.len(), 1 + 2 + 3);
            let head = &rows[0];
            assert_eq!(head.len(), Column::ALL.len());
            for row in &rows[1..] {
                assert_eq!(row.len(), head.len());
                for (name, cell) in head.iter().zip(row) {
                    assert!(!cell.trim().is_empty() && !cell.contains(['{', '}']), "{name}: {cell}");
                }
                assert!(row[4].contains("Atelier Lumen SARL") && row[4].contains("12 rue des Lices"));
                assert!(row[6].contains("below the threshold of art. 37"));
            }
            let references: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
            assert_eq!(
                references,
                ["devis", "lettre", "tamis-suppressions", "tamis-trail", "tamis-requests"]
            );
        }
    }

    /// What outlives records is an activity of its own, where anything does.
    #[test]
    fn evidence_is_a_row_where_it_is_kept() {
        let mut sample = Sample::new();
        sample.keeping.evidence_months = 36;
        for language in Language::ALL {
            let rows = rows(&Register::of(sample.house(), language, made()).csv());
            assert_eq!(rows.len(), 1 + 2 + 4);
            let row = &rows[6];
            assert_eq!(row[0], "tamis-evidence");
            for (name, cell) in rows[0].iter().zip(row) {
                assert!(!cell.trim().is_empty() && !cell.contains(['{', '}']), "{name}: {cell}");
            }
        }
    }

    const NONE_NAMED: &str = "None to the recipients named here.";

    #[test]
    fn what_it_says_is_what_is_enforced() {
        let mut sample = Sample::new();
        let said = |sample: &Sample, at: usize, column| {
            let register = Register::of(sample.house(), Language::En, made());
            register.activities[at].points(column).join("\n")
        };
        assert_eq!(
            said(&sample, 0, Column::Erasure).lines().next(),
            Some(
                "Record: 12 months from the submission. Then it is erased, with its key; where it is restricted, once \
                 that ends."
            )
        );
        let letter = said(&sample, 1, Column::Erasure);
        assert!(letter.starts_with("Record: 18 months and 30 days from"), "{letter}");
        assert!(letter.contains("Calls: the consent holds for 12 months."));
        assert_eq!(said(&sample, 1, Column::SubPurposes), "E-mails\nCalls");
        let recipients = said(&sample, 1, Column::Recipients);
        assert!(recipients.contains("MAILER SAS (United States): processor (Article\u{a0}28 GDPR)"));
        assert!(
            recipients
                .contains("PARTNER SAS (Germany): independent controller, only for people who agreed to it")
        );
        assert!(!recipients.contains("CRM"), "it is not of this purpose");
        assert_eq!(
            said(&sample, 1, Column::Transfers),
            "MAILER SAS (United States): standard contractual clauses (Article\u{a0}46 GDPR)"
        );
        assert_eq!(said(&sample, 0, Column::Transfers), NONE_NAMED);
        let own = |at| said(&sample, at, Column::Transfers);
        assert_eq!((own(2).as_str(), own(3).as_str()), (NONE_NAMED, NONE_NAMED));
        assert!(
            own(4).contains("MAILER SAS (United States)"),
            "whoever had the record is told of an erasure"
        );
        assert!(said(&sample, 2, Column::Erasure).contains("36 months from the objection"));
        assert!(said(&sample, 3, Column::Erasure).starts_with("Line of the log of access: 12 months, and"));
        assert!(said(&sample, 3, Column::Erasure).contains("as long as your system keeps it"));
        assert_eq!(said(&sample, 0, Column::Created), "To be completed by you.", "it is not known");
        sample.keeping.trail_months = 6;
        sample.keeping.log_days = Some(180);
        sample.keeping.backup_days = 3;
        sample.controller.dpo = Dpo::Contact("dpo@lumen.example".to_owned());
        sample.controller.country = "CH".to_owned();
        sample.recipients[0].role = RecipientRole::JointController;
        Arc::get_mut(&mut sample.purposes[0]).expect("ours alone").retention_months = Some(6);
        assert!(said(&sample, 0, Column::Erasure).starts_with("Record: 6 months"));
        assert!(said(&sample, 0, Column::Erasure).contains("deleted by you within 3 days"));
        assert!(
            said(&sample, 3, Column::Erasure)
                .contains("6 months, and a month more at most.\nFile of the technical log: 180 days.")
        );
        assert_eq!(said(&sample, 0, Column::Officer), "dpo@lumen.example");
        assert_eq!(said(&sample, 0, Column::Representative), "To be completed by you.");
        assert!(said(&sample, 0, Column::Joint).ends_with("CRM SAS"));
        assert!(
            said(&sample, 0, Column::Transfers)
                .starts_with("The controller itself is outside of the EEA: Switzerland.")
        );
    }

    /// The operator's own words are put into cells: none is run.
    #[test]
    fn no_word_of_the_config_is_run_by_a_spreadsheet() {
        let mut sample = Sample::new();
        sample.controller.name = "=cmd|' /C calc'!A0".to_owned();
        sample.controller.address = "@SUM(A1)\0".to_owned();
        let rows = rows(&Register::of(sample.house(), Language::Fr, made()).csv());
        assert_eq!(rows[1][4].lines().next(), Some("'=cmd|' /C calc'!A0"));
        assert_eq!(rows[1][4].lines().nth(1), Some("'@SUM(A1)\u{FFFD}"));
        assert_eq!(rows[1][3], "2026-11-30", "a date, as a spreadsheet takes it");
    }

    #[test]
    fn programs_read_the_same_under_keys_that_no_language_changes() {
        let sample = Sample::new();
        for language in Language::ALL {
            let register = Register::of(sample.house(), language, made());
            let read: Value = serde_json::from_str(&register.json()).expect("JSON");
            assert_eq!(read["law"], "GDPR art. 30(1)");
            assert_eq!(read["language"], language.tag());
            assert_eq!(read["made_at"], "2026-11-30T08:00:00Z");
            for (activity, row) in
                register.activities.iter().zip(read["activities"].as_array().expect("a list"))
            {
                for (column, points) in activity.cells() {
                    let told: Vec<&str> = row[column.key()]
                        .as_array()
                        .expect("points")
                        .iter()
                        .filter_map(Value::as_str)
                        .collect();
                    assert_eq!(told, *points, "{}", column.key());
                }
            }
        }
    }
}
