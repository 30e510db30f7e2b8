//! The texts of the notice, one table a language. They are Rust and no resource of an i18n crate: a text that is missing in
//! a language does not compile, and what is put into one is held by a test (docs/decisions, 181).

mod de;
mod en;
mod fields;
mod fr;

use crate::language::{Language, texts};

pub(in crate::notice) use fields::{field_label, keep_label};

texts! {
    /// All texts in one language. `{name}` is put in by [`crate::notice::saying`].
    pub(in crate::notice) struct Words {
        kind
        skip
        language
        summary_heading
        details_heading
        about_heading
        since
        reference
        first
        changed
        earlier
        old
        to_current
        ended
        draft
        missing_title
        missing_text
        sum_who
        sum_what
        sum_why
        sum_long
        sum_can
        sum_can_text
        sum_can_withdraw
        action
        optional_mark
        and
        or
        month
        months
        day
        days
        first_of
        who_heading
        controller
        write_to
        dpo
        dpo_none
        representative
        why_heading
        purpose
        basis
        basis_consent
        basis_pre_contract
        basis_contract
        basis_interest
        interest
        by_consent
        consent_basis
        consent_valid
        consent_required
        ch_email
        ch_phone
        ch_sms
        ch_whatsapp
        ch_post
        ch_third_party
        what_heading
        what_intro
        field_required
        field_optional
        field_consent
        field_e164
        field_why
        beside
        beside_form
        beside_consent
        beside_keep
        beside_language
        source_heading
        source_text
        source_public
        meta_heading
        meta_who
        meta_joint
        meta_addendum
        meta_own
        meta_policy
        meta_ours
        recipients_heading
        recipients_own
        recipients_none
        recipients_some
        role_processor
        role_joint
        role_controller
        recipient_consent
        country
        transfers_heading
        transfers_none
        transfers_nobody
        transfers_own
        transfers_some
        adequacy
        clauses
        binding
        safeguard_link
        safeguard_copy
        transfers_meta
        duration_heading
        duration_use
        duration_erased
        duration_asked
        duration_consent
        remains
        remains_queue
        remains_seen
        remains_erased
        remains_objection
        remains_trail
        remains_meta
        remains_evidence
        remains_recipients
        rights_heading
        right_access
        right_access_text
        right_correct
        right_correct_text
        right_erase
        right_erase_text
        right_restrict
        right_restrict_text
        right_port
        right_port_text
        right_object
        right_object_interest
        right_object_marketing
        right_death
        right_death_text
        rights_how
        rights_page
        rights_term
        withdrawal_heading
        withdrawal_text
        withdrawal_past
        complaint_heading
        complaint_text
        complaint_other
        complaint_list
        obligation_heading
        obligation_free
        obligation_required
        obligation_one_of
        obligation_rest
        automated_heading
        automated_none
        protection_heading
        protection_text
        short
        short_consent
        short_pre_contract
        short_contract
        short_interest
        short_recipients
        short_rights
        short_withdraw
        short_more
        short_rights_object
        sum_can_object
    }
}

/// The table of this language.
pub(in crate::notice) fn words(language: Language) -> &'static Words {
    match language {
        Language::Fr => &fr::WORDS,
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
    }
}

#[cfg(test)]
crate::language::lints::tests!(super::words);

#[cfg(test)]
mod tests {
    use super::*;

    /// Guidelines on transparency, WP 260, 13: no "may be used", "might", "some", "often".
    #[test]
    fn nothing_is_vague() {
        let vague = [
            "notamment",
            "le cas échéant",
            "entre autres",
            "améliorer nos services",
            "might",
            "may be used",
            "among others",
            "improve our services",
            "gegebenenfalls",
            "unter anderem",
            "insbesondere",
            "in der Regel",
        ];
        for language in Language::ALL {
            for (key, text) in words(language).all() {
                assert!(!vague.iter().any(|word| text.contains(word)), "{} {key}: {text}", language.tag());
            }
        }
    }
}
