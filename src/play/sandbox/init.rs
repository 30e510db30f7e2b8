//! `tamis sandbox init DIR`: a config and secrets that fit the Meta that the sandbox plays.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::machine::disk::private_dir;
use crate::play::house::{House, word};
use crate::play::sandbox::{APP_SECRET, page_token};
use crate::terminal::{Exit, Failure, print, shell_word};

/// A socket's path has at most 107 bytes (unix(7)), and the config puts one below the directory.
const DIRECTORY_BYTES_MAX: usize = 107 - "/run/admin.sock".len();

const EXAMPLE: &str = "\
All of it fits `tamis sandbox run` as it stands, and is good for nothing else: its secrets are known to everybody.

Example:
  tamis sandbox init /tmp/try";

/// What the command line says.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// A directory that is empty, or is not there yet
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Where tamis will listen for Meta's calls, on this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The port of the simulated Graph API, as `sandbox run` is told
    #[arg(long, default_value_t = super::PORT)]
    port: u16,
}

/// Writes everything and says what to do next.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() {
        let sentence =
            "everybody knows the sandbox's secrets, so it listens on this machine alone: 127.0.0.1:PORT";
        return Err(Failure::new(Exit::Usage, sentence));
    }
    let directory = std::path::absolute(&arguments.directory).ok().filter(|path| is_usable(path));
    let directory = directory.ok_or_else(|| {
        let bytes = DIRECTORY_BYTES_MAX;
        let sentence = format!(
            "the directory's path must be UTF-8 without control characters and have at most {bytes} bytes"
        );
        Failure::new(Exit::Usage, sentence)
    })?;
    let cannot = |did_not: &'static str| {
        let directory = directory.clone();
        move |error: std::io::Error| Failure::file(&directory, did_not, &error)
    };
    private_dir(&directory).map_err(cannot("make"))?;
    if std::fs::read_dir(&directory).map_err(cannot("read"))?.next().is_some() {
        return Err(Failure::failed(format!(
            "{} is not empty, and nothing is overwritten. Choose another directory",
            directory.display()
        )));
    }
    let house = House {
        mail_port: None,
        listen: &arguments.listen.to_string(),
        graph: &format!("http://127.0.0.1:{}", arguments.port),
        app_secret: APP_SECRET,
        verify_token: &word()?,
        page_token: &page_token,
    };
    let config = house.furnish(&directory)?;
    print(&next_steps(&config, arguments))
}

fn is_usable(directory: &Path) -> bool {
    let good = |text: &str| text.len() <= DIRECTORY_BYTES_MAX && !text.chars().any(char::is_control);
    directory.to_str().is_some_and(good)
}

fn next_steps(config: &Path, arguments: &Arguments) -> String {
    let secrets = config.with_file_name("secrets");
    let [config, secrets] = [config, &secrets].map(|path| shell_word(&path.display().to_string()));
    let webhook = format!("http://{}/webhook", arguments.listen);
    let port = arguments.port;
    format!(
        "\
Written, for this user alone:
  {config}
    a workshop with two purposes and three forms
  {secrets}
    known to everybody, so good for nothing but the sandbox

Next: Meta's side and tamis together, with five leads; it goes on until Ctrl-C:
  tamis sandbox run --serve --leads 5 --config {config}
and in another terminal what became of them:
  tamis export devis --format csv --reason audit --config {config}

To run a tamis that you are changing by itself, Meta's side in a terminal of its own:
  tamis sandbox run --webhook {webhook} --port {port}
  tamis serve --config {config}
  tamis sandbox send --leads 5
"
    )
}
