//! The whole verb against a daemon that hands out canned pages over a real socket.

use std::fs::{read_to_string, write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::stream;

use clap::Parser as _;

use super::*;
use crate::cli::{Exit, act};

/// Three records in pages of two; `broken` calls of the second page are cut off in the middle of a record.
struct Canned {
    broken: AtomicUsize,
}

async fn leads(request: HttpRequest, canned: Data<Canned>) -> HttpResponse {
    let query = request.query_string();
    let csv = query.contains("format=csv");
    if query.contains("dialect=excel") {
        let (next, more) =
            if query.contains("after=") { ("devis-1-2", "false") } else { ("devis-1-1", "true") };
        let mut head = HttpResponse::Ok();
        head.insert_header(("Tamis-Next-Cursor", next)).insert_header(("Tamis-More", more));
        return head.body(format!("\u{feff}id;phone\r\n{next};\"=\"\"+336\"\"\"\r\n"));
    }
    assert!(query.contains("limit=2&test=exclude"), "{query}");
    assert_eq!(request.headers().get("tamis-reason").expect("a reason"), "audit");
    let mut head = HttpResponse::Ok();
    if query.contains("after=devis-1-2") {
        head.insert_header(("Tamis-Next-Cursor", "devis-1-3")).insert_header(("Tamis-More", "false"));
        let left_out = [
            ("Tamis-Records", "5"),
            ("Tamis-Expired-Left-Out", "2"),
            ("Tamis-Test-Left-Out", "1"),
            ("Tamis-Restricted-Left-Out", "6"),
        ];
        for header in left_out {
            head.insert_header(header);
        }
        if canned.broken.load(Ordering::SeqCst) > 0 {
            canned.broken.fetch_sub(1, Ordering::SeqCst);
            let half = if csv { "id,email\r\ndevis-1-3,c@" } else { "{\"id\":\"devis" };
            let pieces = [Ok(Bytes::from(half)), Err(std::io::Error::other("broken"))];
            return head.streaming(stream::iter(pieces));
        }
        return head.body(if csv {
            "id,email\r\ndevis-1-3,c@d.example\r\n"
        } else {
            "{\"id\":\"devis-1-3\"}\n"
        });
    }
    assert!(!query.contains("after="), "{query}");
    head.insert_header(("Tamis-Next-Cursor", "devis-1-2")).insert_header(("Tamis-More", "true"));
    head.body(if csv {
        "id,email\r\ndevis-1-1,a@b.example\r\ndevis-1-2,\"x\r\ny\"\r\n"
    } else {
        "{\"id\":\"devis-1-1\"}\n{\"id\":\"devis-1-2\"}\n"
    })
}

/// Runs `act` while the canned daemon listens in `directory`.
async fn with_daemon(directory: &Path, broken: usize, act: impl AsyncFnOnce()) {
    let canned = Data::from(Arc::new(Canned { broken: AtomicUsize::new(broken) }));
    let socket = std::os::unix::net::UnixListener::bind(directory.join("admin.sock")).expect("a socket");
    let server = HttpServer::new(move || {
        let app = App::new().app_data(canned.clone());
        app.route("/admin/v1/purposes/devis/leads", web::get().to(leads))
    });
    let server = server.workers(1).disable_signals().listen_uds(socket).expect("listening").run();
    let handle = server.handle();
    let client = async {
        act().await;
        handle.stop(false).await;
    };
    let (served, ()) = tokio::join!(server, client);
    served.expect("served");
}

async fn export(directory: &Path, format: &str, more: &[&str]) -> Exit {
    let path = |name: &str| directory.join(name).display().to_string();
    let (output, socket) = (path("out"), path("admin.sock"));
    let mut line = vec!["tamis", "export", "devis", "--format", format, "-o", &output, "--socket", &socket];
    line.extend(["--reason", "audit", "--limit-page", "2"]);
    line.extend(more);
    act(line.into_iter().map(Into::into), &Environment::default()).await
}

const CSV: &str = "id,email\r\ndevis-1-1,a@b.example\r\ndevis-1-2,\"x\r\ny\"\r\ndevis-1-3,c@d.example\r\n";

#[tokio::test]
async fn pages_become_one_file_with_one_header() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    with_daemon(here, 0, async || {
        assert_eq!(export(here, "csv", &[]).await, Exit::Done);
        assert_eq!(read_to_string(here.join("out")).expect("the file"), CSV);
        assert_eq!(export(here, "json", &[]).await, Exit::Failed);
        assert_eq!(export(here, "json", &["--overwrite"]).await, Exit::Done);
        let text = read_to_string(here.join("out")).expect("the file");
        let value: serde_json::Value = serde_json::from_str(&text).expect("one document");
        assert_eq!(value["leads"].as_array().map(Vec::len), Some(3));
        assert_eq!(value["next_cursor"], "devis-1-3");
    })
    .await;
}

