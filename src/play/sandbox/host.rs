//! The sandbox that plays Meta: a simulator, a control socket, and what it did last.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tamis_simulator::{
    DemoWorld, Lead, Match, Misbehaviour, Rule, Setup, Simulator, SimulatorError, demo_world,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use zeroize::Zeroizing;

use crate::client::Daemon;
use crate::clock::{Clock, SystemClock};
use crate::config;
use crate::lifecycle::Stop;
use crate::machine::disk::directory_of;
use crate::machine::own::{Directory, Kind, name_of};
use crate::play::beside::{self, stop_on_any_signal};
use crate::play::house::all_read;
use crate::play::sandbox::APP_SECRET;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{print, tell};

/// So many different people submit forms before they begin again, under new ids.
const PEOPLE: usize = 2_000;
/// An order is a line.
const ORDER_BYTES_MAX: u64 = 256;
/// How long tamis may take for the first leads.
const READ_WITHIN: Duration = Duration::from_secs(60);
/// Whoever connects must say what it wants within this.
const ORDER_TIMEOUT: Duration = Duration::from_secs(5);

/// Plays Meta alone until a signal.
pub(super) async fn alone(webhook: &str, port: u16, leads: usize, control: &Path) -> Result<(), Failure> {
    let stop = stop_on_any_signal()?;
    let mut host = Host::start(port, webhook.to_owned()).await?;
    let listener = listen(control)?;
    let played = host.play(&listener, &stop, leads, None).await;
    leave(control);
    stop.request();
    stop.drain(Duration::from_secs(1)).await;
    host.meta.stop().await;
    played
}

/// Plays Meta until a signal, with tamis beside it in this process.
pub(super) async fn with_tamis(
    path: &Path,
    environment: &Environment,
    leads: usize,
    control: &Path,
) -> Result<(), Failure> {
    let stop = stop_on_any_signal()?;
    let (config, secrets) = config::load_with_secrets(path, environment).map_err(|faults| {
        Failure::new(Exit::ConfigRefused, format!("{} is refused.\n\n{faults}", path.display()))
    })?;
    let port = port_of(&config.meta.graph_url).ok_or_else(|| {
        let sentence = "meta.graph_url is not http://127.0.0.1:PORT, and the sandbox plays Graph there alone. \
                        `tamis sandbox init DIR` writes a config that fits";
        Failure::new(Exit::ConfigRefused, sentence)
    })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    beside::log_to(Box::new(std::io::stderr()), &clock);
    let verify_token = Zeroizing::new(secrets.verify_token.expose_str().unwrap_or_default().to_owned());
    let mut host = Host::start(port, String::new()).await?;
    let listener = listen(control)?;
    let ended = async {
        let app = beside::build(&config, secrets, clock).await?;
        host.webhook = format!("http://{}/webhook", app.addresses.public);
        let daemon = Daemon::at(app.addresses.socket.clone())?;
        let playing = async {
            let played = match host.handshake(&verify_token).await {
                Ok(told) => {
                    tell(told.trim_end());
                    host.play(&listener, &stop, leads, Some(&daemon)).await
                }
                Err(refusal) => Err(Failure::failed(refusal)),
            };
            stop.request();
            played
        };
        match tokio::join!(app.run(stop.clone()), playing) {
            (true, played) => played,
            (false, played) => played.and(Err(Failure::failed("tamis did not end well: its log says why"))),
        }
    };
    let ended = ended.await;
    leave(control);
    host.meta.stop().await;
    ended
}

/// The port of a Graph that may be played here.
fn port_of(graph_url: &str) -> Option<u16> {
    let url = reqwest::Url::parse(graph_url).ok()?;
    (url.scheme() == "http" && url.host_str() == Some("127.0.0.1")).then(|| url.port())?
}

/// The control socket goes with whoever listens on it.
fn leave(control: &Path) {
    if let Ok((directory, name)) = place(control) {
        let _ = directory.remove(name);
    }
}

/// The control socket, for this user alone. One that a predecessor left is replaced; in a directory that others write
/// in, the sticky bit keeps theirs from us and ours from them.
fn listen(control: &Path) -> Result<UnixListener, Failure> {
    let cannot = |error: std::io::Error| Failure::file(control, "listen on", &error);
    let (directory, name) = place(control).map_err(cannot)?;
    if directory.kind(&name).map_err(cannot)? == Some(Kind::Socket) {
        directory.remove(&name).map_err(cannot)?;
    }
    let listener = UnixListener::bind(control).map_err(cannot)?;
    directory.protect_socket(&name).map_err(cannot)?;
    Ok(listener)
}

