//! The log's file beside stderr, on a disk that is full for a while.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tamis_simulator::{Page, Setup, Simulator};

use crate::support::process::Home;
use crate::support::{DEVIS_FORM, PAGE, add_forms, canary, lead};

/// A small file system of its own, taken down at the end.
struct Small<'p>(&'p Path);

impl<'p> Small<'p> {
    /// None where this process may not mount.
    fn mount(at: &'p Path) -> Option<Self> {
        fs::create_dir(at).expect("a directory");
        let options = ["-t", "tmpfs", "-o", "size=64k,mode=700", "none"];
        let mounted = Command::new("mount").args(options).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).expect("a file");
        while filler.write_all(&[0; 512]).is_ok() {}
        while filler.write_all(&[0]).is_ok() {}
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_log_file_costs_lines_and_nothing_else() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let token = canary("page");
    meta.add_page(Page { id: PAGE.to_owned(), name: "Atelier".to_owned(), token: token.clone() });
    add_forms(&meta);
    let home = Home::new(&meta, &token, |text| text);
    let place = home.directory.path().join("logs");
    let Some(disk) = Small::mount(&place) else { return meta.stop().await };
    let path = place.join("tamis.log");
    let log = format!("\n[log]\nfile = \"{}\"\n", path.display());
    let config = fs::read_to_string(home.config()).expect("a config");
    fs::write(home.config(), config + &log).expect("a file");
    let daemon = home.serve(&[]);
    let deliver = async |email: &str| {
        let id = meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[email]));
        let body = meta.notification(&[&id]);
        assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);
    };
    deliver("one@example.org").await;
    daemon.until_said("lead.stored", 1);
    disk.fill();
    // What the file system still gives within its last page ends after a few lines.
    for number in 0..40 {
        deliver(&format!("{number}@example.org")).await;
    }
    daemon.until_said("lead.stored", 41);
    assert_eq!(daemon.until_said("log.file-unwritable", 1).len(), 1, "said once");
    fs::remove_file(place.join("filler")).expect("room");
    // Not tried again at once: then a short line would fit where a long one did not.
    let (begun, mut leads) = (Instant::now(), 41);
    while daemon.said("log.lines-lost").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "there is room and it is never tried again");
        deliver(&format!("{leads}@example.org")).await;
        leads += 1;
        daemon.until_said("lead.stored", leads);
    }
    let (status, said) = daemon.terminate();
    assert!(status.success());

    let written = fs::read_to_string(&path).expect("the log");
    assert_eq!(fs::metadata(&path).expect("the log").permissions().mode() & 0o777, 0o600);
    let whole = |line: &str| said.lines().any(|heard| heard == line);
    assert!(written.lines().all(whole), "a line that stderr has not:\n{written}");
    assert!(written.contains(" process.started ") && written.contains(" log.lines-lost "), "{written}");
    assert!(written.lines().count() < said.lines().count());
    drop(disk);
    meta.stop().await;
}
