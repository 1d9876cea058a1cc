//! The real binary: start, stop, configuration, and faults of the systems around it.
//!
//! A test that needs a program which this machine lacks is ignored, with the reason.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a failed step is a failed test")]

mod attention;
mod client;
mod commanding;
mod crashing;
mod engines;
mod faults;
mod migrating;
mod operating;
mod paying;
mod payloads;
mod reloading;
mod replicas;
mod secrets;
mod slow;
mod starting;
mod stopping;
mod timing;

use libtest_mimic::{Arguments, Completion, Trial};
use std::process::ExitCode;
use testkit::database;

/// A test panics on failure, and returns `Err` with the reason if it cannot run on this machine.
type Test = fn() -> Result<(), String>;

macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        &[$((concat!("process/", stringify!($module), "/", stringify!($name)), $module::$name as Test),)+]
    };
}

const TESTS: &[(&str, Test)] = tests![
    commanding::a_folder_of_ones_own_is_laid_over_what_is_built_in,
    commanding::seeding_tells_how_many_products_the_shop_has,
    commanding::the_check_and_the_server_say_the_same,
    commanding::what_cannot_be_written_is_a_failure,
    commanding::what_is_not_there_is_told,
    commanding::without_a_shop_a_command_says_where_it_looked_and_makes_nothing,
    commanding::without_a_shop_a_command_says_where_it_looked_on_mariadb,
    commanding::without_a_shop_a_command_says_where_it_looked_on_mysql,
    commanding::without_a_shop_a_command_says_where_it_looked_on_postgresql,
    attention::a_fee_on_the_payer_is_not_the_sellers,
    attention::money_for_one_order_pays_for_no_other,
    attention::the_dashboards_trial_is_answered_and_leaves_nothing,
    attention::what_the_gateway_contradicts_waits_for_a_person_who_settles_it,
    crashing::no_image_is_forgotten_when_a_process_dies_among_uploads,
    engines::a_mariadb_server_that_is_set_against_every_promise_serves_all_the_same,
    engines::a_mariadb_server_that_refuses_each_write_is_refused_by_name_until_it_is_set_right,
    engines::a_mariadb_server_that_turns_read_only_is_told_and_lets_reads_go_on,
    faults::a_mariadb_server_that_freezes_and_crashes_is_waited_for,
    faults::a_mysql_server_that_freezes_and_crashes_is_waited_for,
    faults::a_postgresql_server_that_freezes_and_crashes_is_waited_for,
    faults::a_server_whose_database_is_away_starts_and_waits_for_it,
    migrating::a_newer_schema_is_refused_with_a_reason,
    migrating::a_migration_that_is_killed_leaves_its_turn_to_the_next_on_mariadb,
    migrating::a_migration_that_is_killed_leaves_its_turn_to_the_next_on_postgresql,
    migrating::an_older_schema_is_refused_with_a_reason_until_it_is_migrated,
    migrating::eight_processes_start_at_once_on_an_empty_mariadb_database,
    migrating::eight_processes_start_at_once_on_an_empty_mysql_database,
    migrating::eight_processes_start_at_once_on_an_empty_postgresql_database,
    migrating::eight_processes_start_at_once_on_an_empty_sqlite_database,
    operating::a_command_ends_well_however_soon_on_mariadb,
    operating::a_command_ends_well_however_soon_on_mysql,
    operating::a_command_ends_well_however_soon_on_postgresql,
    operating::a_command_ends_well_however_soon_on_sqlite,
    operating::health_tells_whether_a_server_is_ready,
    operating::metrics_tell_of_both_protocols_without_naming_users,
    operating::the_description_of_the_interface_is_printed,
    operating::the_descriptors_for_grpc_clients_are_written,
    operating::the_store_of_images_is_tried_before_there_is_a_database,
    operating::who_did_what_is_told_to_operators,
    paying::a_notification_that_was_answered_is_applied_by_the_next_server,
    paying::an_order_that_is_half_made_is_finished,
    paying::a_mail_server_that_cannot_take_all_addresses_is_told_at_start,
    paying::a_mail_server_that_refuses_us_keeps_mails_waiting_and_is_told,
    paying::mails_that_a_dead_server_has_not_sent_are_sent_once_by_the_next,
    paying::no_order_is_lost_when_a_process_dies_among_checkouts,
    payloads::every_way_to_pay_is_understood_from_its_first_word_to_its_last,
    reloading::settings_that_hold_mistakes_change_nothing,
    reloading::token_keys_are_rotated_under_load_without_signing_anybody_out,
    replicas::a_replica_of_mariadb_that_lags_too_far_is_left_out,
    replicas::a_replica_of_postgresql_that_lags_too_far_is_left_out,
    replicas::no_read_fails_when_a_replica_of_mariadb_crashes_and_freezes,
    replicas::no_read_fails_when_a_replica_of_postgresql_crashes_and_freezes,
    replicas::own_writes_are_read_beside_a_late_replica_of_mariadb,
    replicas::own_writes_are_read_beside_a_late_replica_of_postgresql,
    secrets::no_secret_leaves_the_process,
    slow::a_body_that_does_not_come_is_given_up,
    slow::a_head_that_does_not_come_is_given_up,
    starting::a_folder_with_nothing_in_it_suffices,
    starting::a_port_in_use_is_named_and_nothing_is_served,
    starting::settings_that_hold_mistakes_start_nothing,
    stopping::a_second_signal_ends_it_at_once,
    stopping::ctrl_c_ends_it,
    stopping::work_under_way_is_finished,
    stopping::under_load_no_request_is_dropped,
    timing::how_alike_a_wrong_password_and_an_unknown_email_are,
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = TESTS.iter().map(|&(name, test)| {
        Trial::ignorable_test(
            name,
            move || Ok(test().map_or_else(Completion::ignored_with, |()| Completion::Completed)),
        )
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    database::remove_templates();
    conclusion.exit_code()
}
