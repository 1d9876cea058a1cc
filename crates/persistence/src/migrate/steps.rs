//! Applying the migrations on a server, one step after the other, while no other process does.

use super::patience::Patience;
use super::turn::{Length, Turn};
use super::{MigrateError, exists, failed, foreign_tables, missing, turn};
use crate::connection::{AnyConnection, Session};
use crate::fault::Fault;
use crate::options::MIGRATE_TIMEOUT;
use crate::url::Address;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use std::time::{Duration, Instant};

/// How an attempt at a step ended.
enum Attempt {
    Done,
    /// Another process has the turn by now, and has the step applied or will.
    TurnLost,
}

/// Why an attempt at a step failed.
#[derive(Debug)]
pub(super) enum StepError {
    Failed {
        reason: String,
        /// Whether somebody else was in the way.
        is_passing: bool,
    },
    TurnLost,
}

impl StepError {
    #[cfg(feature = "mysql")]
    fn passing(self) -> Self {
        match self {
            Self::Failed { reason, .. } => Self::Failed { reason, is_passing: true },
            Self::TurnLost => Self::TurnLost,
        }
    }
}

impl From<diesel::result::Error> for StepError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed { reason: error.to_string(), is_passing: Fault::of(&error) == Fault::Contention }
    }
}

/// Applies the steps that are missing and returns their names.
pub(super) fn by_turns(
    connection: &mut AnyConnection,
    address: &Address,
    session: Session,
    patience: Patience,
) -> Result<Vec<String>, MigrateError> {
    let mut applied = Vec::new();
    let steps = missing(connection, address.backend)?;
    if steps.is_empty() {
        return Ok(applied);
    }
    #[cfg(feature = "postgres")]
    if let AnyConnection::Postgres(postgres) = connection {
        super::place::check(postgres)?;
    }
    // Before anything is made in the database. The shop's own tables are younger than that of the turn.
    match foreign_tables::refuse(connection, &steps, "") {
        Err(refusal) if !exists(connection, turn::TABLE).map_err(failed)? => return Err(refusal),
        _ => {}
    }
    let mut turn = wait_for_turn(connection, address, session, patience)?;
    while let Some(step) = missing(connection, address.backend)?.into_iter().next() {
        match apply(connection, address, &step, &turn, session.lock_timeout)? {
            Attempt::Done => applied.push(step),
            Attempt::TurnLost => {
                drop(turn);
                turn = wait_for_turn(connection, address, session, Patience::within(MIGRATE_TIMEOUT))?;
            }
        }
    }
    Ok(applied)
}

fn wait_for_turn(
    connection: &mut AnyConnection,
    address: &Address,
    session: Session,
    patience: Patience,
) -> Result<Turn, MigrateError> {
    let turn = Turn::wait(connection, address, session, patience, Length::USUAL)?;
    let begun = turn::begun(connection).map_err(failed)?;
    let steps = missing(connection, address.backend)?;
    foreign_tables::refuse(connection, &steps, &begun)?;
    Ok(turn)
}

/// Applies the first step that is missing, again and again where others use its table.
fn apply(
    connection: &mut AnyConnection,
    address: &Address,
    step: &str,
    turn: &Turn,
    lock_timeout: Duration,
) -> Result<Attempt, MigrateError> {
    let patience = Patience::within(MIGRATE_TIMEOUT);
    loop {
        let error = match attempt(connection, step, turn, lock_timeout) {
            Ok(()) => return Ok(Attempt::Done),
            Err(error) => error,
        };
        match error {
            StepError::TurnLost => return Ok(Attempt::TurnLost),
            StepError::Failed { is_passing: true, .. } if patience.pause() => {}
            StepError::Failed { reason, .. } => {
                // Another process that had the turn before may have finished the step.
                let is_missing = missing(connection, address.backend)?.iter().any(|name| name == step);
                return if is_missing { Err(MigrateError::Failed(reason)) } else { Ok(Attempt::TurnLost) };
            }
        }
    }
}

pub(super) fn attempt(
    connection: &mut AnyConnection,
    #[cfg_attr(not(feature = "mysql"), expect(unused_variables, reason = "only there may a step be half done"))]
    step: &str,
    turn: &Turn,
    lock_timeout: Duration,
) -> Result<(), StepError> {
    let begun = Instant::now();
    // Diesel's migrations hide the error of the database. A step that failed before it can have waited for a lock failed by itself.
    let failed_step = |error: Box<dyn std::error::Error + Send + Sync>| StepError::Failed {
        reason: error.to_string(),
        is_passing: begun.elapsed() >= lock_timeout,
    };
    match connection {
        // The step is undone where the turn was lost meanwhile.
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(_) => connection.transaction(|connection| {
            if let AnyConnection::Postgres(postgres) = connection {
                postgres.run_next_migration(super::POSTGRES).map_err(failed_step)?;
            }
            if turn.still_holds(connection)? { Ok(()) } else { Err(StepError::TurnLost) }
        }),
        // No transaction holds a step here, and steps may be repeated.
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(_) => {
            if !turn.still_holds(connection)? {
                return Err(StepError::TurnLost);
            }
            if let AnyConnection::Mysql(mysql) = connection {
                turn::begin(mysql, foreign_tables::number(step))?;
                let applied = mysql.run_next_migration(super::MYSQL).map(drop).map_err(failed_step);
                if let Err(error) = applied {
                    let fault = crate::fault::mysql::last_error(mysql).map(crate::fault::mysql::fault);
                    return Err(if fault == Some(Fault::Contention) { error.passing() } else { error });
                }
            }
            Ok(())
        }
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(()),
    }
}
