//! Prometheus itself takes the metrics, and its own tool the alarms of deploy/.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tamis::id::PageId;
use tamis::notification::ParkCode;
use tamis::telemetry::metrics::{Metrics, Readings};

use crate::api::{ROOT, run, token};
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
    ] {
        let path =
            format!("query?query={}", query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22"));
        let result = |answer: &Value| answer["data"]["result"][0]["value"][1].clone();
        let answer = prometheus.until(&path, |answer| result(answer) != Value::Null).await;
        assert_eq!(result(&answer), wanted, "{query}");
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
    let metrics = Metrics::new();
    // A family without a series is not said.
    metrics.read_from(|| async {
        let page = PageId::parse("104000000000001").expect("digits");
        Readings { paused: vec![(page, ParkCode::TokenDead)], ..Readings::default() }
    });
    let counted = metrics.render().await;
    let alarms = fs::read_to_string(Path::new(ROOT).join("deploy/alerts.yml")).expect("a file");
    let names = alarms.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut looked_at = 0;
    for name in names.filter(|name| name.starts_with("tamis_")) {
        let family = name.trim_end_matches("_total");
        assert!(counted.contains(&format!("# TYPE {family} ")), "{name} is counted nowhere");
        looked_at += 1;
    }
    assert!(looked_at > 3, "no alarm was looked at");
}
