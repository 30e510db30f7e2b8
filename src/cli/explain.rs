//! `tamis explain CODE`: what docs/codes.md says about a code, where there is no browser and no second machine at hand.

mod book;

use crate::cli::explain::book::{Book, Entry};
use crate::config::nearest;
use crate::terminal::print;
use crate::terminal::{Exit, Failure};

/// The page that a test holds against every code in the sources.
const CODES: &str = include_str!("../../docs/codes.md");

/// The part of the page with the codes of a start.
const NOT_STARTED: &str = "It does not start";

#[derive(clap::Args)]
#[command(after_help = "Without a code it lists them all.\n\nExample:\n  tamis explain token-invalid")]
pub(super) struct Arguments {
    /// As a log line, an answer, `tamis inbox` or `tamis check` says it
    code: Option<String>,
}

/// Prints what is known of the code. Asks nobody: it works on any machine, with tamis down.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let book = Book::of(CODES);
    match &arguments.code {
        Some(code) => print(&explained(&book, code)?),
        None => print(&listed(&book)),
    }
}

/// What a code means where tamis does not start for it, as a part of a sentence.
pub(super) fn why_not_started(code: &str) -> Option<String> {
    let book = Book::of(CODES);
    let mut entries = book.entries().filter(|entry| entry.heading == NOT_STARTED && entry.code == code);
    entries.next().map(|entry| entry.meaning.clone())
}

fn explained(book: &Book, code: &str) -> Result<String, Failure> {
    let entries: Vec<&Entry> = book.entries().filter(|entry| entry.code == code).collect();
    let section = book.section(code);
    if entries.is_empty() && section.is_none() {
        return Err(Failure::new(Exit::Usage, unknown(book, code)));
    }
    let mut text = format!("{code}\n");
    for entry in entries {
        text.push_str(&format!("\n{}\n{}\n", entry.heading, book::wrapped(&entry.meaning, "  ")));
        if !entry.remedy.is_empty() {
            text.push_str(&format!("\n  What to do:\n{}\n", book::wrapped(&entry.remedy, "  ")));
        }
    }
    if let Some(section) = section {
        text.push('\n');
        text.push_str(section);
        text.push('\n');
    }
    Ok(text)
}

/// The word that was given is not repeated: it may be anything.
fn unknown(book: &Book, code: &str) -> String {
    match nearest(code, book.entries().map(|entry| entry.code.as_str())) {
        Some(near) => format!("there is no such code. Did you mean {near}?"),
        None => "there is no such code. `tamis explain` lists them all".to_owned(),
    }
}

fn listed(book: &Book) -> String {
    let mut text = String::new();
    let mut heading = "";
    for entry in book.entries() {
        if entry.heading != heading {
            heading = &entry.heading;
            text.push_str(&format!("{}{heading}\n", if text.is_empty() { "" } else { "\n" }));
        }
        text.push_str(&format!("  {}\n", entry.code));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str) -> String {
        explained(&Book::of(CODES), code).unwrap_or_else(|failure| panic!("{code}: {failure}"))
    }

    #[test]
    fn every_code_is_explained_within_eighty_columns_and_without_marks() {
        let book = Book::of(CODES);
        let codes: Vec<&str> = book.entries().map(|entry| entry.code.as_str()).collect();
        assert!(codes.len() > 200, "the reading of the page broke: {}", codes.len());
        for code in codes {
            let told = told(code);
            assert!(told.lines().count() >= 3, "{code}: {told}");
            for line in told.lines() {
                let is_one_word = !line.trim_start().contains(' ');
                assert!(line.chars().count() <= 80 || is_one_word, "{code}: {line}");
            }
            for mark in ["**", "](", "<br>", "](#"] {
                assert!(!told.contains(mark), "{code}: {mark} in {told}");
            }
        }
    }

    #[test]
    fn a_code_that_means_two_things_is_told_in_both_places() {
        let told = told("keyring-linked");
        assert!(told.contains("It does not start") && told.contains("What needs a person"), "{told}");
    }

    #[test]
    fn a_code_with_a_section_of_its_own_is_told_whole() {
        let told = told("store-behind-witness");
        for part in ["What happened.", "What is safe.", "What to do.", "Never"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(!told.contains("store-damaged"), "the next section is not part of it");
    }

    #[test]
    fn a_slip_is_met_with_the_nearest_code_and_anything_else_with_the_way_to_the_list() {
        let book = Book::of(CODES);
        let refusal = |code| explained(&book, code).expect_err("no code");
        assert_eq!(refusal("store-lokced").exit, Exit::Usage);
        assert!(refusal("store-lokced").to_string().contains("Did you mean store-locked?"));
        let odd = refusal("no code at all").to_string();
        assert!(odd.contains("lists them all") && !odd.contains("at all"), "{odd}");
        assert_eq!(listed(&book).lines().filter(|line| *line == "  store-locked").count(), 1);
    }
}
