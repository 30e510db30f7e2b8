//! Room for bodies: who holds how much of it, and who gives way when there is none left.
//!
//! Nobody is known before a body is whole and its signature is checked, so whoever sends one may hold memory unsigned.
//! Four rules keep that from starving signed calls: a body's first bytes need no room; an address has a share; a body that
//! comes too slowly gives way to one that does not; and if all hurry, the address that holds most gives way to one that
//! would hold less. What gives way is freed at once, by whoever needs the room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::http::caller::Share;

/// So much of each body needs no room: some 30 changes, more than nearly all of Meta's calls have. Its sum is bounded by
/// the number of connections (10,000: 80 MB).
pub(super) const FREE_BYTES: usize = 8 * 1_024;
/// What one address may hold, as a part of all.
const SHARES: usize = 8;
/// A body is slow that brings less than [`WINDOW_BYTES`] in this time: nobody's data centre does.
const WINDOW: Duration = Duration::from_secs(1);
const WINDOW_BYTES: usize = 32 * 1_024;

crate::codes! {
    /// Why a body was not read to its end.
    pub enum BodyError {
        /// Larger than one body may be.
        TooLarge = "body-too-large",
        /// It took too long.
        TooSlow = "request-timeout",
        /// All bodies together take the memory they may take, and none of them gives way.
        NoRoom = "bodies-full",
        /// The bodies of its address take the memory that those of one address may take.
        OverShare = "bodies-share-spent",
        /// It came too slowly, or its address held most, and another needed the room.
        Overtaken = "body-overtaken",
        /// The connection broke.
        Broken = "body-broken",
    }
}

/// The memory that all bodies may take together, beside their first bytes.
#[derive(Clone)]
pub(super) struct Room(Arc<Mutex<Table>>);

struct Table {
    share_bytes: usize,
    left: usize,
    places: HashMap<u64, Place>,
    held: HashMap<Share, usize>,
    next: u64,
}

/// What one body holds.
struct Place {
    share: Share,
    bytes: usize,
    parcel: Arc<Parcel>,
    /// It is read and being looked at: it will be gone in a moment, and nobody takes it away.
    is_whole: bool,
}

/// The bytes of a body, where whoever needs the room finds them.
struct Parcel {
    content: Mutex<Option<Content>>,
    taken_away: Notify,
}

struct Content {
    bytes: Vec<u8>,
    pace: Pace,
}

/// How fast a body comes.
struct Pace {
    since: Instant,
    bytes: usize,
    was_slow: bool,
}

/// A body that is being read.
pub(super) struct Growing {
    parcel: Arc<Parcel>,
    share: Share,
    length: usize,
    /// What it may grow to without asking.
    capacity: usize,
    /// What its sender said that it will have.
    announced: usize,
    ticket: Ticket,
}

/// A place in the room; given back when dropped.
struct Ticket {
    room: Room,
    id: Option<u64>,
}

/// A whole body with the room that it takes.
pub struct Body {
    /// The raw bytes.
    pub bytes: Bytes,
    _ticket: Ticket,
}

impl Room {
    /// Of so many bytes.
    pub(super) fn new(total_bytes: usize) -> Self {
        let table = Table {
            share_bytes: total_bytes / SHARES,
            left: total_bytes,
            places: HashMap::new(),
            held: HashMap::new(),
            next: 0,
        };
        Self(Arc::new(Mutex::new(table)))
    }

    /// The beginning of a body, on this share.
    pub(super) fn begin(&self, share: Share, announced: usize) -> Growing {
        let pace = Pace { since: Instant::now(), bytes: 0, was_slow: false };
        let content = Content { bytes: Vec::new(), pace };
        let parcel = Parcel { content: Mutex::new(Some(content)), taken_away: Notify::new() };
        let ticket = Ticket { room: self.clone(), id: None };
        Growing { parcel: Arc::new(parcel), share, length: 0, capacity: 0, announced, ticket }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock()
    }
}

impl Growing {
    /// Adds what came.
    ///
    /// # Errors
    /// Too large, no room, or taken away meanwhile.
    pub(super) fn push(&mut self, chunk: &[u8], max_bytes: usize) -> Result<(), BodyError> {
        let needed = self.length + chunk.len();
        if needed > max_bytes {
            return Err(BodyError::TooLarge);
        }
        let now = Instant::now();
        if needed > self.capacity {
            self.grow(needed, max_bytes, now)?;
        }
        let mut content = self.parcel.content.lock();
        let content = content.as_mut().ok_or(BodyError::Overtaken)?;
        content.bytes.reserve_exact(self.capacity - content.bytes.len());
        content.bytes.extend_from_slice(chunk);
        content.pace.add(chunk.len(), now);
        self.length = needed;
        Ok(())
    }

