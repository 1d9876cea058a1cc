//! The turn to migrate, on real servers.

use super::patience::Patience;
use super::steps::{StepError, attempt};
use super::turn::{Length, Turn, take};
use crate::connection::{self, AnyConnection, Session};
use crate::support::{TestDatabase, servers};
use crate::url::Address;
use std::time::{Duration, Instant};

/// Long beside what a loaded machine takes to renew it.
const LENGTH: Length = Length { turn: Duration::from_secs(6), renewal: Duration::from_millis(300) };

fn address_and_session(test: &TestDatabase) -> (Address, Session) {
    let options = test.options();
    (Address::parse(&options.url).unwrap(), Session::migrating(&options))
}

fn patience() -> Patience {
    Patience::within(Duration::from_secs(60))
}

fn wait(connection: &mut AnyConnection, (address, session): &(Address, Session)) -> Turn {
    Turn::wait(connection, address, *session, patience(), LENGTH).unwrap()
}

#[test]
fn a_turn_lasts_while_its_holder_lives_and_ends_by_itself_when_the_holder_has_died() {
    for kind in servers() {
        let test = TestDatabase::empty(kind);
        let opening = address_and_session(&test);
        let mut connection = connection::open(&opening.0, &opening.1).unwrap();
        let mut other = connection::open(&opening.0, &opening.1).unwrap();
        let turn = wait(&mut connection, &opening);
        let begun = Instant::now();
        while begun.elapsed() < LENGTH.turn + Duration::from_secs(2) {
            assert!(!take(&mut other, "other", LENGTH).unwrap(), "{kind:?}: taken after {:?}", begun.elapsed());
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(turn);
        let begun = Instant::now();
        assert!(take(&mut other, "a process that dies", LENGTH).unwrap(), "{kind:?}: it was given back");
        let turn = wait(&mut connection, &opening);
        assert!(begun.elapsed() >= LENGTH.turn, "{kind:?}: taken after {:?}", begun.elapsed());
        assert!(turn.still_holds(&mut connection).unwrap(), "{kind:?}");
    }
}

/// The server's clock may be set back, or another server with another clock may take the first one's place.
#[test]
fn a_turn_that_ends_in_a_far_future_is_nobodys() {
    for kind in servers() {
        let test = TestDatabase::empty(kind);
        let opening = address_and_session(&test);
        let mut connection = connection::open(&opening.0, &opening.1).unwrap();
        drop(wait(&mut connection, &opening));
        test.raw().execute("UPDATE __migration_turn SET ends_at = '2999-01-01', holder = 'of another clock'");
        assert!(take(&mut connection, "own", LENGTH).unwrap(), "{kind:?}");
    }
}

#[test]
fn who_has_lost_the_turn_applies_no_step() {
    for kind in servers() {
        let test = TestDatabase::empty(kind);
        let opening = address_and_session(&test);
        let mut connection = connection::open(&opening.0, &opening.1).unwrap();
        let turn = wait(&mut connection, &opening);
        test.raw().execute("UPDATE __migration_turn SET holder = 'another'");
        let attempted = attempt(&mut connection, "2026-11-23-000001_create_users", &turn, Duration::from_secs(2));
        assert!(matches!(attempted, Err(StepError::TurnLost)), "{kind:?}: {attempted:?}");
        assert_eq!(super::applied_versions(&mut connection).unwrap(), super::Applied::Versions(Vec::new()), "{kind:?}");
        assert!(!super::exists(&mut connection, "users").unwrap(), "{kind:?}");
    }
}
