//! What the daemon of the demo and of the sandbox stands on: a config and secrets in a directory of their own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use tamis_simulator::demo::{GERMAN_PAGE, PAGE};
use zeroize::Zeroizing;

use crate::client::{Daemon, parse};
use crate::machine::own::Directory;
use crate::random::{Random, SystemRandom};
use crate::terminal::{Failure, thousands, toml_text};

/// The config, with places to fill in.
const CONFIG: &str = include_str!("lumen.toml");
/// How often the inbox is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What the house is furnished with.
pub(super) struct House<'h> {
    /// The public listener's address.
    pub(super) listen: &'h str,
    /// Where Graph is.
    pub(super) graph: &'h str,
    pub(super) app_secret: &'h str,
    pub(super) verify_token: &'h str,
    /// Of a page by its id.
    pub(super) page_token: &'h dyn Fn(&str) -> String,
    /// Where mails to people go, on loopback; none: nobody is written to.
    pub(super) mail_port: Option<u16>,
}

/// What a link begins with in a mail. Nobody is there: links are opened on loopback.
pub(super) const PUBLIC_URL: &str = "https://leads.lumen.example";

impl House<'_> {
    /// Writes secrets and config into a directory of ours, each for this user alone; nothing that is there is touched. Gives
    /// back where the config is.
    pub(super) fn furnish(&self, directory: &Path) -> Result<PathBuf, Failure> {
        let folder = directory.join("secrets");
        let home = Directory::own(directory).map_err(|error| Failure::file(directory, "use", &error))?;
        let secrets =
            home.make_directory("secrets").map_err(|error| Failure::file(&folder, "make", &error))?;
        let root = Zeroizing::new([word()?, word()?].concat());
        let put = |name: &str, secret: &str| {
            let written = secrets.create_new(name).and_then(|mut file| writeln!(file, "{secret}"));
            written.map_err(|error| Failure::file(&folder.join(name), "write", &error))
        };
        put("app-secret", self.app_secret)?;
        put("verify-token", self.verify_token)?;
        put("root-key", &root)?;
        for page in [PAGE, GERMAN_PAGE] {
            put(&format!("page-{page}"), &(self.page_token)(page))?;
        }
        let path = directory.join("tamis.toml");
        let quoted = toml_text(&directory.display().to_string());
        let text = CONFIG
            .replace("{directory}", quoted.trim_matches('"'))
            .replace("{listen}", self.listen)
            .replace("{graph}", self.graph);
        let text = match self.mail_port {
            Some(port) => written_to(&text, port),
            None => text,
        };
        // Last, so that a config that is there has its secrets.
        let written = home.create_new("tamis.toml").and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| Failure::file(&path, "write", &error))?;
        Ok(path)
    }
}

/// The same config for a house that writes to people: each reader of the letter is told what is held, and asked again.
fn written_to(config: &str, port: u16) -> String {
    let named = config.replace("url = \"http://127.0.0.1\"", &format!("url = \"{PUBLIC_URL}\""));
    let letter = "basis = \"consent\"\n";
    let welcomed = named.replace(letter, &format!("{letter}welcome = true\n"));
    format!(
        "{welcomed}\n[mail]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nrate = 3600\nfrom = \"vie-privee@lumen.example\"\n"
    )
}

/// Thirty-two hexadecimal digits that nobody knows.
pub(super) fn word() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(hex::encode(bytes))
}

/// Waits until every reference that was taken has its end; tells on the way how many have none.
pub(super) async fn all_read(
    daemon: &Daemon,
    patience: Duration,
    mut open: impl FnMut(usize),
) -> Result<(), Failure> {
    let looking = async {
        loop {
            let inbox = read(daemon, "/inbox").await?;
            let left = number(&inbox["queued"]) + number(&inbox["waiting"]);
            open(left);
            if left == 0 {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(patience, looking)
        .await
        .unwrap_or_else(|_| Err(Failure::failed("the leads were not settled in time")))
}

/// One answer of the admin side.
pub(super) async fn read(daemon: &Daemon, path: &str) -> Result<serde_json::Value, Failure> {
    let body = daemon.fetch(daemon.call(Method::GET, path).header("Tamis-Reason", "audit")).await?;
    parse(&body)
}

/// A count of an answer.
pub(super) fn number(value: &serde_json::Value) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}

/// The elements of a list of an answer; of anything else none.
pub(super) fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A number with its thousands apart.
pub(super) fn count(value: usize) -> String {
    thousands(value as u64)
}
