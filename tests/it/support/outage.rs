//! Graph is not there while calls come, then comes back: the daemon as a process, and an account of how it drained.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};
use tamis_simulator::notification::shapes;
use tamis_simulator::{CallKind, GraphCall, Lead, Page, Setup, Simulator};

use super::memory::Memory;
use super::process::{Daemon, Home};
use super::{DEVIS_FORM, PAGE, add_forms, an_hour_ago};

const TOKEN: &str = "page-token-of-the-outage";
/// Changes of one call: the largest that Meta sends.
const CHANGES: u64 = 1_000;
const FIRST_ID: u64 = 770_000_000_000_000;
/// How long each phase may take for every thousand references, with some minutes to begin with: the machine may have much
/// else to do.
const PATIENCE_A_THOUSAND: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(300);

/// Sixteen calls at a time, and twice as many fetchers, each with one lead; twice, since what a fetcher held when a pause
/// began comes back behind what the others hold.
const OVERTAKEN_MAX: usize = 2 * 2 * 16;
/// The store's cache, and the buffers of sixteen calls.
const GROWN_BYTES: u64 = 64 << 20;
/// Places in memory of what is queued, parked and stored. Measured: below 1 KiB.
const GROWN_BYTES_A_REFERENCE: u64 = 1_500;

/// What came of it.
pub struct Outage {
    pub references: u64,
    pub accepted_in: Duration,
    /// From the last call until all had left the journal.
    pub parked_in: Duration,
    /// From Graph's return to the last record.
    pub drained_in: Duration,
    /// The most memory that the daemon had so far, beyond what it had when it was idle: when all was accepted, when all
    /// was parked, when all was stored.
    pub grown_bytes: [u64; 3],
    /// How many references were read before one that came in an earlier call, at the most for one of them.
    pub overtaken_max: usize,
    /// Calls to Graph after its return.
    pub calls: usize,
}

impl fmt::Display for Outage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { references, accepted_in, parked_in, drained_in, grown_bytes, overtaken_max, calls } = self;
        write!(
            out,
            "{references} references accepted in {accepted_in:.1?} while Graph was down, parked {parked_in:.1?} later, drained in {drained_in:.1?} \
             by {calls} calls, none lost, none twice; memory +{:?} MiB; overtaken by at most {overtaken_max}",
            grown_bytes.map(|bytes| bytes / (1 << 20))
        )
    }
}

impl Outage {
    /// Panics unless it drained oldest first, with one call a lead, and within its memory.
    pub fn hold(&self) {
        assert!(self.overtaken_max <= OVERTAKEN_MAX, "{self}");
        let fewest = usize::try_from(self.references).expect("a small number");
        assert!(self.calls <= fewest + 20, "{self}");
        let allowed = GROWN_BYTES + self.references * GROWN_BYTES_A_REFERENCE;
        assert!(
            self.grown_bytes.into_iter().all(|grown| grown <= allowed),
            "{self}: {allowed} bytes are allowed"
        );
    }
}

/// Queues so many thousand references while nobody listens where Graph should be, lets Graph come back, and waits until
/// all are stored. Panics if one is lost or stored twice.
pub async fn outage(thousands: u64) -> Outage {
    let patience = PATIENCE + PATIENCE_A_THOUSAND * u32::try_from(thousands).expect("a small number");
    let reserved = Reserved::new();
    let port = reserved.port;
    let sender = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&sender, TOKEN, |text| {
        let quiet = "\n[log]\nlevel = \"warn\"\n";
        text.replace(&sender.graph_url(), &format!("http://127.0.0.1:{port}")) + quiet
    });
    // Start-up says its address at level info.
    let daemon = home.serve_in(&[], &[("TAMIS__LOG__LEVEL", "info")]);
    let memory = Memory::of(daemon.pid);
    let begun = Instant::now();
    for call in 0..thousands {
        let body = shapes::batch(PAGE, DEVIS_FORM, FIRST_ID + call * CHANGES, CHANGES, an_hour_ago());
        let answer = sender.deliver(&daemon.webhook(), &body).await.expect("an answer");
        assert_eq!(answer.status, 200, "call {call}");
    }
    let accepted_in = begun.elapsed();
    let begun = Instant::now();
    let accepted_bytes = memory.grown_bytes();
    let references = thousands * CHANGES;
    until(&daemon, patience, |inbox| inbox["queued"] == 0 && inbox["waiting"] == references).await;
    let (parked_in, parked_bytes) = (begun.elapsed(), memory.grown_bytes());
    let overview = daemon.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(overview["paused"][0]["code"], "graph-unavailable", "{overview}");

    let graph = come_back(reserved, references).await;
    let begun = Instant::now();
    until(&daemon, patience, |inbox| inbox["waiting"] == 0 && inbox["queued"] == 0).await;
    let drained_in = begun.elapsed();
    let grown_bytes = [accepted_bytes, parked_bytes, memory.grown_bytes()];
    nothing_lost_or_twice(&daemon, references).await;
    let calls = graph.graph_calls();
    let outage = Outage {
        references,
        accepted_in,
        parked_in,
        drained_in,
        grown_bytes,
        overtaken_max: overtaken_max(&calls),
        calls: calls.len(),
    };
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    graph.stop().await;
    sender.stop().await;
    outage
}

