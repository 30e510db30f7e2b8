//! Every reader of outside bytes as a function of bytes: it may refuse whatever it likes, and must not panic. What it gives
//! back tells kinds of outcomes apart, so that the fuzzer knows what is new.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use tamis::config;
use tamis::id::FormId;
use tamis::keyring::InstanceId;
use tamis::keyring::tree::{FRONTIER_BYTES_MAX, HEIGHT, Kind, LEAVES, read_frontier};
use tamis::lead::{Leaf, RECORD_BYTES_MAX, RawReply, SealError, SealedRecord, Sieved, minimise, open, seal};
use tamis::notification::{self, Challenge, ChangeCode, LeadRef, Verifier, VerifyToken};
use tamis::purpose::{Matching, Purpose, RecordId};
use tamis::random::SeededRandom;
use tamis::secret::location::Environment;
use tamis::secret::{Key, Secret};
use tamis::trail::{KeptLine, chain};
use tamis_simulator::sign;

use super::seeds::*;

/// One reader.
pub struct Target {
    /// Its name, and its corpus' folder.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&[u8]) -> u64,
    /// What well-formed input looks like.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of its language.
    pub words: &'static [&'static str],
}

/// All readers.
pub const TARGETS: &[Target] = &[
    Target { name: "wire", read: wire, seeds: notifications, words: JSON_WORDS },
    Target {
        name: "signature",
        read: signature,
        seeds: signatures,
        words: &["sha256=", "sha1=", "\n", "00"],
    },
    Target { name: "challenge", read: challenge, seeds: challenges, words: QUERY_WORDS },
    Target { name: "minimise", read: sieve, seeds: replies, words: JSON_WORDS },
    Target { name: "graph-error", read: graph_error, seeds: graph_errors, words: ERROR_WORDS },
    Target { name: "form", read: form, seeds: forms, words: JSON_WORDS },
    Target { name: "usage", read: usage, seeds: usages, words: ERROR_WORDS },
    Target { name: "config", read: config, seeds: configs, words: CONFIG_WORDS },
    Target {
        name: "cursor",
        read: cursor,
        seeds: cursors,
        words: &["-", "0", "18446744073709551615", "4294967296"],
    },
    Target {
        name: "token",
        read: token,
        seeds: tokens,
        words: &[".", "0", "abcdef", "limit=", "&", "after=", "%2D"],
    },
    Target { name: "keyring", read: keyring, seeds: keyrings, words: &["TAMISKEY", "\u{1}", "devis"] },
    Target { name: "pages", read: pages, seeds: page_files, words: PAGE_WORDS },
    Target { name: "page-inside", read: page_inside, seeds: page_insides, words: PAGE_WORDS },
    Target { name: "frontier", read: frontier, seeds: frontiers, words: PAGE_WORDS },
    Target { name: "frame", read: frame, seeds: frames, words: &["\u{1}\0\0\0", "\u{2}\0\0\0"] },
    Target { name: "record", read: record, seeds: records, words: &["devis", "email", "leadgen_id"] },
    Target { name: "row", read: row, seeds: rows, words: &["too-old", "devis", "\u{1}"] },
    Target { name: "erasure-rows", read: erasure_rows, seeds: erasures, words: ROW_WORDS },
    Target { name: "rows-beside", read: rows_beside, seeds: besides, words: ROW_WORDS },
    Target { name: "feed-rows", read: feed_rows, seeds: feeds, words: ROW_WORDS },
    Target { name: "kept", read: kept, seeds: kept_evidence, words: ROW_WORDS },
    Target { name: "ledger", read: ledger, seeds: ledgers, words: ROW_WORDS },
    Target {
        name: "trail",
        read: trail,
        seeds: trails,
        words: &["system", "local:", "token:", "devis-1-1", "exported"],
    },
    Target {
        name: "smtp",
        read: smtp,
        seeds: answers,
        words: &["250-", "250 ", "550 ", "5.1.1", "\r\n", "AUTH ", "PLAIN", "STARTTLS", "="],
    },
];