#[tokio::test]
async fn a_dialect_is_passed_on_with_one_mark_at_the_start_and_only_for_csv() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    with_daemon(here, 0, async || {
        assert_eq!(export(here, "csv", &["--dialect", "excel"]).await, Exit::Done);
        assert_eq!(export(here, "ndjson", &["--dialect", "excel", "--overwrite"]).await, Exit::Usage);
        assert_eq!(export(here, "csv", &["--dialect", "lotus", "--overwrite"]).await, Exit::Usage);
    })
    .await;
    let text = read_to_string(here.join("out")).expect("the file");
    assert_eq!(text, "\u{feff}id;phone\r\ndevis-1-1;\"=\"\"+336\"\"\"\r\ndevis-1-2;\"=\"\"+336\"\"\"\r\n");
}

#[tokio::test]
async fn an_export_that_broke_off_goes_on_where_it_stopped() {
    for (format, broken, expected) in [
        ("csv", 2, CSV.to_owned()),
        ("ndjson", 1, "{\"id\":\"devis-1-1\"}\n{\"id\":\"devis-1-2\"}\n{\"id\":\"devis-1-3\"}\n".to_owned()),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path();
        with_daemon(here, broken, async || {
            for _ in 0..broken {
                assert_eq!(export(here, format, &[]).await, Exit::Failed);
                assert!(!here.join("out").exists() && here.join("out.part").exists());
            }
            assert_eq!(export(here, format, &[]).await, Exit::Done);
        })
        .await;
        assert_eq!(read_to_string(here.join("out")).expect("the file"), expected);
        assert!(!here.join("out.part").exists() && !here.join("out.cursor").exists());
    }
}

#[tokio::test]
async fn a_command_line_that_is_wrong_ends_with_2_and_a_missing_daemon_with_69() {
    let directory = tempfile::tempdir().expect("a directory");
    assert_eq!(export(directory.path(), "csv", &[]).await, Exit::DaemonDown);
    assert!(!directory.path().join("out.part").exists());
    assert_eq!(export(directory.path(), "xml", &[]).await, Exit::Usage);
    let purposeless = ["tamis", "export"].map(Into::into);
    assert_eq!(act(purposeless, &Environment::default()).await, Exit::Usage);
    assert_eq!(act(["tamis", "--help"].map(Into::into), &Environment::default()).await, Exit::Done);
}

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// The arguments of an export into `out`, by `state`.
fn by_state(directory: &Path, more: &[&str]) -> Arguments {
    let path = |name: &str| directory.join(name).display().to_string();
    let (output, state) = (path("out"), path("state"));
    let mut line = vec!["export", "devis", "-o", &output, "--state", &state, "--reason", "audit"];
    line.extend(["--limit-page", "2"]);
    line.extend(more);
    Line::try_parse_from(line).unwrap_or_else(|told| panic!("{told}")).arguments
}

