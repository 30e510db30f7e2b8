//! What to do at start, from what is found: create, finish, open, or refuse. Pure, so that every case can be listed.
//!
//! Never re-initialise over data: whenever the three artefacts disagree, the answer is a refusal that touches nothing.
//!
//! **First creation**, each step synced (files and their directories) before the next begins:
//!
//! 1. the keyring, at generation 0;
//! 2. `<store.path>/db` with format, instance id, epoch and commit number in `meta`;
//! 3. the witness, which testifies to that commit;
//! 4. the database closed and opened again, so that it has a snapshot;
//! 5. the marker `<store.path>/complete`, an empty file: its being there is the whole message, and it can be read
//!    without opening the database (opening is writing).
//!
//! Nothing may replace the keyring (which ends generation 0) before step 5 is done: no key of a day, a month or a bucket
//! is made, and the inbox is opened only afterwards. So a keyring at generation 0 proves that no record and no reference
//! was ever sealed under it, and what was half created may be made anew.
//!
//! | crash after step | found at the next start | plan |
//! |---|---|---|
//! | none | nothing | [`Plan::CreateAll`] |
//! | 1 | keyring fresh, no store | [`Plan::CreateStore`] |
//! | 2, or within 2 or 3 | keyring fresh, store half created, no valid witness | [`Plan::CreateStore`], over the remains |
//! | 3 or 4 | keyring fresh, store half created, witness | [`Plan::FinishStore`] |
//! | 5 | keyring fresh, store, witness | [`Plan::Open`] |
//!
//! A witness without a store under a fresh keyring comes from no crash (the store is synced first, and remains are
//! removed only where there is no witness), so it means that a store was lost, and the keyring put back from an old copy.

use crate::store::StoreCode;
use crate::store::StoreCode::{KeyringMissing, Missing, WitnessMissing};

/// What is there of the keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyringFound {
    /// No file.
    Absent,
    /// Generation 0: never replaced, so no store was ever completed under it.
    Fresh,
    /// Replaced at least once: keys were made, so records or references exist.
    Used,
}

impl KeyringFound {
    /// From the generation of the keyring that was opened; none: there is no file.
    pub fn at(generation: Option<u64>) -> Self {
        match generation {
            None => Self::Absent,
            Some(0) => Self::Fresh,
            Some(_) => Self::Used,
        }
    }
}

/// What is there of the store, as its files tell without opening the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Neither `db` nor the marker: also an empty directory that the operator or systemd made.
    Absent,
    /// `db` without the marker.
    HalfCreated,
    /// The marker is there. Whether `db` still is, and is whole, is found out against the witness on opening.
    Present,
}

/// What is there of the witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessFound {
    /// No file, or none of its slots is valid.
    Absent,
    /// At least one valid slot.
    Valid,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Create the keyring, then the store, the witness and the marker.
    CreateAll,
    /// The keyring stays; remove what is half created, then create the store, the witness and the marker.
    CreateStore,
    /// Open with every check, as in [`Plan::Open`]; then write the marker, which is all that is missing.
    FinishStore,
    /// Open, checking instance, epoch, commit number and keyring generation against one another; then sync the database
    /// and the marker's directory, and only then let anybody rely on what was read: a killed predecessor may have left
    /// it in the system's memory alone.
    Open,
}

