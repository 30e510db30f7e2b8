//! `tamis export`: the records of a purpose, page by page, to stdout or into a file that survives interruptions.

use std::path::PathBuf;

use clap::value_parser;
use reqwest::{Method, Response};

use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, broken};
use crate::export::{ExportCommand, Part, Reached};
use crate::export::{Format, Join};
use crate::purpose::{PurposeId, RecordId};
use crate::secret::location::Environment;
use crate::terminal::Progress;
use crate::terminal::{Exit, Failure};
use crate::terminal::{ToStdout, records, tell, thousands};

const EXAMPLE: &str = "\
With -o, what is done so far lies in FILE.part and FILE.cursor; the same command goes on from there.

Example:
  tamis export devis --format csv -o devis.csv --reason crm-sync";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The purpose whose records are read out
    #[arg(value_parser = purpose_id)]
    purpose: String,
    /// How they are written
    #[arg(long, value_parser = ["csv", "ndjson", "json"], default_value = "ndjson")]
    format: String,
    /// For whom a CSV is written: `excel` opens by a double click, and its phone numbers stay as they are
    #[arg(long, value_parser = ["excel"])]
    dialect: Option<String>,
    /// Into this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Why they are read out; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = "support")]
    reason: String,
    /// For whom: a recipient that the purpose lists [default: for nobody outside]
    #[arg(long, value_name = "ID", value_parser = header_text)]
    recipient: Option<String>,
    /// Meta's test leads
    #[arg(long, value_parser = ["exclude", "include", "only"], default_value = "exclude")]
    test: String,
    /// Also where tamis found that records of the purpose are missing: what is left of them
    #[arg(long)]
    incomplete: bool,
    /// Only what came after this record (an earlier export's last line on stderr names it)
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    after: Option<String>,
    /// Records a call; each call is one line of the trail
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=10_000))]
    limit_page: u32,
    #[command(flatten)]
    socket: SocketArgument,
}

fn purpose_id(text: &str) -> Result<String, &'static str> {
    PurposeId::parse(text).map(|id| id.to_string()).ok_or("a purpose is lower-case letters, digits and _")
}

fn cursor(text: &str) -> Result<String, &'static str> {
    RecordId::parse(text).map(|id| id.to_string()).ok_or("a cursor looks like devis-1-123")
}

fn header_text(text: &str) -> Result<String, &'static str> {
    let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned()).ok_or("a recipient's id has no spaces or accents")
}

/// Reads the purpose out to its end.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let format = Format::from_code(&arguments.format)
        .ok_or_else(|| Failure::new(Exit::Usage, "the format is csv, ndjson or json"))?;
    if arguments.dialect.is_some() && format != Format::Csv {
        return Err(Failure::new(Exit::Usage, "only csv has dialects: add --format csv"));
    }
    let (mut sink, reached) = Sink::open(&arguments, format)?;
    let mut join = match &reached {
        Some(reached) => Join::resume(format, reached.records, sink.header(format)?),
        None => Join::resume(format, 0, None),
    };
    let mut after =
        reached.as_ref().map(|reached| reached.cursor.clone()).or_else(|| arguments.after.clone());
    if let Some(reached) = &reached {
        tell(&format!("going on after {}, with {}", reached.cursor, records(reached.records)));
    }
    let mut out = Vec::new();
    if reached.is_none() {
        join.start(&mut out);
    }
    let mut progress = Progress::start();
    let mut missing: u64 = 0;
    let mut left_out = reached.as_ref().map_or(0, |reached| reached.tests_left_out);
    loop {
        let page = daemon.send(page_call(&daemon, &arguments, format, after.as_deref())).await?;
        let (next, more) = bound_of(&page)?;
        missing = missing.max(number_of(&page, "tamis-missing"));
        left_out += number_of(&page, "tamis-test-left-out");
        copy(page, &mut join, &mut sink, &mut out, &mut progress).await?;
        sink.commit(&next, join.records(), left_out)?;
        if more && after.as_deref() == Some(next.as_str()) {
            return Err(Failure::failed("the export does not advance: is the daemon another version?"));
        }
        after = Some(next);
        if !more {
            break;
        }
    }
    let last = after.unwrap_or_default();
    join.finish(&last, &mut out);
    sink.write(&mut out)?;
    sink.finish()?;
    drop(progress);
    let place = arguments.output.map(|path| format!(" in {}", path.display())).unwrap_or_default();
    tell(&format!("{} of {}{place}, up to {last}", records(join.records()), arguments.purpose));
    if left_out > 0 {
        let leads = if left_out == 1 { "lead" } else { "leads" };
        tell(&format!("{} test {leads} left out: --test include or only reads them", thousands(left_out)));
    }
    if missing > 0 {
        tell(&format!("incomplete: {} of {} missing", records(missing), arguments.purpose));
    }
    Ok(())
}

