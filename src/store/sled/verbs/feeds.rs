//! The recipients' feeds: read, applied, followed, let go.

use std::ops::Bound::Excluded;

use async_trait::async_trait;

use crate::clock::Day;
use crate::store::feeds::CHANGES_LISTED_MAX;
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::engine::Engine;
use crate::store::sled::feed_rows::{self, Stepped, block, block_key, blocks_end};
use crate::store::sled::layout::Place;
use crate::store::sled::shared::Shared;
use crate::store::trail::kind_of;
use crate::store::{Applied, ChangesPage, ErasureId, FeedStanding, Feeds, Followed, StoreError};
use crate::trail::{Entry, Outcome};

#[async_trait]
impl Feeds for SledStore {
    async fn changes(
        &self,
        recipient: String,
        after: Option<u64>,
        limit: usize,
        mut entry: Entry,
    ) -> Result<Option<ChangesPage>, StoreError> {
        let (limit, of) = (limit.min(CHANGES_LISTED_MAX), recipient.clone());
        let read =
            self.beside(move |shared| shared.reading(|engine| page(shared, engine, &of, after, limit)));
        let Some(Listed { page, erasures }) = read.await? else { return Ok(None) };
        entry.count = page.changes.len() as u64;
        let Some(last) = page.changes.last().map(|change| change.n) else {
            // A poll that found nothing says so once a day.
            let (kind, today) = (kind_of(&entry), Day::of(self.shared.look().now()));
            if !self.polls.are_told(&kind, today) {
                entry.result = Outcome::Nothing;
                self.writer.write(1, move |draft| draft.append_line(entry)).await?;
                self.polls.told(kind, today);
            }
            return Ok(Some(page));
        };
        self.writer
            .write(1 + erasures.len(), move |draft| {
                feed_rows::tell(draft, &recipient, last, &erasures)?;
                draft.append_line(entry)
            })
            .await?;
        Ok(Some(page))
    }

    async fn apply_changes(
        &self,
        recipient: String,
        up_to: u64,
        entry: Entry,
    ) -> Result<Option<Applied>, StoreError> {
        let mut changes = 0;
        loop {
            let (recipient, entry) = (recipient.clone(), entry.clone());
            let step = move |draft: &mut Draft<'_>| feed_rows::apply(draft, &recipient, up_to, entry);
            match self.writer.write(OUTCOMES_MAX / 4, step).await? {
                Stepped::Ahead => return Ok(None),
                Stepped::Applied(step, more) => {
                    changes += step.changes;
                    if !more {
                        return Ok(Some(Applied { changes, ..step }));
                    }
                }
            }
        }
    }

    async fn feeds(&self) -> Result<Vec<FeedStanding>, StoreError> {
        self.beside(|shared| {
            shared.reading(|engine| {
                let mut feeds = Vec::new();
                for recipient in feed_rows::recipients(engine)? {
                    feeds.extend(standing(shared, engine, recipient)?);
                }
                Ok(feeds)
            })
        })
        .await
    }

    async fn followed(&self, erasure: ErasureId) -> Result<Vec<Followed>, StoreError> {
        self.beside(move |shared| {
            shared.reading(|engine| {
                let follows = feed_rows::follows(shared, engine, erasure)?.into_iter();
                Ok(follows.map(|(recipient, follow)| follow.followed(recipient)).collect())
            })
        })
        .await
    }

    async fn drop_changes(&self) -> Result<u64, StoreError> {
        self.shared.engine()?;
        self.shared.confirmed_day()?;
        let old = self.beside(|shared| {
            shared.reading(|engine| {
                let mut old = feed_rows::recipients(engine)?;
                let mut kept = Vec::new();
                for recipient in old.drain(..) {
                    if feed_rows::has_old(shared, engine, &recipient)? {
                        kept.push(recipient);
                    }
                }
                Ok(kept)
            })
        });
        let mut count = 0;
        for recipient in old.await? {
            loop {
                let of = recipient.clone();
                let step = move |draft: &mut Draft<'_>| feed_rows::drop_old(draft, &of);
                let (gone, more) = self.writer.write(OUTCOMES_MAX, step).await?;
                count += gone;
                if !more {
                    break;
                }
            }
        }
        Ok(count)
    }
}

/// A page, and the erasures that its changes are of.
struct Listed {
    page: ChangesPage,
    erasures: Vec<ErasureId>,
}

fn page(
    shared: &Shared,
    engine: &Engine,
    recipient: &str,
    after: Option<u64>,
    limit: usize,
) -> Result<Option<Listed>, StoreError> {
    let feed = feed_rows::feed(shared, engine, recipient)?.unwrap_or_default();
    if after.is_some_and(|after| feed.is_ahead(after, shared.epoch())) {
        return Ok(None);
    }
    let after = after.unwrap_or(0).max(feed.applied);
    let (first, end) = (block_key(recipient, after), blocks_end(recipient));
    let (mut changes, mut erasures) = (Vec::new(), Vec::new());
    engine.visit(&Place::Feeds, (Excluded(&first), Excluded(&end)), |key, bytes| {
        let read = block(key, bytes).and_then(|block| {
            block.list(after, limit + 1, &mut changes)?;
            Ok(block)
        });
        let block = shared.unreadable().or_passed_over(&Place::Feeds, key, read);
        erasures.extend(block.and_then(|block| block.erasure()));
        Ok(changes.len() <= limit)
    })?;
    erasures.dedup();
    let more = changes.len() > limit;
    changes.truncate(limit);
    let page = ChangesPage { changes, more, applied: feed.applied, dropped_to: feed.dropped_to };
    Ok(Some(Listed { page, erasures }))
}

fn standing(shared: &Shared, engine: &Engine, recipient: String) -> Result<Option<FeedStanding>, StoreError> {
    let Some(feed) = feed_rows::feed(shared, engine, &recipient)? else { return Ok(None) };
    let (first, end) = (block_key(&recipient, feed.applied), blocks_end(&recipient));
    let mut oldest = None;
    engine.visit(&Place::Feeds, (Excluded(&first), Excluded(&end)), |key, bytes| {
        oldest = block(key, bytes).and_then(|block| block.since()).ok();
        Ok(oldest.is_none())
    })?;
    Ok(Some(feed.standing(recipient, oldest)))
}
