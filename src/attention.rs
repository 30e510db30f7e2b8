//! What a person must look at although tamis goes on: closed codes, said when they begin, once an hour or a day while they
//! last, and when they are over. Whoever wants to know how things stand (the metrics, a status) reads them here.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// How often what lasts is said again.
const SAID_HOURLY: SignedDuration = SignedDuration::from_hours(1);
/// The same of what may take weeks, or has an alarm of its own.
const SAID_DAILY: SignedDuration = SignedDuration::from_hours(24);

crate::codes! {
    /// What needs a person. None of these stops tamis, and none is cured by a restart: most make a restart worse.
    pub enum AttentionCode {
        /// The keyring's file is missing or damaged and cannot be written again.
        KeyringLost = "keyring-lost",
        /// Another keyring, or what may be one, lies in the place of ours.
        KeyringReplaced = "keyring-replaced",
        /// The keyring's file has a second name or is a link.
        KeyringLinked = "keyring-linked",
        /// Another process holds the keyring's lock, or it cannot be taken again.
        KeyringLockLost = "keyring-lock-lost",
        /// The witness is missing or damaged and cannot be written again.
        WitnessLost = "witness-lost",
        /// Another witness lies in the place of ours.
        WitnessReplaced = "witness-replaced",
        /// The last backup is older than a backup of the keys may be, or there is a ledger and no backup was ever made.
        BackupOld = "backup-old",
        /// A backup that was cut short lies where it cannot be overwritten and removed: it has a copy of the keyring.
        BackupLeft = "backup-left",
        /// The store was to be vacuumed more than a day ago: receipts of erasure have named the day.
        VacuumOverdue = "vacuum-overdue",
        /// The ledger of erasures is missing or cannot be written: what is erased meanwhile a restore would bring back.
        LedgerLost = "ledger-lost",
        /// Another process holds the store's lock, or it cannot be taken again.
        StoreLockLost = "store-lock-lost",
        /// The database that is open is not the one in the store's place.
        StoreReplaced = "store-replaced",
        /// The journal that is open is not the one in its place, or lacks segments.
        JournalReplaced = "journal-replaced",
        /// The admin socket is gone and cannot be bound again.
        SocketLost = "socket-lost",
        /// Somebody else's socket, or another file, lies in the place of the admin socket.
        SocketTaken = "socket-taken",
        /// A disk does not answer when it is looked at.
        LookStalled = "look-stalled",
        /// A page, or the app, is paused for what no time mends: a token, a permission, the app's set-up.
        PageRefused = "page-refused",
        /// A field without which a purpose takes no lead is fed by no question of a form of it.
        RequiredUnfed = "required-unfed",
        /// A form asks, says or links what cannot stand.
        FormFinding = "form-finding",
        /// A token of the admin side ends soon, or has ended and was not revoked.
        TokenEnds = "token-ends",
        /// The clock is ahead, and not believed.
        ClockAhead = "clock-ahead",
        /// References that were answered for were not in the journal at the start.
        ReferencesMissing = "references-missing",
        /// Records are gone and their keys could not be destroyed: nobody may be told that they are erased.
        ErasurePending = "erasure-pending",
        /// It cannot be read which keys of an erasure are to be destroyed.
        ErasureDamaged = "erasure-damaged",
        /// The last whole scan found records, or what notes them, missing or changed.
        ScanFault = "scan-fault",
        /// Records are a day past their time and can still be opened, or their keys can.
        Overdue = "overdue",
        /// A period became shorter: records that are there end earlier by it within a day.
        RetentionShorter = "retention-shorter",
        /// Somebody asked for something by right and is not answered: within a week the time for it is over, or it is over.
        RequestDue = "request-due",
        /// No mail server takes mails, or it refuses what only a person can mend: nobody is written to.
        MailHalted = "mail-halted",
        /// A recipient has not applied what became of records that it was given, for longer than is waited for.
        ChangesUnapplied = "changes-unapplied",
        /// A purpose may hold less than its records do: that goes within a day.
        RemitNarrower = "remit-narrower",
        /// Records have held for a day more than their purpose may.
        TrimOverdue = "trim-overdue",
        /// One actor erased more within an hour than an officer does by hand.
        BulkErasing = "bulk-erasing",
    }
}

