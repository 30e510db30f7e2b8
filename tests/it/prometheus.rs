//! Prometheus itself takes the metrics and every expression of the dashboard, and its own tool the alarms of deploy/.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tamis::id::PageId;
use tamis::notification::ParkCode;
use tamis::purpose::PurposeId;
use tamis::telemetry::metrics::{Metrics, Readings};
use tamis::workers::Postman;

use crate::api::{ROOT, document, run, token};
use crate::support::front::free_port;
use crate::support::process::Home;
use crate::support::{Caller, DEVIS_FORM, lead, senders};

const PATIENCE: Duration = Duration::from_secs(60);
const SKIPPED: &str = "skipped: Prometheus is not installed (.ci/run installs it)";

/// A Prometheus of its own, ended with the test.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// deploy/prometheus.yml, with this target and this token, looking every second.
    fn start(directory: &Path, target: &str, token: &str) -> std::io::Result<Self> {
        let secret = directory.join("token");
        fs::write(&secret, token)?;
        let config = fs::read_to_string(Path::new(ROOT).join("deploy/prometheus.yml"))?;
        let mut changed = config;
        for (was, is) in [
            ("/etc/prometheus/tamis-token", secret.display().to_string()),
            ("/etc/prometheus/tamis-alerts.yml", format!("{ROOT}/deploy/alerts.yml")),
            ("127.0.0.1:8081", target.to_owned()),
            ("rule_files:", "global: { scrape_interval: 1s }\nrule_files:".to_owned()),
        ] {
            assert!(changed.contains(was), "deploy/prometheus.yml has no {was}");
            changed = changed.replace(was, &is);
        }
        fs::write(directory.join("prometheus.yml"), changed)?;
        let address = free_port().to_string();
        let child = Command::new("prometheus")
            .current_dir(directory)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, address })
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        // Nobody listens at first.
        TcpStream::connect(&self.address).ok()?;
        let answer = Caller::tcp(&self.address, None).get(&format!("/api/v1/{path}")).await;
        serde_json::from_slice(&answer.body).ok()
    }

    /// Asks until this is so.
    async fn until(&self, path: &str, so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < PATIENCE {
            last = self.ask(path).await;
            if let Some(answer) = last.take_if(|answer| so(answer)) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{path}: {last:?}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where Prometheus is asked for this.
fn query_of(expression: &str) -> String {
    let escaped = expression.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("query?query={}", escaped.collect::<String>())
}

/// Every expression of deploy/grafana.json, over the last minute where Grafana would choose.
fn dashboard() -> Vec<String> {
    let board = fs::read_to_string(Path::new(ROOT).join("deploy/grafana.json")).expect("a file");
    let board: Value = serde_json::from_str(&board).expect("JSON");
    let panels = board["panels"].as_array().expect("panels").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: Vec<String> = targets
        .map(|target| target["expr"].as_str().expect("an expression").replace("$__rate_interval", "1m"))
        .collect();
    assert!(expressions.len() > 20 && expressions.iter().all(|expression| !expression.contains('$')));
    expressions
}

/// With something in every family: one without a series is not said.
async fn everything() -> String {
    let metrics = Metrics::new();
    let counts = metrics.listener::<ParkCode, ParkCode>("public", ParkCode::ALL);
    counts.connections.inc();
    metrics.graph_calls()(ParkCode::TokenDead, Duration::ZERO);
    let _bodies = metrics.bodies_refused::<ParkCode>();
    let _mails = Postman::counted(&metrics);
    metrics.read_from(|| async {
        let pages = vec![PageId::parse("104000000000001").expect("digits")];
        let records = vec![(PurposeId::parse("devis").expect("a name"), 1)];
        let tokens = vec![("0123456789abcdef".to_owned(), 7)];
        Readings { pages, records, tokens, ..Readings::default() }
    });
    metrics.render().await
}

/// Every name that stands in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("tamis_"))
}

/// A name as it is exported, of a name as it is asked for.
fn family(name: &str) -> &str {
    ["_total", "_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[tokio::test]
async fn the_page_of_metrics_has_each_that_is_exported_and_no_other() {
    let exported = everything().await;
    let exported: BTreeSet<&str> =
        exported.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let page = document("metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `tamis_"));
    let listed: BTreeSet<&str> =
        rows.flat_map(|row| names(row.split(" | ").next().unwrap_or_default())).collect();
    assert_eq!(listed, exported);
    for name in names(&page) {
        assert!(exported.contains(family(name)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_what_is_counted() {
    let mut look = Command::new("prometheus");
    look.arg("--version");
    if run(look).await.is_none() {
        println!("{SKIPPED}");
        return;
    }
    let meta = senders::meta().await;
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let answered = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &["z@example.org"]);
    let id = meta.add_lead(answered);
    let delivered = meta.deliver(&daemon.webhook(), &meta.notification(&[&id])).await.expect("an answer");
    assert_eq!(delivered.status, 200);
    daemon.until_said("lead.stored", 1);
    let (_, secret) = token(&daemon.admin(), json!({"name": "prometheus", "role": "viewer"})).await;
    let directory = tempfile::tempdir().expect("a directory");
    let prometheus = Prometheus::start(directory.path(), &daemon.admin, &secret).expect("it starts");
    let healthy = |answer: &Value| answer["data"]["activeTargets"][0]["health"] == "up";
    let targets = prometheus.until("targets", healthy).await;
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "");
    for (query, wanted) in [
        ("tamis_ready", "1"),
        ("tamis_leads_stored_total{purpose=\"devis\"}", "1"),
        ("tamis_leads_parked_total{code=\"form-unclaimed\"}", "0"),
        ("tamis_inbox_sync_seconds_count", "1"),
        ("tamis_webhook_seconds_count", "1"),
        ("tamis_webhook_seconds_bucket{le=\"+Inf\"}", "1"),
        ("tamis_lead_delay_seconds_count", "1"),
        ("sum(tamis_graph_calls_total) == bool sum(tamis_graph_call_seconds_count)", "1"),
        ("tamis_graph_calls_total{outcome=\"token-dead\"}", "0"),
        ("tamis_oldest_waiting_seconds{state=\"held\"}", "0"),
        ("time() - tamis_last_call_timestamp_seconds < bool 600", "1"),
        ("tamis_last_stored_timestamp_seconds >= bool tamis_last_call_timestamp_seconds", "1"),
        ("tamis_page_paused{code=\"token-dead\"}", "0"),
        ("sum(tamis_attention)", "0"),
        ("tamis_token_days_left", "364"),
        ("tamis_disk_free_bytes > bool tamis_disk_floor_bytes", "1"),
    ] {
        let result = |answer: &Value| answer["data"]["result"][0]["value"][1].clone();
        let answer = prometheus.until(&query_of(query), |answer| result(answer) != Value::Null).await;
        assert_eq!(result(&answer), wanted, "{query}");
    }
    for expression in dashboard() {
        // A rate wants two looks.
        let has_series =
            |answer: &Value| answer["data"]["result"].as_array().is_some_and(|all| !all.is_empty());
        let answer = prometheus.until(&query_of(&expression), has_series).await;
        assert_eq!(answer["status"], "success", "{expression}");
    }
    drop(prometheus);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

#[tokio::test]
async fn the_alarms_ring_where_they_must_and_name_what_is_counted() {
    let mut tool = Command::new("promtool");
    tool.current_dir(ROOT).args(["test", "rules", "tests/data/alerts.test.yml"]);
    let Some(output) = run(tool).await else {
        println!("{SKIPPED}");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let counted = everything().await;
    let alarms = fs::read_to_string(Path::new(ROOT).join("deploy/alerts.yml")).expect("a file");
    let alarms: Vec<&str> = names(&alarms).collect();
    assert!(alarms.len() > 15, "no alarm was looked at");
    let expressions = dashboard().join("\n");
    for name in alarms.into_iter().chain(names(&expressions)) {
        assert!(counted.contains(&format!("# TYPE {} ", family(name))), "{name} is counted nowhere");
    }
}
