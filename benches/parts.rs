//! Single steps beside what they cannot be faster than, in the same run: `cargo bench --bench parts`.
#![expect(
    clippy::expect_used,
    clippy::ok_expect,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tamis::clock::{Clock, Day, SystemClock};
use tamis::config;
use tamis::inbox::{DayKey, seal_frame};
use tamis::keyring::file::FileKeyring;
use tamis::keyring::{InstanceId, Keyring};
use tamis::lead::{Leaf, SealedRecord, minimise, open, seal};
use tamis::notification::{self, Verifier};
use tamis::purpose::{Matching, Purpose, RecordId};
use tamis::random::{Random, SystemRandom};
use tamis::secret::location::Environment;
use tamis::secret::{Key, Secret};
use tamis::store::Settings;
use tamis::store::{Outcome, PageRequest, Settlement, TestFilter};
use tamis::trail::{Action, Entry, Operator};
use zeroizing_alloc::ZeroAlloc;

use support::leads::{definition, reference, reply};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

const SECRET: &[u8] = b"0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const BATCH: usize = 50;

fn purpose() -> Arc<Purpose> {
    let text = include_str!("../tests/data/world.toml")
        .replace("{directory}", "/nowhere")
        .replace("{graph}", "http://127.0.0.1:9");
    let config = config::parse(&text, &Environment::new(std::iter::empty())).ok().expect("a config");
    config.policy().purpose("devis").expect("a purpose").clone()
}

fn webhook(criterion: &mut Criterion) {
    let body = Bytes::from(
        r#"{"object":"page","entry":[{"id":"104000000000001","time":1764060458,"changes":[{"field":"leadgen","value":{"leadgen_id":"88000000000001","page_id":"104000000000001","form_id":"901000000000001","adgroup_id":"0","ad_id":"0","created_time":1764060457}}]}]}"#,
    );
    let mac = || <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(SECRET).expect("any key");
    let header = format!("sha256={}", hex::encode(mac().chain_update(&body).finalize().into_bytes()));
    let verifier = Verifier::new(vec![Secret::new(SECRET.to_vec())]);
    let now = SystemClock.now();
    let mut group = criterion.benchmark_group("webhook");
    group.bench_function("verify and read", |bench| {
        bench.iter(|| {
            let authentic = verifier.verify([header.as_bytes()], false, body.clone()).expect("authentic");
            notification::read(&authentic, now).map(|read| read.references.len())
        });
    });
    group.bench_function("baseline: HMAC-SHA256 alone", |bench| {
        bench.iter(|| black_box(mac().chain_update(&body).finalize().into_bytes()));
    });
    group.bench_function("baseline: serde_json::Value alone", |bench| {
        bench.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&body)).expect("JSON"));
    });
    group.finish();
}

fn sieve(criterion: &mut Criterion) {
    let (purpose, definition) = (purpose(), definition());
    let matching = Matching::new(&purpose, Some(&definition));
    let (reply, reference) = (reply(0), reference(0));
    let mut group = criterion.benchmark_group("reply");
    group.throughput(Throughput::Elements(1));
    group.bench_function("shape and minimise", |bench| {
        bench.iter(|| {
            let raw = reply.lead().expect("a lead");
            assert!(minimise(&raw, &reference, &matching).result.is_ok());
        });
    });
    group.bench_function("baseline: serde_json::Value", |bench| {
        bench.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(reply.expose())).expect("JSON"));
    });
    group.finish();
}

