//! One daemon, one Meta.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tamis::app::{Addresses, Ambient, App, Reload, StartError};
use tamis::clock::{Clock, SystemClock};
use tamis::config;
use tamis::lifecycle::Stop;
use tamis::random::SystemRandom;
use tamis::secret::location::Environment;
use tamis_simulator::{Checkbox, Delivery, Form, Lead, Question, Setup, Simulator};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::disk::Needles;
use super::threads::{self, Counted};
use super::{Caller, an_hour_ago, log};

pub const PAGE: &str = "104000000000001";
pub const DEVIS_FORM: &str = "901000000000001";
pub const LETTRE_FORM: &str = "901000000000002";

/// The pool of Meta's HTTP client keeps a task once it has delivered something.
const SENDERS_TASKS: usize = 1;
/// How often and how closely a condition is looked at: for a minute, since a machine may have much else to do.
const LOOKS: u32 = 3_000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What a world is to be like.
pub struct Plan {
    /// Changes the config file before the daemon reads it.
    pub config: Box<dyn Fn(String) -> String>,
    /// The daemon's clock.
    pub clock: Arc<dyn Clock>,
    /// Meta's clock; none: the machine's, so that the daemon's is wrong where it is another.
    pub meta_clock: Option<Arc<dyn Clock>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { config: Box::new(|text| text), clock: Arc::new(SystemClock), meta_clock: None }
    }
}

impl Plan {
    /// Time is what this clock says, to the daemon and to Meta.
    pub fn at(clock: Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(&clock), meta_clock: Some(clock), ..Self::default() }
    }

    /// A plan that replaces one text in the config by another, which must be there.
    pub fn with(from: &'static str, to: &'static str) -> Self {
        let config = Box::new(move |text: String| {
            assert!(text.contains(from), "the config has no {from}");
            text.replace(from, to)
        });
        Self { config, ..Self::default() }
    }
}

/// A running daemon with its Meta. End it with [`World::end`]: dropping it unasked fails the test.
pub struct World {
    pub meta: Simulator,
    pub directory: tempfile::TempDir,
    pub addresses: Addresses,
    plan: Plan,
    stop: Stop,
    running: Option<Running>,
    /// Tasks of the runtime before the daemon: as many may be left after it.
    tasks_before: usize,
    secrets: Vec<String>,
    canaries: std::sync::Mutex<Vec<String>>,
    /// How much the process had said before it.
    said_before: usize,
    ended: bool,
}

impl World {
    pub async fn start() -> Self {
        Self::planned(Plan::default()).await
    }

    pub async fn planned(plan: Plan) -> Self {
        Self::prepared(plan, |_, _| {}).await
    }

    /// A world in which something lies ready: in the daemon's directory, or at Meta's.
    pub async fn prepared(plan: Plan, prepare: impl FnOnce(&Path, &Simulator)) -> Self {
        let said_before = log().bytes();
        let mut setup = Setup::default();
        if let Some(clock) = plan.meta_clock.clone() {
            setup.clock = Arc::new(move || u64::try_from(clock.now().as_millisecond()).unwrap_or(0));
        }
        let app_secret = setup.app_secrets[0].clone();
        let meta = Simulator::start(setup).await.expect("Meta's side");
        let directory = tempfile::tempdir().expect("a directory");
        let page_token = canary("page-token");
        meta.add_page(tamis_simulator::Page {
            id: PAGE.to_owned(),
            name: "Atelier Lumen".to_owned(),
            token: page_token.clone(),
        });
        add_forms(&meta);
        let secrets = vec![app_secret, canary("verify"), page_token];
        furnish(directory.path(), &meta.graph_url(), &secrets, &plan);
        prepare(directory.path(), &meta);
        let tasks_before = Handle::current().metrics().num_alive_tasks();
        let (addresses, stop, running) = boot(directory.path(), &plan).await.expect("the daemon starts");
        let canaries = std::sync::Mutex::default();
        Self {
            meta,
            directory,
            addresses,
            plan,
            stop,
            running: Some(running),
            tasks_before,
            secrets,
            canaries,
            said_before,
            ended: false,
        }
    }

    pub fn webhook(&self) -> String {
        format!("http://{}/webhook", self.addresses.public)
    }

