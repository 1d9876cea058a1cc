//! Notifies subscribers of changed payments, whichever server changes them.

use app::clock::Deadline;
use app::payment::{PaymentEvents, PaymentNotifier, Subscription};
use async_trait::async_trait;
use domain::payment::PaymentId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::MissedTickBehavior;

/// How many payments one statement asks about.
const AT_ONCE: usize = 500;

#[derive(Clone, Copy, Debug)]
pub struct NotifierOptions {
    /// How many subscriptions exist at once; further ones are refused.
    pub subscriptions: usize,
    /// How often the notifier asks the database for changes by other servers.
    pub every: Duration,
}

impl Default for NotifierOptions {
    fn default() -> Self {
        Self { subscriptions: 1_000, every: Duration::from_secs(1) }
    }
}

struct Watched {
    changed: watch::Sender<()>,
    /// How many events it had when it was last read.
    events: Option<u32>,
}

/// Polls the database for new events of the payments that have subscriptions.
pub struct PollingNotifier {
    payments: Arc<dyn PaymentEvents>,
    every: Duration,
    permits: Arc<Semaphore>,
    watched: Mutex<HashMap<PaymentId, Watched>>,
}

impl PollingNotifier {
    #[must_use]
    pub fn new(payments: Arc<dyn PaymentEvents>, options: NotifierOptions) -> Self {
        let permits = Arc::new(Semaphore::new(options.subscriptions.min(Semaphore::MAX_PERMITS)));
        Self { payments, every: options.every, permits, watched: Mutex::default() }
    }

    /// Polls until the future is dropped, in few statements however many subscriptions exist.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for ids in self.subscribed().chunks(AT_ONCE) {
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