    /// To what was announced while that is free, then to twice as much each time: a body is copied seldom, and holds no more
    /// than twice what came of it.
    fn grow(&mut self, needed: usize, max_bytes: usize, now: Instant) -> Result<(), BodyError> {
        let expected = self.announced.min(max_bytes).max(needed);
        let grown = match needed {
            ..=FREE_BYTES => expected.min(FREE_BYTES),
            _ => expected.min(2 * self.capacity).max(needed),
        };
        let more = grown.saturating_sub(FREE_BYTES) - self.capacity.saturating_sub(FREE_BYTES);
        if more > 0 {
            let is_slow = self.parcel.is_slow(now);
            let mut table = self.ticket.room.table();
            if is_slow.is_none() || self.ticket.id.is_some_and(|id| !table.places.contains_key(&id)) {
                return Err(BodyError::Overtaken);
            }
            table.make_room(self.ticket.id, self.share, more, is_slow == Some(false), now)?;
            let id = table.take(self.ticket.id, self.share, more, &self.parcel);
            self.ticket.id = Some(id);
        }
        self.capacity = grown;
        Ok(())
    }

    /// Ends when the body's memory was taken away for another.
    pub(super) async fn taken_away(&self) {
        self.parcel.taken_away.notified().await;
    }

    /// The body as it is now.
    ///
    /// # Errors
    /// Taken away meanwhile.
    pub(super) fn finish(self) -> Result<Body, BodyError> {
        let Self { parcel, ticket, .. } = self;
        if let Some(id) = ticket.id
            && let Some(place) = ticket.room.table().places.get_mut(&id)
        {
            place.is_whole = true;
        }
        let content = parcel.content.lock().take().ok_or(BodyError::Overtaken)?;
        Ok(Body { bytes: Bytes::from(content.bytes), _ticket: ticket })
    }
}

impl Table {
    /// Makes sure that so many bytes are left, if need be at the cost of others; a slow body costs nobody anything.
    fn make_room(
        &mut self,
        asking: Option<u64>,
        share: Share,
        more: usize,
        hurries: bool,
        now: Instant,
    ) -> Result<(), BodyError> {
        if let Share::Of(_) = share {
            let is_own = |place: &Place| place.share == share && place.parcel.is_slow(now) == Some(true);
            while self.held(share) + more > self.share_bytes {
                if !hurries || !self.take_away(asking, is_own) {
                    return Err(BodyError::OverShare);
                }
            }
        }
        while self.left < more {
            let is_slow = |place: &Place| place.parcel.is_slow(now) == Some(true);
            if !hurries || !(self.take_away(asking, is_slow) || self.level(share, more)) {
                return Err(BodyError::NoRoom);
            }
        }
        Ok(())
    }

    /// Takes a body from the address that holds most, if that is more than who asks would hold then.
    fn level(&mut self, share: Share, more: usize) -> bool {
        let would_hold = self.held(share) + more;
        let others = self.held.iter().filter(|(other, held)| **other != Share::Common && **held > would_hold);
        let Some((most, _)) = others.max_by_key(|(_, held)| **held) else { return false };
        let most = *most;
        self.take_away(None, move |place| place.share == most)
    }

    /// Takes the largest of these bodies away. False: there is none.
    fn take_away(&mut self, but: Option<u64>, which: impl Fn(&Place) -> bool) -> bool {
        let may = |(id, place): &(&u64, &Place)| Some(**id) != but && !place.is_whole && which(place);
        let Some((id, _)) = self.places.iter().filter(may).max_by_key(|(_, place)| place.bytes) else {
            return false;
        };
        let id = *id;
        if let Some(place) = self.give_back(id) {
            drop(place.parcel.content.lock().take());
            place.parcel.taken_away.notify_one();
        }
        true
    }

    fn take(&mut self, place: Option<u64>, share: Share, more: usize, parcel: &Arc<Parcel>) -> u64 {
        let id = place.unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        let new = || Place { share, bytes: 0, parcel: Arc::clone(parcel), is_whole: false };
        self.places.entry(id).or_insert_with(new).bytes += more;
        *self.held.entry(share).or_default() += more;
        self.left -= more;
        id
    }

    fn give_back(&mut self, id: u64) -> Option<Place> {
        let place = self.places.remove(&id)?;
        self.left += place.bytes;
        if let Some(held) = self.held.get_mut(&place.share) {
            *held -= place.bytes;
            if *held == 0 {
                self.held.remove(&place.share);
            }
        }
        Some(place)
    }

    fn held(&self, share: Share) -> usize {
        self.held.get(&share).copied().unwrap_or(0)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.room.table().give_back(id);
        }
    }
}

impl Parcel {
    /// None: its content is gone.
    fn is_slow(&self, now: Instant) -> Option<bool> {
        self.content.lock().as_ref().map(|content| content.pace.is_slow(now))
    }
}

impl Pace {
    fn add(&mut self, bytes: usize, now: Instant) {
        if now.duration_since(self.since) >= WINDOW {
            *self = Self { since: now, bytes: 0, was_slow: self.is_slow(now) };
        }
        self.bytes += bytes;
    }

