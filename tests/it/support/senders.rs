//! Meta's senders: leads whose end can be told from their number, and calls that are sent again until they are answered,
//! as Meta does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use tamis_simulator::notification::{Change, Entry, Notification};
use tamis_simulator::{Lead, Setup, Simulator};

use super::process::Home;
use super::{DEVIS_FORM, LETTRE_FORM, PAGE, add_forms, an_hour_ago};

/// A form that no purpose claims.
const FOREIGN_FORM: &str = "901000000000009";
/// How many calls are under way at once.
const SENDERS: usize = 8;
/// How long a sender waits after a refusal.
const AFTER_REFUSAL: Duration = Duration::from_millis(5);
/// How often what is still unanswered is sent at the end.
const LAST_TRIES: usize = 20;

/// What is to become of a lead. Of its number alone, so that it can be told afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Stored,
    Refused,
    Held,
    Buried,
}

impl Fate {
    pub fn of(number: usize) -> Self {
        match number % 20 {
            17 => Self::Refused,
            18 => Self::Held,
            19 => Self::Buried,
            _ => Self::Stored,
        }
    }

    /// As the admin side says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Buried => "buried",
        }
    }

    fn form(self) -> &'static str {
        match self {
            Self::Stored | Self::Buried => DEVIS_FORM,
            Self::Refused => LETTRE_FORM,
            Self::Held => FOREIGN_FORM,
        }
    }
}

/// The leadgen of this number.
pub fn leadgen(number: usize) -> String {
    format!("77300{number:011}")
}

/// Whether the person of this number agrees that what they sent is handed on.
pub fn may_be_shared(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// The answer by which a record of this number is known.
pub fn email(number: usize) -> String {
    format!("p{number}@example.org")
}

/// The number that belongs to an [`email`].
pub fn number_of(email: &str) -> Option<usize> {
    email.strip_prefix('p')?.strip_suffix("@example.org")?.parse().ok()
}

/// A notification of these leads.
pub fn notification(numbers: &[usize]) -> Vec<u8> {
    let change =
        |number: &usize| Change::leadgen(&leadgen(*number), PAGE, Fate::of(*number).form(), an_hour_ago());
    let entry = Entry::of(PAGE).time(an_hour_ago());
    Notification::page().entry(numbers.iter().map(change).fold(entry, Entry::change)).bytes()
}

/// Meta's side with its forms.
pub async fn meta() -> Simulator {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    meta
}

/// A home whose daemon gives up soon on a lead that Meta no longer has.
pub fn home(meta: &Simulator) -> Home {
    const PATIENT: &str = "first_ms = 200, factor = 2, max_ms = 1_000, attempts = 4";
    const SOON: &str = "first_ms = 10, factor = 2, max_ms = 50, attempts = 4";
    Home::new(meta, "page-token", |text| {
        assert!(text.contains(PATIENT), "the config is another one");
        text.replace(PATIENT, SOON)
    })
}

/// Chance that can be repeated (SplitMix64).
pub struct Chance(AtomicU64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub fn below(&self, bound: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }

    /// A place in something of this length.
    pub fn place(&self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}

/// What was sent, and what was answered.
pub struct Senders {
    meta: Simulator,
    client: reqwest::Client,
    /// A pause after each call: none to press as hard as it goes.
    pause: Duration,
    next: AtomicUsize,
    unanswered: Mutex<Vec<usize>>,
    /// Numbers in the order of their 200s, with the id of the request that had it.
    answered: Mutex<Vec<(usize, String)>>,
}

impl Senders {
    pub fn new(meta: &Simulator, pause: Duration) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build();
        Self {
            meta: meta.clone(),
            client: client.expect("a client"),
            pause,
            next: AtomicUsize::new(0),
            unanswered: Mutex::default(),
            answered: Mutex::default(),
        }
    }

    /// How many leads there are.
    pub fn sent(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }

    /// What got a 200, from the `from`th on.
    pub fn answered(&self, from: usize) -> Vec<(usize, String)> {
        self.answered.lock().expect("no panic").get(from..).unwrap_or_default().to_vec()
    }

    /// Sends, several at once, until the daemon no longer answers, or until `over`, or until so many calls were sent.
    pub async fn send(&self, webhook: &str, over: &AtomicBool, calls_max: usize) {
        let calls = AtomicUsize::new(0);
        join_all((0..SENDERS).map(|_| async {
            while !over.load(Ordering::Relaxed) && calls.fetch_add(1, Ordering::Relaxed) < calls_max {
                let again = self.unanswered.lock().expect("no panic").pop();
                let number = again.unwrap_or_else(|| {
                    let number = self.next.fetch_add(1, Ordering::Relaxed);
                    self.add_lead(number);
                    number
                });
                if !self.call(webhook, number).await {
                    return;
                }
                if !self.pause.is_zero() {
                    tokio::time::sleep(self.pause).await;
                }
            }
        }))
        .await;
    }

    /// Sends what was never answered until all of it is.
    ///
    /// # Errors
    /// The daemon goes on refusing.
    pub async fn send_the_rest(&self, webhook: &str) -> Result<(), String> {
        for _ in 0..LAST_TRIES {
            let rest = std::mem::take(&mut *self.unanswered.lock().expect("no panic"));
            if rest.is_empty() {
                return Ok(());
            }
            for number in rest {
                self.call(webhook, number).await;
            }
        }
        Err("it refuses what was never answered".to_owned())
    }

    /// One call. False: nobody answered.
    async fn call(&self, webhook: &str, number: usize) -> bool {
        let body = notification(&[number]);
        let secret = &Setup::default().app_secrets[0];
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(&body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let call = self.client.post(webhook).header("X-Hub-Signature-256", signature).body(body);
        let answer = call.send().await;
        if let Ok(answer) = &answer
            && answer.status() == 200
        {
            let id = answer.headers().get("tamis-request-id").and_then(|id| id.to_str().ok());
            let id = id.expect("an answer names its request").to_owned();
            self.answered.lock().expect("no panic").push((number, id));
            return true;
        }
        self.unanswered.lock().expect("no panic").push(number);
        if answer.is_ok() {
            tokio::time::sleep(AFTER_REFUSAL).await;
        }
        answer.is_ok()
    }

    /// Gives Meta the lead of this number, unless it is one that Meta no longer has.
    fn add_lead(&self, number: usize) {
        let fate = Fate::of(number);
        let lead = Lead::new(PAGE, fate.form(), an_hour_ago())
            .with_id(&leadgen(number))
            .answer("full_name", &[&format!("Person {number}")])
            .answer("email", &[&email(number)])
            .checkbox("news_optin", true)
            .checkbox("share_optin", may_be_shared(number));
        if fate != Fate::Buried {
            self.meta.add_lead(lead);
        }
    }
}