/// Follows until this is in the state file.
async fn follow_until(directory: &Path, cursor: &str, more: &[&str]) -> Result<(), Failure> {
    let arguments = by_state(directory, &[&["--follow", "--interval", "1"], more].concat());
    let daemon = Daemon::at(directory.join("admin.sock")).expect("a client");
    let mut run = open(&arguments, &daemon)?;
    let (stop, state) = (Stop::default(), directory.join("state"));
    let watch = async {
        while read_to_string(&state).unwrap_or_default() != cursor {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.request();
    };
    let follow = run.follow(Duration::from_secs(1), &stop);
    let (ended, ()) = tokio::join!(follow, watch);
    ended
}

#[tokio::test]
async fn a_follower_takes_back_what_broke_off_and_goes_on_until_it_is_told_to_end() {
    for (format, expected) in
        [("csv", CSV), ("ndjson", "{\"id\":\"devis-1-1\"}\n{\"id\":\"devis-1-2\"}\n{\"id\":\"devis-1-3\"}\n")]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path();
        with_daemon(here, 2, async || {
            let ended = follow_until(here, "devis-1-3", &["--format", format]).await;
            ended.unwrap_or_else(|failure| panic!("{failure}"));
        })
        .await;
        assert_eq!(read_to_string(here.join("out")).expect("the file"), expected, "{format}");
        assert!(!here.join("state.lock").exists() && !here.join("out.part").exists());
    }
}

#[tokio::test]
async fn a_state_file_is_written_once_the_output_has_its_name_and_what_broke_off_is_gone_on_with() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let state = || read_to_string(here.join("state"));
    with_daemon(here, 1, async || {
        let line = by_state(here, &["--format", "csv"]);
        let daemon = Daemon::at(here.join("admin.sock")).expect("a client");
        assert!(open(&line, &daemon).expect("free").read_out().await.is_err_and(|f| f.is_broken_off()));
        assert!(state().is_err() && here.join("out.part").exists());
        let mut rest = open(&line, &daemon).expect("free");
        rest.read_out().await.expect("the rest");
        assert_eq!(
            rest.left_out,
            LeftOut { tests: 1, expired: 2, restricted: 6, others: 4 },
            "of five announced one came"
        );
        drop(rest);
        assert_eq!(state().expect("a state"), "devis-1-3");
        let again = open(&line, &daemon).err().expect("its name is taken").to_string();
        assert!(again.contains("another name"), "{again}");
    })
    .await;
    assert_eq!(read_to_string(here.join("out")).expect("the file"), CSV);
}

#[test]
fn an_output_and_a_state_that_are_one_or_lie_in_each_other_s_way_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for (output, state) in [
        ("a", "a"),
        ("a", "a.part"),
        ("a", "a.cursor"),
        ("a.lock", "a"),
        ("a.new", "a"),
        ("a.part.lock", "a.part"),
    ] {
        assert!(are_in_each_other_s_way(&at(output), &at(state)), "{output} {state}");
    }
    for (output, state) in [("a", "b"), ("a.csv", "a.state"), ("a", "a.state")] {
        assert!(!are_in_each_other_s_way(&at(output), &at(state)), "{output} {state}");
    }
    let roundabout = directory.path().join("./a");
    assert!(are_in_each_other_s_way(&at("a"), &roundabout));
}

#[tokio::test]
async fn what_cannot_go_together_is_a_mistake_of_the_command_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let state = here.join("state").display().to_string();
    for more in [
        &["--state", &state, "--after", "devis-1-1"][..],
        &["--state", &state, "--overwrite"],
        &["--follow"],
        &["--state", &state, "--interval", "5"],
        &["--state", &state, "--follow", "--interval", "0"],
        &["--state", &state, "--follow", "--interval", "86401"],
    ] {
        assert_eq!(export(here, "ndjson", more).await, Exit::Usage, "{more:?}");
    }
    assert_eq!(export(here, "json", &["--state", &state, "--follow"]).await, Exit::Usage);
    write(&state, "no cursor").expect("written");
    assert_eq!(export(here, "ndjson", &["--state", &state]).await, Exit::Failed);
}

#[tokio::test]
async fn nobody_exports_or_finds_without_a_reason() {
    let run = async |line: &[&str]| act(line.iter().map(Into::into), &Environment::default()).await;
    let socket = ["--socket", "/nowhere/admin.sock"];
    for verb in [&["tamis", "export", "devis"][..], &["tamis", "find", "--id", "devis-1-1"]] {
        assert_eq!(run(&[verb, &socket].concat()).await, Exit::Usage, "{verb:?}");
        assert_eq!(
            run(&[verb, &socket, &["--reason", "audit"]].concat()).await,
            Exit::DaemonDown,
            "{verb:?}"
        );
    }
}
