//! Cached totals of product lists: counting the products of a large shop takes a database longer than anything else that a
//! list needs.

use app::clock::Deadline;
use app::context::Reader;
use app::pipeline::Spawner;
use app::product::{Filter, ProductLists, ProductTotals};
use async_trait::async_trait;
use domain::error::{Error, ErrorCode};
use moka::{future, policy::EvictionPolicy, sync};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many filters have their totals cached at most.
const MAX_FILTERS: u64 = 1024;
/// The largest total that is counted anew after every change: a client that has added a product to a short list expects to
/// see it counted.
const EXACT_LIMIT: u64 = 10_000;
/// The age at which a total is counted anew, because other processes may have changed products.
const REFRESH_AFTER: Duration = Duration::from_secs(5);
/// The age up to which a large total is returned while it is being counted anew.
const MAX_AGE: Duration = Duration::from_secs(60);
/// How long counting anew in the background may take.
const REFRESH: Duration = Duration::from_secs(30);

/// Totals, as [`ProductLists`] counts them, kept for a while. A small one is never older than the last change made by this
/// process, and no total is told that is older than a minute.
///
/// Those who ask for one total at once wait for one count. Once a large total is known, nobody waits for it again as long as it
/// is asked for at least once a minute.
pub struct CachedTotals {
    inner: Arc<Inner>,
    spawner: Arc<dyn Spawner>,
}

struct Inner {
    products: Arc<dyn ProductLists>,
    /// How many changes this process has made.
    changes: AtomicU64,
    /// When the last of them had been made.
    changed_at: Mutex<Option<Instant>>,
    /// Totals by filter and number of changes, so that no caller waits for a count that began before its own change.
    counted: future::Cache<(Filter, u64), Counted>,
    large: sync::Cache<Filter, Arc<Large>>,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
}

#[derive(Clone, Copy)]
struct Counted {
    total: u64,
    at: Instant,
}

struct Large {
    counted: Counted,
    /// When to count anew. Lies in the future while a task counts, or has just failed to.
    refresh_from: Mutex<Instant>,
}

impl CachedTotals {
    /// Totals of these products, counted anew in tasks of this spawner.
    #[must_use]
    pub fn new(products: Arc<dyn ProductLists>, spawner: Arc<dyn Spawner>) -> Self {
        Self::with_time(products, spawner, Box::new(Instant::now))
    }

    fn with_time(
        products: Arc<dyn ProductLists>,
        spawner: Arc<dyn Spawner>,
        now: Box<dyn Fn() -> Instant + Send + Sync>,
    ) -> Self {
        // Evicts the least recently used, so that a total that was just counted stays.
        let counted = future::Cache::builder().max_capacity(MAX_FILTERS).eviction_policy(EvictionPolicy::lru()).build();
        let large = sync::Cache::builder().max_capacity(MAX_FILTERS).eviction_policy(EvictionPolicy::lru()).build();
        Self {
            inner: Arc::new(Inner {
                products,
                changes: AtomicU64::new(0),
                changed_at: Mutex::default(),
                counted,
                large,
                now,
            }),
            spawner,
        }
    }
}

#[async_trait]
impl ProductTotals for CachedTotals {
    async fn total(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<u64, Error> {
        let inner = &self.inner;
        if let Some(large) = inner.large.get(filter)
            && inner.age(large.counted) <= MAX_AGE
        {
            if large.begin_refresh((inner.now)()) {
                let (inner, filter, large) = (Arc::clone(inner), filter.clone(), Arc::clone(&large));
                self.spawner.spawn(Box::pin(async move { inner.refresh(filter, large, reader).await }));
            }
            return Ok(large.counted.total);
        }
        inner.count_once(filter, reader, by).await
    }

    fn changed(&self) {
        *self.inner.changed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.inner.changes.fetch_add(1, Ordering::SeqCst);
    }
}

impl Inner {
    fn age(&self, counted: Counted) -> Duration {
        (self.now)().saturating_duration_since(counted.at)
    }

    /// The count is for everybody who asks, so it includes the changes of this process, whoever made them.
    fn including_changes(&self, reader: Reader) -> Reader {
        let changed_at = *self.changed_at.lock().unwrap_or_else(PoisonError::into_inner);
        changed_at.map_or(reader, |moment| reader.including(moment))
    }

    /// The total. Of several callers at once, the first counts.
    async fn count_once(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<u64, Error> {
        let key = (filter.clone(), self.changes.load(Ordering::SeqCst));
        if let Some(counted) = self.counted.get(&key).await
            && self.age(counted) >= REFRESH_AFTER
        {
            self.counted.invalidate(&key).await;
        }
        loop {
            let has_counted = AtomicBool::new(false);
            let count = async {
                has_counted.store(true, Ordering::Relaxed);
                self.count(filter, reader, by).await
            };
            match self.counted.try_get_with_by_ref(&key, count).await {
                Ok(counted) => return Ok(counted.total),
                Err(error) => {
                    let was_anothers = !has_counted.load(Ordering::Relaxed);
                    if !(was_anothers && error.code() == ErrorCode::DeadlineExceeded && !by.has_passed()) {
                        return Err(own(error));
                    }
                    // The deadline of another caller has passed, not this one's.
                }
            }
        }
    }

    async fn count(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<Counted, Error> {
        let at = (self.now)();
        let counted = Counted { total: self.products.count(filter, self.including_changes(reader), by).await?, at };
        if counted.total > EXACT_LIMIT {
            self.large.insert(filter.clone(), Arc::new(Large::new(counted)));
        } else {
            self.large.invalidate(filter);
        }
        Ok(counted)
    }

    async fn refresh(&self, filter: Filter, large: Arc<Large>, reader: Reader) {
        if let Err(error) = self.count(&filter, reader, Deadline::within(REFRESH)).await {
            let (code, causes) = (error.code().as_str(), domain::error::causes(&error));
            tracing::warn!(code, causes, "a total was not counted anew");
            large.refresh_at((self.now)() + REFRESH_AFTER);
        }
    }
}

impl Large {
    fn new(counted: Counted) -> Self {
        Self { counted, refresh_from: Mutex::new(counted.at + REFRESH_AFTER) }
    }

    /// Whether the caller is to count anew: it is time, and no other task does.
    fn begin_refresh(&self, now: Instant) -> bool {
        let mut refresh_from = self.refresh_from.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now >= *refresh_from;
        if is_due {
            *refresh_from = now + MAX_AGE;
        }
        is_due
    }

    fn refresh_at(&self, moment: Instant) {
        *self.refresh_from.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }
}

/// An error that is returned to several callers.
fn own(error: Arc<Error>) -> Error {
    Arc::try_unwrap(error).unwrap_or_else(|error| match (error.code(), error.retry_after()) {
        (ErrorCode::Unavailable, _) => Error::unavailable(Shared(error)),
        (ErrorCode::Internal, _) => Error::internal(Shared(error)),
        (code, Some(retry_after)) => Error::retry_later(code, retry_after),
        (code, None) => code.into(),
    })
}

/// The shared causes of such an error.
#[derive(Debug)]
struct Shared(Arc<Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&domain::error::causes(&*self.0))
    }
}

impl std::error::Error for Shared {}

#[cfg(test)]
mod tests;
