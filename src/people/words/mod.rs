//! The texts of what people are shown of themselves, one table a language, as the notice's (docs/decisions, 181).

mod de;
mod en;
mod fr;

use crate::language::{Language, texts};

texts! {
    /// All texts in one language; what stands in braces is put in.
    pub(in crate::people) struct Words {
        skip
        language
        page_title
        held_heading
        masked
        sent
        until
        agreed
        agreed_yes
        agreed_no
        handed
        handed_local
        handed_nobody
        restricted
        to_be_erased
        no_answers
        notice
        can_heading
        way_stop
        way_stop_said
        way_correct
        way_correct_said
        way_erase
        way_erase_said
        way_write
        way_write_said
        complain
        stop_heading
        stop_text
        stop_mark
        stop_erased
        stop_own
        stop_legend
        stop_this
        stop_all
        stop_button
        erase_heading
        erase_text
        erase_receipt
        erase_copies
        erase_legend
        erase_this
        erase_all
        erase_button
        correct_heading
        correct_text
        correct_now
        correct_none
        correct_addresses
        correct_button
        back
        erased_heading
        stopped_heading
        corrected
        same
        receipt
        receipt_heading
        remaining_open
        others_left
        unread
        nothing_found
        choose
        value_bad
        failed_heading
        failed_text
        busy_heading
        busy_text
        lost_heading
        lost_text
        lost_write
        meta_title
        meta_heading
        meta_kind
        meta_received
        meta_number
        meta_nothing
        meta_ways_heading
        meta_ways
        meta_notices
        meta_unknown_heading
        meta_unknown
        way_confirm
        way_confirm_said
        way_withdraw
        way_withdraw_said
        confirm_heading
        confirm_text
        confirm_legend
        confirm_button
        confirm_not
        confirmed
        confirmed_already
        way_confirm_own_said
        confirm_own_text
        confirm_own_button
        confirmed_own
        withdraw_heading
        withdraw_text
        withdraw_hangs
        withdraw_rests
        withdraw_legend
        withdraw_button
        withdrawn
        link_ask
        link_ask_said
        link_heading
        link_text
        link_told
        link_once
        link_label
        link_button
        link_bad
        link_full
        link_asked_heading
        link_asked
        link_asked_none
        way_copy
        way_copy_said
        way_write_rest
        copy_heading
        copy_text
        copy_files
        copy_others
        copy_day
        copy_button
        copy_begun
        copy_already
        copy_not
        unseen
    }
}

/// The table of this language.
pub(in crate::people) fn words(language: Language) -> &'static Words {
    match language {
        Language::Fr => &fr::WORDS,
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
    }
}

#[cfg(test)]
crate::language::lints::tests!(super::words);
