//! The rows of `seen` and `parked`. Those that a build before several purposes wrote (version 1) are read as what they say, and
//! so are those of `parked` from before it was noted that something was sieved (version 2); whatever is written is of version 2,
//! of `parked` 3. Nothing is rewritten for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::notification::{ParkCode, Why};
use crate::purpose::{PurposeId, RecordId};
use crate::store::several::OpenFor;
use crate::store::sled::layout::{InTree, Place};
use crate::store::{Fate, SeenState, StoreCode, StoreError};

mod first;
mod second;
mod why;

pub(super) use why::WhyRow;
use why::known;

const SEEN: u8 = 2;
const PARKED: u8 = 3;

/// What became of a leadgen, as it is kept. Codes are kept as text: a later list of codes still reads old rows.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct SeenRow {
    /// For which purposes it has its end, and which.
    pub fates: Vec<FateRow>,
    /// The keys of its rows in `parked`: one, or several of a submission that was named with several forms or pages. They
    /// say for what they are open.
    pub arrivals: Vec<u64>,
    /// What became of it as a whole, where no purpose was matched.
    pub end: Option<EndRow>,
    /// When it became so. The row goes when its submission is erased; that of a record whose time was over stays, so that nothing brings
    /// it back.
    pub day: u32,
}

impl InTree for SeenRow {
    const TREES: &'static [Place] = &[Place::Seen];
}

/// An end for one purpose.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FateRow {
    /// Whose.
    pub purpose: String,
    /// Which.
    pub fate: PurposeFate,
}

/// What became of a leadgen for a purpose.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum PurposeFate {
    /// In the vault.
    Stored {
        /// Restore epoch.
        epoch: u32,
        /// Number.
        number: u64,
    },
    /// The person did not ask for it.
    NotAsked,
    /// Refused for good.
    Refused {
        /// Why.
        code: String,
    },
    /// Barred by a suppression.
    Suppressed,
}

/// What became of a leadgen as a whole.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum EndRow {
    /// Refused for good.
    Refused {
        /// Why.
        code: String,
    },
    /// Erased.
    Erased,
    /// Let go by an operator: nothing is known any more, save to the notification that was dropped, since the journal may
    /// still have it.
    Dropped {
        /// When that one was received.
        received_ms: i64,
    },
}

impl FateRow {
    /// Stored there.
    pub(super) fn stored(id: &RecordId) -> Self {
        let fate = PurposeFate::Stored { epoch: id.epoch, number: id.number };
        Self { purpose: id.purpose.as_str().to_owned(), fate }
    }

    /// Not asked for.
    pub(super) fn not_asked(purpose: &PurposeId) -> Self {
        Self { purpose: purpose.as_str().to_owned(), fate: PurposeFate::NotAsked }
    }

    /// Refused for good.
    pub(super) fn refused(purpose: &PurposeId, code: ParkCode) -> Self {
        let fate = PurposeFate::Refused { code: code.as_str().to_owned() };
        Self { purpose: purpose.as_str().to_owned(), fate }
    }

    /// Barred by a suppression.
    pub(super) fn suppressed(purpose: &PurposeId) -> Self {
        Self { purpose: purpose.as_str().to_owned(), fate: PurposeFate::Suppressed }
    }

    /// Whose it is.
    ///
    /// # Errors
    /// The purpose is none.
    pub(super) fn purpose(&self) -> Result<PurposeId, StoreError> {
        parse(&self.purpose)
    }

    /// The record, if it is stored.
    ///
    /// # Errors
    /// The purpose is none.
    pub(super) fn record(&self) -> Result<Option<RecordId>, StoreError> {
        let purpose = parse(&self.purpose)?;
        Ok(match self.fate {
            PurposeFate::Stored { epoch, number } => Some(RecordId { purpose, epoch, number }),
            PurposeFate::NotAsked | PurposeFate::Refused { .. } | PurposeFate::Suppressed => None,
        })
    }

    fn fate(&self) -> Result<Fate, StoreError> {
        let purpose = parse(&self.purpose)?;
        let state = match &self.fate {
            PurposeFate::Stored { epoch, number } => {
                SeenState::Stored(RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number })
            }
            PurposeFate::NotAsked => SeenState::NotAsked,
            PurposeFate::Refused { code } => SeenState::Refused(known(code)?),
            PurposeFate::Suppressed => SeenState::Suppressed,
        };
        Ok(Fate { purpose: Some(purpose), state })
    }
}

impl SeenRow {
    /// Reads a row of any version.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match versioned(bytes)? {
            (SEEN, body) => decoded(body),
            (first::VERSION, body) => decoded::<first::SeenRow>(body).map(Self::from),
            _ => Err(StoreError::of(StoreCode::Format)),
        }
    }

    /// As it is kept.
    pub(super) fn bytes(&self) -> Vec<u8> {
        bytes(SEEN, self)
    }

    /// True if a notification of the leadgen, received then, brings nothing new; of what is parked its rows say so.
    pub(super) fn knows(&self, received: Timestamp) -> bool {
        match &self.end {
            Some(EndRow::Dropped { received_ms }) => *received_ms == received.as_millisecond(),
            _ => true,
        }
    }

    /// The ends that it has; what is parked its rows say.
    ///
    /// # Errors
    /// A purpose is none, or a code a later version's.
    pub(super) fn ends(&self) -> Result<Vec<Fate>, StoreError> {
        let mut fates: Vec<Fate> = self.fates.iter().map(FateRow::fate).collect::<Result<_, _>>()?;
        let state = match &self.end {
            None | Some(EndRow::Dropped { .. }) => None,
            Some(EndRow::Refused { code }) => Some(SeenState::Refused(known(code)?)),
            Some(EndRow::Erased) => Some(SeenState::Erased),
        };
        fates.extend(state.map(|state| Fate { purpose: None, state }));
        Ok(fates)
    }
}

