//! The scenarios, and the list of them that the matrix runs.

use testkit::harness::Scenario;

pub mod http;
pub mod payment;
pub mod product;
pub mod rpc;
pub mod user;

macro_rules! scenarios {
    ($($context:ident::$module:ident { $($scenario:ident),+ $(,)? })+) => {
        /// Every scenario; a test fails if one is not listed.
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
        letters_with_marks_are_one_account_in_any_spelling,
        a_domain_that_no_mail_server_can_have_is_refused,
        an_account_is_entered_however_old_the_rules_are_that_it_was_opened_under,
        a_taken_email_is_refused_and_named,
        a_taken_email_is_one_identity_however_it_is_spelt,
        a_taken_email_is_told_before_a_password_that_is_not_confirmed,
        a_name_that_acts_on_the_text_around_it_is_refused,
        a_name_of_which_nothing_can_be_seen_is_empty,
        a_name_in_any_script_is_kept_to_the_last_character,
    }
    user::passwords {
        seven_characters_are_too_few_and_eight_enough,
        seventy_two_bytes_are_the_most,
        a_longer_password_is_never_cut_to_the_right_one,
        a_nul_is_refused_and_never_ends_a_password_early,
        a_space_a_case_and_an_accent_make_another_password,
        a_password_is_the_same_in_every_spelling,
        a_stored_text_that_is_no_hash_is_a_failed_login,
    }
    user::hashes {
        a_hash_that_go_made_verifies_and_is_renewed,
        a_wrong_password_renews_nothing,
        a_hash_of_a_password_as_it_was_typed_verifies_and_is_renewed,
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
    product::offering {
        a_product_is_offered_shown_and_listed,
        each_missing_field_is_named,
        every_mistake_is_told_at_once_in_the_order_of_the_fields,
        the_first_message_is_the_one_that_go_told_first,
        an_explicit_stock_of_zero_is_legal,
        only_sellers_offer_products,
        a_token_whose_account_is_gone_offers_nothing,
        two_products_may_be_alike,
        an_unknown_product_is_not_found,
    }
    product::values {
        a_price_comes_back_exactly,
        what_is_no_price_is_refused,
        a_price_in_another_spelling_is_told_the_right_one,
        a_text_in_any_script_is_kept_to_the_last_character,
        a_text_that_is_too_long_is_refused,
        a_text_that_acts_on_the_text_around_it_is_refused,
    }
    product::changing {
        what_is_absent_or_blank_stays_as_it_is,
        a_change_of_nothing_changes_nothing,
        a_refused_change_changes_nothing,
        times_are_told_alike_on_every_read,
        without_a_condition_the_last_change_stays,
        a_change_of_the_price_does_not_touch_the_stock,
    }
    product::owning {
        only_the_owner_changes_and_withdraws_a_product,
        an_unknown_product_is_told_after_the_role_and_before_the_fields,
        a_seller_sees_the_products_of_others_like_anybody,
    }
    product::withdrawing {
        a_withdrawn_product_vanishes_from_every_read,
        a_withdrawn_product_is_kept_out_of_sight,
        of_twenty_who_withdraw_at_once_one_does,
        a_change_that_races_a_withdrawal_brings_nothing_back,
    }
    product::versions {
        each_change_makes_another_entity_tag,
        a_change_of_what_has_changed_meanwhile_is_refused,
        a_condition_that_cannot_be_read_matches_nothing,
        a_tag_that_a_proxy_has_changed_is_known_again,
        a_condition_is_judged_after_all_else,
        of_twenty_writers_with_one_entity_tag_one_wins,
        no_change_is_lost_among_writers_who_try_again,
    }
    product::browsing {
        an_empty_shop_lists_nothing,
        a_list_comes_in_five_orders,
        a_change_moves_a_product_to_its_new_place,
        among_equals_each_has_one_place,
        a_walk_sees_each_product_once_while_others_come_in,
        a_walk_goes_on_where_a_product_was_withdrawn,
        a_cursor_is_good_on_both_protocols,
        a_cursor_belongs_to_its_list,
        a_forged_cursor_is_refused_or_harmless,
        a_piece_has_a_hundred_products_at_most,
        all_bad_parameters_are_named,
    }
    product::searching {
        every_character_of_a_search_stands_for_itself,
        a_search_looks_at_no_case_in_any_script,
        a_blank_search_is_none,
        a_list_is_narrowed_to_a_seller,
        a_list_is_narrowed_to_prices_inclusive,
        filters_hold_together_on_every_piece,
    }
    product::images {
        a_png_and_a_jpeg_are_kept_and_shown,
        what_a_file_is_its_content_tells,
        what_is_no_whole_image_is_refused_and_not_kept,
        a_photo_of_48_megapixels_and_a_panorama_are_taken,
        an_image_of_too_many_pixels_is_refused_with_its_size_and_the_limit,
        stray_bytes_in_a_jpeg_are_not_kept,
        a_bad_image_is_told_beside_the_other_mistakes,
        an_image_of_ten_mebibytes_is_the_largest,
        what_a_camera_notes_beside_a_photo_is_not_kept,
        a_photo_is_shown_the_right_way_up,
        only_a_sellers_image_is_kept,
        nothing_but_images_is_served_from_the_store,
        eight_images_at_once_are_all_kept,
    }
    product::image_ends {
        a_replaced_image_goes,
        a_withdrawn_products_image_goes,
        a_change_of_something_else_keeps_the_image,
        a_refused_change_keeps_the_old_image_and_no_other,
        of_images_that_race_one_is_left,
    }
    product::uploads {
        an_upload_without_a_place_is_refused_while_all_else_goes_on,
        uploads_that_break_off_leave_nothing,
    }
    product::storage {
        a_folder_that_takes_nothing_fails_images_alone,
        an_s3_service_that_is_away_fails_images_alone,
        an_s3_service_that_does_not_answer_fails_images_alone_in_bounded_time,
    }
    product::s3 {
        an_image_is_kept_in_a_bucket_shown_replaced_and_removed,
        a_private_buckets_images_are_shown_by_signed_addresses,
        a_signed_address_and_the_tag_that_is_kept_for_it_end_together,
        a_bucket_that_refuses_the_shop_fails_images_alone,
    }
    product::rate_limit {
        the_seventh_change_in_a_minute_is_refused,
        the_forty_first_query_in_a_minute_is_refused,
    }
    payment::ordering {
        an_order_is_made_reserves_its_pieces_and_keeps_what_was_ordered,
        what_is_ordered_over_one_protocol_is_read_over_the_other,
        a_payment_keeps_what_was_bought_whatever_becomes_of_the_product,
        an_order_that_cannot_be_is_refused_and_takes_nothing,
        only_buyers_order,
        a_total_that_the_gateway_cannot_carry_is_refused_before_anything_is_reserved,
    }
    payment::paying {
        an_order_is_paid_and_both_sides_are_told,
        an_order_that_is_cancelled_or_not_paid_gives_its_pieces_back_once,
        pieces_come_back_to_a_shelf_that_was_filled_meanwhile,
        a_refused_attempt_may_be_followed_by_one_that_is_not,
        money_that_is_given_back_is_told_and_the_pieces_stay_sold,
        an_order_that_nobody_pays_expires_by_itself,
        buyers_see_purchases_and_sellers_sales_piece_by_piece,
    }
    payment::repeating {
        an_order_that_is_sent_again_gives_the_first_answer,
        ten_orders_at_once_under_one_key_make_one_payment,
        a_key_is_visible_ascii_and_not_too_long,
    }
    payment::showing {
        a_payment_is_its_buyers_and_its_sellers_alone,
        a_forged_cursor_is_refused_or_harmless,
    }
    payment::notifying {
        a_notification_that_the_gateway_does_not_confirm_changes_nothing,
        what_is_forged_is_refused,
        what_is_about_nothing_of_ours_is_told_so,
    }
    payment::racing {
        two_hundred_buyers_at_once_buy_exactly_the_fifty_pieces_that_there_are,
        a_storm_of_the_same_notification_changes_a_payment_once,
    }
    payment::watching {
        a_payment_that_is_watched_is_seen_to_succeed,
        a_change_that_another_server_makes_is_seen_too,
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
        the_first_page_leads_to_the_others,
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
        a_page_of_another_origin_may_change_products_on_a_condition,
        problem_details_come_on_request,
        a_refused_token_is_answered_with_a_challenge_that_tells_no_reason,
    }
    http::limits {
        what_is_left_of_an_allowance_is_told,
    }
    http::products {
        json_form_and_multipart_offer_the_same_product,
        a_missing_stock_is_named,
        a_number_in_json_counts_to_the_letter,
        an_image_elsewhere_on_the_web_is_named_by_its_address,
        a_product_that_is_sent_back_as_it_was_read_keeps_its_image,
        an_empty_file_field_is_no_image,
        fields_of_a_product_that_are_not_asked_for_change_nothing,
        who_asks_is_looked_at_before_what_they_send,
        the_routes_of_products_are_as_told,
        a_product_has_the_keys_of_the_contract_in_their_order,
    }
    http::product_lists {
        a_list_is_given_by_number,
        a_link_leads_to_the_next_piece_until_the_end,
        a_cursor_keeps_telling_page_and_total,
        a_total_is_right_at_once_after_every_change,
        a_bad_number_is_refused_with_its_bounds,
        head_of_a_list_has_its_link_and_no_body,
    }
    http::conditions {
        what_a_client_has_is_not_sent_again,
        an_entity_tag_stands_on_every_answer_with_one_product,
        a_condition_on_a_change_is_honoured_in_every_spelling,
    }
    http::giving_up {
        a_caller_who_hangs_up_leaves_no_half_made_account,
    }
    rpc::identifiers {
        an_empty_id_is_asked_for,
        who_may_not_call_is_told_that_before_the_id_is_looked_at,
    }
    rpc::rate_limit {
        a_service_reads_and_writes_without_limit,
        log_ins_are_limited_all_the_same,
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
    rpc::products {
        whose_a_product_is_the_token_tells_and_no_field,
        a_field_that_is_absent_is_told_from_one_that_is_zero,
        messages_of_the_old_system_are_understood,
        a_piece_of_size_zero_is_one_of_the_usual_size,
        an_empty_image_is_none_and_its_file_name_means_nothing,
        an_image_may_come_compressed,
        a_message_over_twelve_mebibytes_is_refused_and_the_connection_lives,
        a_reader_may_not_send_much,
    }
    rpc::deadlines {
        a_deadline_that_passes_is_told_as_such_and_nothing_is_written,
        a_deadline_that_cannot_be_read_is_ignored,
    }
}