fn cipher(criterion: &mut Criterion) {
    let (purpose, definition) = (purpose(), definition());
    let matching = Matching::new(&purpose, Some(&definition));
    let reply = reply(0);
    let raw = reply.lead().expect("a lead");
    let lead = minimise(&raw, &reference(0), &matching).result.ok().expect("a lead");
    let id = RecordId { purpose: purpose.id.clone(), epoch: 1, number: 7 };
    let key = Key::new([9; 32]);
    let sealed = seal(&lead, &id, [0; 32], Leaf::of(&id), &key, &SystemRandom).expect("seals");
    let stored = sealed.encode();
    let plain_bytes = stored.len() - 33 - 16;
    let bare = |content: &mut Vec<u8>| {
        let mut nonce = [0; 24];
        SystemRandom.fill(&mut nonce).expect("randomness");
        XChaCha20Poly1305::new(&[9; 32].into())
            .encrypt_inout_detached(&XNonce::from(nonce), b"tamis", content.as_mut_slice().into())
            .expect("seals")
    };
    let mut group = criterion.benchmark_group("record");
    group.bench_function("seal", |bench| {
        bench.iter(|| seal(&lead, &id, [0; 32], Leaf::of(&id), &key, &SystemRandom).expect("seals").encode());
    });
    group.bench_function("open", |bench| {
        bench.iter(|| open(&SealedRecord::decode(black_box(&stored)).expect("a record"), &id, &key).is_ok());
    });
    group.bench_with_input(
        BenchmarkId::new("baseline: bare cipher, bytes", plain_bytes),
        &plain_bytes,
        |bench, len| {
            let mut content = vec![7; *len];
            bench.iter(|| bare(&mut content));
        },
    );
    group.finish();

    let day = DayKey { day: Day(20_000), key: Key::new([3; 32]) };
    let one = [reference(1)];
    let mut group = criterion.benchmark_group("journal frame");
    group.bench_function("seal one reference", |bench| {
        bench.iter(|| seal_frame(&one, &day, InstanceId([7; 16]), &SystemRandom).expect("seals"));
    });
    group.bench_function("baseline: bare cipher, 60 bytes", |bench| {
        let mut content = vec![7; 60];
        bench.iter(|| bare(&mut content));
    });
    group.finish();
}

fn store(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let (purpose, definition) = (purpose(), definition());
    let matching = Matching::new(&purpose, Some(&definition));
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let keyring =
        FileKeyring::create(&directory.path().join("keys/keyring"), Key::new([7; 32]), random.clone());
    let keyring: Arc<dyn Keyring> = Arc::new(keyring.expect("a keyring"));
    let settings = Settings {
        path: directory.path().join("store"),
        witness: directory.path().join("keys/witness"),
        cache_mb: 32,
        free_disk_min_bytes: 1,
        ledger: None,
    };
    let store =
        tamis::store::open(settings, keyring, vec![purpose.id.clone()], Arc::new(SystemClock), random)
            .expect("a store");
    let mut next = 0;
    let mut batch = || {
        let numbers = next..next + BATCH;
        next += BATCH;
        let settlement = |number: usize| {
            let (reference, reply) = (reference(number), reply(number));
            let sieved = minimise(&reply.lead().expect("a lead"), &reference, &matching);
            let lead = sieved.result.ok().expect("a lead");
            let (outcome, matched) = (Outcome::stored(lead), Vec::new());
            Settlement { reference, outcome, matched, dropped: sieved.dropped }
        };
        numbers.map(settlement).collect::<Vec<_>>()
    };
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.sample_size(50);
    group.bench_function("settle 50, durable", |bench| {
        bench.iter_batched(
            &mut batch,
            |settlements| runtime.block_on(store.settle(settlements)).expect("settles").len(),
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("baseline: write 16 KiB and fdatasync", |bench| {
        let file = tempfile::tempfile_in(directory.path()).expect("a file");
        bench.iter(|| {
            std::os::unix::fs::FileExt::write_all_at(&file, &[7; 16 * 1024], 0).expect("room");
            file.sync_data().expect("a sync");
        });
    });
    for _ in 0..40 {
        runtime.block_on(store.settle(batch())).expect("settles");
    }
    let operator = Operator::recognised_by_kernel(0);
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("read a page of 1,000, its trail line synced", |bench| {
        bench.iter(|| {
            let request = PageRequest {
                purpose: purpose.id.clone(),
                after: None,
                limit: 1_000,
                test: TestFilter::Include,
                today: Day::of(SystemClock.now()),
                incomplete: false,
                evidence: false,
                may_leave: None,
            };
            runtime.block_on(async {
                let page =
                    store.open_page(request, Entry::by(&operator, Action::Exported)).await.expect("a page");
                assert_eq!(page.records.filter(Result::is_ok).count(), 1_000);
            });
        });
    });
    group.finish();
    runtime.block_on(store.close()).expect("closes");
}

criterion_group!(parts, webhook, sieve, cipher, store);
criterion_main!(parts);
