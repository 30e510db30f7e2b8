//! The places of a listener: who has one, who must give it up, who gets none.
//!
//! A connection that waits for a request gives way to a new one, the one first that has waited longest; where all are at
//! work the new one is turned away with an answer. One address has a share of the places. So idle connections, however
//! many, keep nobody out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::http::caller::{Proxies, is_private, narrowed};
use crate::http::connection::ending::Ending;
use crate::http::connection::tally::{Tally, TurnedCode};

/// One address has this part of a listener's places.
pub const SHARE: usize = 4;
/// Beside the places, connections that were told to go and have not gone yet: this part of the places, within bounds.
const LEAVING_PART: usize = 8;
const LEAVING_BOUNDS: (usize, usize) = (8, 256);

/// How many connections a listener with so many places has at the most: a descriptor each.
pub const fn connections_at_most(places: usize) -> usize {
    places + leaving_max(places)
}

const fn leaving_max(places: usize) -> usize {
    let (least, most) = LEAVING_BOUNDS;
    let part = places / LEAVING_PART;
    if part < least {
        least
    } else if part > most {
        most
    } else {
        part
    }
}

/// Those who come from here share: an address of IPv4, a network of IPv6 (its first 64 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Origin(IpAddr);

impl Origin {
    /// Whose share a connection counts to. None of its own has a trusted proxy, since everybody comes through it; nor has
    /// whoever comes from this machine or a private network: it is probably a proxy that nobody has named.
    fn of(peer: IpAddr, proxies: &Proxies) -> Option<Self> {
        let peer = peer.to_canonical();
        (!proxies.trusts(peer) && !is_private(peer)).then(|| Self(narrowed(peer)))
    }
}

/// Of one listener.
pub(super) struct Places {
    max: usize,
    leaving_max: usize,
    share_max: usize,
    proxies: Proxies,
    tally: Arc<Tally>,
    state: Mutex<State>,
    /// The listener ends: nobody waits any more.
    ends: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    taken: usize,
    leaving: usize,
    /// Who waits for a request, by when that began.
    waiting: BTreeMap<u64, Waiting>,
    shares: HashMap<Origin, Share>,
    next: u64,
}

struct Waiting {
    ending: Ending,
    origin: Option<Origin>,
}

#[derive(Default)]
struct Share {
    taken: usize,
    waiting: BTreeSet<u64>,
}

/// What a new connection gets.
pub(super) enum Admission {
    /// A place.
    Place(Place),
    /// An answer, why there is none.
    TurnedAway(Leaving),
    /// Not even that, for a moment: too many are being told, or have been and are not gone yet.
    Dropped,
}

impl Places {
    pub(super) fn new(max: usize, proxies: Proxies, tally: Arc<Tally>) -> Arc<Self> {
        let share_max = (max / SHARE).max(1);
        let (state, ends) = (Mutex::default(), Arc::default());
        Arc::new(Self { max, leaving_max: leaving_max(max), share_max, proxies, tally, state, ends })
    }

    /// A place for a new connection, where need be one that another gives up.
    pub(super) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Admission {
        let origin = peer.and_then(|peer| Origin::of(peer, &self.proxies));
        let mut state = self.state.lock();
        let share = origin.and_then(|origin| state.shares.get(&origin));
        let is_over_share = share.is_some_and(|share| share.taken >= self.share_max);
        let free = if is_over_share {
            let oldest = share.and_then(|share| share.waiting.first().copied());
            oldest.ok_or(TurnedCode::ShareTaken).map(Some)
        } else if state.taken >= self.max {
            let oldest = state.waiting.first_key_value().map(|(since, _)| *since);
            oldest.ok_or(TurnedCode::PlacesTaken).map(Some)
        } else {
            Ok(None)
        };
        let made_way = match free {
            _ if state.leaving >= self.leaving_max && free != Ok(None) => Err(TurnedCode::NotAnswered),
            Ok(Some(oldest)) => Ok(state.send_away(oldest)),
            Ok(None) => Ok(false),
            Err(code) => Err(code),
        };
        match made_way {
            Ok(made_way) => {
                state.sit(origin);
                drop(state);
                if made_way {
                    self.tally.turned(TurnedCode::MadeWay);
                }
                self.tally.came();
                let places = Arc::clone(self);
                Admission::Place(Place {
                    places,
                    ending: Ending::default(),
                    origin,
                    waits: None,
                    is_given_up: false,
                })
            }
            Err(TurnedCode::NotAnswered) => {
                drop(state);
                Admission::Dropped
            }
            Err(code) => {
                state.leaving += 1;
                drop(state);
                self.tally.turned(code);
                Admission::TurnedAway(Leaving(Arc::clone(self)))
            }
        }
    }

