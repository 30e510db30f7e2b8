//! SQLite as a careful hand would set it: deleted content is overwritten, each commit is synced, and the log is emptied after
//! each erasure (sqlite.org: `secure_delete`, `synchronous`, `wal_checkpoint`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::prompt::Prompt;
use super::{LEAD_BYTES, Peer};

pub(crate) struct Sqlite {
    prompt: Prompt,
    directory: PathBuf,
}

impl Sqlite {
    /// None: there is no `sqlite3`.
    pub(crate) fn fill(directory: &Path, rows: usize) -> Option<Self> {
        fs::create_dir(directory).expect("a directory");
        let mut command = Command::new("sqlite3");
        command.arg("-batch").arg("-bail").arg(directory.join("leads.db"));
        let mut prompt = Prompt::start(&mut command, ".print")?;
        prompt.tell("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;");
        prompt.tell(&format!(
            "CREATE TABLE leads (number INTEGER PRIMARY KEY, lead TEXT NOT NULL);
             WITH RECURSIVE all_of(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM all_of WHERE n + 1 < {rows})
             INSERT INTO leads SELECT n, substr(printf('{{\"full_name\":\"Amelie Durand %d\",\
             \"email\":\"amelie.durand%d@example.org\",\"phone_number\":\"+33612345678\",\"post_code\":\"49100\"}}', n, n)
             || printf('%{LEAD_BYTES}s', ''), 1, {LEAD_BYTES}) FROM all_of;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ));
        let count = prompt.tell("SELECT count(*) FROM leads;");
        assert_eq!(count.trim(), rows.to_string());
        Some(Self { prompt, directory: directory.to_owned() })
    }
}

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn copy(&mut self, to: &Path) {
        fs::create_dir(to).expect("a directory");
        self.prompt.tell(&format!(".backup {}", to.join("leads.db").display()));
    }

    fn erase(&mut self, number: usize) {
        let said = self.prompt.tell(&format!(
            "DELETE FROM leads WHERE number = {number}; SELECT changes(); PRAGMA wal_checkpoint(TRUNCATE);"
        ));
        // One row, and the log is empty: nobody was in the way.
        assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["1", "0|0|0"], "{said}");
    }

    fn files(&self) -> &Path {
        &self.directory
    }
}
