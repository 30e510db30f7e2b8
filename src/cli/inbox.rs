//! `tamis inbox`: what is on its way, what waits, what needs a human; `tamis inbox requeue` and `tamis inbox drop`.

use std::fmt::Write as _;

use reqwest::Method;

use crate::api::IdText;
use crate::api::inbox::{DropHeld, HeldDropped, Inbox, PageRetried, Requeue, Requeued, RetryPage};
use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{Table, or_dash};
use crate::terminal::{print, print_json, thousands};

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tamis inbox", args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    /// Ask Graph now what the held forms are called
    #[arg(long)]
    names: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Bring refused, buried or waiting references back
    #[command(after_help = "Example:\n  tamis inbox requeue --code consent-missing --reason error")]
    Requeue(RequeueArguments),
    /// Try what waits of a page at once, although it is paused
    #[command(after_help = "Example:\n  tamis inbox retry --page 104000000000001 --reason support")]
    Retry(RetryArguments),
    /// Let held references go, of a form that no purpose claims
    #[command(after_help = "Example:\n  tamis inbox drop --form 901000000000003 --reason error")]
    Drop(DropArguments),
}

#[derive(clap::Args)]
struct RetryArguments {
    /// Which page
    #[arg(long, value_name = "PAGE_ID")]
    page: String,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = "support")]
    reason: String,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct DropArguments {
    /// Which form's
    #[arg(long, value_name = "FORM_ID")]
    form: String,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons())]
    reason: String,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct RequeueArguments {
    #[command(flatten)]
    which: WantedReferences,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = "support")]
    reason: String,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct WantedReferences {
    /// All with this code
    #[arg(long)]
    code: Option<String>,
    /// All of this form
    #[arg(long, value_name = "FORM_ID")]
    form: Option<String>,
    /// One, by the number that `tamis inbox` shows
    #[arg(long = "ref", value_name = "NUMBER")]
    reference: Option<String>,
}

/// Shows the inbox, brings references back, or lets them go.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    match arguments.verb {
        Some(Verb::Requeue(arguments)) => return requeue(arguments, config, environment).await,
        Some(Verb::Retry(arguments)) => return retry(arguments, config, environment).await,
        Some(Verb::Drop(arguments)) => return drop_held(arguments, config, environment).await,
        None => {}
    }
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let path = if arguments.names { "/inbox?names=true" } else { "/inbox" };
    let body = daemon.fetch(daemon.call(Method::GET, path)).await?;
    if arguments.json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    print(&page(&parse(&body)?))
}

async fn requeue(
    arguments: RequeueArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let which = match arguments.which {
        WantedReferences { code: Some(code), .. } => Requeue { code: Some(code), ..Requeue::default() },
        WantedReferences { form: Some(form), .. } => {
            Requeue { form_id: Some(IdText(form)), ..Requeue::default() }
        }
        WantedReferences { reference: Some(one), .. } => {
            Requeue { reference: Some(IdText(one)), ..Requeue::default() }
        }
        _ => return Err(Failure::new(Exit::Usage, "say --code, --form or --ref")),
    };
    let call = daemon.call(Method::POST, "/inbox/requeue").header("Tamis-Reason", &arguments.reason);
    let body = daemon.fetch(call.body(written(&which)?)).await?;
    let Requeued { requeued } = parse(&body)?;
    print(&format!("{} brought back\n", thousands(requeued)))
}

async fn retry(
    arguments: RetryArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let which = RetryPage { page_id: IdText(arguments.page) };
    let call = daemon.call(Method::POST, "/inbox/retry").header("Tamis-Reason", &arguments.reason);
    let body = daemon.fetch(call.body(written(&which)?)).await?;
    let PageRetried { requeued, paused } = parse(&body)?;
    let ahead = if paused { "one lead goes ahead of the pause" } else { "the page is not paused" };
    print(&format!("{} brought back, {ahead}\n", thousands(requeued)))
}

async fn drop_held(
    arguments: DropArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let which = DropHeld { form_id: IdText(arguments.form) };
    let call = daemon.call(Method::POST, "/inbox/drop").header("Tamis-Reason", &arguments.reason);
    let body = daemon.fetch(call.body(written(&which)?)).await?;
    let HeldDropped { dropped } = parse(&body)?;
    print(&format!("{} dropped\n", thousands(dropped)))
}

