//! Lines of the trail that have had their time: they go from its beginning on, in whole months, and a line says up to where.

use crate::clock::Month;
use crate::store::StoreError;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{Place, meta};
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::trail::{place, read};
use crate::trail::{Action, Entry};

/// So many lines go at once: a transaction of some tens of milliseconds.
const LINES_AT_ONCE: usize = 4_096;

/// Lines that go.
pub(in crate::store::sled) struct Closing {
    /// The number of the line before them.
    base: u64,
    /// The last of them, and its mac.
    last: (u64, [u8; 32]),
}

impl Closing {
    /// How many there are.
    pub(in crate::store::sled) fn lines(&self) -> u64 {
        self.last.0 - self.base
    }
}

/// The next lines of before this month; none: there are none at the beginning. What does not chain is left as it is, for whoever
/// looks why.
///
/// # Errors
/// [`crate::store::StoreCode::TrailBroken`]; otherwise see [`crate::store::StoreCode`].
pub(in crate::store::sled) fn next(
    shared: &Shared,
    engine: &Engine,
    kept_from: Month,
) -> Result<Option<Closing>, StoreError> {
    let (base, _) = place(engine, meta::TRAIL_BASE)?;
    // Mostly there is nothing: one line says so.
    let first = read(shared, engine, base, 1)?;
    if first.first().is_none_or(|line| Month::of(line.time) >= kept_from) {
        return Ok(None);
    }
    let lines = read(shared, engine, base, LINES_AT_ONCE)?;
    let over = lines.iter().take_while(|line| Month::of(line.time) < kept_from);
    Ok(over.last().map(|last| Closing { base, last: (last.seq, last.mac) }))
}

/// Takes them away, and says so in a line that is signed with the rest.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn close(draft: &mut Draft<'_>, closing: &Closing) -> Result<(), StoreError> {
    let Closing { base, last: (last, mac) } = closing;
    for seq in base + 1..=*last {
        draft.remove(Place::Trail, &seq.to_be_bytes());
    }
    draft.write(Place::Meta, meta::TRAIL_BASE, [last.to_be_bytes().as_slice(), mac].concat())?;
    let line = draft.next_line()?;
    draft.write(Place::Meta, meta::TRAIL_CLOSED, line.to_be_bytes().to_vec())?;
    let mut entry = Entry::by_system(Action::TrailClosed);
    entry.count = *last;
    draft.append_line(entry)
}
