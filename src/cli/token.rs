//! `tamis token create|list|revoke`: keys to the admin side's TCP door.

use reqwest::Method;

use crate::api::tokens::{CreatedToken, NewToken, Token, Tokens};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::{purposes, reasons};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{Table, or_dash};
use crate::terminal::{print, print_json, printable, tell};

/// Making and revoking tokens is part of running tamis; that is the reason that the trail shows unless another is given.
const REASON_DEFAULT: &str = "support";

#[derive(clap::Args)]
#[command(after_help = CREATE_EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Make a token; its text is printed once, on stdout
    #[command(after_help = CREATE_EXAMPLE)]
    Create(CreateArguments),
    /// List the tokens, without their secrets
    #[command(after_help = "Example:\n  tamis token list")]
    List(ListArguments),
    /// Take a token back
    #[command(after_help = "Example:\n  tamis token revoke 0f3a9c1e5b7d2468")]
    Revoke(RevokeArguments),
}

const CREATE_EXAMPLE: &str = "\
Example:
  tamis token create --name crm --role exporter --purpose devis --recipient crm --reason crm-sync";

#[derive(clap::Args)]
struct CreateArguments {
    /// What you call it: who will hold it, what it is for
    #[arg(long)]
    name: String,
    /// What it may do
    #[arg(long, value_parser = ["viewer", "exporter", "officer", "admin"])]
    role: String,
    /// A purpose that it may export; for an exporter, repeatable
    #[arg(long = "purpose", value_name = "PURPOSE")]
    purposes: Vec<String>,
    /// On whose behalf it exports: a recipient that each purpose lists; for an exporter
    #[arg(long, value_name = "ID")]
    recipient: Option<String>,
    /// Why it exports; for an exporter
    #[arg(long, value_parser = reasons())]
    reason: Option<String>,
    /// How long it lives, in days, at most 730
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    expires_days: u32,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct ListArguments {
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct RevokeArguments {
    /// The token's id: what stands before the dot
    id: String,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = REASON_DEFAULT)]
    reason: String,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Makes, lists or revokes.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    match arguments.verb {
        Verb::Create(arguments) => {
            create(&Daemon::at(arguments.socket.locate(config, environment)?)?, &arguments).await
        }
        Verb::List(arguments) => {
            list(&Daemon::at(arguments.socket.locate(config, environment)?)?, arguments.json).await
        }
        Verb::Revoke(arguments) => {
            revoke(&Daemon::at(arguments.socket.locate(config, environment)?)?, &arguments).await
        }
    }
}

async fn create(daemon: &Daemon, arguments: &CreateArguments) -> Result<(), Failure> {
    let exporter = arguments.role == "exporter";
    let new = NewToken {
        name: arguments.name.clone(),
        role: arguments.role.clone(),
        purposes: arguments.purposes.clone(),
        recipient: arguments.recipient.clone(),
        reason: arguments.reason.clone().filter(|_| exporter),
        expires_days: Some(arguments.expires_days.into()),
    };
    let reason = arguments.reason.as_deref().unwrap_or(REASON_DEFAULT);
    let call = daemon.call(Method::POST, "/tokens").header("Tamis-Reason", reason);
    let given: Vec<&str> = arguments.purposes.iter().map(String::as_str).collect();
    let answer = purposes::fetch(daemon, call.body(written(&new)?), &given).await?;
    let CreatedToken { id, token, expires_at } = parse(&answer)?;
    tell(&format!(
        "token {} for {} ({}), until {}. It is shown this once; keep it as you keep a password.",
        printable(&id),
        printable(&arguments.name),
        arguments.role,
        printable(&expires_at.to_string())
    ));
    print(&format!("{}\n", printable(&token)))
}

async fn list(daemon: &Daemon, json: bool) -> Result<(), Failure> {
    let body = daemon.fetch(daemon.call(Method::GET, "/tokens")).await?;
    if json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let Tokens { tokens } = parse(&body)?;
    if tokens.is_empty() {
        tell("there are no tokens: the TCP door opens to nobody");
        return Ok(());
    }
    print(&page(&tokens))
}

fn page(tokens: &[Token]) -> String {
    let mut table = Table::new(&["id", "name", "role", "purposes", "recipient", "reason", "until"]);
    for token in tokens {
        let purposes: Vec<String> = token.purposes.iter().map(ToString::to_string).collect();
        let purposes = if purposes.is_empty() { "-".to_owned() } else { purposes.join(",") };
        let until = format!("{}{}", token.expires_at, if token.expired { " (expired)" } else { "" });
        table.row([
            token.id.clone(),
            token.name.clone(),
            token.role.to_string(),
            purposes,
            or_dash(&token.recipient),
            or_dash(&token.reason),
            until,
        ]);
    }
    table.to_string()
}

async fn revoke(daemon: &Daemon, arguments: &RevokeArguments) -> Result<(), Failure> {
    let id = &arguments.id;
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // The text of the whole token ends here too, before it is sent anywhere.
        return Err(Failure::new(Exit::Usage, "a token's id is what stands before the dot: 16 hex digits"));
    }
    let call =
        daemon.call(Method::DELETE, &format!("/tokens/{id}")).header("Tamis-Reason", &arguments.reason);
    daemon.fetch(call).await?;
    tell(&format!("token {id} is revoked"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table() {
        let body = r#"{"tokens":[
            {"id":"0f3a9c1e5b7d2468","name":"crm","role":"exporter","purposes":["devis","lettre"],"recipient":"crm",
             "reason":"crm-sync","created_at":"2026-11-25T08:00:00Z","expires_at":"2027-11-25T08:00:00Z","expired":false},
            {"id":"1111111111111111","name":"watch","role":"viewer","purposes":[],"recipient":null,"reason":null,
             "created_at":"2026-11-25T08:00:00Z","expires_at":"2026-11-26T08:00:00Z","expired":true}]}"#;
        let Tokens { tokens } = parse(body.as_bytes()).expect("an answer");
        let expected = concat!(
            "  id                name   role      purposes      recipient  reason    until\n",
            "  0f3a9c1e5b7d2468  crm    exporter  devis,lettre  crm        crm-sync  2027-11-25T08:00:00Z\n",
            "  1111111111111111  watch  viewer    -             -          -         2026-11-26T08:00:00Z (expired)\n",
        );
        assert_eq!(page(&tokens), expected);
    }
}
