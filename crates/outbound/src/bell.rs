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
    struct Counts(AtomicU32);

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
            Ok(ids.iter().map(|id| (*id, self.0.load(Ordering::Relaxed))).collect())
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

    #[tokio::test]
    async fn what_rings_here_is_heard_by_those_who_wait_for_it_and_nobody_else() {
        let (bell, _) = bell(9);
        let (own, other) = (PaymentId::generate(), PaymentId::generate());
        let mut listener = bell.listen(own).unwrap();
        let mut stranger = bell.listen(other).unwrap();
        bell.ring(own);
        listener.heard(long()).await;
        let soon = Deadline::within(Duration::from_millis(20));
        stranger.heard(soon).await;
        assert!(soon.has_passed(), "nothing rang");
    }

    #[tokio::test]
    async fn what_another_server_changes_is_heard_soon() {
        let (bell, counts) = bell(9);
        let mut listener = bell.listen(PaymentId::generate()).unwrap();
        let waiting = async {
            // The first look tells how things stand.
            listener.heard(long()).await;
            counts.0.fetch_add(1, Ordering::Relaxed);
            let end = long();
            listener.heard(end).await;
            !end.has_passed()
        };
        let heard = tokio::select! {
            () = Arc::clone(&bell).run() => false,
            heard = waiting => heard,
        };
        assert!(heard);
    }

    #[tokio::test]
    async fn there_are_so_many_places_and_those_who_leave_make_room() {
        let (bell, _) = bell(1);
        let id = PaymentId::generate();
        let listener = bell.listen(id).unwrap();
        assert!(bell.listen(id).is_none());
        drop(listener);
        assert!(bell.listen(id).is_some());
        assert!(bell.listened_to().is_empty(), "who has left is forgotten");
    }
}
