//! docs/codes.md as data: the rows of its tables with the headings above them, and its sections.

/// How wide a text is set: what a terminal has that nobody made wider.
const COLUMNS: usize = 80;

/// A page of codes.
pub(super) struct Book {
    entries: Vec<Entry>,
    sections: Vec<Section>,
}

/// One row of a table.
pub(super) struct Entry {
    pub(super) code: String,
    /// Of the part of the page that it stands in.
    pub(super) heading: String,
    pub(super) meaning: String,
    /// Empty where nothing is to be done.
    pub(super) remedy: String,
}

/// What stands below a heading of the third level, set for a terminal.
struct Section {
    name: String,
    text: String,
}

impl Book {
    /// Reads the page.
    pub(super) fn of(page: &str) -> Self {
        let (mut entries, mut sections) = (Vec::new(), Vec::<(String, Vec<String>)>::new());
        let (mut heading, mut within) = (String::new(), false);
        for line in page.lines() {
            if let Some(name) = line.strip_prefix("## ") {
                (heading, within) = (plain(name), false);
            } else if let Some(name) = line.strip_prefix("### ") {
                // A part with a table of its own is a heading of codes, one without is about the code that it names.
                sections.push((plain(name), Vec::new()));
                within = true;
            } else if let Some(entry) = row(line) {
                let part = if within { sections.last().map(|(name, _)| name.clone()) } else { None };
                entries.push(Entry { heading: part.unwrap_or_else(|| heading.clone()), ..entry });
            } else if let Some((_, lines)) = sections.last_mut().filter(|_| within) {
                lines.push(line.to_owned());
            }
        }
        let sections = sections.into_iter().map(|(name, lines)| Section { name, text: set(&lines) });
        Self { entries, sections: sections.collect() }
    }

    /// In the page's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// What the page says at length under this name.
    pub(super) fn section(&self, name: &str) -> Option<&str> {
        self.sections.iter().find(|section| section.name == name).map(|section| section.text.as_str())
    }
}

/// A table's row that begins with a code: `` | `code` | what it means | what to do | ``.
fn row(line: &str) -> Option<Entry> {
    let (code, rest) = line.strip_prefix("| `")?.split_once('`')?;
    let mut cells = cells(rest.split_once('|')?.1).into_iter();
    let meaning = cells.next()?;
    let remedy = cells.next().unwrap_or_default();
    Some(Entry { code: code.to_owned(), heading: String::new(), meaning, remedy })
}

/// Cells are divided by bars, but not by those within code.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut in_code) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '|' if !in_code => cells.push(plain(&std::mem::take(&mut cell))),
            letter => {
                in_code ^= letter == '`';
                cell.push(letter);
            }
        }
    }
    cells
}

/// Without Markdown's marks. A link keeps its words, and its target where that is another page or place.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text.trim());
    while let Some(next) = rest.chars().next() {
        let link =
            rest.strip_prefix('[').and_then(|inner| inner.split_once("](")).and_then(|(words, after)| {
                let (target, after) = after.split_once(')')?;
                Some((words, target, after))
            });
        if let Some((words, target, after)) = link {
            out.push_str(&plain(words));
            if !target.starts_with('#') {
                let page = target.split('#').next().unwrap_or(target);
                out.push_str(&if page.contains("://") {
                    format!(" ({page})")
                } else {
                    format!(" (docs/{page})")
                });
            }
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            rest = after;
        } else if let Some((code, after)) = rest.strip_prefix('`').and_then(|inner| inner.split_once('`')) {
            // Within code no mark is one.
            out.push_str(code);
            rest = after;
        } else {
            let after = &rest[next.len_utf8()..];
            if next != '*' {
                out.push(next);
            }
            rest = after;
        }
    }
    out
}

/// A section's paragraphs and points.
fn set(lines: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let line = line.trim();
        let is_table = line.starts_with('|');
        if line.is_empty() || is_table {
            goes_on = false;
        } else if goes_on && !line.starts_with("- ") {
            if let Some(part) = parts.last_mut() {
                part.push(' ');
                part.push_str(line);
            }
        } else {
            parts.push(line.to_owned());
            goes_on = true;
        }
    }
    let parts = parts.iter().map(|part| match part.strip_prefix("- ") {
        Some(point) => wrapped(&plain(point), "  "),
        None => wrapped(&plain(part), ""),
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

/// Lines of at most eighty columns, each after the indent.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let options = textwrap::Options::new(COLUMNS).initial_indent(indent).subsequent_indent(indent);
    textwrap::fill(text, options.break_words(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_what_they_said_stays() {
        for (marked, told) in [
            ("a **bold** and *slanted* word", "a bold and slanted word"),
            ("run `a*b*c`", "run a*b*c"),
            ("mend it: [below](#here)", "mend it: below"),
            ("see [restoring](operator.md#restoring)", "see restoring (docs/operator.md)"),
            ("[`code`](https://example.org/x) it", "code (https://example.org/x) it"),
            ("a [bracket] alone", "a [bracket] alone"),
            ("half `a code", "half `a code"),
        ] {
            assert_eq!(plain(marked), told);
        }
    }

    #[test]
    fn a_bar_within_code_divides_nothing() {
        let entry = row("| `a-code` | `x|y` is odd | **mend** it |").expect("a row");
        assert_eq!((entry.code.as_str(), entry.meaning.as_str()), ("a-code", "x|y is odd"));
        assert_eq!(entry.remedy, "mend it");
        assert!(row("| code | what it means |").is_none() && row("|---|---|").is_none());
    }

    #[test]
    fn points_and_paragraphs_stay_apart() {
        let book =
            Book::of("## Part\n### a-code\n\n- *One.* It\n  goes on.\n- Two.\n\nAfter.\n## Next\nother\n");
        assert_eq!(book.section("a-code"), Some("  One. It goes on.\n\n  Two.\n\nAfter."));
        assert!(book.section("Next").is_none());
    }
}
