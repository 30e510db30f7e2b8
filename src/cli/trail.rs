//! `tamis trail`: who did what, when and why.

use clap::value_parser;
use reqwest::Method;

use crate::api::trail::TrailLine;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::purpose::RecordId;
use crate::secret::location::Environment;
use crate::terminal::Failure;
use crate::terminal::{Table, or_dash};
use crate::terminal::{print, print_json, tell};

#[derive(clap::Args)]
#[command(after_help = "Example:\n  tamis trail --after 1200 --json")]
pub(super) struct Arguments {
    /// Go on after the line with this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// At most this many lines
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print the daemon's NDJSON, one line an act
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Prints lines of the trail, oldest first.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let path = format!("/trail?after={}&limit={}", arguments.after, arguments.limit);
    let body = daemon.fetch(daemon.call(Method::GET, &path)).await?;
    let lines: Vec<TrailLine> =
        body.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()).map(parse).collect::<Result<_, _>>()?;
    if arguments.json {
        print_json(&String::from_utf8_lossy(&body))?;
    } else if !lines.is_empty() {
        print(&page(&lines))?;
    }
    match lines.last() {
        None => tell("there are no lines after this one"),
        Some(last) if lines.len() == arguments.limit as usize => {
            tell(&format!("there may be more: tamis trail --after {}", last.seq));
        }
        Some(_) => {}
    }
    Ok(())
}

fn page(lines: &[TrailLine]) -> String {
    let head = [
        "seq",
        "time",
        "actor",
        "role",
        "action",
        "purpose",
        "count",
        "records",
        "reason",
        "recipient",
        "result",
    ];
    let mut table = Table::new(&head);
    for line in lines {
        table.row([
            line.seq.to_string(),
            line.time.to_string(),
            line.actor.clone(),
            line.role.to_string(),
            line.action.to_string(),
            or_dash(&line.purpose),
            line.count.to_string(),
            range(line.from.as_ref(), line.to.as_ref()),
            or_dash(&line.reason),
            or_dash(&line.recipient),
            line.result.to_string(),
        ]);
    }
    table.to_string()
}

fn range(from: Option<&RecordId>, to: Option<&RecordId>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from != to => format!("{from} … {to}"),
        (Some(one), _) | (None, Some(one)) => one.to_string(),
        (None, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_table() {
        let body = [
            r#"{"seq":1,"time":"2026-11-25T08:47:38Z","actor":"system","role":"system","recipient":null,"action":"stored","purpose":"devis","count":12,"from":"devis-1-1","to":"devis-1-12","reason":null,"result":"done"}"#,
            r#"{"seq":2,"time":"2026-11-25T08:50:00Z","actor":"token:0f3a9c1e5b7d2468","role":"exporter","recipient":"crm","action":"exported","purpose":"devis","count":1,"from":"devis-1-1","to":"devis-1-1","reason":"crm-sync","result":"done"}"#,
        ];
        let lines: Vec<TrailLine> = body.iter().map(|line| parse(line.as_bytes()).expect("a line")).collect();
        let expected = concat!(
            "  seq  time                  actor                   role      action    purpose  count  records                 reason    recipient  result\n",
            "    1  2026-11-25T08:47:38Z  system                  system    stored    devis       12  devis-1-1 … devis-1-12  -         -          done\n",
            "    2  2026-11-25T08:50:00Z  token:0f3a9c1e5b7d2468  exporter  exported  devis        1  devis-1-1               crm-sync  crm        done\n",
        );
        assert_eq!(page(&lines), expected);
    }
}
