//! `tamis export`: the records of a purpose, page by page, to stdout or into a file that survives interruptions; once, or what
//! is new since a state file was written, or on and on.

mod following;
mod pages;
mod sink;
mod telling;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::value_parser;

use crate::cli::export::following::END_WITHIN;
use crate::cli::export::pages::Run;
use crate::cli::export::sink::Sink;
use crate::cli::export::telling::Told;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::{purposes, reasons};
use crate::client::Daemon;
use crate::export::{Format, Join, LeftOut, StateFile};
use crate::lifecycle::Stop;
use crate::lifecycle::ending::stop_within;
use crate::machine::disk::directory_of;
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, Progress, records, tell, tell_in_passing};

const EXAMPLE: &str = "\
With -o, what is done so far lies in FILE.part and FILE.cursor; the same command goes on from there. With --state, the state
file is replaced once the output is synced: what a crash falls between comes again, under the same id, and is never missing.
What went into a pipe is its reader's.

Example:
  tamis export devis --format csv -o devis.csv --reason campaign
  tamis export devis --state devis.state --reason crm-sync >> devis.ndjson";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The purpose whose records are read out
    #[arg(value_parser = purpose_id)]
    purpose: PurposeId,
    /// How they are written
    #[arg(long, value_parser = ["csv", "ndjson", "json"], default_value = "ndjson")]
    format: String,
    /// For whom a CSV is written: `excel` opens by a double click, its dates are dates and its phone numbers stay as they are
    #[arg(long, value_parser = ["excel"])]
    dialect: Option<String>,
    /// Into this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace FILE if it is there
    #[arg(long, requires = "output")]
    overwrite: bool,
    /// Why they are read out; it stands in the trail
    #[arg(long, value_parser = reasons())]
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
    /// With each record how its consents were given and what became of them; not in a table
    #[arg(long)]
    evidence: bool,
    /// Only what came after this record (an earlier export's last line on stderr names it)
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    after: Option<Cursor>,
    /// Only what is new since this file was written by an earlier run; it holds the cursor alone. Nothing new: no output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["after", "overwrite"])]
    state: Option<PathBuf>,
    /// Go on, until Ctrl-C or SIGTERM; -o then is a file that grows
    #[arg(long, requires = "state")]
    follow: bool,
    /// Seconds between two looks where nothing is new
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "follow", value_parser = value_parser!(u32).range(1..=86_400))]
    interval: u32,
    /// Records a call; each call is one line of the trail
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=10_000))]
    limit_page: u32,
    #[command(flatten)]
    socket: SocketArgument,
}

fn purpose_id(text: &str) -> Result<PurposeId, &'static str> {
    PurposeId::parse(text).ok_or("a purpose is lower-case letters, digits and _")
}

fn cursor(text: &str) -> Result<Cursor, &'static str> {
    RecordId::parse(text).ok_or("a cursor looks like devis-1-123")
}

fn header_text(text: &str) -> Result<String, &'static str> {
    let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned()).ok_or("a recipient's id has no spaces or accents")
}

impl Arguments {
    /// What clap cannot see.
    fn format(&self) -> Result<Format, Failure> {
        let usage = |sentence| Failure::new(Exit::Usage, sentence);
        let format =
            Format::from_code(&self.format).ok_or_else(|| usage("the format is csv, ndjson or json"))?;
        if self.dialect.is_some() && format != Format::Csv {
            return Err(usage("only csv has dialects: add --format csv"));
        }
        if self.follow && format == Format::Json {
            return Err(usage("a document has an end, --follow has none: ndjson or csv"));
        }
        match (&self.output, &self.state) {
            (Some(output), Some(state)) if are_in_each_other_s_way(output, state) => {
                Err(usage("-o and --state must be two files"))
            }
            _ => Ok(format),
        }
    }
}

/// True if one file, or what lies beside it meanwhile, is the other.
fn are_in_each_other_s_way(output: &Path, state: &Path) -> bool {
    let place = |path: &Path| std::fs::canonicalize(directory_of(path)).ok();
    let names = |path: &Path, suffixes: [&str; 4]| {
        suffixes.map(|suffix| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(suffix);
            name
        })
    };
    let of_output = names(output, ["", ".part", ".cursor", ".cursor.new"]);
    let of_state = names(state, ["", ".lock", ".new", ""]);
    place(output) == place(state) && of_output.iter().any(|name| of_state.contains(name))
}

/// Reads the purpose out to its end, or on and on.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let mut run = open(&arguments, &daemon)?;
    let from = run.after.clone();
    let ended = if arguments.follow {
        let stop = Stop::default();
        // A reader that stalls keeps a write waiting, which nothing here can end.
        let heard = stop_within(&stop, END_WITHIN, || {
            tell_in_passing("error: nobody takes what goes to stdout: the end was forced");
            std::process::exit(i32::from(Exit::Failed as u8));
        });
        heard.map_err(|error| Failure::failed(format!("signals cannot be heard: {}", error.kind())))?;
        run.follow(Duration::from_secs(arguments.interval.into()), &stop).await
    } else {
        run.read_out().await
    };
    let ended = match ended {
        Ok(()) => Ok(()),
        Err(failure) => {
            Err(purposes::or_which_there_are(failure, &daemon, &[arguments.purpose.as_str()]).await)
        }
    };
    run.progress = None;
    // Of an export that failed its error is the last word; a sync that was followed tells how far it came as well.
    if ended.is_ok() || arguments.follow {
        Told::of(&run, from.as_ref()).tell();
    }
    ended
}

fn open<'a>(arguments: &'a Arguments, daemon: &'a Daemon) -> Result<Run<'a>, Failure> {
    let format = arguments.format()?;
    let state =
        arguments.state.as_deref().map(|path| StateFile::open(path, &arguments.purpose)).transpose()?;
    let (state, read) = state.map_or((None, None), |(state, read)| (Some(state), read));
    let from = read.or_else(|| arguments.after.clone());
    let (mut sink, reached) = Sink::open(arguments, format, from.as_ref())?;
    let (mut after, mut left_out, mut out) = (from, LeftOut::default(), Vec::new());
    let join = match &reached {
        Some(reached) => {
            tell(&format!("going on after {}, with {}", reached.cursor, records(reached.records)));
            after = RecordId::parse(&reached.cursor);
            left_out = reached.left_out;
            Join::resume(format, reached.records, sink.header(format)?)
        }
        None => {
            let join = Join::resume(format, 0, None);
            join.start(&mut out);
            join
        }
    };
    let progress = (!arguments.follow).then(Progress::start);
    Ok(Run { daemon, arguments, format, join, sink, state, after, left_out, missing: 0, out, progress })
}

#[cfg(test)]
mod tests;