    /// How many connections there are, those included that are leaving.
    pub(super) fn occupied(&self) -> usize {
        let state = self.state.lock();
        state.taken + state.leaving
    }

    /// From now on nobody waits: the idle ones end, the others after their answer.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        self.ends.store(true, Ordering::Relaxed);
        while let Some((oldest, _)) = state.waiting.first_key_value() {
            let oldest = *oldest;
            state.send_away(oldest);
        }
    }
}

impl State {
    fn sit(&mut self, origin: Option<Origin>) {
        self.taken += 1;
        if let Some(origin) = origin {
            self.shares.entry(origin).or_default().taken += 1;
        }
    }

    fn rise(&mut self, origin: Option<Origin>) {
        self.taken = self.taken.saturating_sub(1);
        let Some(origin) = origin else { return };
        if let Some(share) = self.shares.get_mut(&origin) {
            share.taken = share.taken.saturating_sub(1);
            if share.taken == 0 {
                self.shares.remove(&origin);
            }
        }
    }

    /// Takes its place from who has waited since then.
    fn send_away(&mut self, since: u64) -> bool {
        let Some(Waiting { ending, origin }) = self.waiting.remove(&since) else { return false };
        if let Some(share) = origin.and_then(|origin| self.shares.get_mut(&origin)) {
            share.waiting.remove(&since);
        }
        self.rise(origin);
        self.leaving += 1;
        ending.end();
        true
    }
}

/// A connection's place; free again when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    /// Ends this connection.
    pub(super) ending: Ending,
    origin: Option<Origin>,
    waits: Option<u64>,
    /// It was taken, or left: what is to be given back is a leaver's.
    is_given_up: bool,
}

impl Place {
    /// True once the listener ends.
    pub(super) fn listener_ends(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.places.ends)
    }

    /// The connection waits for a request. False: it is to end.
    pub(super) fn waits(&mut self) -> bool {
        let mut state = self.places.state.lock();
        if self.places.ends.load(Ordering::Relaxed) || self.is_given_up {
            return false;
        }
        let since = state.next;
        state.next += 1;
        let ending = self.ending.clone();
        state.waiting.insert(since, Waiting { ending, origin: self.origin });
        if let Some(share) = self.origin.and_then(|origin| state.shares.get_mut(&origin)) {
            share.waiting.insert(since);
        }
        self.waits = Some(since);
        true
    }

    /// A request has come. False: its place was taken a moment before.
    pub(super) fn works(&mut self) -> bool {
        let Some(since) = self.waits.take() else { return !self.is_given_up };
        let mut state = self.places.state.lock();
        if state.waiting.remove(&since).is_none() {
            self.is_given_up = true;
            return false;
        }
        if let Some(share) = self.origin.and_then(|origin| state.shares.get_mut(&origin)) {
            share.waiting.remove(&since);
        }
        true
    }

    /// Gives the place up for the time that the connection still needs to go. False: too many do, it is to go now.
    pub(super) fn leaves(&mut self) -> bool {
        if !self.works() {
            return true;
        }
        let mut state = self.places.state.lock();
        if state.leaving >= self.places.leaving_max {
            return false;
        }
        state.rise(self.origin);
        state.leaving += 1;
        self.is_given_up = true;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.works();
        let mut state = self.places.state.lock();
        if self.is_given_up {
            state.leaving = state.leaving.saturating_sub(1);
        } else {
            state.rise(self.origin);
        }
        drop(state);
        self.places.tally.went();
    }
}

