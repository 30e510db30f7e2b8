//! The texts of what a person is handed about their data, one table a language (docs/decisions, 181).

mod de;
mod en;
mod fr;

use crate::language::{Language, texts};

texts! {
    /// All texts in one language. `{name}` is put in by [`crate::notice::naming::line`].
    pub(in crate::desk::access) struct Words {
        title
        law
        made
        nothing
        more
        unread
        unreadable
        record
        expired
        restricted
        to_be_erased
        purpose
        basis
        basis_gone
        source
        source_form
        sent
        received
        kept_until
        answers
        field_idle
        no_answers
        beside
        consents
        consent_until
        consent_answer
        consent_text
        given
        default_unknown
        pre_ticked
        not_given
        absent
        unclear
        event_confirmed
        event_withdrawn
        event_objected
        event_ended
        consent_gone
        handed
        handed_local
        handed_nobody
        handed_day
        handed_days
        mails
        mail_asked
        mail_reminded
        mail_link
        mail_copy
        mail_other
        mail_unreachable
        notice
        test
        objections
        objection
        objection_all
        evidence
        evidence_text
        evidence_erased
        evidence_expired
        evidence_until
        evidence_box
        email
        phone
        remains
        r_backup
        r_backup_until
        r_seen
        r_seen_until
        r_trail
        r_trail_until
        r_log
        r_log_until
        r_meta
        r_meta_until
        r_files
        r_files_until
        r_ledger
        r_ledger_until
        r_evidence
        r_evidence_until
        rights
        rights_text
        rights_consent
        decisions
        complain
    }
}

/// The table of this language.
pub(in crate::desk::access) fn words(language: Language) -> &'static Words {
    match language {
        Language::Fr => &fr::WORDS,
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
    }
}

#[cfg(test)]
crate::language::lints::tests!(super::words);
