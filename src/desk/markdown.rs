//! Markdown (CommonMark, tables as GitHub has them): headings, paragraphs, lists and tables, in which the operator's words are
//! no marks.

use std::fmt::Write as _;

use crate::visible::in_a_cell;

/// A document that grows.
#[derive(Default)]
pub(super) struct Markdown(String);

/// The head of the document, and of its parts.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    Title = 1,
    Part,
    Section,
}

impl Markdown {
    pub(super) fn heading(&mut self, depth: Depth, text: &str) {
        let marks = "#".repeat(depth as usize);
        self.put(format_args!("{marks} {}\n\n", safe(text)));
    }

    /// Sentences. What stands in backticks is ours, and stays code.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.put(format_args!("{}\n\n", safe(text)));
    }

    pub(super) fn list<S: AsRef<str>>(&mut self, points: &[S]) {
        for point in points {
            self.put(format_args!("- {}\n", safe(point.as_ref())));
        }
        self.end();
    }

    /// What, and what it is, a line each.
    pub(super) fn facts(&mut self, facts: &[(&str, String)]) {
        for (name, fact) in facts {
            self.put(format_args!("- **{}**: {}\n", safe(name), safe(fact)));
        }
        self.end();
    }

    pub(super) fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]]) {
        self.row(head.iter().copied());
        self.put(format_args!("|{}\n", "---|".repeat(N)));
        for row in rows {
            self.row(row.iter().map(String::as_str));
        }
        self.end();
    }

    fn row<'c>(&mut self, cells: impl Iterator<Item = &'c str>) {
        let cells: Vec<String> = cells.map(safe).collect();
        self.put(format_args!("| {} |\n", cells.join(" | ")));
    }

    fn end(&mut self) {
        self.put(format_args!("\n"));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a text cannot fail.
        let _ = self.0.write_fmt(text);
    }

    /// The document, with one line end at its end.
    pub(super) fn finish(mut self) -> String {
        self.0.truncate(self.0.trim_end().len());
        self.0.push('\n');
        self.0
    }
}

/// One line in which nothing is a mark but code in backticks, in which a bar alone is one (of a table).
fn safe(text: &str) -> String {
    let line = in_a_cell(text);
    let mut safe = String::with_capacity(line.len());
    let pairs = line.matches('`').count().is_multiple_of(2);
    let mut is_code = false;
    for letter in line.chars() {
        match letter {
            '`' if pairs => is_code = !is_code,
            '|' => safe.push('\\'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '&' | '!' if !is_code => {
                safe.push('\\')
            }
            _ => {}
        }
        safe.push(letter);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_words_are_no_marks_and_our_code_stays_code() {
        for (text, written) in [
            ("a*b_c", "a\\*b\\_c"),
            ("a|b", "a\\|b"),
            ("# x [y](z) <b>", "\\# x \\[y\\](z) \\<b\\>"),
            ("see `tamis trail_x`", "see `tamis trail_x`"),
            ("one ` alone *", "one \\` alone \\*"),
            ("Éloïse, 12 rue", "Éloïse, 12 rue"),
        ] {
            assert_eq!(safe(text), written);
        }
        assert!(!safe("a\nb\u{1b}[2J").contains(['\n', '\u{1b}']), "one line, and nothing for a terminal");
    }

    #[test]
    fn parts_stand_apart_and_the_end_is_one_line_end() {
        let mut text = Markdown::default();
        text.heading(Depth::Title, "T");
        text.list(&["a", "b"]);
        text.table(["x", "y"], &[["1".to_owned(), "2".to_owned()]]);
        text.facts(&[("k", "v".to_owned())]);
        assert_eq!(text.finish(), "# T\n\n- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n- **k**: v\n");
    }
}
