//! The texts of the officer's papers, one table a language, as those of the notices are (docs/decisions, 181): a text that is
//! missing in a language does not compile.

mod de;
mod en;
mod fr;

use crate::language::{Language, texts};

texts! {
    /// All texts in one language. `{name}` is put in by [`crate::notice::naming::line`].
    pub(in crate::desk) struct Words {
        list_end
        none
        to_complete
        register_title
        register_law
        made
        register_yours
        contents
        general
        c_reference
        c_name
        c_created
        c_updated
        c_controller
        c_representative
        c_dpo
        c_joint
        c_purpose
        c_sub
        c_basis
        c_persons
        c_data
        c_sensitive
        c_source
        c_recipients
        c_transfers
        c_erasure
        c_security
        dpo_none
        representative_none
        joint_meta
        colon
        basis_consent
        basis_pre_contract
        basis_contract
        basis_interest
        interest
        by_box
        ch_email
        ch_phone
        ch_sms
        ch_whatsapp
        ch_post
        ch_third_party
        persons_form
        persons_copies
        field_needed
        field_optional
        field_consent
        field_derived
        beside_form
        beside_consent
        beside_keep
        beside_language
        sensitive_none
        sensitive_field
        source
        recipients_own
        role_processor
        role_joint
        role_controller
        only_agreed
        transfers_none
        transfers_own
        adequacy
        clauses
        binding
        safeguard_missing
        document
        erase_record
        erase_consent
        erase_reference
        erase_seen
        erase_backup
        safe_access
        safe_trace
        safe_minimise
        safe_encrypt
        safe_erase
        safe_yours
        to_confirm
        sup_name
        sup_purpose
        sup_basis
        sup_persons
        sup_data
        sup_clear
        sup_source
        sup_erasure
        trail_name
        trail_purpose
        trail_basis
        trail_persons
        trail_data
        trail_log
        trail_source
        trail_erasure
        log_erasure
        log_elsewhere
        req_name
        req_purpose
        req_sub
        req_basis
        req_persons
        req_register
        req_data
        req_restriction
        req_print
        req_letters
        req_source
        req_recipients
        req_answered
        req_row
        req_restriction_end
        req_tombstone
        req_kept
        d_title
        d_law
        d_intro
        d_what
        d_flow
        d_need
        d_field
        d_must
        d_why
        d_yes
        d_no
        d_if_agreed
        d_no_reason
        d_volume
        d_volume_now
        d_volume_unknown
        d_volume_bound
        d_records
        d_safe
        d_measure
        d_shown
        d_box
        d_end
        d_objected
        d_handed
        d_check
        d_off
        d_state
        d_tcp
        d_log_file
        d_copies
        d_asks
        d_backups
        d_tls
        d_on
        d_is_off
        d_by_you
        d_warned
        d_stands
        d_residue
        d_r_backup
        d_r_sealed
        d_r_tombstone
        d_r_trail
        d_r_disk
        d_r_meta
        d_r_exports
        d_criteria
        d_criterion
        d_fact
        d_k_score
        d_f_score
        d_k_decide
        d_f_decide
        d_k_monitor
        d_f_monitor
        d_k_sensitive
        d_k_scale
        d_f_scale
        d_k_match
        d_f_match
        d_k_weak
        d_f_weak
        d_k_new
        d_f_new
        d_k_bar
        d_f_bar
        d_yours
        d_y_need
        d_y_risk
        d_y_enough
        d_y_advice
        d_y_ask
        b_title
        b_law
        b_intro
        b_hours
        b_gap
        b_a
        b_purpose
        b_begin
        b_stored
        b_erased
        b_expired
        b_held
        b_now
        b_sum
        b_persons
        b_persons_unknown
        b_not_counted
        b_categories
        b_not_configured
        b_read
        b_read_none
        b_other
        b_account
        b_role
        b_act
        b_to_whom
        b_reason
        b_result
        b_times
        b_count
        b_repeats
        b_left_out
        b_b
        b_c
        b_c_yours
        b_d
        b_d_since
        b_d_keys
        b_d_tokens
        b_d_sealed
        b_d_yours
    }
}

/// The table of this language.
pub(in crate::desk) fn words(language: Language) -> &'static Words {
    match language {
        Language::Fr => &fr::WORDS,
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::lints::{self, Tables};

    fn tables() -> Tables {
        Language::ALL.map(|language| words(language).all())
    }

    #[test]
    fn every_text_is_there_in_every_language_and_takes_the_same_in() {
        lints::take_the_same_in(&tables());
    }

    #[test]
    fn no_long_text_is_the_same_in_two_languages() {
        lints::are_in_their_language(&tables());
    }

    #[test]
    fn sentences_are_short() {
        lints::have_short_sentences(&tables());
    }

    #[test]
    fn french_sets_a_space_before_high_marks_and_writes_a_curved_apostrophe() {
        lints::are_set_as_french_is(&tables());
    }
}