    /// The payments that still have subscriptions. Forgets the others.
    fn subscribed(&self) -> Vec<PaymentId> {
        let mut watched = self.watched();
        watched.retain(|_, payment| payment.changed.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn compare(&self, counts: &[(PaymentId, u32)]) {
        let mut watched = self.watched();
        for (id, events) in counts {
            if let Some(payment) = watched.get_mut(id)
                && payment.events.replace(*events) != Some(*events)
            {
                payment.changed.send_replace(());
            }
        }
    }
}

#[async_trait]
impl PaymentNotifier for PollingNotifier {
    fn notify(&self, id: PaymentId) {
        if let Some(payment) = self.watched().get(&id) {
            payment.changed.send_replace(());
        }
    }

    fn subscribe(&self, id: PaymentId) -> Option<Box<dyn Subscription>> {
        let place = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let mut watched = self.watched();
        let payment = watched.entry(id).or_insert_with(|| Watched { changed: watch::Sender::new(()), events: None });
        Some(Box::new(PollingSubscription { changed: payment.changed.subscribe(), _place: place }))
    }
}

struct PollingSubscription {
    changed: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
}

#[async_trait]
impl Subscription for PollingSubscription {
    async fn changed(&mut self, by: Deadline) {
        // Whether a change, the end of the time or that of the notifier ended the wait: the subscriber reads the payment anyway.
        let _ = tokio::time::timeout_at(by.instant().into(), self.changed.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::{Error, ErrorCode};
    use domain::payment::Event;
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
    impl PaymentEvents for Counts {
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

    fn notifier(subscriptions: usize) -> (Arc<PollingNotifier>, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let options = NotifierOptions { subscriptions, every: Duration::from_millis(20) };
        (Arc::new(PollingNotifier::new(counts.clone(), options)), counts)
    }

    fn long() -> Deadline {
        Deadline::within(Duration::from_secs(60))
    }

    /// Whether something was heard; a long time is enough for whatever is to be heard.
    async fn is_heard(subscription: &mut Box<dyn Subscription>) -> bool {
        let end = long();
        subscription.changed(end).await;
        !end.has_passed()
    }

    /// Whether all that is changed or found has been heard already.
    async fn is_silent(subscription: &mut Box<dyn Subscription>) -> bool {
        let soon = Deadline::within(Duration::from_millis(20));
        subscription.changed(soon).await;
        soon.has_passed()
    }

    /// Runs the notifier until something is done.
    async fn while_it_runs<T>(notifier: &Arc<PollingNotifier>, doing: impl Future<Output = T>) -> T {
        tokio::select! {
            () = Arc::clone(notifier).run() => panic!("the notifier has ended"),
            done = doing => done,
        }
    }

    #[tokio::test]
    async fn what_rings_here_is_heard_by_all_who_wait_for_it_and_nobody_else() {
        let (notifier, _) = notifier(9);
        let (own, other) = (PaymentId::generate(), PaymentId::generate());
        let mut subscriptions = [notifier.subscribe(own).unwrap(), notifier.subscribe(own).unwrap()];
        let mut stranger = notifier.subscribe(other).unwrap();
        notifier.notify(own);
        notifier.notify(own);
        for subscription in &mut subscriptions {
            assert!(is_heard(subscription).await);
            assert!(is_silent(subscription).await, "what rings twice before anybody hears is heard once");
        }
        assert!(is_silent(&mut stranger).await);
    }

    #[tokio::test]
    async fn a_ring_wakes_who_waits_already() {
        let (notifier, _) = notifier(9);
        let id = PaymentId::generate();
        let mut subscription = notifier.subscribe(id).unwrap();
        let mut hearing = Box::pin(is_heard(&mut subscription));
        assert!(futures_util::poll!(&mut hearing).is_pending());
        notifier.notify(id);
        assert!(hearing.await);
    }

    #[tokio::test]
    async fn hearing_that_was_given_up_loses_nothing() {
        let (notifier, _) = notifier(9);
        let id = PaymentId::generate();
        let mut subscription = notifier.subscribe(id).unwrap();
        assert!(futures_util::poll!(Box::pin(subscription.changed(long()))).is_pending());
        notifier.notify(id);
        assert!(is_heard(&mut subscription).await);
    }

    #[tokio::test]
    async fn what_another_server_changes_is_heard_soon() {
        let (notifier, counts) = notifier(9);
        let mut subscription = notifier.subscribe(PaymentId::generate()).unwrap();
        let heard = while_it_runs(&notifier, async {
            // The first look tells how things stand.
            let first = is_heard(&mut subscription).await;
            counts.events.fetch_add(1, Ordering::Relaxed);
            first && is_heard(&mut subscription).await
        });
        assert!(heard.await);
    }

    #[tokio::test]
    async fn what_has_not_changed_wakes_nobody() {
        let (notifier, counts) = notifier(9);
        let mut subscription = notifier.subscribe(PaymentId::generate()).unwrap();
        while_it_runs(&notifier, async {
            assert!(is_heard(&mut subscription).await);
            let looks = counts.asked.lock().unwrap().len();
            while counts.asked.lock().unwrap().len() < looks + 3 {
                assert!(is_silent(&mut subscription).await);
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_asked_again() {
        let (notifier, counts) = notifier(9);
        counts.failures.store(3, Ordering::Relaxed);
        let mut subscription = notifier.subscribe(PaymentId::generate()).unwrap();
        assert!(while_it_runs(&notifier, is_heard(&mut subscription)).await);
        assert_eq!(counts.asked.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn however_many_wait_few_questions_are_asked_and_none_where_nobody_does() {
        let (notifier, counts) = notifier(1_200);
        let twice = PaymentId::generate();
        let ids = (0..1_198).map(|_| PaymentId::generate()).chain([twice, twice]);
        let mut subscriptions: Vec<_> = ids.map(|id| notifier.subscribe(id).unwrap()).collect();
        while_it_runs(&notifier, async {
            for subscription in &mut subscriptions {
                assert!(is_heard(subscription).await);
            }
        })
        .await;
        let asked = std::mem::take(&mut *counts.asked.lock().unwrap());
        assert_eq!(asked[..3], [AT_ONCE, AT_ONCE, 199]);
        drop(subscriptions);
        // The first tick of a notifier that begins to run comes at once.
        assert!(futures_util::poll!(Box::pin(Arc::clone(&notifier).run())).is_pending());
        assert!(counts.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn there_are_so_many_places_and_those_who_leave_make_room() {
        let (notifier, _) = notifier(1);
        let id = PaymentId::generate();
        let subscription = notifier.subscribe(id).unwrap();
        assert!(notifier.subscribe(id).is_none());
        assert!(notifier.subscribe(PaymentId::generate()).is_none());
        drop(subscription);
        assert!(notifier.subscribe(id).is_some());
        assert!(notifier.subscribed().is_empty(), "who has left is forgotten");
        notifier.notify(id);
    }
}
