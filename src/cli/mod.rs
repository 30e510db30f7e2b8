//! The command line: one file a verb. What people read goes to stderr, what scripts read to stdout; colour has `status` alone, on
//! a terminal.
//!
//! Verbs that look into a running tamis speak to it over the admin socket, so that they need no token and no second
//! way into the store.

mod address;
mod backup;
mod changes;
mod check;
mod clock;
mod completions;
mod confirm;
mod correct;
mod desk;
#[cfg(test)]
mod documents;
mod erase;
mod explain;
mod export;
mod find;
mod form;
mod health;
mod ids;
mod inbox;
mod init;
mod keys;
mod language;
mod mail;
mod manual;
mod notice;
mod paper;
mod person;
mod purposes;
mod receipt;
mod reconfirm;
mod restore;
mod restrict;
mod serve;
mod socket;
mod status;
mod stdin;
mod suppress;
mod token;
mod trail;
mod vacuum;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, Parser, Subcommand};

#[cfg(feature = "demo")]
use crate::play::{demo, sandbox};
use crate::random::SystemRandom;
use crate::secret::location::Environment;
use crate::terminal::{self, Failure};
use crate::trail::Reason;
use crate::version::VERSION;

pub use crate::terminal::Exit;
pub use socket::ConfigPath;

/// Receives Facebook and Instagram lead-form submissions, and keeps only what a declared purpose allows, sealed.
#[derive(Parser)]
#[command(name = "tamis", bin_name = "tamis", version = VERSION, color = ColorChoice::Never, disable_help_subcommand = true)]
struct Cli {
    /// The config file [default: $TAMIS_CONFIG, else /etc/tamis/tamis.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon
    Serve(serve::Arguments),
    /// See it work: many leads from a simulated Meta, on this machine, nothing left behind
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Play Meta's side, to develop against
    #[cfg(feature = "demo")]
    Sandbox(sandbox::Arguments),
    /// Write a commented config, a root key and a verify token into a new directory
    Init(init::Arguments),
    /// Look the config over without starting
    Check(check::Arguments),
    /// Read the records of a purpose out of a running tamis
    Export(export::Arguments),
    /// Look one submission up, or the records of an address
    Find(find::Arguments),
    /// Do what somebody asks for who says an address
    Person(person::Arguments),
    /// Erase a submission for good, and hand out the receipt
    Erase(erase::Arguments),
    /// Show an erasure again, and its receipt
    Erasure(erase::ErasureArguments),
    /// Put right what a record holds; what it held can be read nowhere afterwards
    Correct(correct::Arguments),
    /// Take down that a person said yes once more, to the boxes that they named
    Confirm(confirm::Arguments),
    /// Let nobody use a record for a while, lift that, or list what is restricted
    Restrict(restrict::Arguments),
    /// Ask people whether they still agree: how it stands, run it now, pause it, who is due, who was asked
    Reconfirm(reconfirm::Arguments),
    /// Show how far recipients have followed what became of their records
    Changes(changes::Arguments),
    /// Show what a form was, and what is the matter with it; `form check` of all forms
    Form(form::Arguments),
    /// Ask a running tamis whether it takes notifications
    Health(health::Arguments),
    /// Is it well? One screen: what needs you, what waits and why
    Status(status::Arguments),
    /// Show what is on its way, what waits and what needs you
    Inbox(inbox::Arguments),
    /// Print what people are told of a purpose
    Notice(notice::Arguments),
    /// Make the record of processing activities (GDPR art. 30), from the config alone
    Register(desk::RegisterArguments),
    /// Collect the facts for a data protection impact assessment (GDPR art. 35)
    DpiaFacts(desk::DpiaArguments),
    /// Collect the facts for the notification of a breach (GDPR art. 33), of a time
    BreachReport(desk::BreachArguments),
    /// Make, list and revoke tokens for the admin side's TCP door
    Token(token::Arguments),
    /// Name addresses that may not be stored, list them, let them be stored again
    Suppress(suppress::Arguments),
    /// Show who did what, when and why
    Trail(trail::Arguments),
    /// Make a backup of store and keyring, from a running tamis
    Backup(backup::Arguments),
    /// Clear the sealed rest of what was erased out of the store's file, in a running tamis
    Vacuum(vacuum::Arguments),
    /// Restore a backup, while tamis does not run
    Restore(restore::Arguments),
    /// Seal the keyring under another root key, while tamis does not run
    Keys(keys::Arguments),
    /// Say that a clock that leapt forward is right
    Clock(clock::Arguments),
    /// Try the mail server of the config: `mail test`
    Mail(mail::Arguments),
    /// Check a receipt of erasure, or print the key that they are signed with
    Receipt(receipt::Arguments),
    /// Say what a code means and what to do about it
    Explain(explain::Arguments),
    /// Print a man page
    Manual(manual::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
}

/// Threads that carry fetchers, timers and the command line's side; the listeners have their own.
const RUNTIME_THREADS: usize = 2;

/// How long what still runs on other threads may take once a verb has ended.
const RUNTIME_END_WITHIN: Duration = Duration::from_secs(2);

/// Runs one command line, prints what it has to say, and tells how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Exit {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(act(arguments, environment));
            // A reading that hangs in the system does not keep the process.
            runtime.shutdown_timeout(RUNTIME_END_WITHIN);
            exit
        }
        Err(error) => {
            terminal::tell(&format!("error: no threads to run on: {}", error.kind()));
            Exit::Failed
        }
    }
}

