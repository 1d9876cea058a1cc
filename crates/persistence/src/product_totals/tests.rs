use super::*;
use app::client::ClientAddress;
use app::context::{Context, Query, RequestId};
use app::product::ProductListing;
use domain::actor::Actor;
use domain::product::Product;
use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use tokio::sync::Notify;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Products with a known total, which counts how often it is asked for.
#[derive(Default)]
struct Shop {
    total: AtomicU64,
    counts: AtomicUsize,
    /// Up to when the last count had to include every commit.
    includes: Mutex<Option<Instant>>,
    /// The error with which the next count fails.
    failures: Mutex<VecDeque<ErrorCode>>,
    /// Whether counting waits for `go`.
    is_slow: AtomicBool,
    go: Notify,
}

#[async_trait]
impl ProductLists for Shop {
    async fn list(&self, _: &ProductListing, _: Reader, _: Deadline) -> Result<Vec<Product>, Error> {
        unreachable!("totals look at no product")
    }

    async fn count(&self, _: &Filter, reader: Reader, _: Deadline) -> Result<u64, Error> {
        *self.includes.lock().unwrap() = reader.includes();
        self.counts.fetch_add(1, Ordering::SeqCst);
        let total = self.total.load(Ordering::SeqCst);
        if self.is_slow.load(Ordering::SeqCst) {
            self.go.notified().await;
        }
        match self.failures.lock().unwrap().pop_front() {
            Some(code) => Err(code.into()),
            None => Ok(total),
        }
    }
}

/// Tasks that run when a test runs them.
#[derive(Default)]
struct Tasks(Mutex<Vec<Task>>);

impl Spawner for Tasks {
    fn spawn(&self, task: Task) {
        self.0.lock().unwrap().push(task);
    }
}

fn reader() -> Reader {
    let client = ClientAddress::new([192, 0, 2, 1].into());
    let deadline = Deadline::within(Duration::from_secs(30));
    Context::<Query>::new(Actor::Anonymous, client, RequestId::accept(None), deadline).reader()
}

struct Bench {
    shop: Arc<Shop>,
    tasks: Arc<Tasks>,
    totals: CachedTotals,
    passed: Arc<AtomicU64>,
}

impl Bench {
    fn new(total: u64) -> Self {
        let (shop, tasks, passed) =
            (Arc::new(Shop::default()), Arc::new(Tasks::default()), Arc::new(AtomicU64::new(0)));
        shop.total.store(total, Ordering::SeqCst);
        let (start, seconds) = (Instant::now(), Arc::clone(&passed));
        let now = Box::new(move || start + Duration::from_secs(seconds.load(Ordering::SeqCst)));
        let totals = CachedTotals::with_time(shop.clone(), tasks.clone(), now);
        Self { shop, tasks, totals, passed }
    }

    async fn total(&self) -> Result<u64, ErrorCode> {
        let by = Deadline::within(Duration::from_secs(30));
        self.totals.total(&Filter::default(), reader(), by).await.map_err(|error| error.code())
    }

    fn is_now(&self, total: u64) {
        self.shop.total.store(total, Ordering::SeqCst);
    }

    fn pass(&self, seconds: u64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }

    fn counts(&self) -> usize {
        self.shop.counts.load(Ordering::SeqCst)
    }

    fn waiting(&self) -> usize {
        self.tasks.0.lock().unwrap().len()
    }

    /// Runs the spawned tasks.
    async fn run(&self) {
        let tasks = std::mem::take(&mut *self.tasks.0.lock().unwrap());
        join_all(tasks).await;
    }
}

#[tokio::test]
async fn a_small_total_is_counted_anew_after_a_change() {
    let bench = Bench::new(EXACT_LIMIT);
    for _ in 0..3 {
        assert_eq!(bench.total().await, Ok(EXACT_LIMIT));
    }
    assert_eq!(bench.counts(), 1);
    bench.is_now(7);
    bench.totals.changed();
    assert_eq!(bench.total().await, Ok(7));
    assert_eq!((bench.counts(), bench.waiting()), (2, 0));
}

#[tokio::test]
async fn a_count_includes_the_changes_of_this_process_whoever_made_them() {
    let bench = Bench::new(3);
    assert_eq!(bench.total().await, Ok(3));
    assert_eq!(*bench.shop.includes.lock().unwrap(), None, "nothing has changed");
    let before = Instant::now();
    bench.totals.changed();
    assert_eq!(bench.total().await, Ok(3));
    let includes = bench.shop.includes.lock().unwrap().unwrap();
    assert!(includes >= before && includes <= Instant::now());
}

#[tokio::test]
async fn a_small_total_is_counted_anew_when_it_is_old() {
    let bench = Bench::new(3);
    assert_eq!(bench.total().await, Ok(3));
    bench.is_now(4);
    bench.pass(4);
    assert_eq!(bench.total().await, Ok(3));
    bench.pass(1);
    assert_eq!(bench.total().await, Ok(4));
    assert_eq!(bench.counts(), 2);
}

#[tokio::test]
async fn a_large_total_is_told_at_once_and_counted_anew_behind_the_callers_back() {
    let bench = Bench::new(20_000);
    assert_eq!(bench.total().await, Ok(20_000));
    bench.is_now(20_001);
    bench.totals.changed();
    assert_eq!((bench.total().await, bench.waiting()), (Ok(20_000), 0));
    bench.pass(5);
    for _ in 0..3 {
        assert_eq!(bench.total().await, Ok(20_000));
    }
    assert_eq!((bench.waiting(), bench.counts()), (1, 1));
    bench.run().await;
    assert_eq!((bench.total().await, bench.counts()), (Ok(20_001), 2));
}

