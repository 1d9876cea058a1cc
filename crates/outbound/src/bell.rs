//! Waking those who wait for a payment to change, whichever server changes it.

use async_trait::async_trait;
use domain::clock::Deadline;
use domain::payment::{Bell, Listener, PaymentId, PaymentQueries};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;

/// How many payments are asked about in one statement.
const AT_ONCE: usize = 500;

/// How many may listen, and how often the database is asked for them.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many listen at once; one more is refused.
    pub listeners: usize,
    /// How often it is looked whether another server has changed something.
    pub every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { listeners: 1_000, every: Duration::from_secs(1) }
    }
}

/// A payment that somebody waits for.
struct Watched {
    rung: watch::Sender<()>,
    /// How many events it had when it was last looked at.
    events: Option<u32>,
}

/// The bell of all payments.
pub struct SharedBell {
    payments: Arc<dyn PaymentQueries>,
    every: Duration,
    places: Arc<Semaphore>,
    watched: Mutex<HashMap<PaymentId, Watched>>,
}

impl SharedBell {
    /// A bell that nobody listens to yet.
    #[must_use]
    pub fn new(payments: Arc<dyn PaymentQueries>, options: Options) -> Self {
        let places = Arc::new(Semaphore::new(options.listeners.min(Semaphore::MAX_PERMITS)));
        Self { payments, every: options.every, places, watched: Mutex::default() }
    }