fn place(control: &Path) -> std::io::Result<(Directory, OsString)> {
    Ok((Directory::open(directory_of(control))?, name_of(control)?))
}

fn greet(meta: &Simulator, world: &DemoWorld, webhook: &str) -> Result<(), Failure> {
    let mut text = format!(
        "\
Meta's side is at {url}. For the tamis under development:

  [meta]
  graph_url = \"{url}\"

  app secret    {APP_SECRET}
  verify token  any
",
        url = meta.graph_url(),
    );
    for page in &world.pages {
        text.push_str(&format!("  page {}  token {}\n", page.id, page.token));
    }
    for form in &world.forms {
        text.push_str(&format!("  form {}  of page {}, {}\n", form.id, form.page_id, form.name));
    }
    print(&text)?;
    tell(&format!(
        "\nIt calls {webhook}, until Ctrl-C. In another terminal:\n  tamis sandbox send --leads 5 · handshake FILE · repeat · graph slow 3000 · graph refuse 190 · graph ok"
    ));
    Ok(())
}

/// The one that plays.
struct Host {
    meta: Simulator,
    world: DemoWorld,
    webhook: String,
    clock: Arc<dyn Clock>,
    sent: usize,
    last: Option<Vec<u8>>,
}

impl Host {
    /// Meta's side, with its pages and forms.
    async fn start(port: u16, webhook: String) -> Result<Self, Failure> {
        let setup = Setup { port, app_secrets: vec![APP_SECRET.to_owned()], ..Setup::default() };
        let meta = Simulator::start(setup).await.map_err(|error| {
            Failure::failed(format!("the simulated Graph API cannot start on 127.0.0.1:{port}: {error}"))
        })?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let now = u64::try_from(clock.now().as_second()).unwrap_or(0);
        let world = demo_world(PEOPLE, now);
        meta.add_world(&DemoWorld { leads: Vec::new(), ..world.clone() });
        Ok(Self { meta, world, webhook, clock, sent: 0, last: None })
    }

    /// Greets, lets so many people submit a form, and takes orders until a stop.
    async fn play(
        &mut self,
        listener: &UnixListener,
        stop: &Stop,
        leads: usize,
        daemon: Option<&Daemon>,
    ) -> Result<(), Failure> {
        greet(&self.meta, &self.world, &self.webhook)?;
        if leads > 0 {
            tokio::select! {
                sent = self.first(leads, daemon) => sent?,
                () = stop.requested() => return Ok(()),
            }
        }
        loop {
            tokio::select! {
                () = stop.requested() => return Ok(()),
                connected = listener.accept() => {
                    if let Ok((stream, _)) = connected {
                        let _ = tokio::time::timeout(ORDER_TIMEOUT.saturating_mul(20), self.serve(stream)).await;
                    }
                }
            }
        }
    }

    /// The leads that were asked for at the start.
    async fn first(&mut self, leads: usize, daemon: Option<&Daemon>) -> Result<(), Failure> {
        let told = self.send(leads, None).await.map_err(Failure::failed)?;
        print(&format!("\n{told}"))?;
        if let Some(daemon) = daemon {
            all_read(daemon, READ_WITHIN, |_| ()).await?;
            print("tamis has read them\n")?;
        }
        Ok(())
    }

