//! Intake: durable 200s a second, and how long one takes, beside what bounds them, in turn within one run.
//!
//! `cargo bench --bench intake` (about six minutes; `-- --rounds 1 --seconds 1` to try). Each round measures, each in a
//! process or file of its own:
//!
//! - *no store*: the same server with the same middleware, which verifies, parses, says so in its log and answers, and
//!   stores nothing;
//! - *intake*: the same server with the journal behind it and no fetcher: what stands between a webhook and its 200;
//! - *tamis*: the release binary as it is, Graph down, so that while it accepts it also moves references into the store;
//! - *loop*: one thread that writes batches of the size that *intake* had, and fdatasyncs each;
//! - *node*: Express and better-sqlite3, `benches/peers/node` (left out if its modules are not installed).
//!
//! With `--intake-only` the first two and the loop alone, to try an idea; `--level warn` does without the line that each
//! lead has in the log.
//!
//! Then an open loop at half of the rate that *intake* reached. Whatever was acknowledged is looked for afterwards, by
//! id, in a daemon that starts on what the killed process left.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tamis::clock::{Clock, SystemClock};
use tamis::current::Current;
use tamis::http::problem::{as_problems, request_id};
use tamis::http::{
    BodyBudget, Health, Intake, IntakeSettings, Listener, Notices, Proxies, Seldom, Shown, Trust,
    public_server, with_id,
};
use tamis::notice::Book;
use tamis::notification::{self, Verifier, VerifyToken};
use tamis::random::{Random, SystemRandom};
use tamis::secret::Secret;
use tamis::telemetry::metrics::Metrics;
use tamis::telemetry::{
    Format, LeadNames, Lines, Log, LogCounts, LogOutlet, LogPlace, LogRoom, LogStream, Loudness,
};
use zeroizing_alloc::ZeroAlloc;

