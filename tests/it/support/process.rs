//! The daemon as a process of its own: the binary that an operator runs, to be killed, traced and signalled.

use std::ffi::OsStr;
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

/// The binary under test. A program that shares this file is not told by cargo where it is: `built` finds it.
pub const BINARY: &str = match option_env!("CARGO_BIN_EXE_tamis") {
    Some(path) => path,
    None => "",
};

/// The binary of the build that this program is of: `target/PROFILE/tamis`, beside `target/PROFILE/examples/`. Of a program,
/// `TAMIS_BINARY` may name another.
#[expect(clippy::disallowed_methods, reason = "a test's own environment: which binary is under test")]
pub fn built() -> PathBuf {
    if !BINARY.is_empty() {
        return PathBuf::from(BINARY);
    }
    if let Some(named) = std::env::var_os("TAMIS_BINARY") {
        return PathBuf::from(named);
    }
    let own = std::env::current_exe().expect("the path of this program");
    own.ancestors().nth(2).expect("target/PROFILE").join("tamis")
}

pub const VERIFY_TOKEN: &str = "verify-zq-me-0123456789";
/// No byte of it is like its neighbour, so that no run of equal bytes is taken for it.
pub const ROOT_KEY: [u8; 32] = *b"\x9aroot\x01key\xf0of\x7fthe\xc3homes\x0bof\x88tests!";

/// How long a start or an end may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with config and secrets, ready for `tamis serve`.
pub struct Home {
    pub directory: tempfile::TempDir,
    /// What runs: the binary under test, unless another is put here.
    pub binary: PathBuf,
}

impl Home {
    /// Writes config and secrets for a daemon that talks to this Meta.
    pub fn new(meta: &Simulator, page_token: &str, change: impl Fn(String) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path().join("secrets");
        fs::create_dir(&folder).expect("a directory");
        let root = hex::encode(ROOT_KEY);
        let app_secret = Setup::default().app_secrets[0].clone();
        for (name, secret) in [
            ("app-secret", app_secret.as_str()),
            ("verify-token", VERIFY_TOKEN),
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
        Self { directory, binary: built() }
    }

    pub fn config(&self) -> PathBuf {
        self.directory.path().join("tamis.toml")
    }

    /// Starts `tamis serve`, behind `wrapper` (strace and its arguments) if there is one, and waits until it says that it
    /// started.
    pub fn serve(&self, wrapper: &[&str]) -> Daemon {
        self.serve_in(wrapper, &[])
    }

    /// Starts it in this environment, which has nothing else in it.
    pub fn serve_in(&self, wrapper: &[&str], variables: &[(&str, &str)]) -> Daemon {
        self.try_serve(wrapper, variables).unwrap_or_else(|said| panic!("the daemon did not start:\n{said}"))
    }

    /// The same. `Err`: it did not start, and what it said.
    pub fn try_serve<V: AsRef<OsStr>>(
        &self,
        wrapper: &[&str],
        variables: &[(&str, V)],
    ) -> Result<Daemon, String> {
        let mut command = match wrapper.split_first() {
            None => Command::new(&self.binary),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.binary);
                command
            }
        };
        command.args(["serve", "--config"]).arg(self.config());
        command
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the daemon starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (started, addresses) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let heard = Arc::clone(&said);
        let reader = std::thread::Builder::new().name("daemon-log".to_owned()).spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line.contains("process.started") {
                    let _ = started.send((address(&line, "public.address"), address(&line, "admin.address")));
                }
                let mut said = heard.lock().expect("no panic");
                said.push_str(&line);
                said.push('\n');
            }
        });
        let reader = reader.expect("a thread");
        let Ok((public, admin)) = addresses.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(said.lock().expect("no panic").clone());
        };
        let pid = if wrapper.is_empty() { child.id() } else { only_child(child.id()) };
        let home = self.directory.path().to_owned();
        Ok(Daemon { child, pid, public, admin, said, reader: Some(reader), home })
    }
}

impl Home {
    /// Starts the daemon and kills it after this time, whatever it is doing.
    pub fn spawn_and_kill(&self, after: Duration) {
        let mut command = Command::new(&self.binary);
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
    pub pid: u32,
    pub public: String,
    /// The admin side's TCP door.
    pub admin: String,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    home: PathBuf,
}

impl Daemon {
    pub fn webhook(&self) -> String {
        format!("http://{}/webhook", self.public)
    }

    pub fn socket(&self) -> PathBuf {
        self.home.join("run/admin.sock")
    }

    /// The admin side by its socket.
    pub fn admin(&self) -> Caller {
        Caller::socket(&self.socket())
    }

    /// `kill -9`, at once.
    pub fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.wait();
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Stops it where it is, as a machine does that has too much to do.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// The lines of the log with this in it, so far.
    pub fn said(&self, event: &str) -> Vec<String> {
        let said = self.said.lock().expect("no panic");
        said.lines().filter(|line| line.contains(event)).map(str::to_owned).collect()
    }

    /// After a kill or a power cut nothing that was answered for may be said to be missing.
    ///
    /// # Errors
    /// What was said.
    pub fn misses_nothing(&self) -> Result<(), String> {
        let said = [self.said("inbox.references-missing"), self.said("inbox.witness-")].concat();
        if said.is_empty() { Ok(()) } else { Err(format!("a false alarm: {said:?}")) }
    }

    /// Waits until the log has this event so often, and returns those lines.
    pub fn until_said(&self, event: &str, times: usize) -> Vec<String> {
        let begun = std::time::Instant::now();
        loop {
            let found = self.said(event);
            if found.len() >= times {
                return found;
            }
            let all = || self.said.lock().expect("no panic").clone();
            assert!(begun.elapsed() < PATIENCE, "{event} was not said {times} times:\n{}", all());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
        rustix::process::kill_process(pid, signal).expect("a signal");
    }

    /// SIGTERM, and waits for the end. Returns how it ended and all that was said.
    pub fn terminate(self) -> (ExitStatus, String) {
        self.signal_end();
        self.ended()
    }

    /// SIGTERM.
    pub fn signal_end(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Waits for the end. Returns how it ended and all that was said.
    pub fn ended(mut self) -> (ExitStatus, String) {
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

/// An address in a log line of either format.
fn address(line: &str, field: &str) -> String {
    let value = line.split(field).nth(1).unwrap_or_default();
    value
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || b".:".contains(&(*c as u8)))
        .collect()
}

/// The process behind a wrapper: its child, or itself if the wrapper became it.
fn only_child(pid: u32) -> u32 {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list of children");
    children.split_whitespace().next().map_or(pid, |child| child.parse().expect("a process id"))
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
