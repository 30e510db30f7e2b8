//! Fetching what is queued: Graph answers after 50 ms, sixteen calls in flight. Against reqwest, which reads and discards
//! the same replies. `cargo bench --bench drain` (`-- --leads 5000 --rounds 5`; `--graph-ms 0`: Graph answers at once).
//!
//! The release binary starts on a journal full of references; time counts from its first call for a lead until its
//! queue is empty, so fetching, sieving, sealing, storing, syncing and the trail are all in it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use tamis_simulator::{CallKind, Form, Lead, Match, Misbehaviour, Question, Rule, Setup, Simulator};

use support::home::{APP_SECRET, FORM, Home, NO_GRAPH, PAGE, PAGE_TOKEN};
use support::leads::{definition, reference};
use support::load::leadgen;
use support::rooms::Rooms;
use support::spread::Spread;
use support::{flag, machine, option};

const IN_FLIGHT: usize = 16;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if flag("read") {
        return runtime.block_on(read_and_discard());
    }
    runtime.block_on(measure());
}

async fn measure() {
    let (leads, rounds) = (option("leads", 5_000_usize), option("rounds", 5));
    machine::describe(&std::env::temp_dir());
    let setup =
        Setup { app_secrets: vec![APP_SECRET.to_owned()], calls_max: 2 * leads + 100, ..Setup::default() };
    let meta = Simulator::start(setup).await.expect("Meta's side");
    prepare(&meta, leads);
    let fields = {
        let home = Home::new(NO_GRAPH);
        Rooms::open(home.path()).purpose.graph_fields()
    };
    let (mut reading, mut draining, mut cpu) = (Spread::default(), Spread::default(), Spread::default());
    for round in 0..rounds {
        let baseline = {
            let mut child = Command::new(std::env::current_exe().expect("a path"));
            child.args([
                "--read",
                "--graph",
                &meta.graph_url(),
                "--leads",
                &leads.to_string(),
                "--fields",
                &fields,
            ]);
            let output = child.stderr(Stdio::inherit()).output().expect("the reader");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            text.trim().parse::<f64>().unwrap_or_else(|_| panic!("it said {text:?}"))
        };
        let (drained, cpu_s) = drain(&meta, leads).await;
        cpu.push(cpu_s * 1e6 / leads as f64);
        println!(
            "round {}: reading {:.0} leads/s, drain {:.0} leads/s; load {}",
            round + 1,
            leads as f64 / baseline,
            leads as f64 / drained,
            machine::load_average()
        );
        reading.push(leads as f64 / baseline);
        draining.push(leads as f64 / drained);
    }
    println!("\n  reading and discarding  {reading} leads/s");
    println!("  drain                   {draining} leads/s");
    println!("  drain / reading         {}", draining.over(&reading));
    println!("  the daemon's processor  {cpu} µs a lead");
    meta.stop().await;
}

fn prepare(meta: &Simulator, leads: usize) {
    meta.set_token(PAGE, PAGE_TOKEN);
    let questions = definition().questions.into_iter();
    meta.add_form(Form {
        id: FORM.to_owned(),
        page_id: PAGE.to_owned(),
        questions: questions
            .map(|asked| Question::new(&asked.question_type, &asked.key, &asked.key))
            .collect(),
        ..Form::default()
    });
    for number in 0..leads {
        let lead = Lead::new(PAGE, FORM, created())
            .with_id(&leadgen(number))
            .answer("full_name", &["Amélie Durand"])
            .answer("email", &[&format!("amelie.durand{number}@example.org")])
            .answer("phone_number", &["+33612345678"])
            .answer("post_code", &["49100"])
            .answer("budget", &["between_5000_and_10000"]);
        meta.add_lead(lead);
    }
    let graph_takes = Duration::from_millis(option("graph-ms", 50));
    if !graph_takes.is_zero() {
        meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(graph_takes)));
    }
}

fn created() -> u64 {
    use tamis::clock::{Clock, SystemClock};
    u64::try_from(SystemClock.now().as_second() - 3_600).expect("after 1970")
}

/// Seconds from the first call for a lead until nothing is queued, and the daemon's processor time in them.
async fn drain(meta: &Simulator, leads: usize) -> (f64, f64) {
    let home = Home::new(NO_GRAPH);
    {
        let rooms = Rooms::open(home.path());
        let inbox = rooms.inbox().await;
        for from in (0..leads).step_by(1_000) {
            let references = (from..(from + 1_000).min(leads)).map(reference).collect();
            inbox.accept(references).await.expect("accepted");
        }
        inbox.close().expect("closes");
        tamis::store::Life::close(&*rooms.store).await.expect("closes");
    }
    meta.clear_graph_calls();
    home.configure(&meta.graph_url(), "info");
    // Its start and the polling block; the simulator runs on the other threads.
    let (ended, cpu_s, home) = tokio::task::spawn_blocking(move || {
        let daemon = home.serve();
        home.drained();
        let (ended, cpu_s) = (now_ms(), machine::cpu_seconds(daemon.pid()));
        let stored = home.admin("/admin/v1/purposes");
        assert!(stored.contains(&format!("\"stored\":{leads}")), "{stored}");
        daemon.kill();
        (ended, cpu_s, home)
    })
    .await
    .expect("drains");
    drop(home);
    let calls = meta.graph_calls();
    let first = calls.iter().find(|call| call.kind == CallKind::Lead).expect("a call");
    ((ended - first.at_ms) as f64 / 1e3, cpu_s)
}

fn now_ms() -> u64 {
    use tamis::clock::{Clock, SystemClock};
    u64::try_from(SystemClock.now().as_millisecond()).expect("after 1970")
}

/// The same calls by reqwest alone; prints the seconds.
async fn read_and_discard() {
    let (graph, leads): (String, usize) = (option("graph", String::new()), option("leads", 0));
    let fields: String = option("fields", String::new());
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "the baseline's own client")]
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(APP_SECRET.as_bytes()).expect("any key");
    mac.update(PAGE_TOKEN.as_bytes());
    let proof = hex::encode(mac.finalize().into_bytes());
    let calls: Arc<Vec<String>> = Arc::new(
        (0..leads)
            .map(|number| {
                format!("{graph}/v27.0/{}?fields={fields}&appsecret_proof={proof}", leadgen(number))
            })
            .collect(),
    );
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let readers = (0..IN_FLIGHT).map(|_| {
        let (client, calls, next) = (client.clone(), calls.clone(), next.clone());
        async move {
            while let Some(url) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
                let call = client.get(url).header("Authorization", format!("Bearer {PAGE_TOKEN}"));
                let mut answer = call.send().await.expect("an answer");
                assert!(answer.status() == 200, "{}", answer.status());
                let mut bytes = 0;
                while let Some(chunk) = answer.chunk().await.expect("a body") {
                    bytes += chunk.len();
                }
                assert!(bytes > 0);
            }
        }
    });
    futures_util::future::join_all(readers).await;
    println!("{}", begun.elapsed().as_secs_f64());
}