use support::home::{APP_SECRET, FORM, Home, NO_GRAPH, PAGE, Process};
use support::load::{self, Calls, Outcome, Pace};
use support::rooms::Rooms;
use support::spread::{Spread, quantile_ms};
use support::{flag, machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_millis(500);

fn main() {
    if flag("serve-no-store") {
        return serve_no_store(&option("home", PathBuf::new()));
    }
    if flag("serve-intake") {
        return serve_intake(&option("home", PathBuf::new()));
    }
    let plan = Plan {
        rounds: option("rounds", 6),
        lasting: Duration::from_secs_f64(option("seconds", 4.0)),
        created: u64::try_from(SystemClock.now().as_second() - 3_600).expect("after 1970"),
        node: Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/node"),
    };
    machine::describe(&std::env::temp_dir());
    let mut table = Table::default();
    for round in 0..plan.rounds {
        plan.round(round, &mut table);
    }
    table.print();
    println!("load average after: {}", machine::load_average());
    assert!(table.lost == 0, "acknowledged and not found again: {}", table.lost);
}

struct Plan {
    rounds: usize,
    lasting: Duration,
    created: u64,
    node: PathBuf,
}

#[derive(Default)]
struct Table {
    no_store: Spread,
    intake: Spread,
    tamis: Spread,
    sync_loop: Spread,
    node: Spread,
    allowed: Spread,
    batch: Spread,
    fsync_p50_ms: Spread,
    fsync_p99_ms: Spread,
    p50_ms: [Spread; 4],
    p99_ms: [Spread; 4],
    refused: u64,
    acknowledged: u64,
    lost: u64,
}

/// The columns of latencies.
const OPEN: [&str; 4] = ["no store", "intake", "tamis", "node"];

impl Plan {
    fn round(&self, round: usize, table: &mut Table) {
        let (warm, calls) = self.calls();
        let home = Home::new(NO_GRAPH);
        let server = own("--serve-no-store", home.path());
        let no_store = self.closed("no store", &server, &warm, &calls, table);
        table.no_store.push(no_store.rate());
        server.kill();

        let home = Home::new(NO_GRAPH);
        let server = own("--serve-intake", home.path());
        let intake = self.closed("intake", &server, &warm, &calls, table);
        table.intake.push(intake.rate());
        let batch = batch_of(home.path());
        table.batch.push(batch);
        server.kill();
        self.check(&home, &intake, table);

        let whole = if flag("intake-only") { f64::NAN } else { self.whole(&warm, &calls, table) };

        let (sync_loop, mut syncs_us) = sync_loop(batch, self.lasting.min(Duration::from_secs(2)));
        table.sync_loop.push(sync_loop);
        table.fsync_p50_ms.push(quantile_ms(&mut syncs_us, 0.5));
        table.fsync_p99_ms.push(quantile_ms(&mut syncs_us, 0.99));
        table.allowed.push(1.0 / (1.0 / no_store.rate() + 1.0 / sync_loop));

        if let Some((peer, _file)) = self.peer().filter(|_| !flag("intake-only")) {
            let outcome = self.closed("node", &peer, &warm, &calls, table);
            table.node.push(outcome.rate());
        }
        self.open_loop(intake.rate() / 2.0, table);
        println!(
            "round {}: no store {:.0}, intake {:.0}, tamis {:.0}, loop {sync_loop:.0} (batch {batch:.1}); load {}",
            round + 1,
            no_store.rate(),
            intake.rate(),
            whole,
            machine::load_average()
        );
    }

    fn whole(&self, warm: &Calls, calls: &Calls, table: &mut Table) -> f64 {
        let home = Home::new(NO_GRAPH);
        let daemon = home.serve();
        let whole = self.closed("tamis", &daemon, warm, calls, table);
        table.tamis.push(whole.rate());
        daemon.kill();
        self.check(&home, &whole, table);
        whole.rate()
    }

    fn calls(&self) -> (Calls, Calls) {
        let room = (self.lasting.as_secs_f64() * option("rate-max", 60_000.0)) as usize;
        let call = |numbers| Calls::single(PAGE, FORM, APP_SECRET, self.created, numbers);
        (call(0..room / 4), call(room / 4..room / 4 + room))
    }

    fn closed(
        &self,
        name: &str,
        server: &Process,
        warm: &Calls,
        calls: &Calls,
        table: &mut Table,
    ) -> Outcome {
        let first = load::run(server.address, CONNECTIONS, warm, Pace::Closed, WARM_UP);
        let cpu = machine::cpu_seconds(server.pid());
        let mut outcome = load::run(server.address, CONNECTIONS, calls, Pace::Closed, self.lasting);
        let cpu = machine::cpu_seconds(server.pid()) - cpu;
        println!(
            "  {name}: {:.0} calls/s, p50 {:.2} ms, p99 {:.2} ms, {:.1} us of CPU a call, refused {:?}",
            outcome.rate(),
            quantile_ms(&mut outcome.latencies_us, 0.5),
            quantile_ms(&mut outcome.latencies_us, 0.99),
            cpu * 1e6 / outcome.acknowledged.len().max(1) as f64,
            outcome.refused
        );
        table.refused += first.refused.values().chain(outcome.refused.values()).sum::<u64>();
        let before = warm.len();
        outcome.acknowledged.iter_mut().for_each(|number| *number += before);
        outcome.acknowledged.extend(first.acknowledged);
        // What the warm-up took is checked too, but does not count.
        let counted = outcome.acknowledged.len();
        table.acknowledged += counted as u64;
        outcome.elapsed = outcome.elapsed.mul_f64(counted as f64 / outcome.latencies_us.len().max(1) as f64);
        outcome
    }

    /// Half of the rate that intake, or whoever does more or less, reached; latency from the moment at which a call was due.
    fn open_loop(&self, rate: f64, table: &mut Table) {
        let columns = if flag("intake-only") { 2 } else { OPEN.len() };
        for (column, name) in OPEN.iter().take(columns).enumerate() {
            let home = Home::new(NO_GRAPH);
            let mut peer_file = None;
            let server = match *name {
                "no store" => own("--serve-no-store", home.path()),
                "intake" => own("--serve-intake", home.path()),
                "tamis" => home.serve(),
                // Like the whole daemon, it does not reach that rate: half of its own.
                _ => match self.peer() {
                    Some((peer, file)) => {
                        peer_file = Some(file);
                        peer
                    }
                    None => continue,
                },
            };
            let rate = match *name {
                "tamis" => table.tamis.median() / 2.0,
                "node" => table.node.median() / 2.0,
                _ => rate,
            };
            let (warm, calls) = self.calls();
            load::run(server.address, CONNECTIONS, &warm, Pace::Open(rate), WARM_UP);
            let mut outcome = load::run(server.address, CONNECTIONS, &calls, Pace::Open(rate), self.lasting);
            table.refused += outcome.refused.values().sum::<u64>();
            let (p50, p99) =
                (quantile_ms(&mut outcome.latencies_us, 0.5), quantile_ms(&mut outcome.latencies_us, 0.99));
            println!(
                "  {name} at {rate:.0}/s: p50 {p50:.2} ms, p99 {p99:.2} ms, max {:.1} ms, never sent {}",
                quantile_ms(&mut outcome.latencies_us, 1.0),
                outcome.unsent
            );
            table.p50_ms[column].push(p50);
            table.p99_ms[column].push(p99);
            drop(peer_file);
        }
    }

    fn check(&self, home: &Home, outcome: &Outcome, table: &mut Table) {
        if !home.knows_all(&outcome.acknowledged, self.created) {
            table.lost += 1;
        }
    }

    fn peer(&self) -> Option<(Process, tempfile::TempDir)> {
        if !self.node.join("node_modules/better-sqlite3").is_dir() {
            return None;
        }
        let below = option("directory", std::env::temp_dir());
        let directory = tempfile::tempdir_in(below).expect("a directory");
        let mut command = Command::new("node");
        command.arg("server.js").arg(directory.path().join("peer.db")).current_dir(&self.node);
        command.env("APP_SECRET", APP_SECRET).env("NODE_ENV", "production").stdin(Stdio::null());
        Some((Process::start(&mut command), directory))
    }
}

impl Table {
    fn print(&self) {
        println!("\nratios, median [least–most] over rounds:");
        println!("  no store                {} calls/s", self.no_store);
        println!("  intake                  {} calls/s", self.intake);
        println!("  tamis                   {} calls/s", self.tamis);
        println!("  loop                    {} calls/s, batches of {}", self.sync_loop, self.batch);
        println!("  node                    {} calls/s", self.node);
        println!("  intake / no store       {}", self.intake.over(&self.no_store));
        println!("  tamis / no store        {}", self.tamis.over(&self.no_store));
        println!("  intake / loop           {}", self.intake.over(&self.sync_loop));
        println!(
            "  intake / both together  {}  (1 / (1/no store + 1/loop))",
            self.intake.over(&self.allowed)
        );
        println!("  tamis / both together   {}", self.tamis.over(&self.allowed));
        println!("  intake / node           {}", self.intake.over(&self.node));
        println!("  tamis / node            {}", self.tamis.over(&self.node));
        println!("  one fdatasync           p50 {} ms, p99 {} ms", self.fsync_p50_ms, self.fsync_p99_ms);
        for (column, name) in OPEN.iter().enumerate() {
            println!(
                "  open loop, {name:<9}    p50 {} ms, p99 {} ms, p99 / p99 of one fdatasync {}",
                self.p50_ms[column],
                self.p99_ms[column],
                self.p99_ms[column].over(&self.fsync_p99_ms)
            );
        }
        println!(
            "  acknowledged {}, refused {}, rounds with a loss {}",
            self.acknowledged, self.refused, self.lost
        );
    }
}

/// This program again, as a server.
fn own(role: &str, home: &Path) -> Process {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.arg(role).arg("--home").arg(home);
    command.args(["--level", &option("level", "info".to_owned())]);
    command.stdin(Stdio::null()).stderr(File::create(home.join("log")).expect("a file"));
    Process::start(&mut command)
}

/// Calls a batch, as the server wrote them down last.
fn batch_of(home: &Path) -> f64 {
    let text = std::fs::read_to_string(home.join("stats")).unwrap_or_default();
    text.trim().parse().unwrap_or(1.0)
}

/// Batches of so many calls, written one after the other over a file of zeros, each synced. Calls a second, and how long
/// each sync took.
fn sync_loop(batch: f64, lasting: Duration) -> (f64, Vec<u32>) {
    let below = option("directory", std::env::temp_dir());
    let mut file = tempfile::tempfile_in(below).expect("a file");
    let frame = 32 + 24 + 16 + 70;
    let bytes = vec![0x5a; (batch * f64::from(frame)) as usize];
    let file_bytes = 4 * 1024 * 1024;
    file.write_all(&vec![0; file_bytes]).expect("room");
    file.sync_all().expect("a sync");
    let (mut at, mut batches, mut syncs_us) = (0, 0_u64, Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < lasting {
        if at + bytes.len() > file_bytes {
            at = 0;
        }
        file.write_all_at(&bytes, at as u64).expect("room");
        let sync = Instant::now();
        file.sync_data().expect("a sync");
        syncs_us.push(u32::try_from(sync.elapsed().as_micros()).unwrap_or(u32::MAX));
        at += bytes.len();
        batches += 1;
    }
    (batches as f64 * batch / begun.elapsed().as_secs_f64(), syncs_us)
}

/// What both servers need.
struct Parts {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: Arc<Metrics>,
    settings: IntakeSettings,
    budget: BodyBudget,
}

fn parts() -> Parts {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let loudness = Loudness::new(option("level", tracing::Level::INFO));
    let stderr: Box<dyn LogOutlet> = Box::new(LogStream::stderr().expect("a descriptor"));
    let places = vec![(LogPlace::Stderr, stderr)];
    let log = Log::start(Format::Pretty, clock.clone(), LogCounts::default(), LogRoom::USUAL, places);
    let lines = Lines::into_log(log.expect("a thread"), loudness);
    tracing::subscriber::set_global_default(lines.subscriber()).expect("the first subscriber");
    Parts {
        clock,
        random: Arc::new(SystemRandom),
        metrics: Arc::new(Metrics::new()),
        settings: IntakeSettings { body_max_bytes: 1_000_000, body_deadline: Duration::from_secs(10) },
        budget: BodyBudget::new(32 * 1024 * 1024),
    }
}

fn verifier() -> Verifier {
    Verifier::new(vec![Secret::new(APP_SECRET.as_bytes().to_vec())])
}

fn listen() -> TcpListener {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.set_nonblocking(true).expect("an option");
    println!("listening {}", socket.local_addr().expect("an address").port());
    socket
}

/// The webhook's handler without the inbox.
struct Blind {
    verifier: Verifier,
    names: LeadNames,
    parts: Parts,
}

async fn verify_and_parse(
    request: HttpRequest,
    payload: web::Payload,
    blind: web::Data<Blind>,
) -> HttpResponse {
    let Parts { clock, metrics, settings, budget, .. } = &blind.parts;
    let refused = || HttpResponse::BadRequest().finish();
    let begun = Instant::now();
    let share = Proxies::default().share(&request);
    let read = budget.read(&request, payload, share, settings.body_max_bytes, settings.body_deadline);
    let Ok(body) = read.await else { return refused() };
    let received = clock.now();
    let signatures = request.headers().get_all("x-hub-signature-256").map(|value| value.as_bytes());
    let Ok(authentic) = blind.verifier.verify(signatures, true, body.bytes.clone()) else { return refused() };
    let Ok(notification) = notification::read(&authentic, received) else { return refused() };
    for (kind, count) in notification.census.iter() {
        metrics.changes(kind, u64::from(count));
    }
    metrics.references(notification.references.len() as u64, 0);
    for reference in &notification.references {
        tracing::info!(
            target: "tamis",
            {
                request.id = request_id(&request),
                lead.name = %blind.names.of(&reference.leadgen),
                form.id = %reference.form,
                page.id = %reference.page,
            },
            "lead.accepted"
        );
    }
    metrics.taken(received, begun.elapsed());
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok")
}

#[tokio::main]
async fn serve_no_store(home: &Path) {
    let parts = parts();
    let names = LeadNames::new(Rooms::open(home).keyring, parts.clock.clone());
    let random = web::Data::new(parts.random.clone());
    let blind = web::Data::new(Blind { verifier: verifier(), names, parts });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(blind.clone())
            .app_data(random.clone())
            .wrap(from_fn(as_problems))
            .wrap(from_fn(with_id))
            .service(web::resource("/webhook").route(web::post().to(verify_and_parse)))
    });
    let server = server.workers(2).disable_signals().listen(listen()).expect("a server");
    server.run().await.expect("serves");
}