fn page_call(
    daemon: &Daemon,
    arguments: &Arguments,
    format: Format,
    after: Option<&str>,
) -> reqwest::RequestBuilder {
    let Arguments { purpose, test, limit_page, .. } = arguments;
    let format = format.of_pages();
    let mut path = format!("/purposes/{purpose}/leads?format={format}&limit={limit_page}&test={test}");
    if let Some(dialect) = &arguments.dialect {
        path.push_str("&dialect=");
        path.push_str(dialect);
    }
    if arguments.incomplete {
        path.push_str("&incomplete=allow");
    }
    if let Some(after) = after {
        path.push_str("&after=");
        path.push_str(after);
    }
    let call = daemon.call(Method::GET, &path).header("Tamis-Reason", &arguments.reason);
    match &arguments.recipient {
        Some(recipient) => call.header("Tamis-Recipient", recipient),
        None => call,
    }
}

/// Where the page ends, and whether there is more. The cursor goes into an address again, so it must be one.
fn bound_of(page: &Response) -> Result<(String, bool), Failure> {
    let header = |name| page.headers().get(name).and_then(|value| value.to_str().ok());
    let next = header("tamis-next-cursor").and_then(RecordId::parse).map(|id| id.to_string());
    match (next, header("tamis-more")) {
        (Some(next), Some("true")) => Ok((next, true)),
        (Some(next), Some("false")) => Ok((next, false)),
        _ => Err(Failure::failed("the daemon's page has no cursor: is it another version?")),
    }
}

/// A number that the daemon may say of a page.
fn number_of(page: &Response, name: &str) -> u64 {
    let header = page.headers().get(name).and_then(|value| value.to_str().ok());
    header.and_then(|text| text.parse().ok()).unwrap_or(0)
}

async fn copy(
    mut page: Response,
    join: &mut Join,
    sink: &mut Sink,
    out: &mut Vec<u8>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    join.begin_page();
    while let Some(chunk) = page.chunk().await.map_err(|_| broken())? {
        join.push(&chunk, out)?;
        sink.write(out)?;
        progress.at(join.records());
    }
    join.end_page()?;
    sink.write(out)
}

/// Where records go.
enum Sink {
    Stdout(ToStdout),
    File(Box<Part>),
}

impl Sink {
    fn open(arguments: &Arguments, format: Format) -> Result<(Self, Option<Reached>), Failure> {
        let Some(target) = &arguments.output else {
            return Ok((Self::Stdout(ToStdout::open(format != Format::Csv)), None));
        };
        let what = ExportCommand {
            purpose: arguments.purpose.clone(),
            format: arguments.format.clone(),
            dialect: arguments.dialect.clone(),
            test: arguments.test.clone(),
            recipient: arguments.recipient.clone(),
            after: arguments.after.clone(),
        };
        let (part, reached) = Part::open(target, what, arguments.overwrite)?;
        Ok((Self::File(Box::new(part)), reached))
    }

    /// The header row that the file has already.
    fn header(&mut self, format: Format) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::File(part) if format == Format::Csv => part.first_line(),
            _ => Ok(None),
        }
    }

    /// Writes and empties `out`.
    fn write(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Stdout(stdout) => stdout.write(out)?,
            Self::File(part) => part.write(out)?,
        }
        out.clear();
        Ok(())
    }

    fn commit(&mut self, cursor: &str, records: u64, tests_left_out: u64) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(part) => part.commit(cursor, records, tests_left_out),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(part) => part.finish(),
        }
    }
}

#[cfg(test)]
mod tests;
