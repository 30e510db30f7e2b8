//! PostgreSQL as it comes, a VACUUM after each erasure. It does not run as root: then it is started as the user `postgres`.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::prompt::Prompt;
use super::{LEAD_BYTES, Peer};

pub(crate) struct Postgres {
    /// Before the server's handle: it ends first.
    prompt: Prompt,
    server: Server,
}

struct Server {
    programs: PathBuf,
    home: PathBuf,
    data: PathBuf,
    /// User and group of `postgres`, where this runs as root.
    as_user: Option<(u32, u32)>,
}

impl Server {
    /// One of PostgreSQL's own programs, by the user that may run it.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match self.as_user {
            None => Command::new(program),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={user}"))
                    .arg(format!("--regid={group}"))
                    .args(["--clear-groups", "--"])
                    .arg(program);
                command
            }
        };
        command.current_dir(&self.home).stdout(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.program("pg_ctl").arg("-D").arg(&self.data).args(["-m", "fast", "stop"]).status();
    }
}

/// A number that a program prints.
fn number(program: &str, arguments: &[&str]) -> Option<u32> {
    let output = Command::new(program).args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

impl Postgres {
    /// None: there is no PostgreSQL, or nobody who may run it.
    pub(crate) fn fill(below: &Path, rows: usize) -> Option<Self> {
        let programs = Command::new("pg_config").arg("--bindir").output().ok()?;
        let programs = PathBuf::from(String::from_utf8(programs.stdout).ok()?.trim());
        let as_user = match rustix::process::geteuid().is_root() {
            true => Some((number("id", &["-u", "postgres"])?, number("id", &["-g", "postgres"])?)),
            false => None,
        };
        let home = below.join("postgres");
        fs::create_dir(&home).expect("a directory");
        if let Some((user, group)) = as_user {
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
            fs::set_permissions(below, open).expect("a mode");
            chown(&home, Some(user), Some(group)).expect("an owner");
        }
        let server = Server { programs, data: home.join("data"), home, as_user };
        let made = server
            .program("initdb")
            .arg("-D")
            .arg(&server.data)
            .args(["-A", "trust", "-U", "bench", "-E", "UTF8", "--no-sync"])
            .status();
        assert!(
            made.expect("initdb starts").success(),
            "initdb: does the user `postgres` reach the directory?"
        );
        let settings =
            format!("-c listen_addresses='' -c unix_socket_directories='{}'", server.home.display());
        let mut start = server.program("pg_ctl");
        start.arg("-D").arg(&server.data).args(["-w", "-o", &settings, "-l"]).arg(server.home.join("log"));
        assert!(start.arg("start").status().expect("pg_ctl starts").success(), "see its log");
        let mut psql = Command::new("psql");
        psql.arg("-h").arg(&server.home).args(["-U", "bench", "-d", "postgres", "-qAtX"]);
        psql.args(["-v", "ON_ERROR_STOP=1"]);
        let mut prompt = Prompt::start(&mut psql, r"\echo")?;
        assert_eq!(prompt.tell("SHOW fsync; SHOW synchronous_commit;").trim(), "on\non");
        prompt.tell(&format!(
            "CREATE TABLE leads (number bigint PRIMARY KEY, lead text NOT NULL);
             INSERT INTO leads SELECT n, rpad(format('{{\"full_name\":\"Amelie Durand %s\",\
             \"email\":\"amelie.durand%s@example.org\",\"phone_number\":\"+33612345678\",\"post_code\":\"49100\"}}', n, n),
             {LEAD_BYTES}) FROM generate_series(0, {rows} - 1) AS n;
             VACUUM ANALYZE leads;
             CHECKPOINT;"
        ));
        assert_eq!(prompt.tell("SELECT count(*) FROM leads;").trim(), rows.to_string());
        Some(Self { prompt, server })
    }
}

impl Peer for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn copy(&mut self, to: &Path) {
        fs::create_dir(to).expect("a directory");
        let mut dump = Command::new(self.server.programs.join("pg_dump"));
        dump.arg("-h").arg(&self.server.home).args(["-U", "bench", "-f"]).arg(to.join("dump.sql"));
        assert!(dump.arg("postgres").status().expect("pg_dump starts").success());
    }

    fn erase(&mut self, number: usize) {
        let said = self
            .prompt
            .tell(&format!("DELETE FROM leads WHERE number = {number} RETURNING 1;\nVACUUM leads;"));
        assert_eq!(said.trim(), "1", "{said}");
    }

    fn files(&self) -> &Path {
        &self.server.data
    }

    fn clean(&mut self) -> Option<&'static str> {
        self.prompt.tell("VACUUM FULL leads;\nCHECKPOINT;\nSELECT pg_switch_wal();\nCHECKPOINT;");
        Some("VACUUM FULL, CHECKPOINT, a new log")
    }
}
