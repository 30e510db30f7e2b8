//! HTTP/1 against HTTP/2 over TLS, from reqwest to nginx in front of the simulator: sixteen leads in flight, one a call.
//! `cargo bench --bench transport` (`-- --leads 4000 --rounds 5 --graph-ms 50`; needs nginx).
//!
//! Each reader is a process of its own, so that the processor time is the reader's alone.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tamis_simulator::{Lead, Match, Misbehaviour, Rule, Setup, Simulator};

use support::home::{FORM, PAGE, PAGE_TOKEN};
use support::load::leadgen;
use support::spread::{Spread, quantile_ms};
use support::{flag, machine, option};

const IN_FLIGHT: usize = 16;
const FIELDS: &str = "id,created_time,form_id,field_data";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if flag("read") {
        return runtime.block_on(read());
    }
    runtime.block_on(measure());
}

async fn measure() {
    let (leads, rounds) = (option("leads", 4_000_usize), option("rounds", 5));
    let graph_ms = option("graph-ms", 50);
    let directory = tempfile::tempdir().expect("a directory");
    machine::describe(directory.path());
    let meta =
        Simulator::start(Setup { require_proof: false, ..Setup::default() }).await.expect("Meta's side");
    meta.set_token(PAGE, PAGE_TOKEN);
    for number in 0..leads {
        let lead = Lead::new(PAGE, FORM, 1_795_507_200).with_id(&leadgen(number));
        let lead = lead.answer("full_name", &["Amélie Durand"]).answer("phone_number", &["+33612345678"]);
        meta.add_lead(lead.answer("email", &[&format!("amelie.durand{number}@example.org")]));
    }
    if graph_ms > 0 {
        meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_millis(graph_ms))));
    }
    let front = Front::start(directory.path(), &meta.graph_url());
    let mut figures: [[Spread; 4]; 2] = Default::default();
    for round in 0..rounds {
        // Each goes first in every second round.
        for version in if round % 2 == 0 { [1, 2] } else { [2, 1] } {
            let said = front.reader(version, leads);
            println!("round {} HTTP/{version}: {said}", round + 1);
            let values = said.split_whitespace().filter_map(|value| value.parse().ok());
            for (figure, value) in figures[version - 1].iter_mut().zip(values) {
                figure.push(value);
            }
        }
    }
    println!("\nGraph answers after {graph_ms} ms, {IN_FLIGHT} in flight");
    for (at, what) in ["leads/s", "µs of processor a lead", "ms p50", "ms p99"].iter().enumerate() {
        let [one, two] = [&figures[0][at], &figures[1][at]];
        println!("  {what}: HTTP/1 {one}; HTTP/2 {two}; HTTP/2 over HTTP/1 {}", two.over(one));
    }
    drop(front);
    meta.stop().await;
}

/// nginx with TLS and both versions of HTTP.
struct Front {
    child: Child,
    port: u16,
    certificate: String,
}

impl Front {
    fn start(directory: &Path, upstream: &str) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let at = |name: &str| directory.join(name).display().to_string();
        fs::write(at("cert.pem"), certified.cert.pem()).expect("a file");
        fs::write(at("key.pem"), certified.signing_key.serialize_pem()).expect("a file");
        let upstream = upstream.trim_start_matches("http://");
        let config = format!(
            "daemon off; pid {pid}; error_log stderr error; worker_processes 1; user root;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; keepalive_requests 1000000; ssl_session_cache shared:a:1m;\n\
             upstream graph {{ server {upstream}; keepalive 64; keepalive_requests 1000000; }}\n\
             server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {cert}; ssl_certificate_key {key};\n\
             location / {{ proxy_pass http://graph; proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}",
            pid = at("pid"),
            cert = at("cert.pem"),
            key = at("key.pem"),
        );
        fs::write(at("nginx.conf"), config).expect("a file");
        let child =
            Command::new("nginx").args(["-c", &at("nginx.conf"), "-p", &at("")]).spawn().expect("nginx");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, certificate: at("cert.pem") }
    }

    fn reader(&self, version: usize, leads: usize) -> String {
        let mut child = Command::new(std::env::current_exe().expect("a path"));
        child.args(["--read", "--http", &version.to_string(), "--leads", &leads.to_string()]);
        child.args(["--port", &self.port.to_string(), "--certificate", &self.certificate]);
        let output = child.stderr(Stdio::inherit()).output().expect("the reader");
        assert!(output.status.success(), "the reader failed");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).expect("a process");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Reads and discards; prints leads a second, µs of processor a lead, and the latencies' p50 and p99 in ms.
async fn read() {
    let (port, leads): (u16, usize) = (option("port", 0), option("leads", 0));
    let pem = fs::read(option("certificate", String::new())).expect("a certificate");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    #[expect(clippy::disallowed_methods, reason = "the bench's own client")]
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([certificate]);
    let builder = match option("http", 1) {
        1 => builder.http1_only(),
        _ => builder,
    };
    let client = builder.build().expect("a client");
    let wanted = if option("http", 1) == 1 { reqwest::Version::HTTP_11 } else { reqwest::Version::HTTP_2 };
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let readers = (0..IN_FLIGHT).map(|_| {
        let (client, next) = (client.clone(), next.clone());
        async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= leads {
                    return latencies;
                }
                let begun = Instant::now();
                let url = format!("https://localhost:{port}/v27.0/{}?fields={FIELDS}", leadgen(number));
                let call = client.get(url).header("Authorization", format!("Bearer {PAGE_TOKEN}"));
                let mut answer = call.send().await.expect("an answer");
                assert!(answer.status() == 200 && answer.version() == wanted, "{answer:?}");
                while answer.chunk().await.expect("a body").is_some() {}
                latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
        }
    });
    let mut latencies: Vec<u32> = futures_util::future::join_all(readers).await.concat();
    let (rate, cpu) =
        (leads as f64 / begun.elapsed().as_secs_f64(), machine::cpu_seconds(std::process::id()));
    let (p50, p99) = (quantile_ms(&mut latencies, 0.5), quantile_ms(&mut latencies, 0.99));
    println!("{rate:.0} {:.1} {p50:.2} {p99:.2}", cpu * 1e6 / leads as f64);
}