/// What needs nobody first, in three lines; then what does, each with what to do.
fn page(overview: &Inbox) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "queued     {}", thousands(overview.queued));
    let _ = writeln!(text, "waiting    {}", thousands(overview.waiting));
    let _ = writeln!(text, "in flight  {}", thousands(overview.in_flight));
    let mut paused = Table::new(&["page", "code", "until"]);
    for page in &overview.paused {
        paused.row([page.page_id.to_string(), page.code.to_string(), page.until.to_string()]);
    }
    section(
        &mut text,
        "paused: Graph refuses this page for now; tamis inbox retry --page PAGE",
        None,
        &paused,
    );
    let mut held = Table::new(&["form", "page", "code", "count", "since", "name"]);
    for form in &overview.held {
        held.row([
            form.form_id.to_string(),
            form.page_id.to_string(),
            or_dash(&form.code),
            thousands(form.count),
            form.oldest.to_string(),
            or_dash(&form.name),
        ]);
    }
    section(
        &mut text,
        "held: give the form a purpose, or its page a token, in the config; tamis inbox drop --form FORM",
        Some((overview.held.len(), overview.totals.held)),
        &held,
    );
    let mut refused = Table::new(&["form", "purpose", "code", "count", "since"]);
    for form in &overview.refused {
        refused.row([
            form.form_id.to_string(),
            form.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
            form.code.to_string(),
            thousands(form.count),
            form.oldest.to_string(),
        ]);
    }
    section(
        &mut text,
        "refused: mend the config, then tamis inbox requeue --code CODE",
        Some((overview.refused.len(), overview.totals.refused)),
        &refused,
    );
    let mut buried = Table::new(&["ref", "form", "code", "attempts", "since"]);
    for one in &overview.buried {
        buried.row([
            one.reference.clone(),
            one.form_id.map_or_else(|| "unreadable".to_owned(), |form| form.to_string()),
            one.code.to_string(),
            thousands(one.attempts.into()),
            one.since.to_string(),
        ]);
    }
    section(
        &mut text,
        "buried: find out why, then tamis inbox requeue --ref REF",
        Some((overview.buried.len(), overview.totals.buried)),
        &buried,
    );
    let mut dropped = Table::new(&["form", "code", "count", "name"]);
    for field in &overview.dropped {
        dropped.row([
            field.form_id.to_string(),
            field.code.to_string(),
            thousands(field.count),
            field.name.clone(),
        ]);
    }
    section(
        &mut text,
        "dropped: answers on no whitelist, or on one and not kept; each lead counts once",
        Some((overview.dropped.len(), overview.totals.dropped)),
        &dropped,
    );
    text
}

/// A list with its title, and how much of it is shown where that is not all.
fn section(text: &mut String, title: &str, of_all: Option<(usize, u64)>, table: &Table) {
    if table.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    if let Some((shown, total)) = of_all.filter(|(shown, total)| (*shown as u64) < *total) {
        let _ = writeln!(text, "the first {} of {}", thousands(shown as u64), thousands(total));
    }
    let _ = write!(text, "{table}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_inbox_is_three_lines() {
        let body = r#"{"queued":0,"waiting":0,"held":[],"refused":[],"buried":[],"paused":[],"dropped":[]}"#;
        assert_eq!(
            page(&parse(body.as_bytes()).expect("an answer")),
            "queued     0\nwaiting    0\nin flight  0\n"
        );
    }

    #[test]
    fn what_needs_a_human_stands_in_sections() {
        let body = r#"{"queued":1203,"waiting":2,"in_flight":7,"totals":{"held":1,"refused":1,"buried":2173,"dropped":1},
            "held":[{"form_id":"901000000000003","page_id":"104000000000001","code":"form-unclaimed","name":"Devis été","count":3,"oldest":"2026-11-25T08:47:38Z"}],
            "refused":[{"form_id":"901000000000002","purpose":"lettre","code":"consent-missing","count":41,"oldest":"2026-11-24T08:47:38Z"}],
            "buried":[{"ref":"7","form_id":"901000000000001","code":"attempts-spent","attempts":750,"since":"2026-10-24T08:47:38Z"}],
            "paused":[{"page_id":"104000000000001","code":"token-dead","until":"2026-11-25T09:00:00Z"}],
            "dropped":[{"form_id":"901000000000001","name":"pointure\u001b[31m","count":5},
                {"form_id":"901000000000002","name":"phone","code":"consent-not-given","count":31}]}"#;
        let expected = "\
queued     1,203
waiting    2
in flight  7

paused: Graph refuses this page for now; tamis inbox retry --page PAGE
             page  code        until
  104000000000001  token-dead  2026-11-25T09:00:00Z

held: give the form a purpose, or its page a token, in the config; tamis inbox drop --form FORM
             form             page  code            count  since                 name
  901000000000003  104000000000001  form-unclaimed      3  2026-11-25T08:47:38Z  Devis été

refused: mend the config, then tamis inbox requeue --code CODE
             form  purpose  code             count  since
  901000000000002  lettre   consent-missing     41  2026-11-24T08:47:38Z

buried: find out why, then tamis inbox requeue --ref REF
the first 1 of 2,173
  ref             form  code            attempts  since
    7  901000000000001  attempts-spent       750  2026-10-24T08:47:38Z

dropped: answers on no whitelist, or on one and not kept; each lead counts once
             form  code               count  name
  901000000000001  not-whitelisted        5  pointure\u{FFFD}[31m
  901000000000002  consent-not-given     31  phone
";
        assert_eq!(page(&parse(body.as_bytes()).expect("an answer")), expected);
    }
}
