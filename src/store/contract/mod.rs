//! The promises of the face, held against any store. A store passes by one line, [`contract!`] with its [`Host`]: then each
//! promise is a test of its own there.
//!
//! | file | what is promised |
//! |---|---|
//! | `settling` | all of a batch or nothing, each lead once, numbers without gaps |
//! | `exporting` | pages in order, none missed, none twice, none without its line |
//! | `finding` | look-ups, and what is known of each leadgen |
//! | `addresses` | each record that is stored is met by who looks for an address, and shown with its line |
//! | `awaiting` | what was unread when an address was erased is not stored when it is read, and that is said |
//! | `claiming`, `parking` | lanes, leases, due times; the states of what is not stored, and its end |
//! | `several` | a submission of several purposes: an end for each, what is open, who came too late |
//! | `naming` | a submission that was named with several forms or pages |
//! | `trail`, `tokens`, `forms` | the chain; bounds and lines of tokens; definitions and counts |
//! | `form_looks` | what was found of a form, and when it was looked at |
//! | `notices` | every revision of a notice, once, with its moment |
//! | `pauses` | what Graph asked for is there after a restart |
//! | `clock` | what goes on and what waits while a clock is not believed |
//! | `life` | purposes, closing, halting, what is there afterwards |
//! | `erasing` | what is erased is gone, its keys are destroyed, and what became of the request is known |
//! | `rewriting` | what is written anew keeps its id, the key of what it was is destroyed |
//! | `consenting` | consents taken back and said once more, and of whom no yes is taken |
//! | `witnessing` | what became of consents is told with the record, and goes where it goes |
//! | `outliving` | what shows of consents stays for its time, where that is kept, and is found by an address alone |
//! | `restricting` | what nobody may use is in no page, outlives its day and is shown to a look-up alone |
//! | `telling` | who is told before they are erased: nobody uses what waits, and nothing keeps it from going |
//! | `crossing` | what is corrected or restricted, when its time is over |
//! | `no_way_back` | no redelivery, requeue or restart brings an erased submission back |
//! | `retention` | what has had its time goes, with its keys, and stays known |
//! | `closing` | lines of the trail that have had their time, and what proves the rest |
//! | `suppressing` | whoever objected is not stored; the list, its key, how an entry ends |
//! | `requesting` | what people asked for: numbered, due, answered once, kept for its time |
//! | `passing` | whoever holds a pass opens one record, for one use, until its day |
//! | `posting` | what is to be written to people waits, is tried, ends, and goes with its record |
//! | `handed` | who was handed a record is known for as long as it is there, and with what is erased for good |
//! | `following` | what became of a record is told to whoever was handed it, until they have applied it |
//! | `scanning` | what is whole is said to be whole, what is gone is named |
//!
//! A promise that is not on the list below is no test, and the compiler says so: nothing else calls it.

pub(crate) mod addresses;
pub(crate) mod awaiting;
pub(crate) mod claiming;
pub(crate) mod clock;
pub(crate) mod closing;
pub(crate) mod consenting;
pub(crate) mod crossing;
pub(crate) mod erasing;
pub(crate) mod exporting;
pub(crate) mod finding;
pub(crate) mod following;
pub(crate) mod form_looks;
pub(crate) mod forms;
pub(crate) mod handed;
pub(crate) mod life;
pub(crate) mod naming;
pub(crate) mod no_way_back;
pub(crate) mod notices;
pub(crate) mod outliving;
pub(crate) mod parking;
pub(crate) mod passing;
pub(crate) mod pauses;
pub(crate) mod posting;
pub(crate) mod requesting;
pub(crate) mod restricting;
pub(crate) mod retention;
pub(crate) mod rewriting;
pub(crate) mod scanning;
pub(crate) mod settling;
pub(crate) mod several;
pub(crate) mod support;
pub(crate) mod suppressing;
pub(crate) mod telling;
pub(crate) mod tokens;
pub(crate) mod trail;
pub(crate) mod witnessing;

