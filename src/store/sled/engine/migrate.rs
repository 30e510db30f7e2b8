//! From an older layout to this one, step by step. Each step ends with one transaction that also writes the layout it leads
//! to, so a step that was cut short was not taken, and is taken at the next start.

use crate::store::sled::engine::moving::{Pass, move_to_leaves};
use crate::store::sled::engine::{Changes, Engine};
use crate::store::sled::layout::{FORMAT, Place, meta, place_in_chain};
use crate::store::{StoreCode, StoreError};

/// What leads from one layout to the next.
enum Step {
    /// One transaction.
    Once(fn(&Engine, &mut Changes) -> Result<(), StoreError>),
    /// Transactions of its own before that, each of which may stand when the rest is not done yet.
    Pass(fn(&Engine, &Pass<'_>) -> Result<(), StoreError>),
}

/// The step at place n leads from layout n + 1 to n + 2. A step is never changed once a version with it is out.
const STEPS: &[Step] = &[Step::Once(lines_say_their_version), Step::Pass(move_to_leaves)];

const _: () = assert!(STEPS.len() + 1 == FORMAT as usize);

/// What ends the next step, all before it being done, and the layout it leads to; none: the layout is this one.
///
/// # Errors
/// [`StoreCode::Format`]: a later version wrote the store, or none that there was. Otherwise see [`StoreCode`].
pub(in crate::store::sled) fn next_step(
    engine: &Engine,
    format: u32,
    pass: &Pass<'_>,
) -> Result<Option<(u32, Changes)>, StoreError> {
    let unknown = StoreError::of(StoreCode::Format);
    let taken = format.checked_sub(1).and_then(|taken| usize::try_from(taken).ok()).ok_or(unknown)?;
    let Some(step) = STEPS.get(taken) else {
        return if format == FORMAT { Ok(None) } else { Err(unknown) };
    };
    let mut changes = Changes::default();
    match step {
        Step::Once(step) => step(engine, &mut changes)?,
        Step::Pass(step) => step(engine, pass)?,
    }
    let (next, commit) = (format + 1, engine.counter(&Place::Meta, meta::COMMIT)? + 1);
    let values = changes.0.entry(Place::Meta).or_default();
    values.insert(meta::FORMAT.to_vec(), Some(next.to_be_bytes().to_vec()));
    values.insert(meta::COMMIT.to_vec(), Some(commit.to_be_bytes().to_vec()));
    Ok(Some((next, changes)))
}

/// 1 → 2. Lines of the trail say which version wrote them, and their mac stands over the bytes that are kept. Those that
/// are there stay as they are and are verified by their old rule; from the next one on no line of that kind counts.
fn lines_say_their_version(engine: &Engine, changes: &mut Changes) -> Result<(), StoreError> {
    let head = engine.read(&Place::Meta, meta::TRAIL_HEAD)?;
    let (last, _) = head.map_or(Ok((0, [0; 32])), |bytes| place_in_chain(&bytes))?;
    let values = changes.0.entry(Place::Meta).or_default();
    values.insert(meta::TRAIL_VERSIONED_FROM.to_vec(), Some((last + 1).to_be_bytes().to_vec()));
    Ok(())
}
