//! Power cuts in a vacuum, on a disk that is a model: each change of a directory's names is durable once that directory is synced, and
//! of all others a cut takes back any choice, the later without the earlier as well. Every cut is tried with every choice, and so is
//! a second one while the next start mends what the first has left.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

use super::*;

/// What stands at a name: one of two databases, or a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Old,
    Copy,
    Mark,
}

type Names = BTreeMap<Spot, Thing>;

/// One call: what it gives which names; none: nothing stands there any more.
#[derive(Clone, Debug)]
struct Change(Vec<(Spot, Option<Thing>)>);

impl Change {
    fn touches(&self, side: Side) -> bool {
        self.0.iter().any(|((of, _), _)| *of == side)
    }
}

/// What a cut may make of a rename that was not synced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Renames {
    /// It happened or it did not, as a journal of the file system sees to.
    AreOneStep,
    /// What it took from one directory may be gone, and not have come to the other.
    MayLose,
}

/// A disk, until its power is cut.
struct Disk {
    durably: RefCell<Names>,
    /// In their order, none of them synced.
    pending: RefCell<Vec<Change>>,
    /// Calls until the power is cut.
    left: Cell<usize>,
    exchanges: bool,
    /// What a cut that comes now must leave in the place.
    may_hold: RefCell<BTreeSet<Thing>>,
    /// Databases that are being removed, or are not whole yet.
    torn: RefCell<BTreeSet<Thing>>,
}

impl Disk {
    fn new(durable: Names, left: usize, exchanges: bool) -> Self {
        let both = [Thing::Old, Thing::Copy].into();
        Self {
            durably: RefCell::new(durable),
            pending: RefCell::default(),
            left: Cell::new(left),
            exchanges,
            may_hold: RefCell::new(both),
            torn: RefCell::default(),
        }
    }

    fn call(&self) -> io::Result<()> {
        match self.left.get() {
            0 => Err(ErrorKind::BrokenPipe.into()),
            left => {
                self.left.set(left - 1);
                Ok(())
            }
        }
    }

    fn now(&self) -> Names {
        let mut names = self.durably.borrow().clone();
        self.pending.borrow().iter().for_each(|change| apply(&mut names, &change.0));
        names
    }

    fn change(&self, names: &[(Spot, Option<Thing>)]) -> io::Result<()> {
        self.call()?;
        self.pending.borrow_mut().push(Change(names.to_vec()));
        Ok(())
    }

    /// Every state in which a cut that comes now may leave the names.
    fn after_a_cut(&self, renames: Renames) -> BTreeSet<Names> {
        let pending = self.pending.borrow();
        let mut states = BTreeSet::from([self.durably.borrow().clone()]);
        for change in pending.iter() {
            let mut next = states.clone();
            for state in &states {
                let mut done = state.clone();
                apply(&mut done, &change.0);
                next.insert(done);
                if renames == Renames::MayLose {
                    let mut lost = state.clone();
                    let taken: Vec<_> =
                        change.0.iter().filter(|(_, thing)| thing.is_none()).copied().collect();
                    apply(&mut lost, &taken);
                    next.insert(lost);
                }
            }
            states = next;
        }
        states
    }
}

fn apply(names: &mut Names, changes: &[(Spot, Option<Thing>)]) {
    for (spot, thing) in changes {
        match thing {
            Some(thing) => names.insert(*spot, *thing),
            None => names.remove(spot),
        };
    }
}

impl Places for Disk {
    fn exchange(&self) -> io::Result<bool> {
        if !self.exchanges {
            self.call()?;
            return Ok(false);
        }
        let now = self.now();
        let (one, other) = (now.get(&IN_PLACE).copied(), now.get(&COPY).copied());
        self.change(&[(IN_PLACE, other), (COPY, one)])?;
        Ok(true)
    }

    fn move_new(&self, from: Spot, to: Spot) -> io::Result<()> {
        let now = self.now();
        assert!(!now.contains_key(&to), "it takes nothing's place");
        let thing = now.get(&from).copied().ok_or(ErrorKind::NotFound)?;
        self.change(&[(from, None), (to, Some(thing))])
    }

    /// Whatever touches the directory, and with it what the same call did to the other.
    fn sync(&self, side: Side) -> io::Result<()> {
        self.call()?;
        let mut pending = self.pending.borrow_mut();
        let (synced, left) = pending.drain(..).partition::<Vec<_>, _>(|change| change.touches(side));
        *pending = left;
        synced.iter().for_each(|change| apply(&mut self.durably.borrow_mut(), &change.0));
        Ok(())
    }

    fn is_there(&self, spot: Spot) -> bool {
        self.now().contains_key(&spot)
    }
}

