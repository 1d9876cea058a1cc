//! Rate limits, counted in this process's memory.

use app::observe::Protocol;
use app::rate_limit::{Quota, RateLimitClass, RateLimitKey, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A number of calls per window. The window begins with a client's first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub window: Duration,
}

impl Rate {
    #[must_use]
    pub const fn per_minute(limit: u32) -> Self {
        Self { limit, window: Duration::from_secs(60) }
    }

    #[must_use]
    pub const fn per_hour(limit: u32) -> Self {
        Self { limit, window: Duration::from_secs(60 * 60) }
    }
}

/// The rates of all classes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Log-ins and registrations in a short time.
    pub credentials: Rate,
    /// Log-ins and registrations in a long time.
    pub credentials_sustained: Rate,
    pub write: Rate,
    pub read: Rate,
    /// `None` for no limit.
    pub grpc_write: Option<Rate>,
    /// `None` for no limit.
    pub grpc_read: Option<Rate>,
    /// The maximum number of counted clients for each of the six rates. A client takes some 400 bytes: 48 MB in all.
    pub max_clients: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: Rate::per_minute(30),
            credentials_sustained: Rate::per_hour(300),
            write: Rate::per_minute(100),
            read: Rate::per_minute(600),
            grpc_write: None,
            grpc_read: None,
            max_clients: 20_000,
        }
    }
}

/// Counts the calls of each client.
///
/// Memory is bounded: the clients with the oldest last call are dropped first, so a flood of new clients cannot reset the
/// count of a busy client.
pub struct ClientLimits {
    credentials: Counters,
    credentials_sustained: Counters,
    write: Counters,
    read: Counters,
    grpc_write: Option<Counters>,
    grpc_read: Option<Counters>,
}

impl ClientLimits {
    #[must_use]
    pub fn new(options: Options) -> Self {
        let counters = |rate| Counters::new(rate, options.max_clients);
        Self {
            credentials: counters(options.credentials),
            credentials_sustained: counters(options.credentials_sustained),
            write: counters(options.write),
            read: counters(options.read),
            grpc_write: options.grpc_write.map(counters),
            grpc_read: options.grpc_read.map(counters),
        }
    }

    /// A call that the short window refuses does not count in the long one, so that a client that pauses is admitted again.
    fn spend_credentials(&self, key: RateLimitKey) -> Quota {
        let short = self.credentials.check(key);
        if short.exceeded {
            return short;
        }
        let long = self.credentials_sustained.check(key);
        if long.exceeded || long.remaining < short.remaining { long } else { short }
    }
}

