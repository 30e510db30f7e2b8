//! `tamis receipt verify`: is a receipt of erasure as it was signed. Needs no config and no daemon, only the public key.
//! `tamis receipt key` asks the daemon for that.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::Method;

use crate::api::erasures::ReceiptKey;
use crate::cli::language;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::forget::receipt::note::VerifierKey;
use crate::forget::receipt::{PAPER_BYTES_MAX, Signed};
use crate::language::Language;
use crate::secret::location::Environment;
use crate::secret::reading::read_small;
use crate::terminal::{Failure, print, print_json, printable, tell};

/// One byte more than a paper may have, so that one that is too long is seen to be.
const READ_BYTES_MAX: u64 = PAPER_BYTES_MAX as u64 + 1;

const EXAMPLE: &str = "\
Whoever issued the receipt makes the public key known. The receipt may be text, HTML or its signed text alone. Prints what was
signed if its signature holds, and nothing else that the file says.
Exit codes: 0 it holds, 1 it does not, or the file is no receipt of this key, 2 the command line or the key is wrong.

Example:
  tamis receipt verify receipt.txt --key leads.example.com/receipts+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

const EXAMPLE_OF_KEY: &str = "\
Give it to whoever gets a receipt, or publish it.
Exit codes: 0 printed, 1 refused, 69 tamis does not run.

Example:
  tamis receipt key";

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Check the signature of a receipt and say what stands in it
    #[command(after_help = EXAMPLE)]
    Verify(VerifyArguments),
    /// Print the public key by which receipts of this tamis are checked
    #[command(after_help = EXAMPLE_OF_KEY)]
    Key(KeyArguments),
}

#[derive(clap::Args)]
struct KeyArguments {
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct VerifyArguments {
    /// The receipt as it was handed out (text, HTML or note), or `-` for stdin
    file: PathBuf,
    /// The public key of whoever issued it, as name+id+key
    #[arg(long, value_parser = key)]
    key: VerifierKey,
    /// In which language it is said
    #[arg(long, value_parser = language::of_tag(), default_value = "en")]
    lang: Language,
    /// Print the receipt's JSON, as it was signed
    #[arg(long, conflicts_with = "lang")]
    json: bool,
}

pub(super) fn key(text: &str) -> Result<VerifierKey, &'static str> {
    VerifierKey::parse(text).ok_or("this is no public key of a signed note, or a letter of it is missing")
}

/// Verifies one, or prints the key.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    match arguments.verb {
        Verb::Verify(arguments) => verify(arguments),
        Verb::Key(KeyArguments { socket }) => {
            let daemon = Daemon::at(socket.locate(config, environment)?)?;
            let body = daemon.fetch(daemon.call(Method::GET, "/receipts/key")).await?;
            let ReceiptKey { key } = parse(&body)?;
            print(&format!("{}\n", printable(&key)))
        }
    }
}

fn verify(VerifyArguments { file, key, lang, json }: VerifyArguments) -> Result<(), Failure> {
    let paper = read(&file)?;
    let signed = Signed::in_paper(&paper, &key).map_err(|fault| {
        let told = format!("{} is not taken: {} ({fault}).", file.display(), fault.sentence());
        Failure::failed(format!("{told} What to do: tamis explain {fault}"))
    })?;
    let (name, id) = (key.name().as_str(), key.id_text());
    if json {
        print_json(signed.json())?;
    } else {
        print(&signed.text(lang))?;
    }
    tell(&format!(
        "the signature of {name} (key {id}) holds: this is what it signed, whatever else the file says"
    ));
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |why: String| Failure::failed(format!("cannot read {}: {why}", file.display()));
    if file == Path::new("-") {
        let mut note = Vec::new();
        let read = std::io::stdin().lock().take(READ_BYTES_MAX).read_to_end(&mut note);
        return read.map(|_| note).map_err(|error| cannot(error.kind().to_string()));
    }
    read_small(file, READ_BYTES_MAX).map(|file| file.bytes.to_vec()).map_err(|why| cannot(why.to_string()))
}
