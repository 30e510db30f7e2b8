//! In which order the disk has what an erasure does: seen from outside, by strace, which no page cache can fool. The ledger's line is
//! synced before anything of the store is written; the store is synced, then its witness, before anything of the keyring is destroyed; the
//! new pages are synced, then the zeros over the old ones, and only then somebody is answered. What has had its time goes in the same
//! order, without a line.

use std::collections::HashMap;
use std::fs;

use super::house::{House, Kind, LEDGER, kind_of};
use super::ledger::Ledger;
use super::life::Place;
use crate::support::process::installed;

/// What a trace must tell, in the order in which the kernel saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// `keys`: there are some to be destroyed.
    Asked {
        keys: bool,
    },
    AskedToSweep,
    LedgerWritten,
    LedgerSynced,
    StoreWritten,
    StoreSynced,
    WitnessWritten,
    WitnessSynced,
    KeyringWritten,
    KeyringSynced,
    Answered,
    Swept,
}

/// Calls that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A line of the ledger.
    Line,
    /// A transaction.
    Commit,
    /// A change of the keyring.
    Keys,
}

impl Step {
    const ALL: [Self; 3] = [Self::Line, Self::Commit, Self::Keys];

    fn calls(self) -> &'static [Seen] {
        use Seen::{KeyringSynced, KeyringWritten, LedgerSynced, LedgerWritten};
        use Seen::{StoreSynced, StoreWritten, WitnessSynced, WitnessWritten};
        match self {
            Self::Line => &[LedgerWritten, LedgerSynced],
            Self::Commit => &[StoreWritten, StoreSynced, WitnessWritten, WitnessSynced],
            // New pages, a sync, zeros over the old ones, a sync.
            Self::Keys => &[KeyringWritten, KeyringSynced, KeyringWritten, KeyringSynced],
        }
    }
}

/// How many of each were held against the order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Judged {
    erasures: usize,
    /// Erasures that had keys to destroy.
    destroying: usize,
    /// Erasures before which a key was made.
    making: usize,
    sweeps: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn line_store_and_witness_are_synced_before_keys_are_destroyed_and_all_before_the_answer() {
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
    fs::write(place.home().join(LEDGER), "").expect("made");
    let trace = place.directory.path().join("trace");
    let to = trace.display().to_string();
    let calls = "trace=pwrite64,write,fdatasync,fsync";
    place.in_turn(&ledger, 4, &["strace", "-f", "-y", "-s", "100", "-o", &to, "-e", calls]).end();
    let seen = read_trace(&fs::read_to_string(&trace).expect("a trace"));
    let judged = judge(&seen).unwrap_or_else(|fault| panic!("{fault}"));
    println!("{judged:?}");
    assert!(judged.erasures > 3 && judged.destroying > 1 && judged.sweeps == 1, "{judged:?}");
    assert_eq!(judged.making, 1, "the tombstones of this month have one key, made before the first of them");
}

/// Holds each act against the order, from when it is asked for until it is answered.
fn judge(seen: &[Seen]) -> Result<Judged, String> {
    let mut judged = Judged::default();
    let begins = |what: &Seen| matches!(what, Seen::Asked { .. } | Seen::AskedToSweep);
    for at in (0..seen.len()).filter(|at| begins(&seen[*at])) {
        let (asked, rest) = (seen[at], &seen[at + 1..]);
        let ended = rest.iter().position(|what| begins(what) || [Seen::Answered, Seen::Swept].contains(what));
        let Some(part) = ended.filter(|at| !begins(&rest[*at])).map(|at| &rest[..at]) else {
            return Err(format!("what was asked for at {at} has no answer: {rest:?}"));
        };
        let fault = |fault: &str| format!("asked for at {at} ({asked:?}): {fault}: {part:?}");
        let steps = steps(part).map_err(|left| fault(&format!("out of order from {left:?} on")))?;
        match asked {
            Seen::Asked { keys } => judge_erasure(&steps, keys, &mut judged).map_err(fault)?,
            _ => judge_sweep(&steps, &mut judged).map_err(fault)?,
        }
    }
    Ok(judged)
}

