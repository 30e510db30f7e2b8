//! No 200 leaves before the fdatasync of its batch returned: seen from outside, by strace, which no page cache can fool.

use std::collections::HashMap;
use std::fs;

use futures_util::future::join_all;
use tamis_simulator::{Setup, Simulator};

use crate::support::process::{Home, installed};
use crate::support::{DEVIS_FORM, PAGE, an_hour_ago};

/// How many calls go one by one, and how many at once after them.
const ALONE: usize = 20;
const TOGETHER: usize = 64;

/// What a trace must tell, in the order in which the kernel saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// So many bytes were written to a journal segment.
    Written(usize),
    /// A sync of a journal segment returned 0.
    Synced,
    /// A 200 left.
    Answered,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_200_leaves_before_the_fdatasync_of_its_batch_returned() {
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
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let trace = home.directory.path().join("trace");
    let trace_arg = trace.display().to_string();
    let calls = "trace=pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync";
    let daemon = home.serve(&["strace", "-f", "-y", "-s", "32", "-o", &trace_arg, "-e", calls]);
    let (meta_ref, webhook) = (&meta, daemon.webhook());
    let webhook = webhook.as_str();
    for at in 0..ALONE {
        let status = deliver(meta_ref, webhook, at).await;
        assert_eq!(status, 200, "call {at}");
    }
    let at_once = join_all((ALONE..ALONE + TOGETHER).map(|at| deliver(meta_ref, webhook, at))).await;
    assert!(at_once.iter().all(|status| *status == 200), "{at_once:?}");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;

    let seen = read_trace(&fs::read_to_string(&trace).expect("a trace"));
    let answered = seen.iter().filter(|seen| **seen == Seen::Answered).count();
    assert_eq!(answered, ALONE + TOGETHER, "the trace shows every answer");
    if let Err(violation) = judge(&seen) {
        panic!("{violation}");
    }
}

async fn deliver(meta: &Simulator, webhook: &str, at: usize) -> u16 {
    // Ids of one length: every call's frame then has one size, and bytes can be counted in calls.
    let change = tamis_simulator::notification::Change::leadgen(
        &format!("77200{at:011}"),
        PAGE,
        DEVIS_FORM,
        an_hour_ago(),
    );
    let entry = tamis_simulator::notification::Entry::of(PAGE).change(change);
    let body = tamis_simulator::notification::Notification::page().entry(entry).bytes();
    meta.deliver(webhook, &body).await.unwrap_or_else(|error| panic!("call {at}: {error}")).status
}

/// Holds the answers against what was durable when they left. The first write is one call alone: it tells a frame's size.
fn judge(seen: &[Seen]) -> Result<(), String> {
    let frame = seen.iter().find_map(|seen| match seen {
        Seen::Written(bytes) => Some(*bytes),
        _ => None,
    });
    let frame = frame.ok_or("nothing was written to the journal")?;
    let (mut written, mut durable, mut answered) = (0, 0, 0);
    for (at, what) in seen.iter().enumerate() {
        match what {
            Seen::Written(bytes) => written += bytes / frame,
            Seen::Synced => durable = written,
            Seen::Answered => answered += 1,
        }
        if answered > durable {
            return Err(format!("at {at}: {answered} answered, {durable} durable"));
        }
    }
    Ok(())
}

/// Reads strace's lines; a call that another thread interrupted stands on two, and counts where it returned.
fn read_trace(text: &str) -> Vec<Seen> {
    let mut open: HashMap<&str, String> = HashMap::new();
    let mut seen = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let whole = if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            // An answer counts from where it began to leave; a write or sync from where it returned.
            if is_answer(begun) {
                seen.push(Seen::Answered);
            }
            open.insert(thread, begun.to_owned());
            continue;
        } else if rest.starts_with("<... ") {
            let Some(begun) = open.remove(thread) else { continue };
            if is_answer(&begun) {
                continue;
            }
            format!("{begun}{}", rest.split_once("resumed>").map_or("", |(_, end)| end))
        } else {
            rest.to_owned()
        };
        seen.extend(one(&whole));
    }
    seen
}

fn is_answer(call: &str) -> bool {
    call.contains("\"HTTP/1.1 200 OK")
}

fn one(call: &str) -> Option<Seen> {
    let result = call.rsplit(" = ").next().unwrap_or_default().trim();
    if is_answer(call) {
        Some(Seen::Answered)
    } else if !call.contains("/inbox/") {
        None
    } else if call.starts_with("pwrite64") {
        result.parse().ok().map(Seen::Written)
    } else if (call.starts_with("fdatasync") || call.starts_with("fsync")) && result == "0" {
        Some(Seen::Synced)
    } else {
        None
    }
}

/// The judge itself must be able to say no.
#[test]
fn an_answer_before_its_sync_is_a_violation() {
    use Seen::{Answered, Synced, Written};
    assert_eq!(judge(&[Written(100), Synced, Answered, Written(200), Synced, Answered, Answered]), Ok(()));
    assert!(judge(&[Written(100), Answered, Synced]).is_err());
    assert!(judge(&[Written(100), Synced, Answered, Answered]).is_err());
    assert!(judge(&[Answered]).is_err());
    let trace = "1 pwrite64(5</x/inbox/1.seg>, \"\", 100, 0) = 100\n2 sendto(9<socket:[1]>, \"HTTP/1.1 200 OK\"..., 90 <unfinished ...>\n1 fdatasync(5</x/inbox/1.seg>) = 0\n2 <... sendto resumed>) = 90\n";
    assert_eq!(read_trace(trace), vec![Written(100), Answered, Synced]);
}