impl RateLimiter for ClientLimits {
    fn check(&self, protocol: Protocol, class: RateLimitClass, key: RateLimitKey) -> Option<Quota> {
        let counters = match (class, protocol) {
            // Both protocols share this counter, so that an attacker gains nothing by changing the protocol.
            (RateLimitClass::Credentials, _) => return Some(self.spend_credentials(key)),
            (RateLimitClass::Notification, _) => return None,
            (RateLimitClass::Write, Protocol::Rest) => Some(&self.write),
            (RateLimitClass::Read, Protocol::Rest) => Some(&self.read),
            (RateLimitClass::Write, Protocol::Grpc) => self.grpc_write.as_ref(),
            (RateLimitClass::Read, Protocol::Grpc) => self.grpc_read.as_ref(),
        };
        counters.map(|counters| counters.check(key))
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl RateLimiter for Unlimited {
    fn check(&self, _protocol: Protocol, _class: RateLimitClass, _key: RateLimitKey) -> Option<Quota> {
        None
    }
}

/// The windows of all clients for one rate.
struct Counters {
    rate: Rate,
    windows: Cache<RateLimitKey, Arc<Window>>,
}

/// A client's calls since its window began. The cache drops it at its end.
struct Window {
    began: Instant,
    calls: AtomicU32,
}

impl Counters {
    fn new(rate: Rate, max_clients: u64) -> Self {
        let windows = Cache::builder()
            .max_capacity(max_clients)
            .time_to_live(rate.window)
            // The cache's default policy may not admit a new client to a full cache, which would leave it uncounted.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { rate, windows }
    }

    fn check(&self, key: RateLimitKey) -> Quota {
        let window =
            self.windows.get_with(key, || Arc::new(Window { began: Instant::now(), calls: AtomicU32::new(0) }));
        let made = window.count(self.rate.limit);
        Quota {
            limit: self.rate.limit,
            window: self.rate.window,
            remaining: self.rate.limit.saturating_sub(made),
            resets_in: self.rate.window.saturating_sub(window.began.elapsed()),
            exceeded: made > self.rate.limit,
        }
    }
}

impl Window {
    /// Counts a call and returns its number, at most one more than the limit. Counting stops there, so that the counter
    /// cannot overflow.
    fn count(&self, limit: u32) -> u32 {
        let beyond = limit.saturating_add(1);
        if self.calls.load(Ordering::Relaxed) >= limit {
            return beyond;
        }
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        before.saturating_add(1).min(beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::client::ClientAddress;
    use domain::user::UserId;
    use std::thread;

    /// Long enough that no slow test ends a window.
    const NEVER: Duration = Duration::from_secs(3600);

    fn rate(limit: u32, window: Duration) -> Rate {
        Rate { limit, window }
    }

    fn quotas(options: Options) -> impl Fn(RateLimitClass, RateLimitKey) -> Quota {
        let quotas = ClientLimits::new(options);
        move |class, key| quotas.check(Protocol::Rest, class, key).unwrap()
    }

    fn client(last: u8) -> RateLimitKey {
        RateLimitKey::Client(ClientAddress::new([203, 0, 113, last].into()))
    }

    #[test]
    fn the_call_past_the_limit_is_refused_and_the_client_told_when_to_return() {
        let check = quotas(Options { write: rate(3, NEVER), ..Options::default() });
        for left in [2, 1, 0] {
            let quota = check(RateLimitClass::Write, client(1));
            assert_eq!((quota.remaining, quota.exceeded), (left, false));
        }
        let quota = check(RateLimitClass::Write, client(1));
        assert_eq!((quota.limit, quota.remaining, quota.exceeded, quota.window), (3, 0, true, NEVER));
        assert!(quota.resets_in <= NEVER && quota.resets_in > NEVER / 2);
    }

    #[test]
    fn clients_users_and_classes_are_counted_apart() {
        let check = quotas(Options { write: rate(1, NEVER), read: rate(1, NEVER), ..Options::default() });
        let user = RateLimitKey::User(UserId::generate());
        for key in [client(1), client(2), user] {
            for class in [RateLimitClass::Write, RateLimitClass::Read] {
                assert!(!check(class, key).exceeded);
                assert!(check(class, key).exceeded);
            }
        }
    }

    #[test]
    fn a_window_that_ends_begins_anew() {
        let check = quotas(Options { read: rate(1, Duration::from_millis(500)), ..Options::default() });
        assert!(!check(RateLimitClass::Read, client(1)).exceeded);
        let refused = check(RateLimitClass::Read, client(1));
        assert!(refused.exceeded);
        thread::sleep(refused.resets_in + Duration::from_millis(20));
        assert!(!check(RateLimitClass::Read, client(1)).exceeded);
    }

    #[test]
    fn credentials_have_two_windows_and_the_tighter_is_told() {
        let short = Duration::from_millis(500);
        let check = quotas(Options {
            credentials: rate(2, short),
            credentials_sustained: rate(3, NEVER),
            ..Options::default()
        });
        let told = |quota: Quota| (quota.limit, quota.remaining, quota.exceeded);
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(told(check(RateLimitClass::Credentials, client(1))));
        }
        let refused = (2, 0, true);
        assert_eq!(seen, [(2, 1, false), (2, 0, false), refused, refused, refused]);

        thread::sleep(short + Duration::from_millis(20));
        assert_eq!(
            told(check(RateLimitClass::Credentials, client(1))),
            (3, 0, false),
            "refused calls have not drawn on the long window"
        );
        assert_eq!(told(check(RateLimitClass::Credentials, client(1))), (3, 0, true));
    }

    #[test]
    fn calls_at_the_same_time_are_all_counted() {
        let quotas = ClientLimits::new(Options { read: rate(1000, NEVER), ..Options::default() });
        let admitted = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if !quotas.check(Protocol::Rest, RateLimitClass::Read, client(1)).unwrap().exceeded {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1000);
    }

    #[test]
    fn a_crowd_of_strangers_neither_frees_a_busy_client_nor_takes_memory_without_bound() {
        let (limit, max_clients) = (20, 1_000);
        let quotas = ClientLimits::new(Options { read: rate(limit, NEVER), max_clients, ..Options::default() });
        let mut admitted = 0;
        for _ in 0..2 * limit {
            let quota = quotas.check(Protocol::Rest, RateLimitClass::Read, client(1)).unwrap();
            admitted += u32::from(!quota.exceeded);
            for _ in 0..max_clients / 3 {
                quotas.check(Protocol::Rest, RateLimitClass::Read, RateLimitKey::User(UserId::generate()));
            }
        }
        assert_eq!(admitted, limit);
        quotas.read.windows.run_pending_tasks();
        assert!(quotas.read.windows.entry_count() <= max_clients);
    }

    #[test]
    fn a_newcomer_is_counted_from_the_first_call_though_memory_is_full() {
        let (limit, max_clients) = (5, 1_000);
        let quotas = ClientLimits::new(Options { read: rate(limit, NEVER), max_clients, ..Options::default() });
        let regulars: Vec<_> = (0..max_clients).map(|_| RateLimitKey::User(UserId::generate())).collect();
        let call_all = || {
            for regular in &regulars {
                quotas.check(Protocol::Rest, RateLimitClass::Read, *regular);
            }
            quotas.read.windows.run_pending_tasks();
        };
        (0..8).for_each(|_| call_all());
        for call in 1..=limit + 1 {
            let quota = quotas.check(Protocol::Rest, RateLimitClass::Read, client(1)).unwrap();
            assert_eq!(quota.exceeded, call > limit, "call {call}");
            quotas.read.windows.run_pending_tasks();
        }
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        assert_eq!(Unlimited.check(Protocol::Rest, RateLimitClass::Credentials, client(1)), None);
    }

    #[test]
    fn over_grpc_nothing_but_credentials_is_limited_unless_that_is_wanted() {
        let one = rate(1, NEVER);
        let options = Options { credentials: rate(3, NEVER), write: one, read: one, ..Options::default() };
        let quotas = ClientLimits::new(options);
        for _ in 0..1000 {
            assert_eq!(quotas.check(Protocol::Grpc, RateLimitClass::Write, client(1)), None);
            assert_eq!(quotas.check(Protocol::Grpc, RateLimitClass::Read, client(1)), None);
        }
        for (protocol, exceeded) in [
            (Protocol::Grpc, false),
            (Protocol::Rest, false),
            (Protocol::Grpc, false),
            (Protocol::Grpc, true),
            (Protocol::Rest, true),
        ] {
            assert_eq!(quotas.check(protocol, RateLimitClass::Credentials, client(1)).unwrap().exceeded, exceeded);
        }

        let quotas = ClientLimits::new(Options { grpc_write: Some(one), grpc_read: Some(rate(2, NEVER)), ..options });
        let exceeded = |protocol, class| quotas.check(protocol, class, client(1)).unwrap().exceeded;
        assert_eq!([(); 2].map(|()| exceeded(Protocol::Grpc, RateLimitClass::Write)), [false, true]);
        assert_eq!([(); 3].map(|()| exceeded(Protocol::Grpc, RateLimitClass::Read)), [false, false, true]);
        assert!(!exceeded(Protocol::Rest, RateLimitClass::Write), "each protocol is counted by itself");
    }
}