/// A connection that never had a place and is told so.
pub(super) struct Leaving(Arc<Places>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.leaving = state.leaving.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    fn places(max: usize) -> Arc<Places> {
        let trusted = ["192.0.2.1".parse().expect("an address")];
        Places::new(max, Proxies::new(&trusted), Tally::new("public", &Metrics::new()))
    }

    fn enter(places: &Arc<Places>, peer: &str) -> Option<Place> {
        match places.enter(Some(peer.parse().expect("an address"))) {
            Admission::Place(mut place) => {
                assert!(place.waits());
                Some(place)
            }
            Admission::TurnedAway(_) | Admission::Dropped => None,
        }
    }

    #[test]
    fn who_has_waited_longest_gives_way_and_who_works_does_not() {
        let places = places(3);
        let mut all: Vec<Place> = (0..3).filter_map(|_| enter(&places, "127.0.0.1")).collect();
        assert!(all[0].works());
        let fourth = enter(&places, "127.0.0.1").expect("a place");
        assert!(!all[0].ending.is_asked() && all[1].ending.is_asked() && !all[2].ending.is_asked());
        assert!(!all[1].works(), "its place is another's");
        // The first has answered, and waits since just now.
        assert!(all[0].waits());
        let fifth = enter(&places, "127.0.0.1").expect("a place");
        assert!(all[2].ending.is_asked() && !all[0].ending.is_asked());
        let counted = || {
            let state = places.state.lock();
            (state.taken, state.leaving)
        };
        assert_eq!(counted(), (3, 2));
        drop((all, fourth, fifth));
        let state = places.state.lock();
        assert_eq!((state.taken, state.leaving, state.waiting.len(), state.shares.len()), (0, 0, 0, 0));
    }

    #[test]
    fn where_all_work_a_new_one_is_told_so_and_few_are_told_at_once() {
        let places = places(2);
        let mut all: Vec<Place> = (0..2).filter_map(|_| enter(&places, "127.0.0.1")).collect();
        assert!(all.iter_mut().all(Place::works));
        let told: Vec<Admission> = (0..=leaving_max(2)).map(|_| places.enter(None)).collect();
        let (answered, dropped): (Vec<_>, Vec<_>) =
            told.iter().partition(|admission| matches!(admission, Admission::TurnedAway(_)));
        assert_eq!((answered.len(), dropped.len()), (leaving_max(2), 1));
        drop(told);
        assert!(matches!(places.enter(None), Admission::TurnedAway(_)));
        drop(all.pop());
        assert!(matches!(places.enter(None), Admission::Place(_)));
    }

    #[test]
    fn an_address_has_its_share_and_a_proxy_has_none() {
        let places = places(8);
        let mine: Vec<Place> = (0..2).filter_map(|_| enter(&places, "203.0.113.9")).collect();
        let third = enter(&places, "203.0.113.9").expect("one of its own gave way");
        assert!(mine[0].ending.is_asked() && !mine[1].ending.is_asked());
        // One network of IPv6 is one caller.
        let near: Vec<Option<Place>> =
            (1..=3).map(|at| enter(&places, &format!("2001:db8:0:1::{at}"))).collect();
        let given_up = near.iter().flatten().filter(|place| place.ending.is_asked()).count();
        assert_eq!((near.len(), given_up), (3, 1));
        assert!(enter(&places, "2001:db8:0:2::1").is_some());
        drop((mine, third, near));
        for proxy in ["192.0.2.1", "127.0.0.1", "10.1.2.3", "::ffff:127.0.0.1", "fd00::1"] {
            let all: Vec<Option<Place>> = (0..8).map(|_| enter(&places, proxy)).collect();
            let stay = all.iter().flatten().filter(|place| !place.ending.is_asked()).count();
            assert_eq!(stay, 8, "{proxy}");
        }
    }

    #[test]
    fn at_the_end_nobody_waits() {
        let places = places(4);
        let mut idle = enter(&places, "127.0.0.1").expect("a place");
        let mut busy = enter(&places, "127.0.0.1").expect("a place");
        assert!(busy.works());
        places.end();
        assert!(idle.ending.is_asked() && !idle.works());
        assert!(!busy.ending.is_asked() && !busy.waits());
    }
}
