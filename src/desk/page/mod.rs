//! The record as a page: one document without script, font or picture from elsewhere, to be read and to be printed.

use askama::Template;

use crate::desk::activity::{Activity, Column};
use crate::desk::register::Register;
use crate::desk::words::{Words, words};
use crate::language::Language;
use crate::notice::naming::line;

/// Of every paper that is a page.
pub(in crate::desk) const STYLE: &str = include_str!("register.css");

#[derive(Template)]
#[template(path = "register.html")]
struct Page<'p> {
    style: &'static str,
    words: &'static Words,
    language: Language,
    controller: &'p str,
    made: String,
    /// What every activity has alike.
    general: Vec<Row<'p>>,
    activities: Vec<Sheet<'p>>,
}

/// A column of the record, as a row of the page.
struct Row<'p> {
    label: &'static str,
    points: &'p [String],
}

/// An activity.
struct Sheet<'p> {
    reference: &'p str,
    name: &'p str,
    rows: Vec<Row<'p>>,
}

/// Said once above all activities.
const GENERAL: [Column; 4] = [Column::Controller, Column::Representative, Column::Officer, Column::Security];

/// The page.
pub(super) fn page(register: &Register) -> String {
    let words = words(register.language);
    let first = register.activities.first().map(Activity::cells).unwrap_or_default();
    let general = first.iter().filter(|(column, _)| GENERAL.contains(column));
    let general = general.map(|(column, points)| Row { label: column.label(words), points });
    let activities = register.activities.iter().map(|activity| {
        let is_shown = |column: &Column| !GENERAL.contains(column) && *column != Column::Name;
        let rows = activity.cells().iter().filter(|(column, _)| is_shown(column));
        Sheet {
            reference: activity.points(Column::Reference).first().map_or("", String::as_str),
            name: activity.points(Column::Name).first().map_or("", String::as_str),
            rows: rows.map(|(column, points)| Row { label: column.label(words), points }).collect(),
        }
    });
    let page = Page {
        style: STYLE,
        words,
        language: register.language,
        controller: &register.controller,
        made: line(words.made, &[("date", &register.language.day(register.made))]),
        general: general.collect(),
        activities: activities.collect(),
    };
    // Writing texts into a text cannot fail.
    page.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::house::sample::Sample;

    #[test]
    fn a_page_has_every_activity_in_its_language_and_loads_runs_and_styles_nothing_from_elsewhere() {
        let mut sample = Sample::new();
        sample.controller.name = "Lumen <script>alert(1)</script> & Co".to_owned();
        for language in Language::ALL {
            let made = "2026-11-30T08:00:00Z".parse().expect("a time");
            let page = Register::of(sample.house(), language, made).html();
            assert!(
                page.starts_with("<!DOCTYPE html>\n") && page.trim_end().ends_with("</html>"),
                "it is whole"
            );
            assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
            let words = words(language);
            assert!(page.contains(words.register_title) && page.contains(&language.day(made)));
            for reference in ["devis", "lettre", "tamis-suppressions", "tamis-trail", "tamis-requests"] {
                assert!(page.contains(&format!("<section id=\"a-{reference}\"")), "{reference}");
                assert!(page.contains(&format!("href=\"#a-{reference}\"")), "{reference}");
            }
            for column in Column::ALL.iter().filter(|column| **column != Column::Name) {
                assert!(page.contains(&format!("<dt>{}</dt>", column.label(words))), "{}", column.key());
            }
            assert!(page.contains("Lumen &#60;script&#62;") && !page.contains("<script"));
            for absent in [" src=", "@import", "url(", " style=", "javascript:", "<link"] {
                assert!(!page.contains(absent), "{absent}");
            }
        }
    }
}