async fn act(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(told) => {
            let exit = terminal::told_by_clap(&told);
            if lacks_a_reason(&told) {
                terminal::tell(&choice_of_reasons());
            }
            return exit;
        }
    };
    let config = ConfigPath::of(cli.config, environment);
    // A person may take the time to read what a verb says; a daemon waits for nobody.
    let tell =
        if matches!(cli.command, Command::Serve(_)) { terminal::tell_in_passing } else { terminal::tell };
    match obey(cli.command, &config, environment).await {
        Ok(()) => Exit::Done,
        Err(failure) => {
            tell(&format!("error: {failure}"));
            failure.exit
        }
    }
}

async fn obey(command: Command, config: &ConfigPath, environment: &Environment) -> Result<(), Failure> {
    match command {
        Command::Serve(_) => serve::run(config, environment).await,
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => demo::run(&arguments, environment).await,
        #[cfg(feature = "demo")]
        Command::Sandbox(arguments) => sandbox::run(&arguments, &config.path, environment).await,
        Command::Init(arguments) => {
            let told =
                init::run(&arguments, &SystemRandom).map_err(|error| Failure::failed(error.to_string()))?;
            terminal::print(&told)
        }
        Command::Check(arguments) => {
            let verdict = check::run(&arguments, &config.path, environment).await;
            match verdict.is_json {
                true => terminal::print_json(&verdict.told)?,
                false => terminal::print(&verdict.told)?,
            }
            if !verdict.remarks.is_empty() {
                terminal::tell(verdict.remarks.trim_end());
            }
            match verdict.refusal {
                Some(sentence) => Err(Failure::new(Exit::ConfigRefused, sentence)),
                None => Ok(()),
            }
        }
        Command::Export(arguments) => export::run(arguments, config, environment).await,
        Command::Find(arguments) => find::run(arguments, config, environment).await,
        Command::Person(arguments) => person::run(arguments, config, environment).await,
        Command::Erase(arguments) => erase::run(arguments, config, environment).await,
        Command::Erasure(arguments) => erase::show(arguments, config, environment).await,
        Command::Confirm(arguments) => confirm::run(arguments, config, environment).await,
        Command::Correct(arguments) => correct::run(arguments, config, environment).await,
        Command::Restrict(arguments) => restrict::run(arguments, config, environment).await,
        Command::Reconfirm(arguments) => reconfirm::run(arguments, config, environment).await,
        Command::Changes(arguments) => changes::run(arguments, config, environment).await,
        Command::Form(arguments) => form::run(arguments, config, environment).await,
        Command::Health(arguments) => health::run(&arguments, config, environment).await,
        Command::Status(arguments) => status::run(&arguments, config, environment).await,
        Command::Inbox(arguments) => inbox::run(arguments, config, environment).await,
        Command::Token(arguments) => token::run(arguments, config, environment).await,
        Command::Suppress(arguments) => suppress::run(arguments, config, environment).await,
        Command::Trail(arguments) => trail::run(arguments, config, environment).await,
        Command::Backup(arguments) => backup::run(arguments, config, environment).await,
        Command::Vacuum(arguments) => vacuum::run(arguments, config, environment).await,
        Command::Restore(arguments) => restore::run(arguments, config, environment).await,
        Command::Keys(arguments) => keys::run(arguments, config, environment),
        Command::Clock(arguments) => clock::run(arguments, config, environment).await,
        Command::Mail(arguments) => mail::run(arguments, config, environment).await,
        Command::Notice(arguments) => notice::run(&arguments, config, environment),
        Command::Register(arguments) => desk::register(arguments, config, environment),
        Command::DpiaFacts(arguments) => desk::dpia_facts(arguments, config, environment).await,
        Command::BreachReport(arguments) => desk::breach_report(arguments, config, environment).await,
        Command::Receipt(arguments) => receipt::run(arguments, config, environment).await,
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Manual(arguments) => manual::run(Cli::command(), &arguments),
        Command::Completions(arguments) => completions::run(Cli::command(), &arguments),
    }
}

/// The closed list of reasons, as clap shows and checks it.
fn reasons() -> PossibleValuesParser {
    let value = |reason: &Reason| PossibleValue::new(reason.as_str()).help(reason.meaning());
    Reason::ALL.iter().map(value).collect::<Vec<_>>().into()
}

/// Nobody is to look up a list in order to say why.
fn lacks_a_reason(told: &clap::Error) -> bool {
    let names = |value: &ContextValue| match value {
        ContextValue::Strings(arguments) => arguments.iter().any(|argument| argument.starts_with("--reason")),
        _ => false,
    };
    told.kind() == ErrorKind::MissingRequiredArgument && told.get(ContextKind::InvalidArg).is_some_and(names)
}

fn choice_of_reasons() -> String {
    let reasons = Reason::ALL.iter();
    let lines = reasons.map(|reason| format!("\n  --reason {:<15} {}", reason.as_str(), reason.meaning()));
    format!("\nWhy? It stands in the trail:{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_each_verb_ends_with_an_example() {
        fn verbs(command: &mut clap::Command, path: &str, told: &mut Vec<String>) {
            if command.get_subcommands().next().is_none() {
                told.push(format!("{path}\n{}", command.render_long_help()));
            }
            for verb in command.get_subcommands_mut() {
                let path = format!("{path} {}", verb.get_name());
                verbs(verb, &path, told);
            }
        }
        let mut told = Vec::new();
        verbs(&mut Cli::command(), "tamis", &mut told);
        assert!(told.len() >= 7, "{} verbs", told.len());
        for help in told {
            let (verb, _) = help.split_once('\n').expect("a first line");
            let example = help.rsplit_once("Example:").map(|(_, example)| example.to_owned());
            assert!(example.is_some_and(|example| example.contains(verb)), "{help}");
        }
    }
}