use futures_util::FutureExt;

use crate::clock::ManualClock;
use crate::keyring::memory::MemoryKeyring;
use crate::purpose::RecordId;
use crate::store::{SharedStore, StoreError};

/// What outlives a store: where it keeps its rows, its keys, its clock. Opening again after a close, or after the last
/// handle was dropped, is what a restart is.
pub(crate) trait Host: Sized {
    /// Nothing is kept yet, and the clock stands at [`support::start`].
    fn new() -> Self;

    /// The clock that the stores are opened with; it moves when it is told.
    fn clock(&self) -> &ManualClock;

    /// The keys that the stores are opened with.
    fn keyring(&self) -> &MemoryKeyring;

    /// Opens the store with room for these purposes.
    fn try_open(&self, purposes: &[&str]) -> Result<SharedStore, StoreError>;

    /// Halts the store that was opened last, as a failure does that leaves open what is durable.
    fn halt(&self);

    /// Takes a row away behind the back of a store that is closed.
    fn take(&self, row: &Row) -> Vec<u8>;

    /// Puts bytes in the place of a row behind the back of a store that is closed.
    fn put(&self, row: &Row, bytes: Vec<u8>);

    /// Lets so many days pass in steps that are believed and confirmed.
    fn pass_days(&self, store: &SharedStore, days: i64) {
        for step in 0..days {
            self.clock().advance_ms(support::DAY_MS);
            assert!(!store.clock_jumped(), "day {step}");
            self.agree(store);
        }
    }

    /// Another clock agrees with the one that is believed; it need not be asked where ours is ahead.
    fn agree(&self, store: &SharedStore) {
        if !store.clock_jumped() {
            let agreed =
                store.compare_clock(store.now()).now_or_never().expect("without a word of it in the trail");
            assert_eq!(agreed, Ok(false));
        }
    }

    /// Opens the store for the purposes `devis` and `lettre`, where another clock agrees with ours.
    fn open(&self) -> SharedStore {
        let store = self.open_alone();
        self.agree(&store);
        store
    }

    /// Opens the store for the purposes `devis` and `lettre`; nobody has said anything of the clock.
    fn open_alone(&self) -> SharedStore {
        self.try_open(&["devis", "lettre"]).expect("opens")
    }
}

/// A row that a test takes away, changes or moves.
pub(crate) enum Row {
    /// A sealed record.
    Record(RecordId),
    /// A line of the trail, by its number.
    Line(u64),
}

