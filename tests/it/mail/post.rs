//! A mail server: aiosmtpd, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mail/server.py");

/// How long it may take to listen, and a mail to come through.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Post {
    pub port: u16,
    process: Child,
    said: Receiver<String>,
}

/// The Python that has aiosmtpd: where .ci/run puts it, or the system's.
#[expect(clippy::disallowed_methods, reason = "a test's own environment: where tools lie")]
pub fn python() -> Option<PathBuf> {
    let tools = std::env::var_os("TAMIS_TOOLS").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/tamis-tools"));
    let own = tools.or_else(home).map(|tools| tools.join("aiosmtpd/bin/python"));
    let has_it = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    own.into_iter().chain([PathBuf::from("python3")]).find(has_it)
}

impl Post {
    /// Starts one with these options (see the script).
    pub fn start(python: &Path, options: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.arg(SERVER).args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the mail server starts");
        let stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let (sender, said) = channel();
        let reader = std::thread::Builder::new().name("post".to_owned()).spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        drop(reader.expect("a thread"));
        let port = said.recv_timeout(PATIENCE).expect("the mail server listens");
        Self { port: port.parse().expect("a port"), process, said }
    }

    /// The next mail that it took.
    pub fn mail(&self) -> Value {
        let line = self.said.recv_timeout(PATIENCE).expect("a mail");
        serde_json::from_str(&line).expect("JSON")
    }

    /// The same, if it takes one within a second.
    pub fn mail_soon(&self) -> Option<Value> {
        let line = self.said.recv_timeout(Duration::from_secs(1)).ok()?;
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// True if it took none that was not asked for yet.
    pub fn is_empty(&self) -> bool {
        self.said.try_recv().is_err()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
