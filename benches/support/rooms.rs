//! The daemon's rooms in this process, on a home's directory, to fill what is measured afterwards.
#![expect(clippy::ok_expect, reason = "what holds answers or secrets has no Debug")]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tamis::app::StoreKnows;
use tamis::clock::{Clock, SystemClock};
use tamis::config::{self, Config};
use tamis::inbox::Inbox;
use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::lead::{MinimisedLead, minimise};
use tamis::purpose::{Matching, Purpose};
use tamis::random::{Random, SystemRandom};
use tamis::secret::Secret;
use tamis::secret::location::Environment;
use tamis::store::{self, SharedStore};
use tamis::store::{Outcome, Settlement};

use super::leads::{definition, reference, reply};

/// Outcomes a transaction: as many as the store's writer takes.
const BATCH: usize = 250;

/// Open rooms.
pub struct Rooms {
    pub config: Config,
    pub verify_token: Secret,
    pub purpose: Arc<Purpose>,
    pub keyring: Arc<dyn Keyring>,
    pub store: SharedStore,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Rooms {
    pub fn open(home: &Path) -> Self {
        let environment = Environment::new(std::iter::empty());
        let loaded = config::load_with_secrets(&home.join("tamis.toml"), &environment);
        let (config, secrets) = loaded.ok().expect("a config");
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let path = &config.keys.keyring;
        let found = FileKeyring::open(path, secrets.root.clone(), random.clone()).expect("a keyring");
        let keyring = found.unwrap_or_else(|| {
            FileKeyring::create(path, secrets.root.clone(), random.clone()).expect("a keyring")
        });
        let keyring: Arc<dyn Keyring> = Arc::new(keyring);
        let policy = config.policy();
        let purposes = policy.purposes().iter().map(|purpose| purpose.id.clone()).collect();
        let settings = config.store_settings();
        let store = store::open(settings, keyring.clone(), purposes, clock.clone(), random.clone());
        Self {
            purpose: policy.purpose("devis").expect("a purpose").clone(),
            verify_token: secrets.verify_token,
            keyring,
            store: store.expect("a store"),
            clock,
            random,
            config,
        }
    }

    pub async fn inbox(&self) -> Inbox {
        let known = Arc::new(StoreKnows::of(self.store.clone()));
        let settings = self.config.inbox_settings();
        Inbox::open(settings, self.keyring.clone(), known, self.clock.clone(), self.random.clone())
            .await
            .expect("an inbox")
    }

    /// A lead as the sieve lets it through.
    pub fn lead(&self, number: usize) -> Box<MinimisedLead> {
        let definition = definition();
        let matching = Matching::new(&self.purpose, Some(&definition));
        let reply = reply(number);
        let sieved = minimise(&reply.lead().expect("a lead"), &reference(number), &matching);
        Box::new(sieved.result.ok().expect("a lead"))
    }

    /// Stores leads with these numbers.
    pub async fn fill(&self, numbers: Range<usize>) {
        let definition = definition();
        let matching = Matching::new(&self.purpose, Some(&definition));
        let mut next = numbers.start;
        while next < numbers.end {
            let batch = next..(next + BATCH).min(numbers.end);
            let mut settlements = Vec::with_capacity(BATCH);
            for number in batch.clone() {
                let (reference, reply) = (reference(number), reply(number));
                let sieved = minimise(&reply.lead().expect("a lead"), &reference, &matching);
                let lead = sieved.result.ok().expect("a lead");
                settlements.push(Settlement {
                    reference,
                    outcome: Outcome::stored(lead),
                    matched: Vec::new(),
                    dropped: sieved.dropped,
                });
            }
            self.store.settle(settlements).await.expect("settles");
            next = batch.end;
        }
    }
}
