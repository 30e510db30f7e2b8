//! What it costs that every freed block is zeroed: the hot path with the daemon's allocator and with the system's, in turn
//! within one run, so that a machine that drifts does not decide.
//!
//! `cargo bench --bench allocator`. One process can have one allocator only: this one asks a switch at each call, which
//! both sides pay for.
#![expect(unsafe_code, reason = "a global allocator cannot be written without")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement, for people to read"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::lead::{Leaf, RawReply, minimise, seal};
use tamis::notification::{self, LeadRef, Verifier};
use tamis::purpose::{Basis, FieldName, FieldRule, Keep, Matching, Purpose, PurposeId, RecordId, Whitelist};
use tamis::random::SystemRandom;
use tamis::secret::{Key, Secret};
use zeroizing_alloc::ZeroAlloc;

/// Rounds, each with both sides in turn.
const ROUNDS: usize = 41;
/// How long one side of a round takes, about.
const SIDE_MS: u128 = 40;
/// Leads in a reply: as many as Graph gives in one call.
const LEADS: usize = 50;
/// How a reply comes off the network.
const CHUNK_BYTES: usize = 8 * 1024;
const APP_SECRET: &[u8] = b"0f1e2d3c4b5a69788796a5b4c3d2e1f0";

#[global_allocator]
static SWITCH: Switch = Switch;
static ZEROING: AtomicBool = AtomicBool::new(false);

struct Switch;

// SAFETY: both allocators take their blocks from `System`, so either may free what the other handed out.
unsafe impl GlobalAlloc for Switch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe {
            if ZEROING.load(Ordering::Relaxed) {
                ZeroAlloc(System).dealloc(block, layout);
            } else {
                System.dealloc(block, layout);
            }
        }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        unsafe {
            if ZEROING.load(Ordering::Relaxed) {
                // Copies and frees: a block that grew in place would be fine, one that moved would not be zeroed.
                ZeroAlloc(System).realloc(block, layout, bytes)
            } else {
                System.realloc(block, layout, bytes)
            }
        }
    }
}

fn main() {
    let purpose = purpose();
    let key = Key::new([7; 32]);
    let replies: Vec<String> = (0..LEADS).map(reply).collect();
    let bytes = replies.iter().map(String::len).sum::<usize>();
    measure(&format!("{LEADS} replies, {bytes} bytes: receive, parse, minimise, seal"), || {
        for (number, reply) in replies.iter().enumerate() {
            walk(number, reply.as_bytes(), &purpose, &key);
        }
    });
    let verifier = Verifier::new(vec![Secret::new(APP_SECRET.to_vec())]);
    for changes in [1, 2, 50] {
        let body = notification_body(changes);
        let signature = tamis_simulator::sign(APP_SECRET, &body);
        let what = format!("a notification of {changes} changes, {} bytes: copy, verify, parse", body.len());
        measure(&what, || {
            let body = Bytes::from(body.clone());
            let authentic = verifier.verify([signature.as_bytes()], false, body);
            let Ok(authentic) = authentic else { panic!("the signature is right") };
            let read = notification::read(&authentic, at(1_764_000_100));
            black_box(read.map_or(0, |read| read.references.len()));
        });
    }
}

/// Runs `work` with either allocator in turn; prints the ratios of the rounds.
fn measure(what: &str, mut work: impl FnMut()) {
    let begun = Instant::now();
    let mut times: u32 = 0;
    while begun.elapsed().as_millis() < SIDE_MS {
        work();
        times += 1;
    }
    let mut side = |zeroing: bool| {
        ZEROING.store(zeroing, Ordering::Relaxed);
        let begun = Instant::now();
        (0..times).for_each(|_| work());
        let nanos = begun.elapsed().as_nanos() as f64 / f64::from(times);
        ZEROING.store(false, Ordering::Relaxed);
        nanos
    };
    let (mut system, mut zeroing, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each side goes first in every second round.
        let (plain, zeroed) = if round % 2 == 0 {
            let plain = side(false);
            (plain, side(true))
        } else {
            let zeroed = side(true);
            (side(false), zeroed)
        };
        system.push(plain);
        zeroing.push(zeroed);
        ratios.push(zeroed / plain);
    }
    println!("{what} (min / median / max of {ROUNDS} rounds of {times})");
    println!("  system   {} µs", spread(system, 1e-3));
    println!("  zeroing  {} µs", spread(zeroing, 1e-3));
    println!("  ratio    {}", spread(ratios, 1.0));
}