    /// Takes one order and answers it.
    async fn serve(&mut self, mut stream: UnixStream) {
        let mut order = String::new();
        let mut line = (&mut stream).take(ORDER_BYTES_MAX);
        let read = tokio::time::timeout(ORDER_TIMEOUT, line.read_to_string(&mut order)).await;
        if !matches!(read, Ok(Ok(_))) {
            return;
        }
        let answer = self.obey(&order).await.unwrap_or_else(|refusal| format!("error: {refusal}\n"));
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    async fn obey(&mut self, order: &str) -> Result<String, String> {
        let words: Vec<&str> = order.split_whitespace().collect();
        let number = |text: &str| text.parse::<usize>().map_err(|_| "that is no number".to_owned());
        match words.as_slice() {
            ["send", count] => self.send(number(count)?, None).await,
            ["send", count, form] => self.send(number(count)?, Some(form)).await,
            ["handshake", token] => self.handshake(token).await,
            ["repeat", times] => self.repeat(number(times)?).await,
            ["ok"] => {
                self.meta.behave();
                Ok("Graph answers as it should\n".to_owned())
            }
            ["slow", ms] => {
                let delay = Duration::from_millis(number(ms)? as u64);
                self.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(delay)));
                Ok(format!("Graph answers after {ms} ms\n"))
            }
            ["refuse", code] => {
                let what = i64::try_from(number(code)?).map_err(|_| "that is no code".to_owned())?;
                self.meta.misbehave(Rule::always(Match::any(), Misbehaviour::code(what)));
                Ok(format!("Graph refuses with code {code}\n"))
            }
            _ => Err("that is no order of this version".to_owned()),
        }
    }

    async fn send(&mut self, count: usize, form: Option<&str>) -> Result<String, String> {
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        let people: Vec<&Lead> =
            self.world.leads.iter().filter(|lead| form.is_none_or(|form| lead.form_id == form)).collect();
        if people.is_empty() {
            return Err("the sandbox has no such form".to_owned());
        }
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            let Some(person) = people.get(self.sent % people.len()) else { break };
            // Ten digits of the time and six of a count: new at every start of the sandbox.
            let id = format!("{now}{:06}", self.sent % 1_000_000);
            let mut lead = (*person).clone().with_id(&id);
            lead.created_time = now;
            self.meta.add_lead(lead);
            ids.push(id);
            self.sent += 1;
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let body = self.meta.notification(&ids);
        self.last = Some(body.clone());
        let answer = self.deliver(&body).await?;
        Ok(format!("{} submitted; the webhook answered {answer}\n", ids.len()))
    }

    /// What Meta asks before it subscribes: whether the webhook knows the verify token, and gives the challenge back alone.
    async fn handshake(&self, verify_token: &str) -> Result<String, String> {
        match self.meta.verify_endpoint(&self.webhook, verify_token).await {
            Ok(_) => Ok("the webhook gave the challenge back: Meta would subscribe\n".to_owned()),
            Err(SimulatorError::NoAnswer) => Err(format!("nobody answers at {}", self.webhook)),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn repeat(&self, times: usize) -> Result<String, String> {
        let body = self.last.as_ref().ok_or("nothing was sent yet")?;
        let mut text = String::new();
        for _ in 0..times {
            let answer = self.deliver(body).await?;
            text.push_str(&format!("delivered again; the webhook answered {answer}\n"));
        }
        Ok(text)
    }

    async fn deliver(&self, body: &[u8]) -> Result<String, String> {
        match self.meta.deliver(&self.webhook, body).await {
            Ok(answer) => Ok(format!("{} in {} ms", answer.status, answer.elapsed.as_millis())),
            Err(SimulatorError::NoAnswer) => Err(format!("nobody answers at {}", self.webhook)),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn graph_is_played_on_this_machine_alone() {
        assert_eq!(port_of("http://127.0.0.1:9180"), Some(9180));
        for other in [
            "https://127.0.0.1:9180",
            "http://localhost:9180",
            "https://graph.facebook.com",
            "http://127.0.0.1",
        ] {
            assert_eq!(port_of(other), None, "{other}");
        }
    }
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[tokio::test]
    async fn the_control_socket_is_this_user_s_and_takes_no_other_s_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let control = directory.path().join("control");
        let victim = directory.path().join("victim");
        fs::write(&victim, "theirs").expect("written");
        for leads_to in [victim.as_path(), Path::new("nowhere")] {
            symlink(leads_to, &control).expect("a link");
            assert!(listen(&control).is_err());
            assert!(control.is_symlink());
            fs::remove_file(&control).expect("removed");
        }
        fs::write(&control, "a file").expect("written");
        assert!(listen(&control).is_err());
        fs::remove_file(&control).expect("removed");
        drop(listen(&control).expect("a socket"));
        drop(listen(&control).expect("in a predecessor's place"));
        assert_eq!(fs::metadata(&control).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&victim).expect("there"), "theirs");
        fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).expect("a mode");
        let told = listen(&control).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(told.contains("directory-open"), "{told}");
    }
}