fn judge_erasure(steps: &[Step], destroys: bool, judged: &mut Judged) -> Result<(), &'static str> {
    let line = steps.iter().position(|step| *step == Step::Line).ok_or("it has no line in the ledger")?;
    let (before, after) = (&steps[..line], &steps[line + 1..]);
    // A key that is made for what the transaction writes is durable before it; what is noted of the erasure before may come first.
    let made = before.iter().filter(|step| **step == Step::Keys).count();
    if made > 1 {
        return Err("more is changed in the keyring before it is in the store than one key that is made");
    }
    let wanted: &[Step] = if destroys { &[Step::Commit, Step::Keys] } else { &[Step::Commit] };
    let Some(later) = after.strip_prefix(wanted) else {
        return Err("the line, the store and its witness, the keys, and then the answer");
    };
    if later.iter().any(|step| *step != Step::Commit) {
        return Err("something is done twice");
    }
    judged.erasures += 1;
    judged.destroying += usize::from(destroys);
    judged.making += made;
    Ok(())
}

fn judge_sweep(steps: &[Step], judged: &mut Judged) -> Result<(), &'static str> {
    if steps.contains(&Step::Line) {
        return Err("what ends by its time has no line");
    }
    if !steps.contains(&Step::Keys) {
        return Err("no keys are destroyed");
    }
    let durable = |at: usize| at.checked_sub(1).is_some_and(|before| steps[before] == Step::Commit);
    if (0..steps.len()).any(|at| steps[at] == Step::Keys && !durable(at)) {
        return Err("keys are destroyed before the store is durable");
    }
    judged.sweeps += 1;
    Ok(())
}

/// Takes the calls apart. An error: from here on they are no whole steps.
fn steps(part: &[Seen]) -> Result<Vec<Step>, Vec<Seen>> {
    let mut calls = part.to_vec();
    let mut is_written = false;
    // A sync that covers nothing holds nothing up.
    calls.retain(|call| match call {
        Seen::StoreWritten => {
            is_written = true;
            true
        }
        Seen::StoreSynced => std::mem::replace(&mut is_written, false),
        _ => true,
    });
    calls.dedup();
    // The end of a transaction of before, and the beginning of one that notes the end of this.
    let begins = |call: &Seen| Step::ALL.iter().any(|step| step.calls()[0] == *call);
    let first = calls.iter().position(begins).unwrap_or(calls.len());
    let (mut left, mut steps) = (&calls[first..], Vec::new());
    loop {
        let whole = Step::ALL.iter().find_map(|step| Some((*step, left.strip_prefix(step.calls())?)));
        // What sled writes by itself, before an erasure writes anything.
        let by_itself =
            left.strip_prefix(&[Seen::StoreWritten]).filter(|left| left.contains(&Seen::LedgerWritten));
        left = match (whole, by_itself) {
            (Some((step, rest)), _) => {
                steps.push(step);
                rest
            }
            (None, Some(rest)) => rest,
            (None, None) => break,
        };
    }
    if Step::Commit.calls().starts_with(left) { Ok(steps) } else { Err(left.to_vec()) }
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
    let (_, said) = call.split_once("\"HTTP/1.1 200 ")?;
    let (verb, rest) = said.split_once(' ')?;
    match verb {
        "asked-sweep" => Some(Seen::AskedToSweep),
        "swept" => Some(Seen::Swept),
        "erased" => Some(Seen::Answered),
        "asked" | "asked-letter" => {
            let people = rest.split_once("\\n").expect("the whole line").0.split(' ').skip(1);
            let mut kinds = people.map(|person| kind_of(person.parse().expect("a number")));
            let keys = kinds.any(|kind| kind == Kind::Both || verb == "asked" && kind == Kind::One);
            Some(Seen::Asked { keys })
        }
        _ => None,
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
    } else if file.ends_with("/ledger") {
        of(Seen::LedgerWritten, Seen::LedgerSynced)
    } else {
        None
    }
}