#[tokio::test]
async fn no_total_is_told_that_is_older_than_a_minute() {
    let bench = Bench::new(20_000);
    assert_eq!(bench.total().await, Ok(20_000));
    bench.is_now(30_000);
    bench.pass(60);
    assert_eq!(bench.total().await, Ok(20_000));
    bench.pass(1);
    assert_eq!((bench.total().await, bench.counts()), (Ok(30_000), 2));
}

#[tokio::test]
async fn a_total_that_has_become_small_follows_every_change() {
    let bench = Bench::new(EXACT_LIMIT + 1);
    assert_eq!(bench.total().await, Ok(EXACT_LIMIT + 1));
    bench.is_now(EXACT_LIMIT);
    bench.totals.changed();
    bench.pass(5);
    assert_eq!(bench.total().await, Ok(EXACT_LIMIT + 1));
    bench.run().await;
    assert_eq!(bench.total().await, Ok(EXACT_LIMIT));
    bench.is_now(1);
    bench.totals.changed();
    assert_eq!(bench.total().await, Ok(1));
}

#[tokio::test]
async fn a_count_that_fails_in_the_background_is_tried_again_later() {
    let bench = Bench::new(20_000);
    assert_eq!(bench.total().await, Ok(20_000));
    bench.shop.failures.lock().unwrap().push_back(ErrorCode::Unavailable);
    bench.is_now(20_001);
    bench.pass(5);
    assert_eq!(bench.total().await, Ok(20_000));
    bench.run().await;
    bench.pass(4);
    assert_eq!((bench.total().await, bench.waiting()), (Ok(20_000), 0));
    bench.pass(1);
    assert_eq!((bench.total().await, bench.waiting()), (Ok(20_000), 1));
    bench.run().await;
    assert_eq!(bench.total().await, Ok(20_001));
}

/// Runs calls and, once they all wait, lets the count continue.
async fn all_at_once(bench: &Bench, calls: usize) -> Vec<Result<u64, ErrorCode>> {
    let answers = join_all((0..calls).map(|_| bench.total()));
    let go = async {
        tokio::task::yield_now().await;
        bench.shop.is_slow.store(false, Ordering::SeqCst);
        bench.shop.go.notify_one();
    };
    join(answers, go).await.0
}

#[tokio::test]
async fn those_who_ask_at_once_wait_for_one_count() {
    let bench = Bench::new(5);
    bench.shop.is_slow.store(true, Ordering::SeqCst);
    assert_eq!(all_at_once(&bench, 20).await, vec![Ok(5); 20]);
    assert_eq!(bench.counts(), 1);
}

#[tokio::test]
async fn an_error_is_told_to_all_who_wait_and_is_not_kept() {
    let bench = Bench::new(5);
    bench.shop.is_slow.store(true, Ordering::SeqCst);
    bench.shop.failures.lock().unwrap().push_back(ErrorCode::Unavailable);
    assert_eq!(all_at_once(&bench, 20).await, vec![Err(ErrorCode::Unavailable); 20]);
    assert_eq!(bench.counts(), 1);
    assert_eq!(bench.total().await, Ok(5));
}

#[tokio::test]
async fn whose_time_has_not_run_out_does_not_fail_for_anothers() {
    let bench = Bench::new(5);
    bench.shop.is_slow.store(true, Ordering::SeqCst);
    bench.shop.failures.lock().unwrap().push_back(ErrorCode::DeadlineExceeded);
    let answers = all_at_once(&bench, 2).await;
    assert_eq!(answers, [Err(ErrorCode::DeadlineExceeded), Ok(5)]);
}

#[tokio::test]
async fn nobody_waits_for_a_count_that_began_before_the_change_they_made() {
    let bench = Bench::new(5);
    bench.shop.is_slow.store(true, Ordering::SeqCst);
    let mut before = Box::pin(bench.total());
    assert!((&mut before).now_or_never().is_none());
    bench.shop.is_slow.store(false, Ordering::SeqCst);
    bench.is_now(6);
    bench.totals.changed();
    assert_eq!(bench.total().await, Ok(6));
    bench.shop.go.notify_one();
    assert_eq!(before.await, Ok(5));
    assert_eq!(bench.total().await, Ok(6));
}

#[tokio::test]
async fn a_caller_who_goes_leaves_the_count_to_the_next() {
    let bench = Bench::new(5);
    bench.shop.is_slow.store(true, Ordering::SeqCst);
    let mut gone = Box::pin(bench.total());
    assert!((&mut gone).now_or_never().is_none());
    let mut waiting = Box::pin(bench.total());
    assert!((&mut waiting).now_or_never().is_none());
    drop(gone);
    bench.shop.is_slow.store(false, Ordering::SeqCst);
    assert_eq!(waiting.await, Ok(5));
    assert_eq!(bench.counts(), 2);
}

#[tokio::test]
async fn filters_have_totals_of_their_own_and_a_bounded_number_of_them() {
    let bench = Bench::new(5);
    let by = Deadline::within(Duration::from_secs(30));
    for price in 0..3_000 {
        let filter = Filter { min_price: domain::money::Money::from_minor(price), ..Filter::default() };
        assert_eq!(bench.totals.total(&filter, reader(), by).await.unwrap(), 5);
    }
    assert_eq!(bench.counts(), 3_000);
    bench.totals.inner.counted.run_pending_tasks().await;
    assert!(bench.totals.inner.counted.entry_count() <= MAX_FILTERS);
}
