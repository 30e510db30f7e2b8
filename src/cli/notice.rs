//! `tamis notice PURPOSE`: what people are told, from the config alone: to be read before it is published, pasted into a site of
//! one's own, or, in short, into Meta's form.

use crate::cli::ConfigPath;
use crate::cli::language;
use crate::config;
use crate::language::Language;
use crate::notice::{Edition, Frame, SHORT_CHARS_ADVISED, markdown, page, short};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, print, tell};

const EXAMPLE: &str = "\
html is the page as GET /notice/PURPOSE shows it; md the same words to paste into a site; short the few sentences that
fit into the disclaimer of Meta's form, above its boxes.

Exit codes: 0 printed, 2 no such purpose, 78 the config is refused.

Example:
  tamis notice devis --format short --lang fr";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The purpose, as the config calls it
    purpose: String,
    /// What to print
    #[arg(long, value_enum, default_value_t = Shape::Html)]
    format: Shape,
    /// In which language
    #[arg(long, value_parser = language::of_tag(), default_value = "en")]
    lang: Language,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    Html,
    Md,
    Short,
}

/// Prints the notice. Asks nobody: it works on any machine, with tamis down.
pub(super) fn run(
    arguments: &Arguments,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let config = config::load(&path.path, environment).map_err(|faults| {
        Failure::new(Exit::ConfigRefused, format!("{} is refused.\n\n{faults}", path.path.display()))
    })?;
    let policy = config.policy();
    let Some(purpose) = policy.purpose(&arguments.purpose) else {
        let names: Vec<&str> = policy.purposes().iter().map(|purpose| purpose.id.as_str()).collect();
        return Err(Failure::new(
            Exit::Usage,
            format!("there is no such purpose. There are: {}", names.join(", ")),
        ));
    };
    let untold = config.untold();
    if !untold.is_empty() {
        let faults = config::Faults { faults: untold, warnings: Vec::new() };
        tell(&format!("What is missing, so that the notice is not published:\n\n{faults}"));
    }
    let language = arguments.lang;
    let url = config.notice_url(purpose);
    let facts = config.notice_facts(purpose, &url);
    if arguments.format == Shape::Short {
        let text = short(facts, language);
        if text.chars().count() > SHORT_CHARS_ADVISED {
            tell(&format!(
                "note: this has more than {SHORT_CHARS_ADVISED} characters, and on a telephone the form hides what comes late"
            ));
        }
        return print(&format!("{text}\n"));
    }
    let edition = Edition::of(facts);
    let Some(notice) = edition.in_language(language) else {
        return Err(Failure::failed("the notice does not exist in this language"));
    };
    match arguments.format {
        Shape::Md => print(&markdown(notice)),
        Shape::Html | Shape::Short => print(&page(notice, &Frame::Draft)),
    }
}
