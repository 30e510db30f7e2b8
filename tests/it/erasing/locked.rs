//! A daemon's memory is locked where it may lock all of it; else it says so once.

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
    if !installed("prlimit") {
        println!("skipped: prlimit is not installed");
        return;
    }
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&["prlimit", "--memlock=8388608:8388608"]);
    assert_eq!(daemon.said("process.memory-not-locked").len(), 1);
    assert_eq!(locked_kib(daemon.pid), 0);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
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
        println!("skipped in part: nobody may lift the limit here");
    }
    meta.stop().await;
}