/// The public side of the daemon with its journal and its store, and no fetcher.
#[tokio::main]
async fn serve_intake(home: &Path) {
    let Parts { clock, random, metrics, settings, budget } = parts();
    let rooms = Rooms::open(home);
    let inbox = Arc::new(rooms.inbox().await);
    let bodies_refused = metrics.bodies_refused();
    let intake = Intake {
        trust: Arc::new(Current::new(Trust {
            verifier: verifier(),
            verify_token: VerifyToken::of(&rooms.verify_token),
        })),
        inbox: inbox.clone(),
        budget,
        settings,
        clock: clock.clone(),
        metrics,
        bodies_refused,
        names: Arc::new(LeadNames::new(rooms.keyring, clock)),
        proxies: Proxies::default(),
        crowded: Seldom::default(),
        over: Default::default(),
    };
    let listener = Listener { workers: 2, connections: 1_000, shutdown: Duration::from_secs(1) };
    let book = Arc::new(Current::new(Book::default()));
    let notices = Notices::new(book, rooms.store.clone(), Proxies::default());
    let health = Health::new(|| async { true });
    let shown = Shown { notices, persons: None, meta: None };
    let server = public_server(listen(), &listener, intake, health, shown, random).expect("a server");
    let batches = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&batches);
    inbox.time_syncs(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let noted = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let batches = batches.load(Ordering::Relaxed).max(1);
            let batch = inbox.figures().frames as f64 / batches as f64;
            std::fs::write(home.join("stats.new"), batch.to_string()).expect("a file");
            std::fs::rename(home.join("stats.new"), home.join("stats")).expect("a name");
        }
    };
    tokio::select! {
        served = server.run() => served.expect("serves"),
        () = noted => {}
    }
}
