//! One screen for a person: rows of a label and parts, broken where the width ends; coloured where stdout is a terminal and
//! nobody asked for no colour.

use std::io::{IsTerminal, stdout};

use crate::terminal::output::put;
use crate::terminal::{Failure, printable};

/// The width where there is no terminal, and of one that does not say.
const WIDTH: usize = 80;
/// A narrower terminal breaks lines by itself.
const WIDTH_MIN: usize = 40;
/// Longer lines are no easier to read.
const WIDTH_MAX: usize = 160;
/// Between parts.
const GAP: &str = "  ";
/// So wide are labels, with the gap after them.
const LABEL: usize = 11;

/// How something is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal has it.
    Plain,
    /// In order.
    Good,
    /// Somebody should look.
    Warn,
    /// Somebody must act.
    Bad,
    /// Beside the point.
    Faint,
}

impl Ink {
    /// The parameter of SGR (ECMA-48 section 8.3.117); none: nothing is set.
    fn parameter(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Good => Some(32),
            Self::Warn => Some(33),
            Self::Bad => Some(31),
            Self::Faint => Some(2),
        }
    }
}

/// The screen, so far. Whatever is put on it steers no terminal.
pub struct Sheet {
    width: usize,
    is_coloured: bool,
    text: String,
}

impl Sheet {
    /// For stdout; `no_color` is what the environment says under `NO_COLOR`, which counts if it is not empty
    /// (<https://no-color.org>).
    pub fn for_stdout(no_color: Option<&str>) -> Self {
        let terminal = stdout().is_terminal();
        let columns = terminal.then(|| rustix::termios::tcgetwinsize(stdout()).ok()).flatten();
        let columns = columns.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        let width = columns.map_or(WIDTH, |columns| columns.clamp(WIDTH_MIN, WIDTH_MAX));
        Self::new(width, terminal && no_color.is_none_or(str::is_empty))
    }

    fn new(width: usize, is_coloured: bool) -> Self {
        Self { width, is_coloured, text: String::new() }
    }

    /// A row: the label, then the parts, each whole on one line; what does not fit goes on below the first part, and a part
    /// that fits on no line loses its end.
    pub fn row(&mut self, label: &str, parts: &[(Ink, String)]) {
        let label = printable(label);
        let mut at = label.chars().count();
        self.paint(Ink::Faint, &label);
        for (place, (ink, part)) in parts.iter().enumerate() {
            let part = shortened(&printable(part), self.width - LABEL);
            let length = part.chars().count();
            if place > 0 && at + GAP.len() + length > self.width {
                self.text.push('\n');
                at = 0;
            }
            let before =
                if at <= LABEL - GAP.len() && (place == 0 || at == 0) { LABEL - at } else { GAP.len() };
            self.text.push_str(&" ".repeat(before));
            self.paint(*ink, &part);
            at += before + length;
        }
        self.text.push('\n');
    }

    /// Shows it.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print(&self) -> Result<(), Failure> {
        put(&self.text)
    }

    /// Without colour, for tests of what is on it.
    #[cfg(test)]
    pub(crate) fn of_width(width: usize) -> Self {
        Self::new(width, false)
    }

    /// What is on it.
    #[cfg(test)]
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn paint(&mut self, ink: Ink, text: &str) {
        match ink.parameter().filter(|_| self.is_coloured && !text.is_empty()) {
            Some(parameter) => self.text.push_str(&format!("\u{1b}[{parameter}m{text}\u{1b}[0m")),
            None => self.text.push_str(text),
        }
    }
}

/// At most so many characters; what is cut off is shown as cut.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(parts: &[&str]) -> Vec<(Ink, String)> {
        parts.iter().map(|part| (Ink::Plain, (*part).to_owned())).collect()
    }

    #[test]
    fn no_row_is_wider_than_the_sheet_and_parts_stand_below_one_another() {
        let mut sheet = Sheet::new(40, false);
        sheet.row("records", &plain(&["devis 1,203", "lettre 41", "appels 7", "newsletter 9"]));
        sheet.row("", &plain(&["x"]));
        sheet.row("page", &plain(&[&"é".repeat(60), "read"]));
        let expected = "\
records    devis 1,203  lettre 41
           appels 7  newsletter 9
           x
page       ééééééééééééééééééééééééééé…
           read
";
        let expected = expected.replace(&format!("{}…", "é".repeat(27)), &format!("{}…", "é".repeat(28)));
        assert_eq!(sheet.text, expected);
        assert!(sheet.text.lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn colour_is_where_it_is_wanted_and_nothing_of_others_words_steers_the_terminal() {
        let row = |is_coloured| {
            let mut sheet = Sheet::new(80, is_coloured);
            sheet.row("state", &[(Ink::Bad, "a\u{1b}[31m\nb".to_owned()), (Ink::Plain, "c".to_owned())]);
            sheet.text
        };
        assert_eq!(row(false), "state      a\u{FFFD}[31m\u{FFFD}b  c\n");
        assert_eq!(row(true), "\u{1b}[2mstate\u{1b}[0m      \u{1b}[31ma\u{FFFD}[31m\u{FFFD}b\u{1b}[0m  c\n");
    }
}
