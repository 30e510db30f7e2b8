//! A daemon's directory, and the release binary as a process of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::load::{self, Calls};

pub const PAGE: &str = "104000000000001";
pub const FORM: &str = "901000000000001";
pub const APP_SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub const PAGE_TOKEN: &str = "page-token";
/// Nobody listens there: Graph is down.
pub const NO_GRAPH: &str = "http://127.0.0.1:9";

const BINARY: &str = env!("CARGO_BIN_EXE_tamis");
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory with config and secrets.
pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    /// A fresh one below `--directory` (default: the system's for temporary files).
    pub fn new(graph_url: &str) -> Self {
        let below = super::option("directory", std::env::temp_dir());
        let directory =
            tempfile::Builder::new().prefix("tamis-bench").tempdir_in(below).expect("a directory");
        let home = Self { directory };
        let secrets = home.path().join("secrets");
        fs::create_dir(&secrets).expect("a directory");
        let root = hex::encode([7; 32]);
        for (name, secret) in [
            ("app-secret", APP_SECRET),
            ("verify-token", "verify-me"),
            ("page-token", PAGE_TOKEN),
            ("root-key", root.as_str()),
        ] {
            let path = secrets.join(name);
            fs::write(&path, secret).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        }
        home.configure(graph_url, "info");
        home
    }

    /// Writes the config. `--cache-mb N`: the store's cache.
    pub fn configure(&self, graph_url: &str, level: &str) {
        let cache_mb = super::option("cache-mb", 0_u32);
        let cache = if cache_mb > 0 { format!("\ncache_mb = {cache_mb}") } else { String::new() };
        let text = include_str!("../../tests/data/world.toml")
            .replace("{directory}", &self.path().display().to_string())
            .replace("{graph}", graph_url)
            .replace(
                "free_disk_min_mb = 1",
                &format!("free_disk_min_mb = 1\ninbox_max_references = 10_000_000{cache}"),
            );
        fs::write(self.config(), format!("{text}\n[log]\nlevel = \"{level}\"\n")).expect("a file");
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("tamis.toml")
    }

    /// Starts the release binary and waits until it serves.
    pub fn serve(&self) -> Process {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--config"]).arg(self.config()).env_clear();
        let log = self.path().join("log");
        command.stdout(Stdio::null()).stderr(File::create(&log).expect("a file"));
        let begun = Instant::now();
        let child = command.spawn().expect("the daemon starts");
        let mut process = Process { child, address: ([127, 0, 0, 1], 0).into(), start: Duration::ZERO };
        while begun.elapsed() < PATIENCE {
            let said = fs::read_to_string(&log).unwrap_or_default();
            let line = said.lines().find(|line| line.contains(" process.started "));
            let address = line.and_then(|line| line.split(" public.address=").nth(1));
            if let Some(address) = address.and_then(|text| text.split(' ').next()?.parse().ok()) {
                process.address = address;
                process.start = begun.elapsed();
                return process;
            }
            if let Some(status) = process.child.try_wait().expect("a process") {
                panic!("the daemon ended: {status}\n{said}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("the daemon did not start")
    }

    /// The body of a GET on the admin socket.
    pub fn admin(&self, path: &str) -> String {
        let mut body = Vec::new();
        self.admin_stream(path, |chunk| body.extend_from_slice(chunk));
        String::from_utf8(body).expect("UTF-8")
    }

    /// The answer to a POST on the admin socket, with its head.
    pub fn admin_post(&self, path: &str, body: &str) -> String {
        let mut socket = UnixStream::connect(self.path().join("run/admin.sock")).expect("the admin socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: admin\r\nTamis-Reason: audit\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Reads a GET on the admin socket as it comes; the head of the answer. Chunk sizes, where there are any, count as
    /// body: whoever measures reads a little more, whoever parses asks for an answer that has a length.
    pub fn admin_stream(&self, path: &str, mut take: impl FnMut(&[u8])) -> String {
        let mut socket = UnixStream::connect(self.path().join("run/admin.sock")).expect("the admin socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: admin\r\nTamis-Reason: audit\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).expect("a request");
        let (mut head, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        let mut in_body = false;
        loop {
            let read = socket.read(&mut buffer).expect("an answer");
            if read == 0 {
                break;
            }
            if in_body {
                take(&buffer[..read]);
                continue;
            }
            head.extend_from_slice(&buffer[..read]);
            if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
                in_body = true;
                take(&head.split_off(end + 4));
            }
        }
        let head = String::from_utf8(head).expect("a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        head
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.admin("/admin/v1/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// Waits until nothing is queued.
    pub fn drained(&self) {
        while self.metric("tamis_inbox_queued") > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the daemon and has Meta send all of these again: true if it knows every one. It may run on what another
    /// process left, killed or not.
    pub fn knows_all(&self, numbers: &[usize], created: u64) -> bool {
        let daemon = self.serve();
        let calls = Calls::chunked(PAGE, FORM, APP_SECRET, created, numbers, 1_000);
        let outcome = load::deliver(daemon.address, &calls);
        assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
        let known = self.metric("tamis_references_known_total");
        let new = self.metric("tamis_references_new_total");
        daemon.kill();
        known == numbers.len() as u64 && new == 0
    }
}

/// A process that serves the webhook.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    /// From its start until it served.
    pub start: Duration,
}

impl Process {
    /// Starts a command that prints `listening PORT` on its standard output.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a process");
        let mut said = String::new();
        let stdout = child.stdout.as_mut().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut said).expect("a line");
        let port = said.trim().strip_prefix("listening ").and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("it said {said:?}"));
        Self { child, address: ([127, 0, 0, 1], port).into(), start: Duration::ZERO }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        self.end();
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(mut self) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        let status = self.child.wait().expect("an end");
        assert!(status.success(), "{status}");
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