/// The judge itself must be able to say no.
#[test]
fn another_order_is_a_violation() {
    use Seen::{Answered, AskedToSweep, KeyringSynced, KeyringWritten, StoreWritten, Swept};
    let of = |steps: &[Step]| steps.iter().flat_map(|step| step.calls()).copied().collect::<Vec<_>>();
    let erased = |keys: bool, part: &[Seen]| judge(&[&[Seen::Asked { keys }], part, &[Answered]].concat());
    let good = of(&[Step::Line, Step::Commit, Step::Keys]);
    let one = |destroying, making| Judged { erasures: 1, destroying, making, sweeps: 0 };
    assert_eq!(erased(true, &good), Ok(one(1, 0)));
    for swapped in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad.swap(swapped, swapped + 1);
        assert!(erased(true, &bad).is_err(), "{bad:?}");
    }
    for left_out in 0..good.len() {
        let mut bad = good.clone();
        bad.remove(left_out);
        assert!(erased(true, &bad).is_err(), "{bad:?}");
    }
    // A key that is made, and what other transactions leave at both ends.
    let made = of(&[Step::Keys, Step::Line, Step::Commit, Step::Keys]);
    let noted = [&[Seen::WitnessSynced], made.as_slice(), &[StoreWritten]].concat();
    assert_eq!((erased(true, &made), erased(true, &noted)), (Ok(one(1, 1)), Ok(one(1, 1))));
    assert_eq!(erased(false, &of(&[Step::Commit, Step::Line, Step::Commit])), Ok(one(0, 0)));
    assert_eq!(erased(true, &[&[StoreWritten], good.as_slice()].concat()), Ok(one(1, 0)), "sled by itself");
    for bad in [
        &[Step::Keys, Step::Keys, Step::Line, Step::Commit, Step::Keys][..],
        &[Step::Line, Step::Commit],
        &[Step::Line, Step::Keys, Step::Commit],
        &[Step::Commit, Step::Line, Step::Keys],
        &[Step::Commit, Step::Keys, Step::Line],
        &[Step::Line, Step::Commit, Step::Keys, Step::Line],
    ] {
        assert!(erased(true, &of(bad)).is_err(), "{bad:?}");
    }
    assert!(erased(true, &[&good, &[KeyringWritten][..]].concat()).is_err());
    assert!(erased(true, &[&good, &[KeyringWritten, KeyringSynced][..]].concat()).is_err());
    let unanswered = judge(&[Seen::Asked { keys: true }, StoreWritten]);
    assert!(unanswered.is_err() && judge(&[&[AskedToSweep], good.as_slice()].concat()).is_err());
    let swept = |part: &[Seen]| judge(&[&[AskedToSweep], part, &[Swept]].concat());
    let sweeps = Judged { sweeps: 1, ..Judged::default() };
    assert_eq!(swept(&of(&[Step::Commit, Step::Commit, Step::Keys])), Ok(sweeps));
    for bad in [&[Step::Commit][..], &[Step::Keys, Step::Commit], &[Step::Line, Step::Commit, Step::Keys]] {
        assert!(swept(&of(bad)).is_err(), "{bad:?}");
    }
    let trace = "1 fdatasync(5</x/store/db/db> <unfinished ...>\n2 pwrite64(6</x/keys/keyring>, \"\", 9, 0) = 9\n\
                 1 <... fdatasync resumed>) = 0\n3 write(1<socket:[1]>, \"HTTP/1.1 200 erased 4\\n\", 22) = 22\n\
                 3 write(1<socket:[1]>, \"HTTP/1.1 200 asked 5 7 15\\n\", 9) = 9\n\
                 3 write(1<socket:[1]>, \"HTTP/1.1 200 asked-letter 6 1\\n\", 9) = 9\n\
                 3 write(1<socket:[1]>, \"HTTP/1.1 200 asked 7 7 1\\n\", 9) = 9\n\
                 3 write(1<socket:[1]>, \"HTTP/1.1 200 asked-sweep 1\\n\", 9) = 9\n\
                 4 pwrite64(9</x/home/ledger>, \"00\", 2, 0) = 2\n4 fsync(9</x/home/ledger>) = 0\n";
    let asked = |keys| Seen::Asked { keys };
    assert_eq!(
        read_trace(trace),
        [
            KeyringWritten,
            Seen::StoreSynced,
            Answered,
            asked(false),
            asked(false),
            asked(true),
            AskedToSweep,
            Seen::LedgerWritten,
            Seen::LedgerSynced,
        ]
    );
}
