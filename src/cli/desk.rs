//! The officer's papers: `tamis register` and `tamis dpia-facts` from the config alone, `tamis breach-report` from a running tamis.

mod breach;
mod volumes;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::language;
use crate::cli::paper::Place;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::desk::{self, House, Keeping, Register, Warned};
use crate::forget::suppression::SUPPRESSION_MONTHS;
use crate::language::Language;
use crate::purpose::Policy;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, ToStdout};

pub(super) use breach::{BreachArguments, breach_report};

const REGISTER_EXAMPLE: &str = "\
csv opens in a spreadsheet by a double click; json has the same under keys in English; html is a page to print.
The columns are those of the CNIL's template. What tamis cannot know is left to be completed.

Exit codes: 0 made, 1 the file is there already, 2 the command line is wrong, 78 the config is refused.

Example:
  tamis register --format csv --lang fr -o registre.csv";

const DPIA_EXAMPLE: &str = "\
Facts in Markdown, no assessment: what is processed, why, how much, what is enforced and what is off, what remains. A
running tamis is asked how many records it holds; without one the rest is made all the same.

Exit codes: 0 made, 1 the file is there already, 2 the command line is wrong, 78 the config is refused.

Example:
  tamis dpia-facts --lang fr -o faits-aipd.md";

#[derive(clap::Args)]
#[command(after_help = REGISTER_EXAMPLE)]
pub(super) struct RegisterArguments {
    /// As what
    #[arg(long, value_enum, default_value_t = Shape::Csv)]
    format: Shape,
    #[command(flatten)]
    paper: PaperArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    Csv,
    Json,
    Html,
}

#[derive(clap::Args)]
#[command(after_help = DPIA_EXAMPLE)]
pub(super) struct DpiaArguments {
    #[command(flatten)]
    paper: PaperArguments,
    #[command(flatten)]
    socket: SocketArgument,
}

/// What every paper takes.
#[derive(clap::Args)]
struct PaperArguments {
    /// In which language
    #[arg(long, value_parser = language::of_tag(), default_value = "en")]
    lang: Language,
    /// Into this new file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Makes the record of processing activities. Asks nobody.
pub(super) fn register(
    RegisterArguments { format, paper }: RegisterArguments,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let config = Enforced::load(path, environment)?;
    let register = Register::of(config.house(), paper.lang, now());
    let body = match format {
        Shape::Csv => register.csv(),
        Shape::Json => register.json().into_bytes(),
        Shape::Html => register.html().into_bytes(),
    };
    paper.hand_out(&body, format == Shape::Json)
}

/// Collects what an assessment starts from.
pub(super) async fn dpia_facts(
    DpiaArguments { paper, socket }: DpiaArguments,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let config = Enforced::load(path, environment)?;
    let volumes = volumes::told(&socket, path, environment).await;
    let text = desk::dpia_facts(config.house(), volumes.as_ref(), paper.lang, now());
    paper.hand_out(text.as_bytes(), false)
}

impl PaperArguments {
    /// To stdout, or into the file. A paper is whole or not there.
    fn hand_out(self, body: &[u8], is_json: bool) -> Result<(), Failure> {
        match self.output {
            Some(path) => Place::open(path)?.write(body),
            None => ToStdout::open(is_json).write(body),
        }
    }
}

/// The config that is enforced, and its warnings as the papers tell them.
struct Enforced {
    config: Config,
    policy: Arc<Policy>,
    warned: Vec<Warned>,
}

impl Enforced {
    fn load(path: &ConfigPath, environment: &Environment) -> Result<Self, Failure> {
        let config = config::load(&path.path, environment).map_err(|faults| {
            Failure::new(Exit::ConfigRefused, format!("{} is refused.\n\n{faults}", path.path.display()))
        })?;
        let warned = config.warnings.iter();
        let mut warned: Vec<Warned> = warned
            .map(|warning| Warned { key: warning.key.clone(), code: warning.code.as_str().to_owned() })
            .collect();
        warned.dedup();
        Ok(Self { policy: config.policy(), config, warned })
    }

    fn house(&self) -> House<'_> {
        let config = &self.config;
        House {
            controller: &config.controller,
            recipients: &config.recipients,
            purposes: self.policy.purposes(),
            keeping: Keeping {
                trail_months: config.trail.retention_months,
                suppression_months: SUPPRESSION_MONTHS,
                evidence_months: config.evidence.months(),
                request_months: config.requests.retention_months,
                backup_days: config.backup.horizon_days,
                log_days: config.log.file.is_some().then_some(config.log.file_retention_days),
                has_tcp_door: config.admin.listen.is_some(),
                waiting_max: config.store.inbox_max_references,
            },
            warned: &self.warned,
        }
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}