    pub fn public(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.public)
    }

    pub fn verify_token(&self) -> &str {
        &self.secrets[1]
    }

    /// The admin side by its socket.
    pub fn admin(&self) -> Caller {
        Caller::socket(&self.addresses.socket)
    }

    /// The admin side by its TCP door.
    pub fn admin_tcp(&self, bearer: Option<&str>) -> Caller {
        Caller::tcp(&self.addresses.admin.expect("a TCP door").to_string(), bearer)
    }

    /// From now on this text may be in no log line and in no file.
    pub fn guard(&self, canary: &str) {
        self.canaries.lock().expect("no panic").push(canary.to_owned());
    }

    /// Gives Meta a lead and returns its id; all its answers and its id are guarded.
    pub fn submit(&self, lead: Lead, answers: &[&str]) -> String {
        let id = self.meta.add_lead(lead);
        self.guard(&id);
        answers.iter().for_each(|answer| self.guard(answer));
        id
    }

    pub async fn deliver(&self, leads: &[&str]) -> Delivery {
        let body = self.meta.notification(leads);
        self.meta.deliver(&self.webhook(), &body).await.expect("an answer")
    }

    /// Delivers leads in one call, which is answered 200.
    pub async fn deliver_all(&self, leads: &[String]) {
        let leads: Vec<&str> = leads.iter().map(String::as_str).collect();
        assert_eq!(self.deliver(&leads).await.status, 200);
    }

    /// Waits until so many leads of a purpose are stored; panics after a minute.
    pub async fn stored(&self, purpose: &str, count: usize) {
        self.until("all are stored", || async { self.records(purpose).await.len() == count }).await;
    }

    /// Waits until nothing is queued; panics after a minute.
    pub async fn settled(&self) {
        self.until("the queue is empty", || async {
            self.admin().get("/admin/v1/inbox").await.json()["queued"] == 0
        })
        .await;
    }

    /// Waits until the condition holds; panics after a minute.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        for _ in 0..LOOKS {
            if condition().await {
                return;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        panic!("waited a minute and still not: {what}\n{}", log().text());
    }

    /// All records of a purpose, test leads too. Where the clock was set ahead a vacuum may run: that is waited for, as whoever
    /// exports would.
    pub async fn records(&self, purpose: &str) -> Vec<serde_json::Value> {
        let path = format!("/admin/v1/purposes/{purpose}/leads?test=include&limit=10000");
        let mut answer = self.admin().get(&path).await;
        for _ in 0..LOOKS {
            if answer.status != 503 || answer.json()["code"] != "busy" {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            answer = self.admin().get(&path).await;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.lines()
    }

    /// Changes the config file and has it read again, as SIGHUP does.
    pub async fn reload(&self, change: impl Fn(&str) -> String) {
        let path = self.directory.path().join("tamis.toml");
        let text = change(&fs::read_to_string(&path).expect("a config"));
        fs::write(&path, text).expect("a file");
        let read = config::load_with_secrets(&path, &Environment::default());
        let (config, secrets) = read.unwrap_or_else(|faults| panic!("{faults}"));
        let reload = &self.running.as_ref().expect("a running daemon").reload;
        reload.apply(&config, secrets).await.unwrap_or_else(|error| panic!("{error}")).say();
    }

    pub fn store_path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Writes one more secret file.
    pub fn secret(&self, name: &str, secret: &str) {
        write_secret(self.directory.path(), name, secret);
    }

    /// Puts another page into the config, with a token of its own; in force with the next start.
    pub fn configure_second_page(&self, id: &str, token: &str) {
        self.secret("second-page", token);
        self.guard(token);
        self.reconfigure(|text| {
            let own = text.lines().find(|line| line.starts_with("token = ")).expect("a page's token");
            let second = own.replace("page-token", "second-page");
            let page = format!("[[meta.pages]]\nid = \"{id}\"\nname = \"Zweite\"\n{second}\n\n[store]");
            text.replace("[store]", &page)
        });
    }

    /// Changes the config file; it holds from the next start on.
    pub fn reconfigure(&self, change: impl Fn(String) -> String) {
        let path = self.directory.path().join("tamis.toml");
        let text = fs::read_to_string(&path).expect("a config");
        let changed = change(text.clone());
        assert_ne!(text, changed, "nothing in the config changed");
        fs::write(path, changed).expect("a file");
    }

    /// Stops the daemon in order and starts it again on the same directory.
    pub async fn restart(&mut self) {
        self.stop_daemon().await;
        self.start_daemon().await;
    }

    pub async fn start_daemon(&mut self) {
        let (addresses, stop, running) =
            boot(self.directory.path(), &self.plan).await.expect("the daemon starts again");
        self.addresses = addresses;
        self.stop = stop;
        self.running = Some(running);
    }

    pub async fn stop_daemon(&mut self) {
        self.stop.request();
        let Running { task, counted, reload: _ } = self.running.take().expect("a running daemon");
        let well = tokio::time::timeout(Duration::from_secs(30), task).await;
        assert!(well.expect("stops within thirty seconds").expect("no panic"), "the daemon did not end well");
        drop(counted);
        threads::none_is_left().await;
        let allowed = self.tasks_before + SENDERS_TASKS;
        let left = || Handle::current().metrics().num_alive_tasks().saturating_sub(allowed);
        for _ in 0..LOOKS {
            if left() == 0 {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        assert_eq!(left(), 0, "tasks outlived the daemon");
    }

    /// Ends the world: nothing may be queued, no task and no thread may outlive the daemon, and no guarded
    /// text and no secret may be in a log line or in a file.
    pub async fn end(mut self) {
        self.ended = true;
        if self.running.is_some() {
            let queued = self.admin().get("/admin/v1/inbox").await.json()["queued"].clone();
            assert_eq!(queued, 0, "references were left in the queue");
            self.stop_daemon().await;
        }
        let canaries = std::mem::take(&mut *self.canaries.lock().expect("no panic"));
        let planted = canary("planted");
        let needles = Needles::of(canaries.iter().chain(&self.secrets).chain([&planted]));
        // What was said before it began was searched by whoever was there then.
        let said = log().since(self.said_before);
        assert!(needles.within(&said).is_empty(), "in the log: {:?}", needles.within(&said));
        fs::write(self.store_path().join("planted"), format!("…{planted}…")).expect("a file");
        let (ours, mut found): (Vec<String>, Vec<String>) =
            needles.below(&self.store_path()).into_iter().partition(|found| found.starts_with(&planted));
        found.extend(needles.below(&self.directory.path().join("keys")));
        assert!(found.is_empty(), "in clear on the disk: {found:#?}");
        assert_eq!(ours.len(), 1, "the search finds nothing, so it proves nothing");
        self.meta.clone().stop().await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("a world must be ended with `end`, which looks at what it leaves behind");
        }
    }
}

/// A text that occurs nowhere else.
pub fn canary(kind: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{kind}zq{:x}x{count}", std::process::id())
}

/// A lead of a form, an hour old.
pub fn lead(form: &str) -> Lead {
    Lead::new(PAGE, form, an_hour_ago())
}

/// The two forms of the test config.
pub fn add_forms(meta: &Simulator) {
    let question = |kind: &str, key: &str| Question::new(kind, key, key);
    meta.add_form(Form {
        id: DEVIS_FORM.to_owned(),
        page_id: PAGE.to_owned(),
        questions: vec![
            question("FULL_NAME", "full_name"),
            question("EMAIL", "email"),
            question("PHONE", "phone_number"),
            question("CUSTOM", "post_code"),
            question("CUSTOM", "budget"),
        ],
        privacy_policy_url: "https://leads.lumen.example/notice/devis".to_owned(),
        ..Form::default()
    });
    let checkbox = |key: &str| Checkbox { key: key.to_owned(), text: key.to_owned(), ..Checkbox::default() };
    meta.add_form(Form {
        id: LETTRE_FORM.to_owned(),
        page_id: PAGE.to_owned(),
        questions: vec![
            question("FIRST_NAME", "first_name"),
            question("EMAIL", "email"),
            question("PHONE", "phone_number"),
        ],
        checkboxes: vec![checkbox("email_optin"), checkbox("consent_call")],
        privacy_policy_url: "https://leads.lumen.example/notice/lettre".to_owned(),
        ..Form::default()
    });
}

/// A daemon that runs as a task.
struct Running {
    task: JoinHandle<bool>,
    reload: Reload,
    counted: Counted,
}

/// Starts a daemon in this process on a furnished directory.
async fn boot(directory: &Path, plan: &Plan) -> Result<(Addresses, Stop, Running), StartError> {
    let counted = Counted::one();
    let app = build(directory, plan).await?;
    let (addresses, reload) = (app.addresses.clone(), app.reload());
    let stop = Stop::default();
    #[expect(clippy::disallowed_methods, reason = "the test joins it")]
    let task = tokio::spawn(app.run(stop.clone()));
    Ok((addresses, stop, Running { task, reload, counted }))
}

async fn build(directory: &Path, plan: &Plan) -> Result<App, StartError> {
    let environment = Environment::default();
    let config = config::load(&directory.join("tamis.toml"), &environment).unwrap_or_else(|f| panic!("{f}"));
    let secrets = config.resolve(&environment).unwrap_or_else(|faults| panic!("{faults}"));
    let ambient =
        Ambient { clock: Arc::clone(&plan.clock), random: Arc::new(SystemRandom), progress: Arc::default() };
    App::build(&config, secrets, ambient).await
}

/// Builds a daemon on a furnished directory and does not run it: what it says against being built, if anything.
pub async fn refusal(directory: &Path, plan: &Plan) -> String {
    let _counted = Counted::one();
    build(directory, plan).await.err().map(|error| error.to_string()).unwrap_or_default()
}

/// Writes secrets and config into a directory: the app's secret, the verify token, the page's token.
pub fn furnish(directory: &Path, graph_url: &str, secrets: &[String], plan: &Plan) {
    write_secrets(directory, secrets);
    let text = include_str!("../../data/world.toml");
    let text = (plan.config)(text.replace("{graph}", graph_url));
    fs::write(directory.join("tamis.toml"), text.replace("{directory}", &directory.display().to_string()))
        .expect("a file");
}

fn write_secrets(directory: &Path, secrets: &[String]) {
    fs::create_dir(directory.join("secrets")).expect("a directory");
    let root = hex::encode([42; 32]);
    let names = ["app-secret", "verify-token", "page-token"];
    for (name, secret) in names.iter().zip(secrets).chain([(&"root-key", &root)]) {
        write_secret(directory, name, secret);
    }
}

fn write_secret(directory: &Path, name: &str, secret: &str) {
    let path = directory.join("secrets").join(name);
    fs::write(&path, secret).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
}
