//! In which order the disk has what an erasure does: seen from outside, by strace, which no page cache can fool. The store is
//! synced, then its witness, before anything of the keyring is written; the new pages are synced, then the zeros over the old ones, and only then
//! somebody is answered.

use std::collections::HashMap;
use std::fs;

use super::house::House;
use super::ledger::Ledger;
use super::life::Place;
use crate::support::process::installed;

/// What a trace must tell, in the order in which the kernel saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Asked,
    StoreWritten,
    StoreSynced,
    WitnessWritten,
    WitnessSynced,
    KeyringWritten,
    KeyringSynced,
    Answered,
}

#[tokio::test(flavor = "multi_thread")]
async fn store_and_witness_are_synced_before_the_keyring_is_written_and_all_before_the_answer() {
    if !installed("strace") {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's own environment: in CI a missing strace is a failure"
        )]
        let in_ci = std::env::var_os("CI").is_some();
        assert!(!in_ci, "CI brings strace");
        println!("skipped: strace is not installed");
        return;
    }
    let (place, mut ledger) = (Place::new(), Ledger::default());
    let house = House::new(&place.home()).await;
    ledger.begin(&house, 20).await;
    house.close().await;
    let trace = place.directory.path().join("trace");
    let to = trace.display().to_string();
    let calls = "trace=pwrite64,write,fdatasync,fsync";
    place.in_turn(&ledger, 4, &["strace", "-f", "-y", "-s", "40", "-o", &to, "-e", calls]).end();
    let seen = read_trace(&fs::read_to_string(&trace).expect("a trace"));
    let judged = judge(&seen).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(judged > 1, "only {judged} erasures took a key");
}

/// Holds each erasure against the order. The first two make the keys of months, and are passed over. Gives how many
/// had keys to destroy.
fn judge(seen: &[Seen]) -> Result<usize, String> {
    let mut judged = 0;
    for (at, part) in seen.split(|what| *what == Seen::Asked).enumerate().skip(3) {
        let Some(answered) = part.iter().position(|what| *what == Seen::Answered) else {
            return Err(format!("erasure {at} has no answer: {part:?}"));
        };
        let part = &part[..answered];
        let of =
            |wanted: &[Seen]| part.iter().copied().filter(|what| wanted.contains(what)).collect::<Vec<_>>();
        let Some(written) = part.iter().position(|what| *what == Seen::KeyringWritten) else { continue };
        let mut before: Vec<Seen> = part[..written].to_vec();
        before.dedup();
        let first = [Seen::StoreWritten, Seen::StoreSynced, Seen::WitnessWritten, Seen::WitnessSynced];
        if !before.ends_with(&first) {
            return Err(format!(
                "erasure {at}: the keyring was written before store and witness were durable: {part:?}"
            ));
        }
        let mut keyring = of(&[Seen::KeyringWritten, Seen::KeyringSynced]);
        keyring.dedup();
        let twice = [Seen::KeyringWritten, Seen::KeyringSynced].repeat(2);
        if keyring != twice {
            return Err(format!("erasure {at}: new pages, a sync, zeros, a sync, and not {part:?}"));
        }
        judged += 1;
    }
    Ok(judged)
}

/// Reads strace's lines; a call that another thread interrupted stands on two, and counts where it returned.
fn read_trace(text: &str) -> Vec<Seen> {
    let mut open: HashMap<&str, String> = HashMap::new();
    let mut seen = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            // What is said counts from where it began to leave; a write or sync from where it returned.
            match said(begun) {
                Some(what) => seen.push(what),
                None => drop(open.insert(thread, begun.to_owned())),
            }
        } else if rest.starts_with("<... ") {
            let Some(begun) = open.remove(thread) else { continue };
            seen.extend(one(&format!("{begun}{}", rest.split_once("resumed>").map_or("", |(_, end)| end))));
        } else {
            seen.extend(said(rest).or_else(|| one(rest)));
        }
    }
    seen
}

fn said(call: &str) -> Option<Seen> {
    match () {
        () if call.contains("\"HTTP/1.1 200 asked") => Some(Seen::Asked),
        () if call.contains("\"HTTP/1.1 200 erased") => Some(Seen::Answered),
        () => None,
    }
}

fn one(call: &str) -> Option<Seen> {
    let (name, rest) = call.split_once('(')?;
    let is_sync = ["fdatasync", "fsync"].contains(&name)
        && call.rsplit(" = ").next().is_some_and(|end| end.trim() == "0");
    let file = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(file, _)| file);
    let of = |written, synced| match name {
        "pwrite64" | "write" => Some(written),
        _ if is_sync => Some(synced),
        _ => None,
    };
    if file.ends_with("/store/db/db") {
        of(Seen::StoreWritten, Seen::StoreSynced)
    } else if file.ends_with("/keys/witness") {
        of(Seen::WitnessWritten, Seen::WitnessSynced)
    } else if file.ends_with("/keys/keyring") {
        of(Seen::KeyringWritten, Seen::KeyringSynced)
    } else {
        None
    }
}

/// The judge itself must be able to say no.
#[test]
fn another_order_is_a_violation() {
    use Seen::{Answered, Asked, KeyringSynced, KeyringWritten, StoreSynced, StoreWritten};
    use Seen::{WitnessSynced, WitnessWritten};
    let good = [
        StoreWritten,
        StoreSynced,
        WitnessWritten,
        WitnessSynced,
        KeyringWritten,
        KeyringSynced,
        KeyringWritten,
        KeyringSynced,
    ];
    let judged =
        |part: &[Seen]| judge(&[&[Asked, Answered, Asked, Answered, Asked], part, &[Answered]].concat());
    assert_eq!(judged(&good), Ok(1));
    for swapped in 0..good.len() - 1 {
        let mut bad = good;
        bad.swap(swapped, swapped + 1);
        assert!(judged(&bad).is_err(), "{bad:?}");
    }
    assert!(judged(&good[..7]).is_err() && judged(&good[1..]).is_err());
    let unwitnessed = [&good[..2], &good[4..]].concat();
    assert!(judged(&unwitnessed).is_err());
    assert!(judge(&[Asked, Answered, Asked, Answered, Asked, StoreWritten]).is_err());
    let trace = "1 fdatasync(5</x/store/db/db> <unfinished ...>\n2 pwrite64(6</x/keys/keyring>, \"\", 9, 0) = 9\n\
                 1 <... fdatasync resumed>) = 0\n3 write(1<socket:[1]>, \"HTTP/1.1 200 erased 4\\n\", 22) = 22\n";
    assert_eq!(read_trace(trace), [KeyringWritten, StoreSynced, Answered]);
}
