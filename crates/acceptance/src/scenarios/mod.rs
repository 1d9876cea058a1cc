//! The scenarios, and the list of them that the matrix runs.
#![expect(missing_docs, reason = "a scenario's name is the sentence that it proves")]

use crate::shop::Protocol;
use crate::world::World;
use std::pin::Pin;

pub mod http;
pub mod rpc;
pub mod user;

/// One promise of the shop.
pub struct Scenario {
    /// Which part of the shop promises it.
    pub context: &'static str,
    /// What it promises, as a sentence.
    pub name: &'static str,
    /// The protocols that promise it.
    pub protocols: &'static [Protocol],
    /// The settings of its world that differ from the usual ones.
    pub settings: &'static [(&'static str, &'static str)],
    /// Proves it, by panicking where it does not hold.
    pub run: for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
}

macro_rules! scenarios {
    ($($context:ident::$module:ident { $($scenario:ident),+ $(,)? })+) => {
        /// Every scenario; a test fails where one is not listed.
        pub const ALL: &[Scenario] = &[$($(Scenario {
            context: stringify!($context),
            name: stringify!($scenario),
            protocols: $context::PROTOCOLS,
            settings: $context::$module::SETTINGS,
            run: |world| Box::pin($context::$module::$scenario(world)),
        },)+)+];
    };
}

scenarios! {
    user::registering {
        an_account_is_opened_entered_and_shown,
        what_is_made_over_one_protocol_is_read_over_the_other,
        each_missing_field_is_named,
        every_mistake_is_told_at_once_in_the_order_of_the_fields,
        the_first_message_is_the_one_that_go_told_first,
        a_role_is_one_of_two_words,
        a_text_that_is_no_address_is_refused,
        an_email_is_kept_as_typed,
        a_taken_email_is_refused_and_named,
        a_taken_email_is_one_identity_however_it_is_spelt,
        a_taken_email_is_told_before_a_password_that_is_not_confirmed,
        a_name_that_acts_on_the_text_around_it_is_refused,
        a_name_in_any_script_is_kept_to_the_last_character,
    }
    user::passwords {
        seven_characters_are_too_few_and_eight_enough,
        seventy_two_bytes_are_the_most,
        a_longer_password_is_never_cut_to_the_right_one,
        a_nul_is_refused_and_never_ends_a_password_early,
        a_space_a_case_and_an_accents_spelling_make_another_password,
        a_stored_text_that_is_no_hash_is_a_failed_login,
    }
    user::hashes {
        a_hash_that_go_made_verifies_and_is_renewed,
        a_wrong_password_renews_nothing,
    }
    user::logging_in {
        a_missing_field_is_named,
        a_text_that_is_no_address_is_refused_as_such,
        an_email_logs_in_however_it_is_spelt,
        a_wrong_password_and_an_unknown_email_look_the_same_to_the_byte,
        a_token_says_what_gos_clients_and_services_read,
    }
    user::viewing {
        a_profile_needs_a_token,
        a_token_is_taken_with_and_without_its_scheme,
        nobody_elses_account_is_shown_be_it_there_or_not,
        an_account_that_vanished_is_not_found,
        public_calls_do_not_look_at_a_token,
    }
    user::tokens {
        a_forged_header_opens_nothing,
        a_token_ends_when_it_expires,
        a_token_is_not_taken_before_its_time,
        a_token_of_another_issuer_or_for_another_audience_is_refused,
        a_token_without_a_required_claim_is_refused,
        a_role_that_does_not_exist_is_refused,
        a_token_of_the_old_system_is_refused_unless_asked_for,
        an_endless_token_is_refused_before_it_is_read,
    }
    user::legacy_tokens {
        a_token_of_the_old_system_is_accepted_when_asked_for,
        a_token_of_the_old_system_may_not_outlive_a_day,
        a_token_with_an_issuer_does_not_pass_for_one_of_the_old_system,
    }
    user::key_rotation {
        a_token_of_the_previous_key_is_still_accepted,
        a_new_token_is_signed_with_the_current_key,
    }
    user::throttle {
        after_five_failures_even_the_right_password_waits,
        an_unknown_email_is_made_to_wait_alike,
        failures_are_counted_over_both_protocols_together,
        a_login_forgets_the_failures_before_it,
    }
    user::rate_limit {
        the_thirty_first_use_of_credentials_in_a_minute_is_refused,
        reads_have_an_allowance_of_their_own,
    }
    user::overload {
        more_hashing_than_is_queued_is_refused_while_reads_go_on,
    }
    user::races {
        of_fifty_at_once_with_one_email_one_wins,
        fifty_at_once_with_emails_of_their_own_all_win,
    }
    user::faults {
        a_stored_row_that_makes_no_sense_is_our_fault_and_tells_nothing,
        text_that_looks_like_sql_is_text,
    }
    http::bodies {
        json_form_and_multipart_open_the_same_account,
        an_empty_body_is_all_fields_empty,
        fields_that_are_not_asked_for_change_nothing,
        a_body_that_is_not_json_is_refused,
        nesting_and_repetition_in_json_have_a_limit,
        a_body_over_its_limit_is_too_large,
        a_body_of_another_type_is_not_supported,
    }
    http::routes {
        a_trailing_slash_is_accepted_without_a_redirect,
        an_unknown_route_is_not_found,
        a_wrong_method_is_told_the_right_ones,
        head_is_get_without_a_body,
        operators_pages_are_not_public,
        the_description_of_the_interface_and_its_page_are_served,
    }
    http::headers {
        a_request_id_is_echoed_when_harmless_and_replaced_when_not,
        an_allowed_origin_reads_answers_and_errors,
        an_origin_that_is_not_allowed_reads_nothing,
        a_preflight_lists_what_is_allowed,
        problem_details_come_on_request,
        a_refused_token_is_answered_with_a_challenge_that_tells_no_reason,
    }
    http::limits {
        what_is_left_of_an_allowance_is_told,
    }
    http::giving_up {
        a_caller_who_hangs_up_leaves_no_half_made_account,
    }
    rpc::wire {
        a_request_id_is_echoed_when_harmless_and_replaced_by_another_when_not,
        a_message_over_its_limit_is_refused_and_the_connection_lives,
        a_small_message_that_unpacks_to_a_large_one_is_refused,
        text_that_is_not_utf8_is_an_invalid_argument,
        an_unknown_method_is_unimplemented,
        both_versions_of_reflection_list_the_services,
        each_service_says_that_it_is_serving,
    }
    rpc::deadlines {
        a_deadline_that_passes_is_told_as_such_and_nothing_is_written,
        a_deadline_that_cannot_be_read_is_ignored,
    }
}
