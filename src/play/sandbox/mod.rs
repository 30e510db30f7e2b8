//! `tamis sandbox`: Meta's side, to develop a config or an integration against. `init` writes a config that fits it, `run`
//! keeps it going, alone or with tamis beside it; the other sub-commands tell it what to do: send leads, repeat them, make
//! Graph slow or refuse.

mod host;
mod init;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{print, printable};

const EXAMPLE: &str = "\
Example:
  tamis sandbox init /tmp/try
  tamis sandbox run --webhook http://127.0.0.1:8080/webhook
  tamis sandbox send --leads 5
  tamis sandbox graph refuse 190";

/// Known to everybody, and good for nothing but this.
const APP_SECRET: &str = "sandbox-app-secret";
/// Where the simulated Graph API listens if nobody says.
const PORT: u16 = 9180;

const RUN_EXAMPLE: &str = "\
Its secrets are the same at every start. They are known to everybody: never use them for anything else.

Example:
  tamis sandbox run --webhook http://127.0.0.1:8080/webhook
  tamis sandbox run --serve --leads 5 --config /tmp/try/tamis.toml";

/// An answer of the sandbox is one short text.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// With its word before it, an order has room for so many bytes of a verify token.
const TOKEN_BYTES_MAX: u64 = 200;
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
    /// Write a config and secrets that fit the sandbox into a new directory
    Init(init::Arguments),
    /// Play Meta until Ctrl-C
    #[command(after_help = RUN_EXAMPLE)]
    Run {
        /// The webhook of the tamis under development
        #[arg(
            long,
            value_name = "URL",
            default_value = "http://127.0.0.1:8080/webhook",
            conflicts_with = "serve"
        )]
        webhook: String,
        /// The port of the simulated Graph API, on 127.0.0.1
        #[arg(long, default_value_t = PORT, conflicts_with = "serve")]
        port: u16,
        /// Run tamis in this process too, with the config of `--config`, which says webhook and port
        #[arg(long)]
        serve: bool,
        /// Let so many people submit a form at once, and say when tamis has read them
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
        leads: u32,
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
    /// Ask the webhook whether it is ours, as Meta does before it subscribes
    #[command(after_help = "Example:\n  tamis sandbox handshake /tmp/try/secrets/verify-token")]
    Handshake {
        /// The file with the verify token of the tamis under development
        #[arg(value_name = "FILE")]
        verify_token: PathBuf,
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

/// Plays, or tells the one that plays. `config` is the one of the tamis that is to run beside it.
pub async fn run(arguments: &Arguments, config: &Path, environment: &Environment) -> Result<(), Failure> {
    let control = arguments.control.clone().unwrap_or_else(|| default_control(environment));
    let order = match &arguments.verb {
        Verb::Init(arguments) => return init::run(arguments),
        Verb::Run { webhook, port, serve: false, leads } => {
            return host::alone(webhook, *port, *leads as usize, &control).await;
        }
        Verb::Run { serve: true, leads, .. } => {
            return host::with_tamis(config, environment, *leads as usize, &control).await;
        }
        Verb::Send { leads, form: None } => format!("send {leads}"),
        Verb::Send { leads, form: Some(form) } => format!("send {leads} {form}"),
        Verb::Handshake { verify_token } => format!("handshake {}", token_in(verify_token)?),
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

/// The token of a page, as its simulated Meta knows it.
fn page_token(page: &str) -> String {
    let pages = tamis_simulator::demo_world(0, 0).pages;
    pages.into_iter().find(|known| known.id == page).map(|known| known.token).unwrap_or_default()
}

/// A verify token as its file has it: one line of visible characters.
fn token_in(path: &Path) -> Result<String, Failure> {
    let cannot = |error: std::io::Error| Failure::file(path, "read", &error);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, TOKEN_BYTES_MAX + 2), &mut text)
        .map_err(cannot)?;
    let token = text.trim_end_matches(['\n', '\r']);
    let is_one = !token.is_empty()
        && token.len() as u64 <= TOKEN_BYTES_MAX
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then(|| token.to_owned()).ok_or_else(|| {
        Failure::failed(format!(
            "{} has no verify token: one line of at most {TOKEN_BYTES_MAX} visible characters",
            path.display()
        ))
    })
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
