//! A daemon's memory is locked where it may lock all of it; else it says so once.
//!
//! Whether the system then locks anything shows only where somebody may lift the limit (CAP_SYS_RESOURCE, which containers rarely have).
//! That all of it is asked for, and not under a limit, is held everywhere.

use std::fs;
use std::process::{Command, Stdio};

use tamis_simulator::{Setup, Simulator};

use crate::support::process::{Home, installed};

fn locked_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_locked_where_all_of_it_may_be_and_else_the_log_says_so_once() {
    assert!(
        installed("prlimit") && installed("cc"),
        "the limit is set by the one, the layer that lifts it is C"
    );
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    // Whoever may not lift a limit may still lower it.
    let daemon = home.serve(&["prlimit", "--memlock=65536:65536"]);
    assert_eq!(daemon.said("process.memory-not-locked").len(), 1);
    assert_eq!(locked_kib(daemon.pid), 0);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    let directory = tempfile::tempdir().expect("a directory");
    let (layer, log) = (directory.path().join("unlimited.so"), directory.path().join("asked"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/unlimited.c");
    let compiled =
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&layer).arg(source).status();
    assert!(compiled.expect("a C compiler").success(), "the layer does not compile");
    let environment = [("LD_PRELOAD", layer.as_os_str()), ("TAMIS_UNLIMITED_LOG", log.as_os_str())];
    let daemon = home.try_serve(&[], &environment).unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(daemon.said("process.memory-not-locked"), Vec::<String>::new());
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    // What there is, what comes, and each page from when it is used first (sys/mman.h: 1, 2, 4).
    assert_eq!(fs::read_to_string(&log).expect("it asked"), "7\n", "once, for all of it");
    let lifts = Command::new("prlimit")
        .args(["--memlock=unlimited:unlimited", "true"])
        .stderr(Stdio::null())
        .status();
    if lifts.is_ok_and(|status| status.success()) {
        let daemon = home.serve(&["prlimit", "--memlock=unlimited:unlimited"]);
        assert_eq!(daemon.said("process.memory-not-locked"), Vec::<String>::new());
        assert!(locked_kib(daemon.pid) > 1_000, "nothing is locked");
        let (status, said) = daemon.terminate();
        assert!(status.success(), "{said}");
    } else {
        println!("nobody may lift the limit here: what the system locks was not looked at");
    }
    meta.stop().await;
}
