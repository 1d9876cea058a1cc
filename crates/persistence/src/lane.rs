//! One thread and the connection that it holds.

use crate::connection::AnyConnection;
use crate::failure::Failure;
use crate::lanes::Activity;
use crate::pool::{Held, Link, Manager};
use crate::task::{Outcome, Work};
use crossbeam_channel::{Receiver, TryRecvError};
use diesel::r2d2::R2D2Connection;
use r2d2::{Pool, PooledConnection};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After how long a pause a connection is checked before it is used.
const CHECK_AFTER: Duration = Duration::from_secs(5);
/// How often a thread without a connection looks whether there is one, or a job to refuse.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// For how long after losing a connection a failure to open one from before the loss is not taken as news.
const RECONNECT_GRACE: Duration = Duration::from_secs(1);

pub(crate) struct Lane {
    jobs: Receiver<Box<dyn Work>>,
    pool: Pool<Manager>,
    link: Arc<Link>,
    activity: Arc<Activity>,
    connect_timeout: Duration,
    held: Option<PooledConnection<Manager>>,
    last_used: Instant,
    lost_at: Option<Instant>,
    /// How many losses were known when the connection was last found to be there.
    known_losses: usize,
}

impl Lane {
    pub(crate) fn new(
        jobs: Receiver<Box<dyn Work>>,
        pool: Pool<Manager>,
        link: Arc<Link>,
        activity: Arc<Activity>,
        connect_timeout: Duration,
    ) -> Self {
        Self {
            jobs,
            pool,
            link,
            activity,
            connect_timeout,
            held: None,
            last_used: Instant::now(),
            lost_at: None,
            known_losses: 0,
        }
    }

    /// Does jobs until there will be no more, and then gives its connection back to the pool, which closes what it has when
    /// the last lane has ended. Were it closed here, the pool would open another.
    pub(crate) fn run(mut self) {
        while let Some(work) = self.next() {
            self.activity.begin();
            self.serve(work);
            self.activity.end();
        }
        if self.held.is_some() {
            self.link.released();
        }
    }

    /// Waits for a job. A thread without a connection leaves jobs to those that have one; where none has, it takes them
    /// all the same, to refuse them without delay.
    fn next(&mut self) -> Option<Box<dyn Work>> {
        loop {
            if self.held.is_some() {
                return self.jobs.recv().ok();
            }
            if !self.connect(LOOK_EVERY) && !self.link.is_up() {
                match self.jobs.try_recv() {
                    Ok(work) => return Some(work),
                    Err(TryRecvError::Disconnected) => return None,
                    Err(TryRecvError::Empty) => {}
                }
            }
        }
    }

    fn serve(&mut self, mut work: Box<dyn Work>) {
        if !work.begin() {
            return;
        }
        for is_last in [false, true] {
            let connection = match self.connection() {
                Ok(connection) => connection,
                Err(reason) => return work.refuse(Failure::Away(reason)),
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| work.attempt(connection, is_last)));
            self.last_used = Instant::now();
            match outcome {
                Ok(Outcome::Answered) => return self.activity.succeed(),
                Ok(Outcome::AnsweredAndLost) => return self.drop_connection(),
                Ok(Outcome::Lost) => self.drop_connection(),
                Err(_) => {
                    // A transaction may still be open on it.
                    self.drop_connection();
                    return work.refuse(Failure::Panicked);
                }
            }
        }
    }

    /// The connection, checked if it has not been used for a while or another has been lost meanwhile: a write that fails on
    /// a dead connection cannot be repeated. Or why there is none.
    fn connection(&mut self) -> Result<&mut AnyConnection, String> {
        let losses = self.link.losses();
        let is_doubtful = self.last_used.elapsed() > CHECK_AFTER || self.known_losses != losses;
        self.known_losses = losses;
        if let Some(held) = &mut self.held
            && (held.is_old() || (is_doubtful && held.connection.ping().is_err()))
        {
            self.drop_connection();
        }
        let waiting_since = Instant::now();
        while self.held.is_none() && !self.connect(LOOK_EVERY) {
            if let Some(reason) = self.why_away() {
                return Err(reason);
            }
            if waiting_since.elapsed() > self.connect_timeout {
                return Err("no connection could be opened in time".to_owned());
            }
        }
        match &mut self.held {
            Some(held) => Ok(&mut held.connection),
            None => Err("there is no connection".to_owned()),
        }
    }

    fn why_away(&self) -> Option<String> {
        let away = self.link.why_away()?;
        let is_news = self.lost_at.is_none_or(|lost_at| away.at > lost_at || lost_at.elapsed() > RECONNECT_GRACE);
        is_news.then_some(away.reason)
    }

    fn connect(&mut self, within: Duration) -> bool {
        let Ok(held) = self.pool.get_timeout(within) else {
            return false;
        };
        self.held = Some(held);
        self.last_used = Instant::now();
        self.known_losses = self.link.losses();
        self.link.gained();
        true
    }

    /// Has the connection closed; the pool opens another in its place.
    fn drop_connection(&mut self) {
        if let Some(mut held) = self.held.take() {
            Held::give_up(&mut held);
            self.link.lost();
            self.lost_at = Some(Instant::now());
        }
    }
}