/// Each promise as a test of the store of this [`Host`].
macro_rules! contract {
    ($host:ty) => {
        $crate::store::contract::contract! { $host =>
            settling {
                what_is_settled_is_numbered_seen_counted_and_exported_in_order,
                a_record_knows_its_own_key_in_seen,
                a_settlement_repeated_changes_nothing_also_after_a_restart_and_within_a_batch,
                of_many_who_settle_the_same_lead_at_once_one_stores_it,
                many_callers_at_once_get_distinct_numbers_and_all_their_answers,
                numbers_run_on_over_hundreds_of_records_and_a_restart,
                a_number_is_never_given_twice_even_when_the_last_record_is_gone,
                a_purpose_without_room_refuses_the_batch_whole_and_harms_no_other,
                a_key_that_cannot_be_made_refuses_the_batch_whole,
                a_record_too_large_is_buried_with_its_attempts_and_takes_no_number,
                no_outcomes_are_settled_without_a_word,
            }
            exporting {
                an_empty_purpose_gives_the_place_before_its_first_record_and_then_the_cursor_back,
                pages_follow_one_another_and_say_whether_there_is_more,
                a_page_stands_in_the_trail_before_its_first_record_leaves,
                the_expired_are_passed_over_and_the_cursor_moves_on,
                test_leads_come_only_where_they_are_asked_for,
                a_cursor_that_was_never_given_is_refused_and_told_where_to_go_on,
                polls_that_find_nothing_leave_one_line_a_day_and_purpose,
                a_refused_page_leaves_no_line,
                an_export_that_runs_while_leads_arrive_misses_none_and_repeats_none,
                a_slow_reader_holds_neither_the_writer_nor_the_closing,
                a_record_moved_or_changed_does_not_open_and_ends_the_page_with_an_error,
                too_many_pages_at_one_time_are_refused_until_one_is_dropped,
            }
            finding {
                a_record_is_found_by_either_id_and_the_look_up_stands_in_the_trail,
                past_its_expiry_a_record_is_known_and_not_shown,
                a_record_that_does_not_open_is_told_after_its_line,
                whatever_became_of_a_leadgen_it_is_known_in_the_order_asked,
                what_became_of_a_leadgen_is_said_also_after_a_restart,
            }
            addresses {
                each_record_is_met_once_whatever_its_purpose_its_expiry_or_its_kind,
                what_is_erased_meanwhile_is_passed_over_and_what_comes_later_is_not_met,
                a_record_that_does_not_open_is_named_and_the_others_are_met,
                a_look_ends_with_the_store,
                each_record_that_is_shown_leaves_its_line_and_no_more_are_than_may_be,
            }
            claiming {
                waiting_ones_are_claimed_when_due_in_the_order_of_being_due_and_leased,
                only_one_lane_is_claimed_that_of_the_oldest_that_may_move,
                one_form_on_two_pages_is_two_lanes,
                held_ones_are_due_as_soon_as_a_purpose_claims_their_form,
                a_waiting_one_whose_form_lost_its_purpose_is_claimed_to_be_held,
                a_claim_says_attempts_and_code_and_gives_the_whole_reference,
                what_is_leased_is_not_what_is_due_next,
                nobody_claims_what_another_has_claimed,
                nothing_waits_longer_than_the_longest_wait_there_is,
            }
            parking {
                a_reference_parked_again_keeps_its_arrival_and_leaves_one_row,
                held_again_it_is_held_since_it_first_was,
                who_has_waited_or_been_held_longest_is_told_until_it_has_its_end,
                what_is_stored_in_the_end_is_parked_no_longer,
                an_overview_shows_each_kind_and_leaves_out_the_held_that_are_leased,
                refused_and_buried_ones_come_back_by_reference_code_or_form_with_their_trail_line,
                what_waits_comes_back_too_unless_it_is_due_or_leased,
                all_of_a_code_come_back_however_many_and_the_lines_say_how_many,
                what_meta_no_longer_has_is_refused_for_good_and_its_row_is_gone,
                ninety_days_count_from_the_submission_or_from_its_notification,
                the_days_whose_keys_are_needed_are_those_of_what_is_parked,
                what_was_sealed_seven_days_ago_is_sealed_again_and_is_otherwise_as_it_was,
                a_restart_keeps_every_parked_reference_and_gives_up_the_leases,
                no_more_than_a_thousand_buried_ones_are_listed,
                what_is_held_is_counted_together_and_by_form,
                what_is_dropped_is_gone_with_its_line_and_a_later_notification_of_it_is_new,
                all_of_a_form_are_dropped_however_many_and_the_lines_say_how_many,
                what_waits_of_a_page_comes_back_and_what_is_refused_or_of_another_stays,
            }
            several {
                each_purpose_has_a_record_with_a_number_and_a_line_of_its_own,
                a_look_up_gives_each_purpose_and_a_line_for_each_record,
                what_is_refused_for_some_is_one_parked_reference_open_for_these_alone,
                each_refusal_has_its_own_code_and_is_brought_back_by_any_of_them,
                the_purposes_are_fixed_when_the_form_is_matched,
                a_reference_expires_for_the_purposes_for_which_it_was_open,
                what_is_let_go_is_forgotten_unless_some_purpose_has_it,
                all_purposes_of_a_submission_are_settled_or_none,
                what_was_named_with_another_form_ends_with_the_first_purpose_that_has_its_say,
                what_was_dropped_is_counted_by_its_reason_and_once_however_often_it_is_read,
            }
            naming {
                a_call_with_another_form_is_new_until_graph_has_confirmed_one,
                the_first_that_is_stored_ends_the_others,
                the_first_that_is_refused_ends_the_others_and_keeps_its_place,
                three_are_kept_and_only_what_can_no_longer_be_right_gives_way,
                each_is_leased_given_back_dropped_and_expired_by_itself,
                what_was_buried_comes_back_with_a_call_an_hour_later_in_its_own_place,
            }
            trail {
                the_trail_is_read_in_pieces_and_goes_on_after_a_restart,
                the_trail_is_read_from_its_end_and_its_chain_is_checked_there_too,
                lines_written_at_once_follow_one_another_without_a_gap,
                each_line_follows_the_one_before_under_the_trails_key,
                a_line_changed_removed_cut_off_or_put_elsewhere_is_told_and_nothing_else_is_refused,
                refusals_are_written_down_once_a_second_for_each_actor,
                no_more_than_ten_thousand_lines_are_read_at_once,
            }
            tokens {
                tokens_are_made_found_listed_and_revoked_each_with_its_line,
                no_more_than_a_thousand_tokens_are_kept,
                a_token_with_long_names_or_many_purposes_is_refused_without_a_line,
            }
            forms {
                forms_are_kept_as_read_and_one_too_large_is_refused,
                the_page_of_a_form_is_kept_with_it_until_it_is_read_without,
                a_form_stays_as_it_was_at_each_revision_since_it_was_first_read_so,
                a_form_that_is_renamed_is_another_to_its_author_alone,
                what_counts_as_another_form_stands_in_the_register_after_a_restart,
                dropped_names_are_counted_by_form_two_hundred_of_them_and_the_rest_together,
                what_was_dropped_is_counted_with_its_lead_or_not_at_all,
            }
            form_looks {
                what_was_found_of_a_form_is_there_after_a_restart_in_the_place_of_the_look_before,
                many_looks_are_kept_at_once,
            }
            notices {
                each_revision_is_kept_once_with_its_moment_and_read_back_also_after_a_restart,
                a_notice_too_large_is_refused_and_what_was_kept_stays,
            }
            pauses {
                a_pause_is_kept_replaced_and_forgotten_by_its_page_also_across_a_restart,
            }
            clock {
                after_a_leap_forward_leads_are_stored_and_nothing_is_handed_out_or_destroyed,
                a_confirmed_leap_stands_in_the_trail_and_is_believed_also_after_a_restart,
                a_clock_set_back_brings_nothing_back_also_after_a_restart,
                nothing_is_destroyed_before_the_clock_was_confirmed_since_the_start,
                what_only_an_unconfirmed_clock_says_is_expired_is_not_passed_over,
                a_first_clock_that_was_ahead_is_lowered_and_nothing_counts_as_expired_by_it,
                a_wrong_word_of_a_person_is_taken_back_by_another_clock_and_by_a_person,
                a_token_made_while_the_clock_was_ahead_lives_no_longer_for_it,
                while_the_clock_is_not_believed_time_goes_on_and_is_kept_by_its_days,
                steps_of_a_few_days_are_no_leap_and_seven_days_neither,
                a_page_says_which_days_have_come_and_which_depend_on_the_clock,
            }
            life {
                a_purpose_admitted_later_is_settled_at_once_and_after_a_restart,
                a_purpose_that_left_the_config_keeps_its_records_and_counts,
                closing_serves_what_was_asked_before_and_refuses_what_comes_after,
                what_is_well_needs_nobody_and_is_left_as_it_is,
                every_verb_refuses_after_closing,
                what_was_answered_before_a_close_under_load_is_there_afterwards,
                a_store_that_is_dropped_without_closing_opens_again_with_everything,
                a_halted_store_takes_and_gives_nothing_until_it_is_opened_again,
                a_keyring_that_can_be_changed_no_more_fails_readiness_and_nothing_else,
            }
            erasing {
                a_correction_that_comes_with_an_erasure_is_told_that_the_record_is_gone,
                what_is_erased_is_read_nowhere_counted_off_and_its_key_destroyed,
                an_erasure_stands_in_the_trail_when_it_is_asked_for_and_when_it_is_done,
                a_submission_is_erased_whole_by_any_of_its_records,
                for_purposes_that_are_named_it_is_erased_and_for_the_others_it_stays,
                what_would_be_taken_is_said_and_nothing_is_changed,
                a_record_that_is_not_there_takes_nothing,
                a_record_that_does_not_open_is_erased_all_the_same,
                an_erasure_whose_keys_cannot_be_destroyed_has_no_end_until_a_start_makes_one,
                a_request_sent_twice_is_one_erasure_and_another_under_its_key_is_told_apart,
                an_export_under_way_goes_on_without_what_is_erased,
                an_erasure_keeps_what_its_receipt_needs_and_says_what_it_leaves_until_when,
                what_lies_in_the_journal_alone_counts_once_and_only_where_nothing_else_is_known,
                those_that_are_stuck_are_counted_until_they_have_their_end,
                many_at_once_each_have_their_end,
                more_than_fit_into_one_are_refused,
            }
            rewriting {
                a_corrected_record_keeps_its_id_and_place_and_the_key_of_what_it_was_is_destroyed,
                a_correction_sent_twice_changes_nothing_the_second_time,
                what_is_written_anew_stands_in_the_trail_with_the_names_of_fields_alone,
                many_records_are_written_anew_at_once_each_by_its_own_revision,
                what_a_purpose_may_no_longer_hold_is_found_and_its_key_is_destroyed,
                by_which_remit_records_were_trimmed_is_known_after_a_restart,
                periods_are_shortened_and_the_day_in_clear_with_them,
                what_is_not_there_does_not_open_or_breaks_a_rule_is_left_and_told_apart,
                the_number_of_a_leaf_is_nobody_s_and_what_is_being_erased_is_gone,
                keys_that_cannot_be_destroyed_are_told_and_destroyed_before_the_next_start_gives_the_store,
                an_export_under_way_gives_each_record_once_old_or_new,
                corrections_erasures_and_settlements_at_once_each_have_their_end,
                a_record_that_was_corrected_is_erased_with_all_that_it_was,
                what_a_clock_that_was_behind_received_is_found_until_somebody_has_looked,
            }
            consenting {
                what_is_taken_back_ends_and_what_rests_on_nothing_is_left_for_its_erasure,
                a_yes_gives_a_record_the_periods_of_its_day_and_another_leaf,
                nobody_says_yes_for_who_may_not_be_asked,
                no_yes_counts_by_a_clock_that_nobody_has_confirmed,
            }
            posting {
                a_mail_waits_until_it_is_sent_and_is_the_same_at_each_attempt_also_after_a_restart,
                what_became_of_a_mail_is_noted_by_its_kind,
                a_lead_of_a_purpose_with_a_first_mail_is_queued_with_its_record,
                what_is_to_be_written_goes_with_its_record,
                to_whoever_is_restricted_nothing_is_sent,
                what_is_asked_for_goes_once_a_day_also_to_whoever_is_restricted,
                who_asks_by_right_at_one_moment_has_one_mail_and_one_request,
                no_mail_waits_longer_than_any_may_and_not_too_many_are_queued_at_once,
                who_was_written_to_by_other_means_is_noted_and_waits_no_longer,
                whom_no_mail_reaches_nobody_writes_to_until_their_record_is_corrected,
                what_ends_by_a_day_is_found_piece_by_piece,
                a_pause_of_the_asking_is_kept_across_a_restart,
                under_which_address_mails_went_is_kept_across_a_restart,
            }
            telling {
                what_waits_for_its_letter_is_used_by_nobody_and_goes_once_that_went,
                whoever_is_not_told_in_time_is_erased_all_the_same,
                whoever_is_erased_meanwhile_waits_no_longer_and_whoever_asks_again_has_nobody_wait_longer,
                who_is_to_be_told_is_restricted_by_nobody_else_and_known_again_by_its_key,
                what_is_stored_meanwhile_for_another_purpose_waits_with_the_rest,
            }
            witnessing {
                what_became_of_consents_goes_with_the_record_wherever_that_goes,
                an_event_says_how_it_was_said,
            }
            outliving {
                evidence_outlives_its_record_for_its_time_where_it_is_kept,
                what_was_taken_back_by_the_act_that_ends_a_record_is_left_as_evidence,
                no_evidence_ends_by_a_clock_that_nobody_confirmed,
            }
            requesting {
                a_request_is_numbered_answered_once_and_there_after_a_restart,
                a_request_is_extended_once_and_within_its_month,
                what_is_due_is_counted_and_what_was_answered_long_ago_ends,
            }
            passing {
                a_pass_opens_its_record_for_its_use_also_after_a_restart,
                a_pass_opens_up_to_its_last_day_and_never_longer_than_its_record_lives,
                what_is_not_there_is_given_no_pass_and_the_line_says_so,
                of_each_kind_a_record_has_sixteen_passes_and_the_oldest_goes,
                what_nobody_was_handed_is_taken_back_and_nothing_else,
                a_pass_follows_its_record_when_that_is_corrected_and_ends_when_it_is_erased,
                while_the_clock_is_not_believed_no_pass_is_said_to_be_over,
            }
            restricting {
                a_restricted_record_is_in_no_page_and_a_look_up_says_so_also_after_a_restart,
                a_restriction_stands_in_the_trail_is_renewed_and_lifted,
                a_restriction_has_a_last_day_within_twelve_months,
                while_it_stands_no_clock_ends_the_record_and_its_last_day_is_taken_from_a_confirmed_clock,
                only_what_the_person_asks_for_goes_through_it,
                what_is_restricted_while_a_page_is_read_does_not_leave_and_what_is_released_cuts_no_end_off,
                a_record_that_is_not_there_cannot_be_restricted,
            }
            crossing {
                a_restricted_record_whose_time_is_over_stays_is_not_overdue_and_goes_when_it_is_lifted,
                a_restricted_record_whose_time_is_over_goes_after_the_last_day_with_its_restriction,
                a_corrected_record_whose_time_is_over_goes_with_both_keys_wherever_its_leaf_is,
                a_corrected_and_restricted_record_is_erased_with_its_new_leaf_and_its_restriction,
                a_shorter_period_dates_what_is_restricted_and_ends_it_once_that_is_over,
            }
            no_way_back {
                neither_a_redelivery_nor_a_late_settlement_brings_it_back,
                what_is_parked_of_it_is_neither_claimed_nor_brought_back,
                what_nobody_knew_yet_is_not_taken_in,
                what_was_not_matched_yet_is_judged_when_it_is,
                tombstones_serve_until_120_days_after_their_month_and_go_with_its_key,
            }
            retention {
                what_has_had_its_time_goes_with_its_keys_and_its_numbers_stand_in_the_trail,
                what_ended_is_known_and_neither_a_call_nor_a_settlement_brings_it_back,
                a_bucket_in_which_all_has_had_its_time_leaves_no_node,
                whoever_was_asked_and_stayed_silent_is_told_apart,
                an_export_under_way_goes_on_without_what_ended,
                each_purpose_of_a_submission_has_its_own_time_also_one_that_left_the_config,
                nothing_ends_and_nothing_is_overdue_by_a_clock_that_nobody_confirmed,
                keys_that_cannot_be_destroyed_are_waited_for_and_are_overdue_after_a_day,
                what_is_a_day_past_its_time_is_overdue_until_it_is_gone,
                what_ended_can_be_erased_all_the_same,
                records_end_earlier_by_a_shorter_lifespan_and_never_later_by_a_longer_one,
                by_which_lifespan_records_are_dated_is_known_after_a_restart,
            }
            closing {
                lines_go_by_whole_months_and_the_rest_is_proven_by_the_line_that_says_so,
                what_is_gone_of_the_rest_is_found_as_before,
                no_line_goes_by_a_clock_that_nobody_confirmed,
            }
            awaiting {
                what_was_accepted_before_an_address_was_erased_is_not_stored_when_it_is_read,
                what_is_sent_in_after_an_address_was_erased_is_stored,
                a_vigil_for_some_purposes_leaves_the_others,
                by_a_number_each_purpose_reads_it_in_its_own_way,
                what_was_stored_of_it_before_goes_with_it_and_has_a_receipt_of_its_own,
                a_request_sent_twice_has_one_vigil_and_too_long_a_one_none,
                no_vigil_stands_for_longer_than_meta_has_what_was_submitted,
                a_vigil_does_not_go_through_a_restriction,
            }
            suppressing {
                whoever_objected_is_not_stored_for_prospecting_and_not_asked_for_again,
                what_a_person_asked_for_is_stored_without_what_hangs_on_a_consent,
                a_yes_since_ends_the_entry_with_its_record,
                the_entries_of_an_address_are_found_by_it_and_no_line_is_left,
                a_suppression_is_judged_by_purpose,
                what_is_refused_beside_it_stays_open_for_that_alone,
                who_has_more_addresses_than_are_compared_is_barred_where_anybody_is,
                the_list_shows_no_hash_and_each_act_stands_in_the_trail,
                an_entry_goes_by_its_number_or_by_its_address_in_every_scope,
                an_entry_ends_by_its_time_and_by_no_clock_that_nobody_has_confirmed,
                without_the_lists_key_no_store_opens,
                a_list_that_cannot_have_its_key_takes_nobody_and_says_so,
            }
            handed {
                what_leaves_in_a_page_is_known_by_recipient_and_day_also_after_a_restart,
                what_a_page_passes_over_was_handed_to_nobody,
                a_page_that_is_refused_hands_nothing_over,
                an_erasure_knows_who_had_what_it_took_away_and_keeps_that,
                what_is_known_goes_with_the_last_record_of_its_range,
                however_pages_lie_what_is_kept_of_them_is_bounded_and_covers_them,
                what_may_not_leave_is_in_no_page_counts_as_handed_to_nobody_and_is_in_no_feed,
            }
            following {
                what_became_of_a_record_is_told_to_whoever_was_handed_it_also_after_a_restart,
                a_change_stays_until_it_is_applied_and_applying_it_twice_is_once,
                an_erasure_knows_who_was_told_and_who_has_applied_it,
                an_expiry_of_many_is_told_page_by_page_and_applied_at_once,
                a_consent_that_is_over_is_told_by_its_name_and_what_else_went_as_a_correction,
                what_a_person_says_of_their_consents_is_told_with_the_end_that_a_yes_gives,
                what_nobody_applies_for_two_years_goes_and_that_is_told,
                whoever_reads_or_applies_leaves_a_line_and_who_finds_nothing_one_a_day,
                one_record_is_read_as_a_page_of_it_is_and_what_is_not_there_is_told_apart,
                what_was_restricted_when_a_page_passed_it_is_told_as_a_new_one_once_it_is_released,
                what_may_not_leave_is_told_to_nobody_when_it_is_released,
            }
            scanning {
                what_is_whole_is_said_to_be_whole_in_slices_of_any_size,
                a_removed_record_is_named_and_the_export_says_so_until_it_is_back,
                a_record_that_does_not_open_is_named_and_is_not_missing,
                a_line_of_the_trail_that_is_gone_is_found,
            }
        }
    };
    ($host:ty => $($subject:ident { $($promise:ident,)+ })+) => {
        $(mod $subject {
            $(
                #[tokio::test]
                async fn $promise() {
                    $crate::store::contract::$subject::$promise::<$host>().await;
                }
            )+
        })+
    };
}
pub(crate) use contract;
