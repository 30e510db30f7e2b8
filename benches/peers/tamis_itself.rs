//! tamis: the release binary over its socket, so that the request, the trail and the signed receipt are in the time.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Peer;
use super::files::Search;
use super::support::home::{Home, NO_GRAPH, Process};
use super::support::load::leadgen;
use super::support::rooms::Rooms;

pub(crate) struct Tamis {
    daemon: Option<Process>,
    home: Home,
    erased: Vec<usize>,
    rows: usize,
}

impl Tamis {
    pub(crate) fn fill(rows: usize) -> Self {
        let home = Home::new(NO_GRAPH);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let rooms = Rooms::open(home.path());
            rooms.fill(0..rows).await;
            rooms.store.close().await.expect("closes");
        });
        Self { daemon: Some(home.serve()), home, erased: Vec::new(), rows }
    }

    fn shows(&self, number: usize) -> bool {
        let question = format!(r#"{{"leadgen_id":"{}"}}"#, leadgen(number));
        let answer = self.home.admin_post("/admin/v1/find", &question);
        assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 404"), "{answer}");
        answer.contains(r#""state":"stored""#)
    }
}

impl Peer for Tamis {
    fn name(&self) -> &'static str {
        "tamis"
    }

    fn copy(&mut self, to: &Path) {
        let body = format!(r#"{{"directory":"{}"}}"#, to.display());
        let answer = self.home.admin_post("/admin/v1/backups", &body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn erase(&mut self, number: usize) {
        let body = format!(r#"{{"by":{{"leadgen_id":"{}"}}}}"#, leadgen(number));
        let answer = self.home.admin_post("/admin/v1/erasures", &body);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"receipt\":\""), "{answer}");
        self.erased.push(number);
    }

    fn files(&self) -> &Path {
        self.home.path()
    }

    /// The store as it was before, under the keys of today: as after the loss of a disk, and as for a thief of the backup who has
    /// the keyring and the root key of today as well.
    fn shown_by(&mut self, copy: &Path, _: &Search) -> usize {
        self.daemon.take().expect("runs").terminate();
        fs::rename(self.home.path().join("store"), self.home.path().join("lost")).expect("moved away");
        let restored = Command::new(env!("CARGO_BIN_EXE_tamis"))
            .arg("--config")
            .arg(self.home.config())
            .arg("restore")
            .arg(copy)
            .arg("--without-ledger")
            .output()
            .expect("it starts");
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
        self.daemon = Some(self.home.serve());
        let other = (0..self.rows).find(|number| !self.erased.contains(number)).expect("one that stays");
        assert!(self.shows(other), "what was not erased is there");
        self.erased.iter().filter(|number| self.shows(**number)).count()
    }
}
