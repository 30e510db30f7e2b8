//! `tamis mail test`: hands one mail to the server that the config names, and says what came of it. By itself, without a running
//! tamis: mail is looked at before the first start, and nothing but this command has to hold the password
//! (docs/decisions/0244-mail-is-tried-without-a-daemon.md).

use crate::cli::ConfigPath;
use crate::cli::language;
use crate::cli::stdin::one_line;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Faults};
use crate::language::Language;
use crate::mail::{Accepted, Addressee, MailCode, MailError, Session, Settings, Stamp, trial};
use crate::random::SystemRandom;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, tell};

const EXAMPLE: &str = "\
The server is that of [mail] in the config. Run it as the user who may read its password. Exit codes: 0 the server took
the mail, 1 it did not, 2 no address, 78 the config is refused or has no [mail].

Example:
  tamis mail test postmaster@example.com --config /etc/tamis/tamis.toml";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Send one mail that asks nothing, to see whether mails arrive
    #[command(after_help = EXAMPLE)]
    Test(TestArguments),
}

#[derive(clap::Args)]
struct TestArguments {
    #[command(flatten)]
    to: To,
    /// In which language
    #[arg(long, value_parser = language::of_tag(), default_value = "en")]
    lang: Language,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct To {
    /// An address of your own: a command line stays in the shell's history
    #[arg(value_name = "ADDRESS")]
    address: Option<String>,
    /// The address on stdin
    #[arg(long)]
    email_stdin: bool,
}

/// Sends it.
pub(super) async fn run(
    Arguments { verb: Verb::Test(arguments) }: Arguments,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let typed = match arguments.to.address {
        Some(address) => address,
        None => one_line("an address")?,
    };
    let Some(to) = Addressee::parse(&typed) else {
        let sentence = "that is no address that mail reaches: write one alone, as in anne@example.com";
        return Err(Failure::new(Exit::Usage, sentence));
    };
    let refused = |faults: Faults| {
        Failure::new(Exit::ConfigRefused, format!("{} is refused.\n\n{faults}", path.path.display()))
    };
    let config = config::load(&path.path, environment).map_err(refused)?;
    let password = config.mail_password(environment).map_err(refused)?;
    let Some(settings) = config.mail_settings(password) else {
        let sentence = format!(
            "{} has no [mail]: the server, and whose mails they are, stand there",
            path.path.display()
        );
        return Err(Failure::new(Exit::ConfigRefused, sentence));
    };
    let place = format!("{}:{}", settings.server, settings.port);
    match send(to, &config, &settings, arguments.lang).await {
        Ok(Accepted { reply, status }) => {
            let status = status.map(|status| format!(" {status}")).unwrap_or_default();
            tell(&format!(
                "{place} took the mail ({reply}{status}). Look whether it arrived, among spam too. Its source says what SPF, DKIM \
                 and DMARC came to."
            ));
            Ok(())
        }
        Err(error) => {
            let sentence = why(error.code);
            Err(Failure::failed(format!(
                "{place} {sentence} [{error}]. What to do: tamis explain {}",
                error.code
            )))
        }
    }
}

async fn send(
    to: Addressee,
    config: &Config,
    settings: &Settings,
    language: Language,
) -> Result<Accepted, MailError> {
    let message = trial(to, &config.controller.name, language);
    let stamp = Stamp::new(SystemClock.now(), &SystemRandom).map_err(|_| MailCode::NotWritten)?;
    let mail = message.written(settings, stamp)?;
    let mut session = Session::open(settings).await?;
    session.offer(&mail).await?;
    let accepted = session.hand_over(&mail).await?;
    session.close().await;
    Ok(accepted)
}

/// What the server did, behind its name.
fn why(code: MailCode) -> &'static str {
    match code {
        MailCode::Unreachable => {
            "takes no connection: no such name, nothing listens there, or a firewall is between"
        }
        MailCode::Slow => "takes too long",
        MailCode::Broken => "broke the connection off",
        MailCode::AnswerLost => "got the mail whole, and its answer did not come: the mail may arrive",
        MailCode::NotSmtp => "does not answer as a mail server does",
        MailCode::NoTls => "offers no TLS, and nothing is sent without",
        MailCode::TlsFailed => "cannot prove to be the server of that name, or speaks no TLS there",
        MailCode::NoAuthorities => "cannot be checked: this machine knows no authorities for certificates",
        MailCode::NoLogin => "takes no login that tamis knows (PLAIN or LOGIN)",
        MailCode::LoginRefused => "refuses user or password",
        MailCode::Unwelcome => "refuses to speak with this machine",
        MailCode::SenderRefused => "does not let this sender send, or not to that address",
        MailCode::AddressRefused => "says that there is no such mailbox, or that it takes nothing",
        MailCode::AddressNotCarried => "cannot carry the letters of that address",
        MailCode::MessageRefused => "refuses the mail itself",
        MailCode::Deferred => "asks to be tried again later",
        MailCode::NotWritten => "was not asked: the mail could not be written",
    }
}
