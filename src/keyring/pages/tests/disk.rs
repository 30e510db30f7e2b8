//! A disk that loses power: what no finished sync covers is there or not, sector by sector.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::keyring::pages::{Disk, PAGE_BYTES};
use crate::random::{Random, SeededRandom};

type Page = Arc<Vec<u8>>;
/// What a disk holds.
pub type Image = Vec<Page>;

const SECTOR_BYTES: usize = 512;
const SECTORS: usize = PAGE_BYTES / SECTOR_BYTES;
/// Which sectors of a write landed.
pub type Landed = u32;
pub const ALL: Landed = u32::MAX;
const _: () = assert!(SECTORS == 32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Write(u32),
    Zero(u32),
    Sync,
    Grow(u32),
}

/// What happens at a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies: the step is taken in part, no later one is.
    Dies,
    /// The step fails, once.
    Fails(io::ErrorKind),
}

#[derive(Clone, Default)]
struct State {
    durable: Image,
    /// Not covered by a finished sync, in order.
    pending: Vec<(u32, Page)>,
    taken: Vec<Step>,
    fault: Option<(usize, Fault)>,
    growth: Option<io::ErrorKind>,
    /// Read otherwise than it was written.
    misread: Option<u32>,
    dead: bool,
}

/// The disk; clones are the same one.
#[derive(Clone, Default)]
pub struct Sim(Arc<Mutex<State>>);

fn page(bytes: &[u8]) -> Page {
    Arc::new(bytes.to_vec())
}

fn torn(old: &[u8], new: &[u8], landed: Landed) -> Page {
    let mut bytes = old.to_vec();
    for sector in (0..SECTORS).filter(|sector| landed >> sector & 1 == 1) {
        let place = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
        bytes[place.clone()].copy_from_slice(&new[place]);
    }
    Arc::new(bytes)
}

impl Sim {
    pub fn holding(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State { durable: image, ..State::default() })))
    }

    /// The same disk as the next process finds it when this one was killed: the system still has what was not synced.
    pub fn after_a_kill(&self) -> Self {
        let state = self.0.lock();
        let (durable, pending) = (state.durable.clone(), state.pending.clone());
        Self(Arc::new(Mutex::new(State { durable, pending, ..State::default() })))
    }

    pub fn faulty(&self, step: usize, fault: Fault) {
        let mut state = self.0.lock();
        state.fault = Some((state.taken.len() + step, fault));
    }

    /// From now on nothing can be added to the disk.
    pub fn faulty_growth(&self, kind: io::ErrorKind) {
        self.0.lock().growth = Some(kind);
    }

    /// From now on a page is read with another byte at its end.
    pub fn misreads(&self, number: u32) {
        self.0.lock().misread = Some(number);
    }

    pub fn clear_faults(&self) {
        let mut state = self.0.lock();
        (state.fault, state.growth) = (None, None);
    }

    pub fn is_dead(&self) -> bool {
        self.0.lock().dead
    }

    pub fn steps(&self) -> usize {
        self.0.lock().taken.len()
    }

    pub fn taken(&self) -> Vec<Step> {
        self.0.lock().taken.clone()
    }

    /// Another one for each state, so that no two openings draw the same nonces.
    pub fn seed(&self) -> u64 {
        self.0.lock().taken.len() as u64 + 1_000
    }

    /// What is there while the power is on.
    pub fn image(&self) -> Image {
        let state = self.0.lock();
        state.cut(|_| ALL)
    }

    /// What a power cut may leave: of few unsynced writes each in every way of a few, of many as chance chooses.
    pub fn cuts(&self, chance: &SeededRandom) -> Vec<Image> {
        const WAYS: [Landed; 5] = [0, ALL, 1, ALL - 1, 0xffff];
        let state = self.0.lock();
        let drawn = || {
            let mut bytes = [0; 4];
            chance.fill(&mut bytes).expect("seeded");
            u32::from_le_bytes(bytes)
        };
        let count = state.pending.len();
        let mut ways: Vec<Vec<Landed>> = Vec::new();
        if count <= 2 {
            ways.extend((0..WAYS.len().pow(count as u32)).map(|way| {
                (0..count as u32).map(|at| WAYS[way / WAYS.len().pow(at) % WAYS.len()]).collect()
            }));
        } else {
            // All, nothing, and each of them alone there or missing.
            ways.extend([vec![ALL; count], vec![0; count]]);
            for at in 0..count {
                for (most, one) in [(ALL, 0), (0, ALL)] {
                    ways.push((0..count).map(|other| if other == at { one } else { most }).collect());
                }
            }
        }
        for _ in 0..4 {
            ways.push((0..count).map(|_| drawn()).collect());
        }
        ways.iter().map(|landed| state.cut(|at| landed[at])).collect()
    }
}

impl State {
    fn cut(&self, landed: impl Fn(usize) -> Landed) -> Image {
        let mut image = self.durable.clone();
        for (at, (number, new)) in self.pending.iter().enumerate() {
            let old = &mut image[*number as usize];
            *old = torn(old, new, landed(at));
        }
        image
    }

    /// Takes a step; an error: it is the one that fails.
    fn step(&mut self, step: Step) -> io::Result<()> {
        if self.dead {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let at = self.taken.len();
        self.taken.push(step);
        match self.fault {
            Some((number, Fault::Dies)) if number == at => {
                self.dead = true;
                Err(io::ErrorKind::NotConnected.into())
            }
            Some((number, Fault::Fails(kind))) if number == at => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

impl Disk for Sim {
    fn pages(&mut self) -> io::Result<u32> {
        Ok(self.0.lock().durable.len() as u32)
    }

    fn read(&mut self, number: u32, into: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock();
        let newest = state.pending.iter().rev().find(|(at, _)| *at == number).map(|(_, page)| page);
        into.copy_from_slice(newest.unwrap_or(&state.durable[number as usize]));
        if state.misread == Some(number) {
            into[PAGE_BYTES - 1] ^= 1;
        }
        Ok(())
    }

    fn write(&mut self, number: u32, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        let zero = bytes.iter().all(|byte| *byte == 0);
        let (alive, step) = (!state.dead, if zero { Step::Zero(number) } else { Step::Write(number) });
        let taken = state.step(step);
        // Also the write at which the process died, or that failed, is there in part.
        if alive {
            state.pending.push((number, page(bytes)));
        }
        taken
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.step(Step::Sync)?;
        state.durable = state.cut(|_| ALL);
        state.pending.clear();
        Ok(())
    }

    fn grow(&mut self, pages: u32) -> io::Result<()> {
        let mut state = self.0.lock();
        state.step(Step::Grow(pages))?;
        if let Some(kind) = state.growth {
            return Err(kind.into());
        }
        let zeros = page(&[0; PAGE_BYTES]);
        state.durable = state.cut(|_| ALL);
        state.pending.clear();
        state.durable.extend((0..pages).map(|_| Arc::clone(&zeros)));
        Ok(())
    }
}
