//! `tamis correct`: what a record should hold in some of its fields. Answers come on stdin: a command line is no place for them.

use std::io::Read as _;

use reqwest::Method;

use crate::api::corrections::{Corrected, Correction};
use crate::api::{Pairs, Word};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::{ids, reasons};
use crate::client::{Daemon, parse, written};
use crate::secret::Wiped;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, print, print_json};
use crate::trail::Reason;

/// What a call of the admin side takes.
const INPUT_BYTES_MAX: u64 = 4 * 1_024;

const EXAMPLE: &str = "\
On stdin a JSON object: the name of each field and its answers, which take the place of those that it had, as in
{\"email\":[\"marie@lumen.example\"],\"city\":[]}. An empty list takes the field away. What the field held before
can be read nowhere afterwards; consents are not corrected by this.

Example:
  tamis correct devis-1-123 --fields-stdin --reason person-request < fields.json";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The record's id (devis-1-123)
    id: String,
    /// Read the fields from stdin
    #[arg(long, required = true)]
    fields_stdin: bool,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons())]
    reason: String,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Has the daemon correct the record.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let correction = Correction {
        id: ids::record(arguments.id)?,
        fields: fields()?,
        reason: Reason::from_code(&arguments.reason).map(Word::from),
    };
    let body = daemon.fetch(daemon.call(Method::POST, "/corrections").body(written(&correction)?)).await?;
    if arguments.json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let Corrected { id, changed, fields } = parse(&body)?;
    print(&match changed {
        true => format!("{id} is corrected: {}\n", fields.join(", ")),
        false => format!("{id} holds that already\n"),
    })
}

/// What stands on stdin. Nothing of it is repeated in what is said of it.
fn fields() -> Result<Pairs<Vec<String>>, Failure> {
    let mut text = Wiped::new(String::new());
    let read = std::io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|_| Failure::failed("cannot read the fields from stdin"))?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(Failure::new(
            Exit::Usage,
            "the fields are longer than the 4,096 bytes that one call takes",
        ));
    }
    serde_json::from_str(&text).map_err(|_| {
        Failure::new(
            Exit::Usage,
            "stdin is no JSON object of fields and their answers, as in {\"email\":[\"marie@lumen.example\"]}",
        )
    })
}