fn kind(outcome: impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{outcome:?}").hash(&mut hasher);
    hasher.finish()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wire(bytes: &[u8]) -> u64 {
    let verifier = Verifier::new(vec![Secret::new(SECRET.to_vec())]);
    let signature = sign(SECRET, bytes);
    let authentic = verifier.verify([signature.as_bytes()], false, Bytes::copy_from_slice(bytes));
    let Ok(authentic) = authentic else { panic!("what was signed is refused") };
    match notification::read(&authentic, now()) {
        Ok(read) => {
            assert!(read.references.len() <= notification::REFERENCES_MAX, "unbounded");
            let mut encoded = Vec::new();
            for reference in &read.references {
                encoded.clear();
                reference.encode(&mut encoded);
                assert!(encoded.len() <= LeadRef::ENCODED_MAX, "an encoded reference is too long");
                assert!(LeadRef::decode(&mut encoded.as_slice()).is_some(), "a reference does not read back");
            }
            let census: Vec<(ChangeCode, bool)> =
                read.census.iter().map(|(code, count)| (code, count > 1)).collect();
            kind((read.references.len().min(6), census))
        }
        Err(code) => kind(code),
    }
}

fn signature(bytes: &[u8]) -> u64 {
    let verifier = Verifier::new(vec![Secret::new(SECRET.to_vec()), Secret::new(b"x".to_vec())]);
    let values: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let verified = verifier.verify(values, bytes.len().is_multiple_of(2), Bytes::from_static(b"{}"));
    let honest = text(bytes).to_ascii_lowercase() == sign(SECRET, b"{}");
    if verified.is_ok() {
        assert!(honest || text(bytes).to_ascii_lowercase() == sign(b"x", b"{}"), "a wrong signature passes");
    }
    kind(verified.err())
}

fn challenge(bytes: &[u8]) -> u64 {
    let read = Challenge::read(&text(bytes), &VerifyToken::of(&Secret::new(b"verify-me".to_vec())));
    kind(read.map(|challenge| challenge.into_string().len().min(8)).map_err(|code| format!("{code:?}")))
}

fn sieve(bytes: &[u8]) -> u64 {
    let mut reply = RawReply::with_limit(256 * 1024);
    for chunk in bytes.chunks(1_000) {
        if reply.push(chunk).is_err() {
            return kind("too large");
        }
    }
    let mut outcomes = Vec::new();
    let policy = PURPOSES.policy();
    let Some(lead) = reply.lead() else { return kind("no lead") };
    let definition = definition();
    for purpose in policy.purposes() {
        for known in [None, Some(&definition)] {
            let Sieved { result, is_unasked, dropped, unknown_key, unanswered } =
                minimise(&lead, &reference(), &Matching::new(purpose, known));
            let stored = match result {
                Ok(minimised) => sealed_and_opened(&minimised, purpose),
                Err(code) => format!("{code:?}"),
            };
            outcomes.push((stored, is_unasked, dropped.count().min(3), unknown_key, unanswered));
        }
    }
    outcomes.dedup();
    kind(outcomes)
}

fn sealed_and_opened(lead: &tamis::lead::MinimisedLead, purpose: &Purpose) -> String {
    let id = RecordId { purpose: purpose.id.clone(), epoch: 1, number: 1 };
    let key = Key::new([5; 32]);
    let record = match seal(lead, &id, [0; 32], Leaf::of(&id), &key, &SeededRandom::new(1)) {
        Ok(record) => record,
        Err(SealError::TooLarge(_)) => return "too large".to_owned(),
        Err(_) => panic!("it does not seal"),
    };
    let encoded = record.encode();
    assert!(encoded.len() <= RECORD_BYTES_MAX, "a record of {} bytes", encoded.len());
    let decoded = SealedRecord::decode(&encoded).expect("a record");
    let Ok(opened) = open(&decoded, &id, &key) else { panic!("what was sealed does not open") };
    let named = purpose
        .whitelist
        .columns()
        .iter()
        .filter(|name| opened.field(purpose, name.as_str()).is_some())
        .count();
    assert!(named > 0, "a record without a field");
    let consents = opened.consents().iter().filter(|evidence| evidence.given()).count();
    format!("stored {named} {consents} {}", opened.is_test())
}

fn graph_error(bytes: &[u8]) -> u64 {
    let (first, body) = bytes.split_first().unwrap_or((&0, &[]));
    let status = [200, 400, 401, 403, 404, 429, 500, 502, 302, 204][usize::from(*first) % 10];
    let said = tamis::graph::door::reply(status, body);
    assert!(said.as_ref().is_none_or(|said| said.len() < 600), "too much is kept of a reply");
    kind(said)
}

fn form(bytes: &[u8]) -> u64 {
    let form = FormId::parse(FORM).expect("digits");
    kind(tamis::graph::door::definition(&form, bytes).map(|questions| questions.min(20)))
}

fn usage(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    let (app, business) = text.split_once('\n').unwrap_or((&text, ""));
    let said = tamis::graph::door::usage(Some(app), Some(business), now());
    // Numbers without end are one kind.
    kind(said.chars().filter(|c| !c.is_ascii_digit()).collect::<String>())
}

fn config(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    let (file, variables) = text.split_once('\0').unwrap_or((&text, ""));
    let variables = variables.split('\n').filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match config::parse(file, &Environment::new(variables)) {
        Ok(config) => kind(("valid", config.policy().purposes().len(), config.warnings.len())),
        Err(faults) => {
            let shown = faults.to_string();
            assert!(shown.len() < 4 * 1024 * 1024, "faults without end");
            kind(faults.faults.iter().map(|fault| format!("{:?}", fault.code)).collect::<Vec<_>>())
        }
    }
}

fn cursor(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    let read = RecordId::parse(&text);
    if let Some(read) = &read {
        assert!(read.to_string() == text, "an id has one spelling");
    }
    kind((read.is_some(), text.len().min(90)))
}

fn token(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    kind((tamis::http::admin::door::credential(&text), tamis::http::admin::door::query(&text)))
}

fn keyring(bytes: &[u8]) -> u64 {
    let root = Key::new([42; 32]);
    kind((tamis::keyring::door::file(bytes, &root), tamis::keyring::door::inside(bytes)))
}

fn pages(bytes: &[u8]) -> u64 {
    kind(tamis::keyring::pages::door::file(bytes, &Key::new([42; 32])))
}

fn page_inside(bytes: &[u8]) -> u64 {
    let read = tamis::keyring::pages::door::inside(bytes);
    assert!(
        read.iter().flatten().all(|(_, is_same)| *is_same),
        "it would be written otherwise than it was read"
    );
    kind(read.map(|read| read.map(|(count, _)| count.min(20))))
}

fn frontier(bytes: &[u8]) -> u64 {
    let read = read_frontier::<HEIGHT>(bytes).map(|(frontier, rest)| {
        let used = &bytes[..bytes.len() - rest.len()];
        let mut again = vec![0; frontier.encoded_bytes()];
        assert!(frontier.encode(&mut again).is_some() && again == used, "a frontier has one form");
        let live = (0..LEAVES).filter(|leaf| frontier.is_live(*leaf)).count();
        assert!(live == usize::from(frontier.live()) && again.len() <= FRONTIER_BYTES_MAX);
        let first = frontier.first_live(0);
        assert!(
            first.is_none_or(|leaf| frontier.key(leaf, Kind::Record, 0).is_some()),
            "it lives and has a key"
        );
        (first, frontier.bounds().len().min(4), frontier.places().len().min(12))
    });
    kind(read)
}

/// A row is the length of its key, the key, the value.
pub fn at_key(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first().unwrap_or((&0, &[]));
    rest.split_at(usize::from(*length).min(rest.len()))
}

fn erasure_rows(bytes: &[u8]) -> u64 {
    let (key, value) = at_key(bytes);
    let (which, leaves) = tamis::store::sled::door::erasures(key, value);
    kind((which, leaves.min(4)))
}

fn rows_beside(bytes: &[u8]) -> u64 {
    let (key, value) = at_key(bytes);
    kind(tamis::store::sled::door::beside(key, value, &Key::new([5; 32])))
}

fn feed_rows(bytes: &[u8]) -> u64 {
    let (key, value) = at_key(bytes);
    let (which, changes) = tamis::store::sled::door::followed(key, value, now());
    assert!(changes <= tamis::store::CHANGES_LISTED_MAX, "a page without end");
    kind((which, changes.min(4)))
}

fn kept(bytes: &[u8]) -> u64 {
    let (event, stub) = tamis::lead::door::kept(bytes);
    kind((event, stub.map(|events| events.min(4))))
}

fn ledger(bytes: &[u8]) -> u64 {
    kind(tamis::store::sled::door::ledger(bytes).map(|named| named.min(6)))
}

fn frame(bytes: &[u8]) -> u64 {
    let (key, instance) = (Key::new([3; 32]), InstanceId([9; 16]));
    let as_it_is = tamis::inbox::door::frames(bytes, &key, instance);
    let mut restamped = bytes.to_vec();
    tamis::inbox::door::restamp(&mut restamped);
    let opens = tamis::inbox::door::opens(&restamped, &key, instance);
    let reference = LeadRef::decode(&mut &*bytes).is_some();
    kind((as_it_is.min(4), opens, reference))
}

fn record(bytes: &[u8]) -> u64 {
    let peeked = SealedRecord::peek(bytes).map(|(_, _, test)| test);
    let opened = SealedRecord::decode(bytes).map(|record| {
        let id = RecordId::parse("devis-1-1").expect("an id");
        open(&record, &id, &Key::new([5; 32])).is_ok()
    });
    kind((peeked, opened, tamis::lead::door::inside(bytes).map(|fields| fields.min(6))))
}

fn row(bytes: &[u8]) -> u64 {
    kind(tamis::store::sled::door::rows(bytes))
}

fn smtp(bytes: &[u8]) -> u64 {
    let (mut replies, offers) = tamis::mail::door::answers(bytes);
    replies.truncate(6);
    kind((replies, offers))
}

fn trail(bytes: &[u8]) -> u64 {
    let Some(kept) = KeptLine::new(bytes) else { return kind(()) };
    let read = kept.read(1);
    if let Ok(line) = &read {
        let _ = kept.follows(&Key::new([7; 32]), &[0; 32]);
        let (again, bytes) = chain(&Key::new([7; 32]), &[0; 32], 1, line.time, line.entry.clone());
        let read_again = KeptLine::new(&bytes).expect("a line").read(1);
        assert!(read_again.as_ref() == Ok(&again) && again.entry == line.entry, "a line does not read back");
    }
    kind((
        kept.is_versioned(),
        read.map(|line| (line.entry.action(), line.entry.role(), line.entry.from.is_some())),
    ))
}
