//! What a daemon must not leave behind in its process: threads.
//!
//! Tests share one process, so threads are counted against the daemons that run in it at the moment.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The threads of which every daemon has exactly one.
const OWN: [&str; 4] = ["address-search", "inbox-writer", "inbox-keeper", "store-writer"];
/// Looks before a surplus counts: another test's daemon may be starting or stopping at this very moment.
const LOOKS: u32 = 250;
const PAUSE: Duration = Duration::from_millis(20);

static DAEMONS: AtomicUsize = AtomicUsize::new(0);

/// A daemon in this process, from before its first thread until after its last.
pub struct Counted(());

impl Counted {
    pub fn one() -> Self {
        DAEMONS.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        DAEMONS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Panics if some thread has outlived its daemon.
pub async fn none_is_left() {
    let mut surplus = String::new();
    for _ in 0..LOOKS {
        let before = DAEMONS.load(Ordering::SeqCst);
        let running = names();
        let daemons = before.max(DAEMONS.load(Ordering::SeqCst));
        let of = |own: &&&str| running.iter().filter(|name| name == *own).count() > daemons;
        match OWN.iter().find(of) {
            None => return,
            Some(name) => surplus = format!("more threads {name} than the {daemons} daemons have"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{surplus}: {:?}", names());
}

fn names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("a list of threads").flatten();
    tasks
        .filter_map(|task| Some(fs::read_to_string(task.path().join("comm")).ok()?.trim_end().to_owned()))
        .collect()
}

#[test]
fn a_thread_that_outlives_its_daemon_is_seen() {
    assert!(names().iter().any(|name| name.starts_with("support::threa")), "{:?}", names());
}