/// A vacuum, step by step as `copying`, `vacuum` and this file do it; `opens`: the copy passes the checks of a start.
fn vacuum(disk: &Disk, opens: bool) -> io::Result<()> {
    // The directory itself is durable before anything is made in it (`private_dir`).
    disk.torn.borrow_mut().insert(Thing::Copy);
    disk.change(&[(COPY, Some(Thing::Copy))])?;
    // Its rows are synced, then it gets its mark, then its directory is synced.
    disk.torn.borrow_mut().remove(&Thing::Copy);
    disk.change(&[((Side::Work, MARKER), Some(Thing::Mark))])?;
    disk.sync(Side::Work)?;
    let exchanged = exchange_in(disk)?;
    let kept = match opens {
        true => Thing::Copy,
        false => {
            exchange_back_in(disk, exchanged)?;
            Thing::Old
        }
    };
    // From here on somebody is answered: what lies there alone has it, and an erasure is in it.
    *disk.may_hold.borrow_mut() = [kept].into();
    clear_out(disk)
}

/// What is left of a vacuum goes, in whatever order: what is half removed must never be opened.
fn clear_out(disk: &Disk) -> io::Result<()> {
    let left: Vec<Spot> = disk.now().into_keys().filter(|(side, _)| *side == Side::Work).collect();
    for spot in left {
        if let Some(thing) = disk.now().get(&spot).filter(|thing| **thing != Thing::Mark) {
            disk.torn.borrow_mut().insert(*thing);
        }
        disk.change(&[(spot, None)])?;
    }
    disk.sync(Side::Store)
}

/// What the next start does before it opens anything, and what it then opens.
fn started(names: Names, left: usize, exchanges: bool) -> (io::Result<Option<Thing>>, Disk) {
    let disk = Disk::new(names, left, exchanges);
    let opened = put_back_in(&disk).map(|_| disk.now().get(&IN_PLACE).copied());
    (opened, disk)
}

/// Tries every cut; how many states the disk was found in.
fn every_cut(exchanges: bool, opens: bool, renames: Renames) -> usize {
    let durable = Names::from([(IN_PLACE, Thing::Old)]);
    let (mut found, mut calls) = (0, 0);
    loop {
        let disk = Disk::new(durable.clone(), calls, exchanges);
        let ended = vacuum(&disk, opens);
        let (may_hold, torn) = (disk.may_hold.borrow().clone(), disk.torn.borrow().clone());
        let holds = |opened: Option<Thing>, names: &Names, when: &str| {
            let whole = opened.filter(|thing| may_hold.contains(thing) && !torn.contains(thing));
            assert!(whole.is_some(), "{when}, {calls} calls: {opened:?} is opened of {names:?}");
        };
        for names in disk.after_a_cut(renames) {
            found += 1;
            holds(started(names.clone(), usize::MAX, exchanges).0.expect("no cut"), &names, "one cut");
            // And the power goes once more, while that is mended.
            for again in 0.. {
                let (opened, second) = started(names.clone(), again, exchanges);
                // Two renames that each lose a database would leave none.
                for left in second.after_a_cut(Renames::AreOneStep) {
                    let third = started(left.clone(), usize::MAX, exchanges).0.expect("no cut");
                    holds(third, &left, "two cuts");
                }
                if opened.is_ok() {
                    break;
                }
            }
        }
        if ended.is_ok() {
            return found;
        }
        calls += 1;
    }
}

#[test]
fn after_a_power_cut_at_any_step_of_a_vacuum_a_whole_store_is_in_the_place_and_nothing_acknowledged_is_lost()
{
    for exchanges in [true, false] {
        for opens in [true, false] {
            for renames in [Renames::AreOneStep, Renames::MayLose] {
                let found = every_cut(exchanges, opens, renames);
                assert!(found > 20, "{found} states");
            }
        }
    }
}

/// The model itself: without a sync between the two renames the old one could be nowhere.
#[test]
fn a_cut_takes_back_what_was_not_synced_and_nothing_else() {
    let names = Names::from([(IN_PLACE, Thing::Old), (COPY, Thing::Copy)]);
    let disk = Disk::new(names.clone(), usize::MAX, false);
    disk.move_new(IN_PLACE, BETWEEN).expect("moved");
    disk.move_new(COPY, IN_PLACE).expect("moved");
    let states = disk.after_a_cut(Renames::AreOneStep);
    assert_eq!(states.len(), 4);
    assert!(states.contains(&names), "neither");
    assert!(
        states.contains(&Names::from([(IN_PLACE, Thing::Copy)])),
        "the second alone takes the old one's place"
    );
    disk.sync(Side::Store).expect("synced");
    assert_eq!(disk.after_a_cut(Renames::MayLose).len(), 1);
}
