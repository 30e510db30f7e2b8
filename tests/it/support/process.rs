//! The daemon as a process of its own: the binary that an operator runs, to be killed, traced and signalled.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tamis_simulator::{Setup, Simulator};

use super::Caller;

/// The binary under test. A program that shares this file is not told by cargo where it is, and builds it itself.
pub const BINARY: &str = match option_env!("CARGO_BIN_EXE_tamis") {
    Some(path) => path,
    None => concat!(env!("CARGO_MANIFEST_DIR"), "/target/release/tamis"),
};

/// How long a start or an end may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with config and secrets, ready for `tamis serve`.
pub struct Home {
    pub directory: tempfile::TempDir,
}

impl Home {
    /// Writes config and secrets for a daemon that talks to this Meta.
    pub fn new(meta: &Simulator, page_token: &str, change: impl Fn(String) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path().join("secrets");
        fs::create_dir(&folder).expect("a directory");
        let root = hex::encode([7; 32]);
        let app_secret = Setup::default().app_secrets[0].clone();
        for (name, secret) in [
            ("app-secret", app_secret.as_str()),
            ("verify-token", "verify-me"),
            ("page-token", page_token),
            ("root-key", &root),
        ] {
            let path = folder.join(name);
            fs::write(&path, secret).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        }
        let text = include_str!("../../data/world.toml")
            .replace("{directory}", &directory.path().display().to_string())
            .replace("{graph}", &meta.graph_url());
        fs::write(directory.path().join("tamis.toml"), change(text)).expect("a file");
        Self { directory }
    }

    pub fn config(&self) -> PathBuf {
        self.directory.path().join("tamis.toml")
    }

    /// Starts `tamis serve`, behind `wrapper` (strace and its arguments) if there is one, and waits until it says that it
    /// started.
    pub fn serve(&self, wrapper: &[&str]) -> Daemon {
        self.try_serve(wrapper, &[]).unwrap_or_else(|said| panic!("the daemon did not start:\n{said}"))
    }

    /// The same with more in its environment. `Err`: it did not start, and what it said.
    pub fn try_serve(&self, wrapper: &[&str], environment: &[(&str, &Path)]) -> Result<Daemon, String> {
        let (program, before) =
            wrapper.split_first().map_or((BINARY, &[][..]), |(first, rest)| (*first, rest));
        let mut command = Command::new(program);
        command.args(before);
        if !wrapper.is_empty() {
            command.arg(BINARY);
        }
        command.args(["serve", "--config"]).arg(self.config());
        command.env_clear().envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the daemon starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (started, address) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let heard = Arc::clone(&said);
        let reader = std::thread::Builder::new().name("daemon-log".to_owned()).spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line.contains(" process.started ")
                    && let Some(address) = line.split(" public.address=").nth(1)
                {
                    let _ = started.send(address.split(' ').next().unwrap_or_default().to_owned());
                }
                let mut said = heard.lock().expect("no panic");
                said.push_str(&line);
                said.push('\n');
            }
        });
        let reader = reader.expect("a thread");
        let Ok(public) = address.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(said.lock().expect("no panic").clone());
        };
        let pid = if wrapper.is_empty() { child.id() } else { only_child(child.id()) };
        let home = self.directory.path().to_owned();
        Ok(Daemon { child, pid, public, said, reader: Some(reader), home })
    }
}

impl Home {
    /// Starts the daemon and kills it after this time, whatever it is doing.
    pub fn spawn_and_kill(&self, after: Duration) {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--config"]).arg(self.config());
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the daemon starts");
        std::thread::sleep(after);
        child.kill().expect("a process to kill");
        child.wait().expect("its end");
    }
}

/// A running daemon process.
pub struct Daemon {
    child: Child,
    /// The daemon's own process: the wrapper's child, if there is a wrapper.
    pid: u32,
    pub public: String,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    home: PathBuf,
}

impl Daemon {
    pub fn webhook(&self) -> String {
        format!("http://{}/webhook", self.public)
    }

    pub fn admin(&self) -> Caller {
        Caller::socket(&self.home.join("run/admin.sock"))
    }

    /// `kill -9`, at once.
    pub fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.wait();
    }

    /// SIGTERM, and waits for the end. Returns how it ended and all that was said.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        let pid = rustix::process::Pid::from_raw(self.pid as i32).expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        let status = self.wait();
        let said = self.said.lock().expect("no panic").clone();
        (status, said)
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = std::time::Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a process") {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("the daemon did not end:\n{}", self.said.lock().expect("no panic"));
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().expect("no panic");
        }
        status
    }
}

fn only_child(pid: u32) -> u32 {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list of children");
    children.split_whitespace().next().and_then(|child| child.parse().ok()).expect("a child")
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// True if a program can be run here.
pub fn installed(program: &str) -> bool {
    Path::new("/usr/bin").join(program).exists() || Path::new("/bin").join(program).exists()
}
