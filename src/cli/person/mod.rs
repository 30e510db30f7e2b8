//! `tamis person …`: what somebody may ask for who says an address. It comes on stdin alone: a command line stays in the shell's
//! history, and others see it.

mod access;
mod bounce;
mod erase;
mod link;
mod requests;
mod restrict;
mod withdraw;

use crate::cli::socket::ConfigPath;
use crate::cli::stdin::one_line;
use crate::secret::location::Environment;
use crate::terminal::Failure;

/// Why, where nobody says another reason: they asked.
const REASON: &str = "person-request";

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Everything that is held of them, as they have a right to it (GDPR art. 15)
    Access(access::Arguments),
    /// Everything of theirs goes (art. 17), with a receipt
    Erase(erase::EraseArguments),
    /// Nobody uses what is theirs for a while (art. 18)
    Restrict(restrict::Arguments),
    /// They are stored no more, and what an objection ends goes (art. 21), with a receipt
    Object(erase::ObjectArguments),
    /// Their consents end, or some of them (art. 7(3)), with what hangs on them
    Withdraw(withdraw::Arguments),
    /// Mail comes back from their address: nobody writes there any more
    Bounce(bounce::Arguments),
    /// A link by which they open their own page
    Link(link::Arguments),
    /// What people asked for, and by when each is answered (art. 12(3))
    Requests(requests::Arguments),
}

/// Of whom.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// Whoever has the e-mail address on stdin
    #[arg(long)]
    email_stdin: bool,
    /// Whoever has the telephone number on stdin
    #[arg(long)]
    phone_stdin: bool,
}

/// An address as it was typed.
enum Address {
    Email(String),
    Phone(String),
}

impl Who {
    fn read(&self) -> Result<Address, Failure> {
        let typed = one_line("an address")?;
        Ok(if self.email_stdin { Address::Email(typed) } else { Address::Phone(typed) })
    }
}

/// Does what they ask for.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    match arguments.verb {
        Verb::Access(arguments) => access::run(arguments, config, environment).await,
        Verb::Erase(arguments) => erase::erase(arguments, config, environment).await,
        Verb::Restrict(arguments) => restrict::run(arguments, config, environment).await,
        Verb::Object(arguments) => erase::object(arguments, config, environment).await,
        Verb::Withdraw(arguments) => withdraw::run(arguments, config, environment).await,
        Verb::Bounce(arguments) => bounce::run(arguments, config, environment).await,
        Verb::Link(arguments) => link::run(arguments, config, environment).await,
        Verb::Requests(arguments) => requests::run(arguments, config, environment).await,
    }
}