    /// Looks again and again whether another server has changed what somebody waits for: all of it in few statements,
    /// however many wait.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for ids in self.listened_to().chunks(AT_ONCE) {
                match self.payments.event_counts(ids, Deadline::within(self.every * 5)).await {
                    Ok(counts) => self.compare(&counts),
                    Err(error) => tracing::debug!(code = error.code().as_str(), "watched payments cannot be looked at"),
                }
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<PaymentId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payments that somebody still waits for; the others are forgotten.
    fn listened_to(&self) -> Vec<PaymentId> {
        let mut watched = self.watched();
        watched.retain(|_, payment| payment.rung.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn compare(&self, counts: &[(PaymentId, u32)]) {
        let mut watched = self.watched();
        for (id, events) in counts {
            if let Some(payment) = watched.get_mut(id)
                && payment.events.replace(*events) != Some(*events)
            {
                payment.rung.send_replace(());
            }
        }
    }
}

#[async_trait]
impl Bell for SharedBell {
    fn ring(&self, id: PaymentId) {
        if let Some(payment) = self.watched().get(&id) {
            payment.rung.send_replace(());
        }
    }

    fn listen(&self, id: PaymentId) -> Option<Box<dyn Listener>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut watched = self.watched();
        let payment = watched.entry(id).or_insert_with(|| Watched { rung: watch::Sender::new(()), events: None });
        Some(Box::new(Ear { rung: payment.rung.subscribe(), _place: place }))
    }
}

/// Somebody who listens.
struct Ear {
    rung: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
}

#[async_trait]
impl Listener for Ear {
    async fn heard(&mut self, by: Deadline) {
        // Neither the end of the time nor that of the bell is anything to tell: whoever listens looks for itself.
        let _ = tokio::time::timeout_at(by.instant().into(), self.rung.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::{Error, ErrorCode};
    use domain::payment::{Event, Payment, PaymentListing, Story};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Payments of which only the number of events matters.
    #[derive(Default)]
    struct Counts {
        events: AtomicU32,
        /// How many of the next questions fail.
        failures: AtomicU32,
        /// How many payments each question was about.
        asked: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl PaymentQueries for Counts {
        async fn payment(&self, _id: PaymentId, _by: Deadline) -> Result<Option<Payment>, Error> {
            Err(ErrorCode::Unavailable.into())
        }

        async fn list(&self, _listing: &PaymentListing, _by: Deadline) -> Result<Vec<Payment>, Error> {
            Err(ErrorCode::Unavailable.into())
        }

        async fn count(&self, _listing: &PaymentListing, _by: Deadline) -> Result<u64, Error> {
            Err(ErrorCode::Unavailable.into())
        }

        async fn story(&self, _id: PaymentId, _by: Deadline) -> Result<Story, Error> {
            Err(ErrorCode::Unavailable.into())
        }

        async fn events_after(&self, _id: PaymentId, _number: u32, _by: Deadline) -> Result<Vec<Event>, Error> {
            Err(ErrorCode::Unavailable.into())
        }

        async fn event_counts(&self, ids: &[PaymentId], _by: Deadline) -> Result<Vec<(PaymentId, u32)>, Error> {
            self.asked.lock().unwrap().push(ids.len());
            if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                return Err(ErrorCode::Unavailable.into());
            }
            Ok(ids.iter().map(|id| (*id, self.events.load(Ordering::Relaxed))).collect())
        }
    }

    fn bell(listeners: usize) -> (Arc<SharedBell>, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let options = Options { listeners, every: Duration::from_millis(20) };
        (Arc::new(SharedBell::new(counts.clone(), options)), counts)
    }

    fn long() -> Deadline {
        Deadline::within(Duration::from_secs(60))
    }

    /// Whether something was heard; a long time is enough for whatever is to be heard.
    async fn is_heard(listener: &mut Box<dyn Listener>) -> bool {
        let end = long();
        listener.heard(end).await;
        !end.has_passed()
    }

    /// Whether all that is rung or found has been heard already.
    async fn is_silent(listener: &mut Box<dyn Listener>) -> bool {
        let soon = Deadline::within(Duration::from_millis(20));
        listener.heard(soon).await;
        soon.has_passed()
    }

    /// Runs the bell until something is done.
    async fn while_it_runs<T>(bell: &Arc<SharedBell>, doing: impl Future<Output = T>) -> T {
        tokio::select! {
            () = Arc::clone(bell).run() => panic!("the bell has ended"),
            done = doing => done,
        }
    }

    #[tokio::test]
    async fn what_rings_here_is_heard_by_all_who_wait_for_it_and_nobody_else() {
        let (bell, _) = bell(9);
        let (own, other) = (PaymentId::generate(), PaymentId::generate());
        let mut listeners = [bell.listen(own).unwrap(), bell.listen(own).unwrap()];
        let mut stranger = bell.listen(other).unwrap();
        bell.ring(own);
        bell.ring(own);
        for listener in &mut listeners {
            assert!(is_heard(listener).await);
            assert!(is_silent(listener).await, "what rings twice before anybody hears is heard once");
        }
        assert!(is_silent(&mut stranger).await);
    }

    #[tokio::test]
    async fn a_ring_wakes_who_waits_already() {
        let (bell, _) = bell(9);
        let id = PaymentId::generate();
        let mut listener = bell.listen(id).unwrap();
        let mut hearing = Box::pin(is_heard(&mut listener));
        assert!(futures_util::poll!(&mut hearing).is_pending());
        bell.ring(id);
        assert!(hearing.await);
    }

    #[tokio::test]
    async fn hearing_that_was_given_up_loses_nothing() {
        let (bell, _) = bell(9);
        let id = PaymentId::generate();
        let mut listener = bell.listen(id).unwrap();
        assert!(futures_util::poll!(Box::pin(listener.heard(long()))).is_pending());
        bell.ring(id);
        assert!(is_heard(&mut listener).await);
    }

    #[tokio::test]
    async fn what_another_server_changes_is_heard_soon() {
        let (bell, counts) = bell(9);
        let mut listener = bell.listen(PaymentId::generate()).unwrap();
        let heard = while_it_runs(&bell, async {
            // The first look tells how things stand.
            let first = is_heard(&mut listener).await;
            counts.events.fetch_add(1, Ordering::Relaxed);
            first && is_heard(&mut listener).await
        });
        assert!(heard.await);
    }

    #[tokio::test]
    async fn what_has_not_changed_wakes_nobody() {
        let (bell, counts) = bell(9);
        let mut listener = bell.listen(PaymentId::generate()).unwrap();
        while_it_runs(&bell, async {
            assert!(is_heard(&mut listener).await);
            let looks = counts.asked.lock().unwrap().len();
            while counts.asked.lock().unwrap().len() < looks + 3 {
                assert!(is_silent(&mut listener).await);
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_asked_again() {
        let (bell, counts) = bell(9);
        counts.failures.store(3, Ordering::Relaxed);
        let mut listener = bell.listen(PaymentId::generate()).unwrap();
        assert!(while_it_runs(&bell, is_heard(&mut listener)).await);
        assert_eq!(counts.asked.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn however_many_wait_few_questions_are_asked_and_none_where_nobody_does() {
        let (bell, counts) = bell(1_200);
        let twice = PaymentId::generate();
        let ids = (0..1_198).map(|_| PaymentId::generate()).chain([twice, twice]);
        let mut listeners: Vec<_> = ids.map(|id| bell.listen(id).unwrap()).collect();
        while_it_runs(&bell, async {
            for listener in &mut listeners {
                assert!(is_heard(listener).await);
            }
        })
        .await;
        let asked = std::mem::take(&mut *counts.asked.lock().unwrap());
        assert_eq!(asked[..3], [AT_ONCE, AT_ONCE, 199]);
        drop(listeners);
        // The first tick of a bell that begins to run comes at once.
        assert!(futures_util::poll!(Box::pin(Arc::clone(&bell).run())).is_pending());
        assert!(counts.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn there_are_so_many_places_and_those_who_leave_make_room() {
        let (bell, _) = bell(1);
        let id = PaymentId::generate();
        let listener = bell.listen(id).unwrap();
        assert!(bell.listen(id).is_none());
        assert!(bell.listen(PaymentId::generate()).is_none());
        drop(listener);
        assert!(bell.listen(id).is_some());
        assert!(bell.listened_to().is_empty(), "who has left is forgotten");
        bell.ring(id);
    }
}