impl AttentionCode {
    /// How often it is said again while it lasts.
    fn said_every(self) -> SignedDuration {
        match self {
            Self::RequiredUnfed
            | Self::FormFinding
            | Self::TokenEnds
            | Self::ReferencesMissing
            | Self::BackupOld
            | Self::BackupLeft
            | Self::VacuumOverdue
            | Self::ErasureDamaged
            | Self::RequestDue
            | Self::ChangesUnapplied
            | Self::ScanFault => SAID_DAILY,
            _ => SAID_HOURLY,
        }
    }
}

/// One thing that a look found and could not mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concern {
    /// Which.
    pub code: AttentionCode,
    /// What the system said, where it was the system.
    pub io: Option<ErrorKind>,
}

impl Concern {
    /// Without a word from the system.
    pub const fn of(code: AttentionCode) -> Self {
        Self { code, io: None }
    }

    /// What the system did not let happen.
    pub const fn io(code: AttentionCode, kind: ErrorKind) -> Self {
        Self { code, io: Some(kind) }
    }
}

/// What stands now. Each code at most once.
#[derive(Default)]
pub struct Attention {
    standing: Mutex<BTreeMap<AttentionCode, Standing>>,
}

#[derive(Clone, Copy)]
struct Standing {
    since: Timestamp,
    said: Timestamp,
}

impl Attention {
    /// Takes over what a look at these codes found, and says what has begun, still lasts after an hour, or is over. Codes
    /// beyond `looked_at` are somebody else's and stay as they are.
    pub fn found(&self, looked_at: &[AttentionCode], concerns: &[Concern], now: Timestamp) {
        let mut standing = self.standing.lock();
        for code in looked_at {
            match concerns.iter().find(|concern| concern.code == *code) {
                Some(concern) => {
                    let known = standing.get(code).copied();
                    let Standing { since, said } = known.unwrap_or(Standing { since: now, said: now });
                    // A clock that was set back does not silence it.
                    let again = now < said || now.duration_since(said) >= code.said_every();
                    if known.is_none() || again {
                        tracing::error!(
                            code = %code, io.kind = ?concern.io,
                            attention.seconds = now.duration_since(since).as_secs().max(0),
                            "attention.needed"
                        );
                    }
                    let said = if again { now } else { said };
                    standing.insert(*code, Standing { since: since.min(now), said });
                }
                None => {
                    if standing.remove(code).is_some() {
                        tracing::info!(code = %code, "attention.over");
                    }
                }
            }
        }
    }

    /// What stands, and since when.
    pub fn standing(&self) -> Vec<(AttentionCode, Timestamp)> {
        self.standing.lock().iter().map(|(code, standing)| (*code, standing.since)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).expect("in range")
    }

    #[test]
    fn what_stands_is_known_with_its_beginning_and_is_gone_when_a_look_no_longer_finds_it() {
        let attention = Attention::default();
        let looked_at = [AttentionCode::KeyringLost, AttentionCode::SocketTaken];
        let concerns = [Concern::of(AttentionCode::KeyringLost)];
        attention.found(&looked_at, &concerns, at(0));
        attention.found(&looked_at, &concerns, at(7_200));
        assert_eq!(attention.standing(), [(AttentionCode::KeyringLost, at(0))]);
        attention.found(&[AttentionCode::SocketTaken], &[], at(7_260));
        assert_eq!(attention.standing().len(), 1, "another one's look takes nothing away");
        attention.found(&looked_at, &[], at(7_320));
        assert!(attention.standing().is_empty());
    }
}
