//! A log whose reader stalls: a pager, a log driver that is stuck. It costs lines, which are counted and said, and nothing
//! else.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tamis_simulator::notification::{Change, Entry, Notification};
use tamis_simulator::{Setup, Signing, Simulator};

use crate::support::process::{BINARY, Home};
use crate::support::{Account, Caller, DEVIS_FORM, PAGE, add_forms, an_hour_ago, lead};

/// `drain_seconds`.
const DRAIN: Duration = Duration::from_secs(5);
/// No call may take longer. A debug build on a machine that builds something else beside it is slow by itself.
const CALL_MAX: Duration = Duration::from_secs(3);
const SENDERS: usize = 8;
const CALLS: usize = 10_000;

/// A daemon whose stderr is read as far as its start, and no further.
struct Unread {
    child: Child,
    stderr: Option<BufReader<ChildStderr>>,
    public: String,
    home: Home,
}

impl Unread {
    fn start(meta: &Simulator, log: &str) -> Self {
        let home = Home::new(meta, "page-token", |text| {
            let text = text.replace("drain_seconds = 10", "drain_seconds = 5");
            format!("{text}\n[log]\n{log}")
        });
        let mut command = Command::new(BINARY);
        command.args(["serve", "--config"]).arg(home.config()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the daemon starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("process.started") {
            line.clear();
            assert!(stderr.read_line(&mut line).expect("a line") > 0, "it did not start");
        }
        let public = line.split("public.address").nth(1).expect("an address");
        let of_address = |c: char| c.is_ascii_digit() || b".:".contains(&(c as u8));
        let public = public.trim_start_matches(|c: char| !c.is_ascii_digit());
        let public = public.chars().take_while(|c| of_address(*c)).collect();
        Self { child, stderr: Some(stderr), public, home }
    }

    fn admin(&self) -> Caller {
        Caller::socket(&self.home.directory.path().join("run/admin.sock"))
    }

    async fn lines_lost(&self) -> u64 {
        let text = self.admin().get("/admin/v1/metrics").await.text();
        let value =
            text.lines().find_map(|line| line.strip_prefix("tamis_log_lines_lost_total{place=\"stderr\"} "));
        value.expect("a metric").parse().expect("a number")
    }

    async fn ready(&self) -> u16 {
        Caller::tcp(&self.public, None).get("/health/ready").await.status
    }

    /// SIGTERM, and how long its end took.
    fn terminate(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        loop {
            if let Some(status) = self.child.try_wait().expect("a process") {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < 4 * DRAIN, "SIGTERM is not obeyed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn meta() -> Simulator {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    meta
}

/// Sends that many calls, several at once, signed so. The longest of them; all were answered alike.
async fn send(meta: &Simulator, public: &str, calls: usize, signing: Signing, wanted: u16) -> Duration {
    let webhook = format!("http://{public}/webhook");
    let sender = async |sender: usize| {
        let mut longest = Duration::ZERO;
        for call in (sender..calls).step_by(SENDERS) {
            // A form that nobody claims, since what is measured is the call: one lead in ten is another one.
            let id = format!("77400{:011}", call / 10);
            let change = Change::leadgen(&id, PAGE, "909000000000001", an_hour_ago());
            let body = Notification::page().entry(Entry::of(PAGE).change(change)).bytes();
            let begun = Instant::now();
            let answer = meta.deliver_signed(&webhook, &body, signing.clone()).await.expect("an answer");
            assert_eq!(answer.status, wanted);
            longest = longest.max(begun.elapsed());
        }
        longest
    };
    join_all((0..SENDERS).map(sender)).await.into_iter().max().expect("a sender")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_no_call_and_no_end() {
    let meta = meta().await;
    let mut daemon = Unread::start(&meta, "level = \"trace\"\nformat = \"json\"\n");
    let unsigned = send(&meta, &daemon.public, CALLS, Signing::Missing, 401).await;
    let signed = send(&meta, &daemon.public, 2 * CALLS, Signing::Secret(0), 200).await;
    println!("unread: the longest unsigned call took {unsigned:?}, the longest signed one {signed:?}");
    assert!(unsigned < CALL_MAX && signed < CALL_MAX, "{unsigned:?}, {signed:?}");
    assert_eq!(daemon.ready().await, 200);
    let begun = Instant::now();
    let good = lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &["z@example.org"]);
    let id = meta.add_lead(good);
    let webhook = format!("http://{}/webhook", daemon.public);
    assert_eq!(meta.deliver(&webhook, &meta.notification(&[&id])).await.expect("an answer").status, 200);
    assert_eq!(Account::of(&daemon.admin()).await.stored.len(), 1, "fetched and stored all the same");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let lost = daemon.lines_lost().await;
    println!("unread: {lost} lines were lost");
    assert!(lost > 0, "the queue was larger than all that was said");
    let (status, took) = daemon.terminate();
    println!("unread: left within {took:?}");
    assert!(status.success() && took <= DRAIN, "{status}, {took:?}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_log_is_read_again_it_says_what_is_missing() {
    let meta = meta().await;
    let mut daemon = Unread::start(&meta, "level = \"trace\"\nformat = \"json\"\n");
    while daemon.lines_lost().await < 100 {
        send(&meta, &daemon.public, CALLS / 4, Signing::Missing, 401).await;
    }
    let mut stderr = daemon.stderr.take().expect("unread until now");
    let reader = std::thread::Builder::new().spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).expect("text");
        text
    });
    let reader = reader.expect("a thread");
    let begun = Instant::now();
    while daemon.ready().await != 200 || begun.elapsed() < Duration::from_secs(1) {
        assert!(begun.elapsed() < Duration::from_secs(20), "not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let lost = daemon.lines_lost().await;
    let (status, _) = daemon.terminate();
    assert!(status.success());
    let text = reader.join().expect("no panic");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("whole lines")).collect();
    let told: Vec<_> = lines.iter().filter(|line| line["event"] == "log.lines-lost").collect();
    let sum: u64 = told.iter().filter_map(|line| line["lines.lost"].as_u64()).sum();
    assert_eq!(sum, lost, "{told:?}");
    assert!(
        told.iter().all(|line| line["lost.since"].is_string() && line["log.place"] == "stderr"),
        "{told:?}"
    );
    assert_eq!(lines.last().expect("a line")["event"], "process.stopped", "nothing of the end is missing");
    // Whoever says something reads the clock before it has its place in the queue: others may come between.
    let mut latest = jiff::Timestamp::UNIX_EPOCH;
    for line in &lines {
        let time: jiff::Timestamp = line["time"].as_str().expect("a time").parse().expect("a time");
        assert!(latest.as_millisecond() - time.as_millisecond() < 1_000, "out of order: {line}");
        latest = latest.max(time);
    }
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_ten_kilobytes_a_second_slows_no_call() {
    let meta = meta().await;
    let mut daemon = Unread::start(&meta, "level = \"trace\"\nformat = \"json\"\n");
    let mut slow = daemon.stderr.take().expect("unread until now").into_inner();
    let reading = std::thread::Builder::new().spawn(move || {
        let mut piece = [0; 1_000];
        while slow.read(&mut piece).is_ok_and(|read| read > 0) {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let begun = Instant::now();
    let longest = send(&meta, &daemon.public, CALLS / 2, Signing::Secret(0), 200).await;
    println!("10 KB/s: 5,000 signed calls in {:?}, the longest took {longest:?}", begun.elapsed());
    // Ten times slower, if each waited for its lines.
    assert!(
        begun.elapsed() < Duration::from_secs(20) && longest < CALL_MAX,
        "{:?}, {longest:?}",
        begun.elapsed()
    );
    let (status, took) = daemon.terminate();
    assert!(status.success() && took <= DRAIN, "{status}, {took:?}");
    drop(daemon);
    reading.expect("a thread").join().expect("no panic");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_reader_has_gone_and_a_config_that_is_refused_end_no_later() {
    let meta = meta().await;
    let mut daemon = Unread::start(&meta, "level = \"info\"\n");
    daemon.stderr = None;
    send(&meta, &daemon.public, 100, Signing::Missing, 401).await;
    assert_eq!(daemon.ready().await, 200);
    assert!(daemon.lines_lost().await >= 100);
    let (status, took) = daemon.terminate();
    assert!(status.success() && took <= DRAIN, "{status}, {took:?}");

    // A word that does not fit into a pipe that nobody reads.
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
    while std::io::Write::write(&mut writer, &[b'\n'; 64]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe");
    fs::write(daemon.home.config(), "no = config").expect("a file");
    let mut command = Command::new(BINARY);
    command.args(["serve", "--config"]).arg(daemon.home.config()).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
    let begun = Instant::now();
    let mut refused = command.spawn().expect("the binary runs");
    let status = loop {
        if let Some(status) = refused.try_wait().expect("a process") {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(20) {
            let _ = refused.kill();
            let _ = refused.wait();
            panic!("it waits for its reader");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(78));
    drop(reader);
    meta.stop().await;
}