fn spread(mut values: Vec<f64>, unit: f64) -> String {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).map_or(0.0, |value| value * unit);
    format!("{:.3} / {:.3} / {:.3}", at(0), at(values.len() / 2), at(values.len() - 1))
}

fn walk(number: usize, body: &[u8], purpose: &Purpose, key: &Key) {
    let matching = Matching::new(purpose, None);
    let mut reply = RawReply::with_limit(4_000_000);
    body.chunks(CHUNK_BYTES).for_each(|chunk| reply.push(chunk).expect("below the limit"));
    let Some(raw) = reply.lead() else { panic!("a lead") };
    let Ok(lead) = minimise(&raw, &reference(number), &matching).result else { panic!("it is whitelisted") };
    let id = RecordId { purpose: purpose.id.clone(), epoch: 1, number: number as u64 };
    let Ok(record) = seal(&lead, &id, [0; 32], Leaf::of(&id), key, &SystemRandom) else { panic!("it seals") };
    black_box(record.encode());
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn reference(number: usize) -> LeadRef {
    LeadRef {
        leadgen: LeadgenId::parse(&(9_007_199_254_740_993 + number).to_string()).expect("digits"),
        form: FormId::parse("901000000000001").expect("digits"),
        page: PageId::parse("104000000000001").expect("digits"),
        created: None,
        received: at(1_764_000_000),
    }
}

fn purpose() -> Purpose {
    let field = |name: &str| FieldRule {
        required: name == "email",
        ..FieldRule::named(FieldName::parse(name).expect("a name"))
    };
    Purpose {
        id: PurposeId::parse("devis").expect("a name"),
        title: Vec::new(),
        forms: Vec::new(),
        basis: Basis::PreContract,
        retention_months: Some(12),
        retention_days: None,
        reconfirm_months: None,
        copies: false,
        grace_days: 30,
        recipients: Vec::new(),
        keep: vec![Keep::CampaignId],
        phone_region: None,
        welcome: false,
        whitelist: Whitelist::new(["full_name", "email", "phone_number"].map(field).to_vec())
            .expect("not empty"),
        consents: Vec::new(),
        third_parties: Vec::new(),
        require_one_of: Vec::new(),
        legitimate_interest: Vec::new(),
    }
}

/// Two kept answers and two dropped ones a lead, about 400 bytes, as Graph writes them.
fn reply(number: usize) -> String {
    format!(
        "{{\"id\":\"{id}\",\"created_time\":\"2025-11-24T16:00:00+0000\",\"form_id\":\"901000000000001\",\
             \"campaign_id\":\"120000000000001\",\"field_data\":[\
             {{\"name\":\"full_name\",\"values\":[\"Zo\\u00e9 Martin {number}\"]}},\
             {{\"name\":\"email\",\"values\":[\"zoe.martin{number}\\u0040example.org\"]}},\
             {{\"name\":\"phone_number\",\"values\":[\"+33639980{number:03}\"]}},\
             {{\"name\":\"budget\",\"values\":[\"entre 5 000 et 10 000 euros\"]}},\
             {{\"name\":\"remarks\",\"values\":[\"Merci de me rappeler plut\\u00f4t le soir, apr\\u00e8s 18 heures.\"]}}]}}",
        id = reference(number).leadgen.expose(),
    )
}

fn notification_body(changes: usize) -> Vec<u8> {
    use tamis_simulator::notification::shapes;
    shapes::batch("104000000000001", "901000000000001", 9_007_199_254_740_993, changes as u64, 1_764_000_000)
}