async fn come_back(reserved: Reserved, references: u64) -> Simulator {
    let calls_max = usize::try_from(references).expect("a small number") * 2;
    let setup = Setup { port: reserved.port, calls_max, ..Setup::default() };
    drop(reserved);
    let graph = Simulator::start(setup).await.expect("Graph's port is still free");
    graph.add_page(Page { id: PAGE.to_owned(), name: "Atelier Lumen".to_owned(), token: TOKEN.to_owned() });
    add_forms(&graph);
    for at in 0..references {
        let lead = Lead::new(PAGE, DEVIS_FORM, an_hour_ago()).with_id(&(FIRST_ID + at).to_string());
        graph.add_lead(lead.answer("full_name", &["Zoé"]).answer("email", &[&format!("p{at}@example.org")]));
    }
    graph
}

async fn until(daemon: &Daemon, patience: Duration, met: impl Fn(&serde_json::Value) -> bool) {
    let begun = Instant::now();
    loop {
        let inbox = daemon.admin().get("/admin/v1/inbox").await.json();
        if met(&inbox) {
            return;
        }
        assert!(begun.elapsed() < patience, "after {patience:?}: {inbox}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn nothing_lost_or_twice(daemon: &Daemon, references: u64) {
    let mut emails = BTreeSet::new();
    let (mut records, mut after) = (0, String::new());
    loop {
        let path = format!("/admin/v1/purposes/devis/leads?limit=10000{after}");
        let page = daemon.admin().get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let lines = page.lines();
        records += lines.len() as u64;
        emails.extend(lines.iter().map(|record| record["fields"]["email"].to_string()));
        match lines.last().map(|record| record["id"].as_str().expect("an id")) {
            Some(last) => after = format!("&after={last}"),
            None => break,
        }
    }
    assert_eq!((records, emails.len() as u64), (references, references), "lost, or stored twice");
}

/// For the reference that was overtaken most: by how many of later calls.
fn overtaken_max(calls: &[GraphCall]) -> usize {
    let asked = calls.iter().filter(|call| call.kind == CallKind::Lead);
    let mut seen = BTreeSet::new();
    let mut before: HashMap<u64, usize> = HashMap::new();
    let mut worst = 0;
    for id in asked.flat_map(|call| &call.ids) {
        let id: u64 = id.parse().expect("digits");
        if !seen.insert(id) {
            continue;
        }
        let call = (id - FIRST_ID) / CHANGES;
        let later: usize = before.iter().filter(|(other, _)| **other > call).map(|(_, count)| count).sum();
        worst = worst.max(later);
        *before.entry(call).or_default() += 1;
    }
    worst
}

/// A port where nobody listens and that nobody else is given: bound, so that calls to it are refused.
struct Reserved {
    port: u16,
    _socket: OwnedFd,
}

impl Reserved {
    fn new() -> Self {
        // Not for the daemon to inherit: it would keep the port.
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("a socket");
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = getsockname(&socket).expect("an address");
        let address = SocketAddrV4::try_from(address).expect("an address of version 4");
        Self { port: address.port(), _socket: socket }
    }
}
