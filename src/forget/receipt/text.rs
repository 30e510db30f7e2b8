//! A receipt as plain text, for a terminal or a mail.

use std::fmt::Write as _;

use crate::forget::receipt::page::{Page, Part};

/// In columns; a mail's lines are no longer.
const WIDTH: usize = 78;
const INDENT: &str = "  ";

/// Sets the page. The signed note is left out: whoever reads text has it beside.
pub(super) fn of(page: &Page<'_>) -> String {
    let mut text = format!("{}\n{}\n", page.title, "=".repeat(page.title.chars().count()));
    for part in page.parts.iter().filter(|part| !matches!(part, Part::Note(..))) {
        text.push('\n');
        set(part, page.colon, &mut text);
    }
    text
}

/// Sets the page, and the signed note at its end, as it is.
pub(super) fn whole(page: &Page<'_>) -> String {
    let mut text = of(page);
    for part in &page.parts {
        if let Part::Note(heading, note) = part {
            text += &format!("\n{heading}\n{}\n{note}", "-".repeat(heading.chars().count()));
        }
    }
    text
}

fn set(part: &Part<'_>, colon: &str, text: &mut String) {
    match part {
        Part::Heading(heading) => *text += &format!("{heading}\n{}\n", "-".repeat(heading.chars().count())),
        Part::Text(sentence) => line(text, sentence, "", ""),
        Part::List(entries) => entries.iter().for_each(|entry| line(text, entry, "- ", INDENT)),
        Part::Facts(facts) => {
            let width = facts.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
            for (what, fact) in facts {
                let padding = " ".repeat(width - what.chars().count());
                let indent = " ".repeat(width + colon.chars().count() + 1);
                line(text, fact, &format!("{what}{colon}{padding} "), &indent);
            }
        }
        Part::Table([_, second], rows) => {
            for [what, value] in rows {
                line(text, what, "- ", INDENT);
                line(text, &format!("{second}{colon} {value}"), INDENT, INDENT);
            }
        }
        Part::Command(command) => *text += &format!("{INDENT}{command}\n"),
        Part::Note(..) => {}
    }
}

fn line(text: &mut String, told: &str, first: &str, further: &str) {
    let options = textwrap::Options::new(WIDTH).initial_indent(first).subsequent_indent(further);
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
    for line in textwrap::wrap(told, options) {
        let _ = writeln!(text, "{line}");
    }
}
