//! Every `tamis …` that the documents tell, in a block or in a sentence, is a command line that the parser takes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::Cli;

/// A public key of a signed note: the example of its specification (<https://c2sp.org/signed-note>).
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

/// The pages for people, whose words are of today.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
            .map(|name| root.join(name))
            .into();
    for folder in ["docs", "docs/fr", "config", "deploy"] {
        let entries = fs::read_dir(root.join(folder)).expect("a folder").flatten().map(|entry| entry.path());
        pages.extend(
            entries.filter(|path| path.is_file() && path.extension().is_none_or(|kind| kind != "json")),
        );
    }
    pages
}

/// The commands of a page: true if it is whole, as in a block; in a sentence a verb may be named alone.
fn commands(page: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let (mut prose, mut is_block) = (String::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            found.push((line.to_owned(), true));
        } else {
            prose.push_str(line.trim_start_matches(['#', ' ']));
            prose.push(' ');
        }
    }
    found.extend(prose.split('`').skip(1).step_by(2).map(|code| (code.to_owned(), false)));
    let parts = |(line, whole): (String, bool)| {
        let line = line.split(" #").next().unwrap_or_default().to_owned();
        let parts: Vec<String> = line.split(['|', ';', '&', '<', '>', '(', ')']).map(str::to_owned).collect();
        parts.into_iter().filter_map(move |part| Some((command(&part)?, whole)))
    };
    found.into_iter().flat_map(parts).collect()
}

/// What stands from `tamis` on, behind `sudo` and the like.
fn command(part: &str) -> Option<String> {
    let mut words = part.split_whitespace().peekable();
    while words.next_if(|word| ["sudo", "-u", "optional:"].contains(word)).is_some() {}
    // `sudo -u tamis tamis check`: the first is the user.
    if part.contains("-u tamis") {
        words.next();
    }
    (words.peek() == Some(&"tamis")).then(|| words.collect::<Vec<_>>().join(" "))
}

/// The command line with something in the place of what the reader is to fill in.
fn filled(command: &str) -> Vec<String> {
    let is_place = |word: &str| {
        word != "N" && word.chars().all(|c| c.is_ascii_uppercase() || c == '_') || word.starts_with('$')
    };
    let mut words: Vec<String> = Vec::new();
    // What Prometheus fills in is one word.
    let command = match (command.find("{{"), command.find("}}")) {
        (Some(from), Some(to)) if from < to => format!("{}N{}", &command[..from], &command[to + 2..]),
        _ => command.to_owned(),
    };
    for word in command.split_whitespace() {
        let word = word.trim_matches(['"', '\'']);
        let is_reason = words.last().is_some_and(|last| last == "--reason");
        words.push(match word {
            "PURPOSE" => "devis".to_owned(),
            "CURSOR" => "devis-1-7".to_owned(),
            "SHELL" => "bash".to_owned(),
            "NUMBER" => "1-17".to_owned(),
            "KEY" | "$KEY" => KEY.to_owned(),
            place if is_place(place) && is_reason => "error".to_owned(),
            place if is_place(place) || place == "N" => "7".to_owned(),
            word => word.to_owned(),
        });
    }
    words
}

#[test]
fn every_command_line_in_the_documents_is_one() {
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page");
        for (command, whole) in commands(&page) {
            // Of a version that is said, not a verb.
            let is_said = command.starts_with("tamis 0.");
            if command == "tamis" || is_said || command.contains('…') || command.contains("...") {
                continue;
            }
            looked_at += 1;
            let allowed: &[ErrorKind] = match whole {
                true => &[ErrorKind::DisplayHelp, ErrorKind::DisplayVersion],
                false => &[
                    ErrorKind::DisplayHelp,
                    ErrorKind::DisplayVersion,
                    ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                    ErrorKind::MissingRequiredArgument,
                    ErrorKind::MissingSubcommand,
                ],
            };
            // In a sentence an argument may be named without its value.
            let lacks_value =
                |error: &clap::Error| !whole && error.to_string().contains("a value is required");
            match Cli::try_parse_from(filled(&command)) {
                Err(error) if !allowed.contains(&error.kind()) && !lacks_value(&error) => {
                    wrong.push(format!("{}: {command}: {error}", path.display()));
                }
                _ => {}
            }
        }
    }
    assert!(looked_at > 120, "the reading of the documents broke: {looked_at}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_are_found_behind_what_stands_around_them() {
    let page = "# tamis\nSay `tamis inbox --json` or `sudo -u tamis tamis check`.\n```sh\nsudo tamis trail | head   # lines\ntamis find --id ID --reason R && x\nls\n```\n";
    let found = commands(page);
    let found: Vec<(&str, bool)> = found.iter().map(|(command, whole)| (command.as_str(), *whole)).collect();
    assert_eq!(
        found,
        [
            ("tamis trail", true),
            ("tamis find --id ID --reason R", true),
            ("tamis inbox --json", false),
            ("tamis check", false)
        ]
    );
    assert_eq!(filled(found[1].0), ["tamis", "find", "--id", "7", "--reason", "error"]);
}