/// A parked reference as it is kept: only what names no submission stands in clear.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ParkedRow {
    /// Its key in `seen`.
    pub seen: [u8; 32],
    /// In which way it is parked.
    pub why: WhyRow,
    /// The purposes for which it is open; none: its form was not matched yet.
    pub open: Vec<OpenRow>,
    /// For others it has its end.
    pub others_ended: bool,
    /// Some purpose has had its say of it: what was dropped is counted, and not once more when it is read again.
    pub was_sieved: bool,
    /// Since when it is parked in this way.
    pub since_ms: i64,
    /// The day from which Meta's 90 days count.
    pub submitted_day: u32,
    /// Under which day's key the reference is sealed.
    pub sealed_day: u32,
    /// Of the seal.
    pub nonce: [u8; 24],
    /// The reference.
    pub sealed: Vec<u8>,
}

impl InTree for ParkedRow {
    const TREES: &'static [Place] = &[Place::Parked];
}

/// A purpose for which a reference is open.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OpenRow {
    /// Which.
    pub purpose: String,
    /// In which way it is parked for this one, where that differs from the row's.
    pub why: Option<WhyRow>,
}

impl ParkedRow {
    /// Reads a row of any version.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match versioned(bytes)? {
            (PARKED, body) => decoded(body),
            (second::VERSION, body) => decoded::<second::ParkedRow>(body).map(Self::from),
            (first::VERSION, body) => decoded::<first::ParkedRow>(body).map(Self::from),
            _ => Err(StoreError::of(StoreCode::Format)),
        }
    }

    /// As it is kept.
    pub(super) fn bytes(&self) -> Vec<u8> {
        bytes(PARKED, self)
    }

    /// [`ParkedRow::sealed_day`] as a day.
    pub(super) fn day(&self) -> Day {
        Day(self.sealed_day)
    }

    /// The purposes for which it is open, each with its reason.
    ///
    /// # Errors
    /// A purpose is none, or a code a later version's.
    pub(super) fn open(&self) -> Result<Vec<OpenFor>, StoreError> {
        let open = |row: &OpenRow| {
            let why = row.why.as_ref().unwrap_or(&self.why).why()?;
            Ok(OpenFor { purpose: parse(&row.purpose)?, why })
        };
        self.open.iter().map(open).collect()
    }
}

impl OpenRow {
    /// For keeping in a row that is parked for this reason.
    pub(super) fn of(open: &OpenFor, row: &Why) -> Self {
        let why = (open.why != *row).then(|| WhyRow::of(&open.why));
        Self { purpose: open.purpose.as_str().to_owned(), why }
    }
}

fn parse(purpose: &str) -> Result<PurposeId, StoreError> {
    PurposeId::parse(purpose).ok_or(StoreError::of(StoreCode::Damaged))
}

impl From<first::SeenRow> for SeenRow {
    fn from(first::SeenRow { fate, day }: first::SeenRow) -> Self {
        use first::SeenFate;
        let mut row = Self { day, ..Self::default() };
        match fate {
            SeenFate::Stored { purpose, epoch, number } => {
                row.fates = vec![FateRow { purpose, fate: PurposeFate::Stored { epoch, number } }];
            }
            SeenFate::Parked { arrival } => row.arrivals = vec![arrival],
            SeenFate::ParkedBeside { arrivals } => row.arrivals = arrivals,
            SeenFate::Refused { code } => row.end = Some(EndRow::Refused { code }),
            SeenFate::Erased => row.end = Some(EndRow::Erased),
            SeenFate::Dropped { received_ms } => row.end = Some(EndRow::Dropped { received_ms }),
        }
        row
    }
}

impl From<first::ParkedRow> for ParkedRow {
    fn from(row: first::ParkedRow) -> Self {
        let first::ParkedRow { seen, why, since_ms, submitted_day, sealed_day, nonce, sealed } = row;
        let (open, others_ended, was_sieved) = (Vec::new(), false, false);
        Self { seen, why, open, others_ended, was_sieved, since_ms, submitted_day, sealed_day, nonce, sealed }
    }
}

impl From<second::ParkedRow> for ParkedRow {
    fn from(row: second::ParkedRow) -> Self {
        let second::ParkedRow { seen, why, open, others_ended, .. } = row;
        let second::ParkedRow { since_ms, submitted_day, sealed_day, nonce, sealed, .. } = row;
        // What is refused was looked at; of what was brought back since then that is no longer known.
        let was_sieved = matches!(why, WhyRow::Refused { .. });
        Self { seen, why, open, others_ended, was_sieved, since_ms, submitted_day, sealed_day, nonce, sealed }
    }
}

fn bytes(version: u8, row: &impl InTree) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "writing numbers and strings into a growing vector cannot fail")]
    postcard::to_extend(row, vec![version]).expect("a vector grows")
}

fn versioned(bytes: &[u8]) -> Result<(u8, &[u8]), StoreError> {
    bytes.split_first().map(|(version, body)| (*version, body)).ok_or(StoreError::of(StoreCode::Damaged))
}

fn decoded<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(body).map_err(|_| StoreError::of(StoreCode::Damaged))
}
