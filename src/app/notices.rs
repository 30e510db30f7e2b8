//! Publishing: what the config in force makes people be told, kept beside all that they were told before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Clock as _;
use crate::config::Config;
use crate::notice::{Abilities, Book, Edition, Facts, Shelf, Volume};
use crate::purpose::law::Untold;
use crate::purpose::{Purpose, PurposeId};
use crate::store::{BelievedClock, SharedStore, StoreError};

/// What people are told by the config of the start: a reload does not change it.
#[derive(Clone, Copy)]
pub(super) struct SinceStart {
    /// How long the lines of the trail are kept, in months.
    trail_months: u32,
    /// How long what shows of consents outlives a record, in months.
    evidence_months: u32,
    /// What tamis does for them by itself.
    abilities: Abilities,
}

/// Says under which other addresses mails went: their links lead there as long as the records live that they are of.
pub(super) async fn say_addresses_before(store: &SharedStore, url: &str) {
    match store.mailed_under().await {
        Ok(noted) => {
            for before in noted.iter().filter(|before| before.url != url) {
                tracing::warn!(public.url_before = before.url, mail.last_on = %before.last, "mail.address-changed");
            }
        }
        Err(error) => tracing::warn!(code = %error.code, "mail.addresses-not-read"),
    }
}

impl Config {
    /// Where the notice of a purpose is in public.
    pub fn notice_url(&self, purpose: &Purpose) -> String {
        format!("{}/notice/{}", self.public.url, purpose.id)
    }

    fn abilities(&self) -> Abilities {
        Abilities { asks_again: self.asks_again(), sends_links: self.mail.is_some() }
    }

    /// What a reload does not change of what people are told.
    pub(super) fn since_start(&self) -> SinceStart {
        SinceStart {
            trail_months: self.trail.retention_months,
            evidence_months: self.evidence.months(),
            abilities: self.abilities(),
        }
    }

    /// True if people are asked by mail whether they still agree.
    pub fn asks_again(&self) -> bool {
        self.mail.as_ref().is_some_and(|mail| mail.ask_again)
    }

    /// What the notice of a purpose is made from.
    pub fn notice_facts<'c>(&'c self, purpose: &'c Purpose, url: &'c str) -> Facts<'c> {
        Facts {
            controller: &self.controller,
            recipients: &self.recipients,
            purpose,
            url,
            trail_months: self.trail.retention_months,
            evidence_months: self.evidence.months(),
            abilities: self.abilities(),
        }
    }

    /// The notices of all purposes, with what holds since the start, save of those that lack something the law asks for.
    fn editions(&self, since_start: SinceStart) -> BTreeMap<PurposeId, Edition> {
        let policy = self.policy();
        let told = policy
            .purposes()
            .iter()
            .filter(|purpose| Untold::of(purpose, &self.controller, &self.recipients).is_empty());
        let edition = |purpose: &Arc<Purpose>| {
            let url = self.notice_url(purpose);
            let SinceStart { trail_months, evidence_months, abilities } = since_start;
            let facts =
                Facts { trail_months, evidence_months, abilities, ..self.notice_facts(purpose, &url) };
            (purpose.id.clone(), Edition::of(facts))
        };
        told.map(edition).collect()
    }
}

/// Keeps what is new, and gives the book as it is from now on.
///
/// # Errors
/// The store does not keep or give them. What is not kept yet is kept by the next try.
pub(super) async fn publish(
    config: &Config,
    since_start: SinceStart,
    store: &SharedStore,
) -> Result<Book, StoreError> {
    let now = BelievedClock(Arc::clone(store)).now();
    let mut editions = config.editions(since_start);
    for (purpose, edition) in &editions {
        if store.keep_notice(purpose.clone(), edition.content().to_vec(), now).await? {
            tracing::info!(purpose.id = %purpose, notice.revision = %edition.revision(), "notice.published");
        }
    }
    let mut kept: BTreeMap<PurposeId, Vec<Volume>> = BTreeMap::new();
    for notice in store.notices().await? {
        let volume = Volume { revision: notice.revision, since: notice.since };
        kept.entry(notice.purpose).or_default().push(volume);
    }
    let mut shelves = Vec::new();
    for (purpose, volumes) in kept {
        let current = editions.remove(&purpose);
        let is_ended = current.is_none();
        let newest = match (current, volumes.last()) {
            (Some(current), _) => Some(current),
            (None, Some(last)) => read(store, &purpose, last).await?,
            (None, None) => None,
        };
        // What cannot be read is not shown; the store has said so.
        let Some(newest) = newest else { continue };
        let before = match volumes.len().checked_sub(2).and_then(|at| volumes.get(at)) {
            Some(before) => read(store, &purpose, before).await?,
            None => None,
        };
        let newest_changed = before.map(|before| newest.changed_since(&before)).unwrap_or_default();
        shelves.push((purpose, Shelf { volumes, newest: Arc::new(newest), newest_changed, is_ended }));
    }
    Ok(Book::new(shelves))
}

async fn read(
    store: &SharedStore,
    purpose: &PurposeId,
    volume: &Volume,
) -> Result<Option<Edition>, StoreError> {
    Ok(store.notice(purpose, &volume.revision).await?.and_then(Edition::read))
}

/// The same at a start. A store that keeps nothing for now is no reason to take no calls: people are then told what is so,
/// without what was said before.
pub(super) async fn at_start(config: &Config, store: &SharedStore) -> Book {
    let since_start = config.since_start();
    match publish(config, since_start, store).await {
        Ok(book) => book,
        Err(error) => {
            tracing::warn!(code = %error.code, "notice.not-kept");
            let since = BelievedClock(Arc::clone(store)).now();
            let shelf = |edition: Edition| Shelf {
                volumes: vec![Volume { revision: edition.revision(), since }],
                newest: Arc::new(edition),
                newest_changed: Vec::new(),
                is_ended: false,
            };
            Book::new(
                config.editions(since_start).into_iter().map(|(purpose, edition)| (purpose, shelf(edition))),
            )
        }
    }
}
