//! Why a reference is parked instead of stored.

use jiff::Timestamp;

crate::codes! {
    /// The reason, as it is stored, logged, counted and requeued by.
    pub enum ParkCode {
        /// Waiting: Graph does not answer, or answers with what is no lead.
        GraphUnavailable = "graph-unavailable",
        /// Waiting: Graph asks for fewer calls.
        GraphThrottled = "graph-throttled",
        /// Waiting: Graph says that the lead is not there or not ours to read (code 100, subcode 33), which may pass.
        LeadUnreadable = "lead-unreadable",
        /// Waiting: the page's token is dead (Graph code 190, 102). A human must replace it.
        TokenDead = "token-dead",
        /// Waiting: a permission or Leads Access is missing (Graph codes 3, 10, 103, 200–299).
        PermissionMissing = "permission-missing",
        /// Waiting: Graph refuses the configuration (appsecret_proof, field, version).
        GraphConfig = "graph-config",
        /// Waiting: Meta has blocked the app for a while (Graph code 368).
        PolicyBlock = "policy-block",
        /// Waiting: the form's definition cannot be read for now, so no question can be matched.
        FormUnread = "form-unread",
        /// Waiting: the reply has no answers at all, which may pass: what Graph withholds from a token it leaves out.
        AnswersMissing = "answers-missing",
        /// Waiting, once: the reply does not name its form. Buried: the second did not either.
        FormUnnamed = "form-unnamed",
        /// Held: no purpose claims the form.
        FormUnclaimed = "form-unclaimed",
        /// Held: a purpose takes copies of forms of its page, and it is none: it asks otherwise, or under other boxes.
        FormDiffers = "form-differs",
        /// Held: the notice of a purpose that names the form lacks something that the law asks for.
        NoticeIncomplete = "notice-incomplete",
        /// Held: the page has no token in the config.
        PageUnknown = "page-unknown",
        /// Refused: a required field has no answer.
        RequiredFieldMissing = "required-field-missing",
        /// Refused: a required consent is not a clear yes.
        ConsentMissing = "consent-missing",
        /// Refused: a required consent rests on a box that is ticked when the form opens, which is nobody's consent.
        PreTicked = "pre-ticked",
        /// Refused: no answer is on the whitelist.
        NothingWhitelisted = "nothing-whitelisted",
        /// Refused: its purpose's period is over, counted from its submission: it was not fetched, or nothing of it was kept.
        RetentionOver = "retention-over",
        /// Refused: the purpose for which it was still to be stored no longer claims its form.
        PurposeGone = "purpose-gone",
        /// Refused: Meta no longer has it (90 days).
        TooOld = "too-old",
        /// Buried: the last attempt failed.
        AttemptsSpent = "attempts-spent",
        /// Buried: Graph's lead belongs to another form than the notification said.
        FormMismatch = "form-mismatch",
        /// Buried: the form's definition names another page than the notification did.
        PageMismatch = "page-mismatch",
        /// Buried: the record would exceed 16 KiB.
        RecordTooLarge = "record-too-large",
        /// Buried: the parked reference cannot be read (its key is gone, or its row was changed or is a later version's).
        ReferenceUnreadable = "reference-unreadable",
        /// Buried: the reply is another submission's.
        ReplyUnreadable = "reply-unreadable",
    }
}

/// In which way a reference is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Fetched again, not before this moment.
    Waiting {
        /// Not before.
        not_before: Timestamp,
        /// Attempts spent so far (a halted page spends none).
        attempts: u32,
        /// Why it waits.
        code: ParkCode,
    },
    /// Kept until a purpose claims its form, or its page gets a token.
    Held {
        /// Which is missing.
        code: ParkCode,
    },
    /// The whitelist or a consent says no.
    Refused {
        /// Which.
        code: ParkCode,
    },
    /// The last attempt failed: a human must look.
    Buried {
        /// Why.
        code: ParkCode,
        /// Attempts spent.
        attempts: u32,
    },
}

impl Why {
    /// The code.
    pub fn code(&self) -> ParkCode {
        match self {
            Self::Waiting { code, .. }
            | Self::Held { code }
            | Self::Refused { code }
            | Self::Buried { code, .. } => *code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_one_it_was_parked_with() {
        let not_before = Timestamp::UNIX_EPOCH;
        for code in ParkCode::ALL.iter().copied() {
            for why in [
                Why::Waiting { not_before, attempts: 3, code },
                Why::Held { code },
                Why::Refused { code },
                Why::Buried { code, attempts: 3 },
            ] {
                assert_eq!(why.code(), code);
            }
        }
    }
}