    /// By the window that ended last; a body that has just begun is not slow.
    fn is_slow(&self, now: Instant) -> bool {
        match now.duration_since(self.since) {
            passed if passed < WINDOW => self.was_slow,
            passed if passed < 2 * WINDOW => self.bytes < WINDOW_BYTES,
            // A window of its own has passed in which nothing came.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1_000_000;
    const KB: usize = 1_024;

    fn address(last: u8) -> Share {
        Share::Of([198, 51, 100, last].into())
    }

    /// A body of so many bytes that is not whole yet.
    fn begun(room: &Room, share: Share, bytes: usize) -> Result<Growing, BodyError> {
        let mut body = room.begin(share, bytes);
        for chunk in vec![7; bytes].chunks(32 * KB) {
            body.push(chunk, MAX)?;
        }
        Ok(body)
    }

    fn left(room: &Room) -> usize {
        room.table().left
    }

    fn is_there(body: &Growing) -> bool {
        body.parcel.content.lock().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_bytes_need_no_room_and_all_is_given_back() {
        let room = Room::new(0);
        let small: Vec<Growing> =
            (0..100).map(|_| begun(&room, address(1), FREE_BYTES).expect("free")).collect();
        assert_eq!(begun(&room, Share::Common, FREE_BYTES + 1).err(), Some(BodyError::NoRoom));
        assert_eq!(begun(&room, address(1), FREE_BYTES + 1).err(), Some(BodyError::OverShare));
        for body in small {
            assert_eq!(body.finish().expect("whole").bytes.len(), FREE_BYTES);
        }
        let room = Room::new(MAX);
        let body = begun(&room, Share::Common, 100 * KB).expect("room").finish().expect("whole");
        assert_eq!(body.bytes, vec![7; 100 * KB]);
        assert!(left(&room) < MAX);
        drop(body);
        let table = room.table();
        assert_eq!((table.left, table.places.len(), table.held.len()), (MAX, 0, 0));
        drop(table);
        assert_eq!(begun(&room, Share::Common, MAX + 1).err(), Some(BodyError::TooLarge));
        assert_eq!(left(&room), MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_share_and_a_trusted_proxy_has_the_common_bound_alone() {
        let room = Room::new(800 * KB);
        let one = begun(&room, address(1), 90 * KB).expect("room");
        assert_eq!(begun(&room, address(1), 40 * KB).err(), Some(BodyError::OverShare));
        let others: Vec<Growing> =
            (0..5).map(|_| begun(&room, Share::Common, 100 * KB).expect("room")).collect();
        assert!(is_there(&one) && others.iter().all(is_there));
        // Within a share a body that came to a halt gives way too.
        tokio::time::advance(2 * WINDOW).await;
        let next = begun(&room, address(1), 40 * KB).expect("room");
        assert!(!is_there(&one) && is_there(&next));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_gives_way_to_one_that_is_not_and_takes_from_nobody() {
        let room = Room::new(400 * KB);
        let mut stalled = begun(&room, Share::Common, 200 * KB).expect("room");
        let hurrying = begun(&room, Share::Common, 100 * KB).expect("room");
        assert_eq!(
            begun(&room, Share::Common, 300 * KB).err(),
            Some(BodyError::NoRoom),
            "nobody is slow yet"
        );
        assert!(is_there(&stalled) && is_there(&hurrying));
        // A byte now and then is no progress.
        for _ in 0..10 {
            tokio::time::advance(WINDOW / 4).await;
            stalled.push(b"x", MAX).expect("there");
        }
        drop(hurrying);
        let slow = begun(&room, Share::Common, 60 * KB).expect("room");
        tokio::time::advance(2 * WINDOW).await;
        let mut slow = slow;
        assert_eq!(slow.push(&[7; 200 * KB], MAX), Err(BodyError::NoRoom), "it is slow itself");
        assert!(is_there(&stalled));
        let whole = begun(&room, Share::Common, 300 * KB).expect("room").finish().expect("whole");
        stalled.taken_away().await;
        assert_eq!(stalled.push(b"x", MAX), Err(BodyError::Overtaken));
        assert_eq!(stalled.finish().err(), Some(BodyError::Overtaken));
        // A whole one is being looked at: it is not taken away, however long that takes.
        tokio::time::advance(10 * WINDOW).await;
        assert_eq!(begun(&room, Share::Common, 300 * KB).err(), Some(BodyError::NoRoom));
        drop((whole, slow));
        assert_eq!(left(&room), 400 * KB);
    }

    #[tokio::test(start_paused = true)]
    async fn if_all_hurry_the_address_that_holds_most_gives_way_to_one_that_would_hold_less() {
        let room = Room::new(800 * KB);
        let greedy: Vec<Growing> =
            (0..9).filter_map(|last| begun(&room, address(last), 96 * KB).ok()).collect();
        let modest = begun(&room, address(100), 20 * KB).expect("room");
        assert!(is_there(&modest));
        assert_eq!(greedy.iter().filter(|body| !is_there(body)).count(), 1);
        let as_greedy = begun(&room, address(101), 99 * KB);
        assert_eq!(as_greedy.err(), Some(BodyError::NoRoom), "it would hold what the others hold");
        assert!(is_there(&modest));
    }
}
