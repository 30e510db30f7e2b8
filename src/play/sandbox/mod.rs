//! `tamis sandbox`: Meta's side alone, to develop a config or an integration against. `run` keeps it going; the other
//! sub-commands tell it what to do: send leads, repeat them, make Graph slow or refuse.

mod host;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{print, printable};

const EXAMPLE: &str = "\
Example:
  tamis sandbox run --webhook http://127.0.0.1:8080/webhook
  tamis sandbox send --leads 5
  tamis sandbox graph refuse 190";

const RUN_EXAMPLE: &str = "\
Its secrets are the same at every start. They are known to everybody: never use them for anything else.

Example:
  tamis sandbox run --webhook http://127.0.0.1:8080/webhook";

/// An answer of the sandbox is one short text.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// A burst of the largest size is sent within this.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// What to do.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// Where the sandbox is told what to do [default: $XDG_RUNTIME_DIR/tamis-sandbox.sock, else /tmp/tamis-sandbox.sock]
    #[arg(long, global = true, value_name = "PATH")]
    control: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Play Meta until Ctrl-C
    #[command(after_help = RUN_EXAMPLE)]
    Run {
        /// The webhook of the tamis under development
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/webhook")]
        webhook: String,
        /// The port of the simulated Graph API, on 127.0.0.1
        #[arg(long, default_value_t = 9180)]
        port: u16,
    },
    /// Let people submit forms, and call the webhook
    #[command(after_help = "Example:\n  tamis sandbox send --leads 5 --form 901000000000003")]
    Send {
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        leads: u32,
        /// Of this form alone
        #[arg(long, value_name = "ID")]
        form: Option<String>,
    },
    /// Deliver the last call again, as Meta does when it got no 200
    #[command(after_help = "Example:\n  tamis sandbox repeat --times 10")]
    Repeat {
        /// How often
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        times: u32,
    },
    /// Make the Graph API behave or misbehave
    #[command(after_help = "Example:\n  tamis sandbox graph slow 3000")]
    Graph {
        #[command(subcommand)]
        mood: Mood,
    },
}

#[derive(clap::Subcommand)]
enum Mood {
    /// Answer as it should
    #[command(after_help = "Example:\n  tamis sandbox graph ok")]
    Ok,
    /// Answer after so many milliseconds
    #[command(after_help = "Example:\n  tamis sandbox graph slow 3000")]
    Slow {
        /// Milliseconds
        #[arg(value_parser = clap::value_parser!(u64).range(1..=600_000))]
        ms: u64,
    },
    /// Answer with this error code (190: dead token, 4: throttled, 100: cannot find it, 10: permission)
    #[command(after_help = "Example:\n  tamis sandbox graph refuse 190")]
    Refuse {
        /// Graph's code
        #[arg(value_parser = clap::value_parser!(u32).range(1..=999_999))]
        code: u32,
    },
}

/// Plays, or tells the one that plays.
pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<(), Failure> {
    let control = arguments.control.clone().unwrap_or_else(|| default_control(environment));
    let order = match &arguments.verb {
        Verb::Run { webhook, port } => return host::run(webhook, *port, &control).await,
        Verb::Send { leads, form: None } => format!("send {leads}"),
        Verb::Send { leads, form: Some(form) } => format!("send {leads} {form}"),
        Verb::Repeat { times } => format!("repeat {times}"),
        Verb::Graph { mood: Mood::Ok } => "ok".to_owned(),
        Verb::Graph { mood: Mood::Slow { ms } } => format!("slow {ms}"),
        Verb::Graph { mood: Mood::Refuse { code } } => format!("refuse {code}"),
    };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, tell(&control, &order))
        .await
        .unwrap_or_else(|_| Err(Failure::failed("the sandbox does not answer in time")))?;
    match answer.strip_prefix("error: ") {
        Some(refusal) => Err(Failure::failed(printable(refusal.trim_end()))),
        None => print(&answer),
    }
}

fn default_control(environment: &Environment) -> PathBuf {
    let directory = environment.get("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()).unwrap_or("/tmp");
    Path::new(directory).join("tamis-sandbox.sock")
}

/// One order, one answer.
async fn tell(control: &Path, order: &str) -> Result<String, Failure> {
    let down = |_| {
        let sentence =
            format!("no sandbox answers on {}. Start one with `tamis sandbox run`", control.display());
        Failure::new(Exit::DaemonDown, sentence)
    };
    let mut stream = UnixStream::connect(control).await.map_err(down)?;
    let broken = |_| Failure::failed("the sandbox broke off");
    stream.write_all(order.as_bytes()).await.map_err(broken)?;
    stream.shutdown().await.map_err(broken)?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await.map_err(broken)?;
    Ok(answer)
}
