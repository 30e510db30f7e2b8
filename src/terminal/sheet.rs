//! A page for a person: lines within a terminal's width, and colour where a terminal takes it. Whatever is put on it steers
//! no terminal.

use std::io::{IsTerminal, stdout};

use crate::terminal::output::put;
use crate::terminal::{Failure, printable};

/// The width where there is no terminal, and of one that does not say.
const WIDTH: usize = 80;
/// A narrower terminal breaks lines by itself.
const WIDTH_MIN: usize = 40;
/// Longer lines are no easier to read.
const WIDTH_MAX: usize = 160;
/// Between parts of a row.
const GAP: &str = "  ";
/// So wide are a row's labels, with the gap after them.
const LABEL: usize = 11;

/// How a piece of a line stands out. Colour says nothing that the words do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As the terminal has it.
    Plain,
    /// Above what belongs together.
    #[cfg(feature = "demo")]
    Heading,
    /// Kept, in order.
    Good,
    /// Somebody should look.
    Warn,
    /// Dropped, refused; somebody must act.
    Bad,
    /// Beside the point.
    Faint,
}

impl Tone {
    /// The parameter of SGR (ECMA-48 section 8.3.117); none: nothing is set.
    fn parameter(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            #[cfg(feature = "demo")]
            Self::Heading => Some(1),
            Self::Good => Some(32),
            Self::Warn => Some(33),
            Self::Bad => Some(31),
            Self::Faint => Some(2),
        }
    }
}

/// Lines, as they will be printed: what steers a terminal is only what stands here.
pub struct Sheet {
    width: usize,
    is_coloured: bool,
    text: String,
    /// Of the line under way.
    used: usize,
}

impl Sheet {
    /// A page for stdout: coloured if that is a terminal and nobody asks otherwise, by these values of `NO_COLOR`
    /// (<https://no-color.org>: anything but nothing) and `TERM`.
    pub fn for_stdout(no_color: Option<&str>, term: Option<&str>) -> Self {
        let terminal = stdout().is_terminal();
        let columns = terminal.then(|| rustix::termios::tcgetwinsize(stdout()).ok()).flatten();
        let columns = columns.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        let width = columns.map_or(WIDTH, |columns| columns.clamp(WIDTH_MIN, WIDTH_MAX));
        let is_unwanted = no_color.is_some_and(|value| !value.is_empty()) || term == Some("dumb");
        Self::new(width, terminal && !is_unwanted)
    }

    fn new(width: usize, is_coloured: bool) -> Self {
        Self { width, is_coloured, text: String::new(), used: 0 }
    }

    /// Adds to the line. What goes beyond the last column is cut, with `…`.
    pub fn put(&mut self, tone: Tone, text: &str) -> &mut Self {
        let shown = cut(&printable(text), self.width - self.used);
        self.used += shown.chars().count();
        match tone.parameter().filter(|_| self.is_coloured && !shown.is_empty()) {
            Some(parameter) => self.text.push_str(&format!("\u{1b}[{parameter}m{shown}\u{1b}[0m")),
            None => self.text.push_str(&shown),
        }
        self
    }

    /// Ends the line.
    pub fn end(&mut self) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        self.text.push('\n');
        self.used = 0;
    }

    /// A row: the label, then the parts, each whole on one line; what does not fit goes on below the first part, and a part
    /// that fits on no line loses its end.
    pub fn row(&mut self, label: &str, parts: &[(Tone, String)]) {
        self.put(Tone::Faint, label);
        for (place, (tone, part)) in parts.iter().enumerate() {
            let part = cut(&printable(part), self.width - LABEL);
            if place > 0 && self.used + GAP.len() + part.chars().count() > self.width {
                self.end();
            }
            let is_first = place == 0 || self.used == 0;
            let before =
                if is_first && self.used + GAP.len() <= LABEL { LABEL - self.used } else { GAP.len() };
            self.put(Tone::Plain, &" ".repeat(before)).put(*tone, &part);
        }
        self.end();
    }

    /// Prints it.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print(self) -> Result<(), Failure> {
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
}

/// What the demo's page needs beyond a screen of rows.
#[cfg(feature = "demo")]
impl Sheet {
    /// Adds to the line, filled with spaces to this width.
    pub fn cell(&mut self, tone: Tone, text: &str, width: usize) -> &mut Self {
        let shown = cut(text, width);
        let gap = " ".repeat(width - shown.chars().count());
        self.put(tone, &shown).put(Tone::Plain, &gap)
    }

    /// A line of its own.
    pub fn line(&mut self, text: &str) {
        self.put(Tone::Plain, text).end();
    }

    /// A heading, with an empty line above it.
    pub fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.end();
        }
        self.put(Tone::Heading, text).end();
    }

    /// Words set in as many lines as they need, each after the indent.
    pub fn paragraph(&mut self, indent: &str, text: &str) {
        let options = textwrap::Options::new(self.width).initial_indent(indent).subsequent_indent(indent);
        for line in textwrap::wrap(text, options.break_words(false)) {
            self.line(&line);
        }
    }
}

/// At most so many characters; what is cut off is shown as cut.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    kept + if room == 0 { "" } else { "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(parts: &[&str]) -> Vec<(Tone, String)> {
        parts.iter().map(|part| (Tone::Plain, (*part).to_owned())).collect()
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
            sheet.row("state", &[(Tone::Bad, "a\u{1b}[31m\nb".to_owned()), (Tone::Plain, "c".to_owned())]);
            sheet.text
        };
        assert_eq!(row(false), "state      a\u{FFFD}[31m\u{FFFD}b  c\n");
        assert_eq!(row(true), "\u{1b}[2mstate\u{1b}[0m      \u{1b}[31ma\u{FFFD}[31m\u{FFFD}b\u{1b}[0m  c\n");
    }

    #[cfg(feature = "demo")]
    fn written(colour: bool) -> String {
        let mut sheet = Sheet::new(80, colour);
        sheet.heading("one\u{1b}[2J");
        sheet.cell(Tone::Good, "été", 5).cell(Tone::Bad, "too long", 4).put(Tone::Faint, "").end();
        sheet.heading("two");
        sheet.line(&"x".repeat(100));
        sheet.paragraph("  ", &"word ".repeat(30));
        sheet.text
    }

    #[cfg(feature = "demo")]
    #[test]
    fn lines_have_eighty_columns_and_steer_nothing() {
        let text = written(false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..4], ["one\u{FFFD}[2J", "été  too…", "", "two"]);
        assert!(lines[4].ends_with("x…") && lines[6].starts_with("  word"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[cfg(feature = "demo")]
    #[test]
    fn colour_is_added_and_changes_no_word() {
        let coloured = written(true);
        assert!(coloured.contains("\u{1b}[32mété\u{1b}[0m  \u{1b}[31mtoo…\u{1b}[0m\n"), "{coloured}");
        let mut plain = coloured.clone();
        for code in ["1", "32", "31", "2", "0"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(plain, written(false));
    }
}