/// The plan for what was found.
///
/// # Errors
/// [`StoreCode::KeyringMissing`], [`StoreCode::WitnessMissing`] or [`StoreCode::Missing`]: the operator has to bring back
/// what is missing, or to move the rest away. Nothing was touched.
pub fn decide(keyring: KeyringFound, store: Presence, witness: WitnessFound) -> Result<Plan, StoreCode> {
    match (keyring, store, witness) {
        (KeyringFound::Absent, Presence::Absent, WitnessFound::Absent) => Ok(Plan::CreateAll),
        (KeyringFound::Absent, _, _) => Err(KeyringMissing),

        (KeyringFound::Fresh, Presence::Absent | Presence::HalfCreated, WitnessFound::Absent) => {
            Ok(Plan::CreateStore)
        }
        (KeyringFound::Fresh, Presence::HalfCreated, WitnessFound::Valid) => Ok(Plan::FinishStore),

        // The marker is written before any key is made: without it, what belongs to this keyring is not there.
        (_, Presence::Absent, _) | (KeyringFound::Used, Presence::HalfCreated, _) => Err(Missing),

        (_, Presence::Present, WitnessFound::Absent) => Err(WitnessMissing),
        (_, Presence::Present, WitnessFound::Valid) => Ok(Plan::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYRINGS: [KeyringFound; 3] = [KeyringFound::Absent, KeyringFound::Fresh, KeyringFound::Used];
    const STORES: [Presence; 3] = [Presence::Absent, Presence::HalfCreated, Presence::Present];
    const WITNESSES: [WitnessFound; 2] = [WitnessFound::Absent, WitnessFound::Valid];

    #[test]
    fn every_combination_has_the_answer_of_the_table() {
        use KeyringFound as K;
        use Presence as P;
        use WitnessFound as W;
        let table = [
            (K::Absent, P::Absent, W::Absent, Ok(Plan::CreateAll)),
            (K::Absent, P::Absent, W::Valid, Err(KeyringMissing)),
            (K::Absent, P::HalfCreated, W::Absent, Err(KeyringMissing)),
            (K::Absent, P::HalfCreated, W::Valid, Err(KeyringMissing)),
            (K::Absent, P::Present, W::Absent, Err(KeyringMissing)),
            (K::Absent, P::Present, W::Valid, Err(KeyringMissing)),
            (K::Fresh, P::Absent, W::Absent, Ok(Plan::CreateStore)),
            (K::Fresh, P::Absent, W::Valid, Err(Missing)),
            (K::Fresh, P::HalfCreated, W::Absent, Ok(Plan::CreateStore)),
            (K::Fresh, P::HalfCreated, W::Valid, Ok(Plan::FinishStore)),
            (K::Fresh, P::Present, W::Absent, Err(WitnessMissing)),
            (K::Fresh, P::Present, W::Valid, Ok(Plan::Open)),
            (K::Used, P::Absent, W::Absent, Err(Missing)),
            (K::Used, P::Absent, W::Valid, Err(Missing)),
            (K::Used, P::HalfCreated, W::Absent, Err(Missing)),
            (K::Used, P::HalfCreated, W::Valid, Err(Missing)),
            (K::Used, P::Present, W::Absent, Err(WitnessMissing)),
            (K::Used, P::Present, W::Valid, Ok(Plan::Open)),
        ];
        let mut looked_up = 0;
        for keyring in KEYRINGS {
            for store in STORES {
                for witness in WITNESSES {
                    let row = table.iter().find(|(k, p, w, _)| (*k, *p, *w) == (keyring, store, witness));
                    let Some((_, _, _, answer)) = row else {
                        panic!("no row for {keyring:?} {store:?} {witness:?}");
                    };
                    assert_eq!(decide(keyring, store, witness), *answer, "{keyring:?} {store:?} {witness:?}");
                    looked_up += 1;
                }
            }
        }
        assert_eq!(looked_up, table.len(), "a row that no combination reaches");
    }

    /// Something is created only where nothing could be lost by it.
    #[test]
    fn nothing_is_created_over_a_complete_store_a_witness_or_a_used_keyring() {
        for keyring in KEYRINGS {
            for store in STORES {
                for witness in WITNESSES {
                    if matches!(decide(keyring, store, witness), Ok(Plan::CreateAll | Plan::CreateStore)) {
                        assert!(keyring != KeyringFound::Used);
                        assert!(store != Presence::Present);
                        assert!(witness == WitnessFound::Absent);
                    }
                }
            }
        }
    }

    /// The table above; `tests/starting` does it on a disk.
    #[test]
    fn creation_interrupted_after_any_step_is_taken_up_where_it_ended() {
        let crashes = [
            (KeyringFound::Absent, Presence::Absent, WitnessFound::Absent, Plan::CreateAll),
            (KeyringFound::Fresh, Presence::Absent, WitnessFound::Absent, Plan::CreateStore),
            (KeyringFound::Fresh, Presence::HalfCreated, WitnessFound::Absent, Plan::CreateStore),
            (KeyringFound::Fresh, Presence::HalfCreated, WitnessFound::Valid, Plan::FinishStore),
            (KeyringFound::Fresh, Presence::Present, WitnessFound::Valid, Plan::Open),
        ];
        for (keyring, store, witness, plan) in crashes {
            assert_eq!(decide(keyring, store, witness), Ok(plan), "{keyring:?} {store:?} {witness:?}");
        }
    }

    #[test]
    fn the_generation_tells_a_fresh_keyring_from_a_used_one() {
        assert_eq!(KeyringFound::at(None), KeyringFound::Absent);
        assert_eq!(KeyringFound::at(Some(0)), KeyringFound::Fresh);
        assert_eq!(KeyringFound::at(Some(1)), KeyringFound::Used);
        assert_eq!(KeyringFound::at(Some(u64::MAX)), KeyringFound::Used);
    }
}
