//! Hashes passwords by bcrypt on an executor of their own.

use app::clock::Deadline;
use app::user::{PasswordCheck, PasswordHasher};
use async_trait::async_trait;
use bcrypt::{BcryptError, HashParts};
use domain::error::Error;
use domain::user::{PasswordAttempt, PasswordHash, is_distinguishable};
use executor::{Executor, ExecutorGauges, ExecutorOptions};
use std::io;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

/// The accepted costs. Each step doubles the work: 12 takes about a quarter of a second, 16 four seconds; a stored hash with
/// a higher cost would occupy a thread for minutes to days.
const COSTS: RangeInclusive<u32> = 4..=16;

/// The prefix of new hashes. `$2a$` and `$2y$` are older names of the same computation.
const PREFIX: &str = "$2b$";
const PREFIXES: [&str; 3] = ["$2a$", PREFIX, "$2y$"];

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// bcrypt's cost, 4 to 16: the logarithm to base 2 of its rounds. OWASP asks for 10 at least.
    pub cost: u32,
    /// The number of threads; at least one.
    pub threads: usize,
    pub queue: usize,
    pub max_wait: Duration,
    /// The threads' nice value, 0 to 19: a burst of log-ins should slow down little else. At 19 the server handles nine
    /// tenths of the log-ins of 10, and reads wait half as long (docs/performance.md).
    pub nice: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cost: 12,
            threads: thread::available_parallelism().map_or(1, NonZero::get),
            queue: 64,
            max_wait: Duration::from_secs(2),
            nice: 19,
        }
    }
}

/// Hashes passwords with bcrypt, in the format that the Go system's hashes have.
///
/// bcrypt stops reading after 72 bytes and at a NUL, and its crates silently drop the rest. Such a text is therefore never
/// hashed, and counts as a wrong password at a log-in.
pub struct Bcrypt {
    executor: Executor,
    cost: u32,
}

impl Bcrypt {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the cost is out of bounds, or the operating system starts no thread.
    pub fn start(options: Options) -> io::Result<Self> {
        if !COSTS.contains(&options.cost) {
            let reason = format!("bcrypt cost {} is not within {} to {}", options.cost, COSTS.start(), COSTS.end());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let executor = Executor::start(ExecutorOptions {
            name: "hash",
            threads: options.threads,
            queue: options.queue,
            max_wait: options.max_wait,
            nice: options.nice,
        })?;
        Ok(Self { executor, cost: options.cost })
    }

    #[must_use]
    pub fn gauges(&self) -> ExecutorGauges {
        self.executor.gauges()
    }

    /// Measures the time of one hash.
    ///
    /// # Errors
    /// Those of [`PasswordHasher`].
    pub async fn measure(&self, by: Deadline) -> Result<Duration, Error> {
        let cost = self.cost;
        self.executor
            .run(by, move || {
                let started = Instant::now();
                pretend("a password of usual length", cost);
                started.elapsed()
            })
            .await
    }
}

#[async_trait]
impl PasswordHasher for Bcrypt {
    async fn hash(&self, password: PasswordAttempt, by: Deadline) -> Result<PasswordHash, Error> {
        if !is_distinguishable(password.prepared()) {
            return Err(Error::internal("bcrypt would cut this password"));
        }
        let cost = self.cost;
        self.executor.run(by, move || make(password.prepared(), cost)).await?.map_err(Error::internal)
    }

    async fn verify(
        &self,
        password: PasswordAttempt,
        stored: Option<PasswordHash>,
        by: Deadline,
    ) -> Result<PasswordCheck, Error> {
        let cost = self.cost;
        self.executor.run(by, move || check(&password, stored.as_ref(), cost)).await
    }
}

fn make(password: &str, cost: u32) -> Result<PasswordHash, BcryptError> {
    bcrypt::hash(password, cost).map(PasswordHash::new)
}

/// Checks a password. It computes one hash for each spelling until one is right, with or without a stored hash, so that the
/// duration does not reveal whether the account exists.
fn check(password: &PasswordAttempt, stored: Option<&PasswordHash>, cost: u32) -> PasswordCheck {
    let stored = stored.and_then(StoredHash::parse);
    for spelling in password.spellings() {
        let Some(stored) = stored.as_ref().filter(|_| is_distinguishable(spelling)) else {
            pretend(spelling, cost);
            continue;
        };
        if bcrypt::verify(spelling, stored.text).unwrap_or(false) {
            return PasswordCheck::Right { renewed: renewed(password, spelling, stored, cost) };
        }
    }
    PasswordCheck::Wrong
}

/// Returns the hash that replaces the stored one, if any. `spelling` is the stored hash's; it is kept if bcrypt cannot hash
/// the prepared one.
fn renewed(password: &PasswordAttempt, spelling: &str, stored: &StoredHash, cost: u32) -> Option<PasswordHash> {
    let best = Some(password.prepared()).filter(|text| is_distinguishable(text)).unwrap_or(spelling);
    if best == spelling && stored.is_current(cost) {
        return None;
    }
    make(best, cost).inspect_err(|error| tracing::warn!(%error, "password hash not renewed")).ok()
}

/// Checks against a dummy hash whose salt and digest are zero.
fn pretend(password: &str, cost: u32) {
    let nobodys = format!("{PREFIX}{cost:02}${}", ".".repeat(53));
    // The result is ignored.
    let _ = std::hint::black_box(bcrypt::verify(password, &nobodys));
}

/// A stored hash that can be checked against.
struct StoredHash<'a> {
    text: &'a str,
    cost: u32,
}

impl<'a> StoredHash<'a> {
    fn parse(stored: &'a PasswordHash) -> Option<Self> {
        let text = stored.as_str();
        let cost = text.parse().map(|parts: HashParts| parts.get_cost());
        match cost {
            Ok(cost) if COSTS.contains(&cost) && PREFIXES.iter().any(|prefix| text.starts_with(prefix)) => {
                Some(Self { text, cost })
            }
            Ok(_) => {
                tracing::error!("a stored password hash has a cost or version that is not supported");
                None
            }
            Err(error) => {
                tracing::error!(%error, "a stored password hash is malformed");
                None
            }
        }
    }

    /// Whether it has today's format and cost. A higher cost is renewed as well: with different costs, the duration reveals
    /// whether an account exists.
    fn is_current(&self, cost: u32) -> bool {
        self.cost == cost && self.text.starts_with(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::ErrorCode;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const COST: u32 = 4;

    fn attempt(raw: &str) -> PasswordAttempt {
        PasswordAttempt::parse(raw).unwrap()
    }

    fn stored(raw: &str, cost: u32) -> PasswordHash {
        make(raw, cost).unwrap()
    }

    /// `None` for a wrong password, else whether the hash is renewed.
    fn right(raw: &str, hash: &PasswordHash) -> Option<bool> {
        match check(&attempt(raw), Some(hash), COST) {
            PasswordCheck::Right { renewed } => Some(renewed.is_some()),
            PasswordCheck::Wrong => None,
        }
    }

    fn started() -> Bcrypt {
        let options = Options { cost: COST, ..Options::default() };
        Bcrypt::start(options).unwrap()
    }

    fn soon() -> Deadline {
        Deadline::within(Duration::from_secs(30))
    }

    #[test]
    fn all_72_bytes_count_and_a_73rd_is_wrong() {
        let longest = "x".repeat(72);
        let hash = stored(&longest, COST);
        assert_eq!(right(&longest, &hash), Some(false));
        assert_eq!(right(&"x".repeat(71), &hash), None);
        assert_eq!(right(&"x".repeat(73), &hash), None);
    }

    #[test]
    fn a_nul_is_wrong_where_bcrypt_alone_would_take_it() {
        let hash = stored("abc", COST);
        assert!(bcrypt::verify("abc\0abc", hash.as_str()).unwrap(), "bcrypt's trap");
        assert_eq!(right("abc\0abc", &hash), None);
        assert_eq!(right("abc", &hash), Some(false));
    }

    #[test]
    fn a_hash_of_another_cost_or_version_is_renewed() {
        let other_cost = stored("correct horse", COST + 1);
        let of_go = PasswordHash::new(stored("correct horse", COST).as_str().replacen(PREFIX, "$2a$", 1));
        for old in [other_cost, of_go] {
            let found = check(&attempt("correct horse"), Some(&old), COST);
            let PasswordCheck::Right { renewed: Some(renewed) } = found else {
                panic!("{found:?}");
            };
            assert!(renewed.as_str().starts_with("$2b$04$"));
            assert_eq!(right("correct horse", &renewed), Some(false));
            assert_eq!(right("wrong horse", &old), None, "a wrong password renews nothing");
        }
    }

    #[test]
    fn a_password_is_right_in_each_spelling_and_its_hash_is_made_of_the_prepared_one() {
        let (composed, apart) = ("caf\u{00E9} noir", "cafe\u{0301} noir");
        let hash = stored(composed, COST);
        assert_eq!((right(composed, &hash), right(apart, &hash)), (Some(false), Some(false)));
        let before_preparing = stored(apart, COST);
        assert_eq!(right(composed, &before_preparing), None);
        let found = check(&attempt(apart), Some(&before_preparing), COST);
        let PasswordCheck::Right { renewed: Some(renewed) } = found else { panic!("{found:?}") };
        assert_eq!((right(composed, &renewed), right(apart, &renewed)), (Some(false), Some(false)));
        assert_eq!(right("cafe noir", &renewed), None);
    }

    #[test]
    fn a_spelling_that_bcrypt_would_cut_stands_in_no_other_ones_way() {
        // Of 72 bytes, which become 144.
        let grows = "\u{0958}".repeat(24);
        let hash = stored(&grows, COST);
        assert_eq!(right(&grows, &hash), Some(false), "there is no better hash to be made");
        assert_eq!(right(&"\u{0915}\u{093C}".repeat(24), &hash), None);
        // Of 75 bytes, which become 50.
        let shrinks = "e\u{0301}".repeat(25);
        let hash = stored(&"\u{00E9}".repeat(25), COST);
        assert_eq!(right(&shrinks, &hash), Some(false));
    }

    #[test]
    fn a_wrong_password_takes_as_long_without_an_account_as_with_one() {
        const SLOW: u32 = 8;
        let hash = make("correct horse", SLOW).unwrap();
        let time = |raw: &str, stored: Option<&PasswordHash>| {
            let attempt = attempt(raw);
            let started = Instant::now();
            assert_eq!(check(&attempt, stored, SLOW), PasswordCheck::Wrong);
            started.elapsed()
        };
        // The shortest of many alternating measurements: other load only adds to them.
        let least = |one: &dyn Fn() -> Duration, other: &dyn Fn() -> Duration| {
            let pairs = (0..20).map(|_| (one(), other()));
            pairs.reduce(|(one, other), pair| (one.min(pair.0), other.min(pair.1))).unwrap()
        };
        for raw in ["caf\u{00E9}", "cafe\u{0301}", &"\u{0958}".repeat(24), &"e\u{0301}".repeat(25), &"x".repeat(73)] {
            let (with, without) = least(&|| time(raw, Some(&hash)), &|| time(raw, None));
            assert!(with < without * 3 / 2 && without < with * 3 / 2, "{raw:?}: {with:?} and {without:?}");
        }
        let (two, one) = least(&|| time("cafe\u{0301}", None), &|| time("caf\u{00E9}", None));
        assert!(two > one * 3 / 2, "each spelling takes its hash");
    }

    #[test]
    fn a_hash_that_cannot_be_checked_against_is_wrong() {
        let good = stored("correct horse", COST).as_str().to_owned();
        let (costly, broken, torn) =
            (good.replacen("$04$", "$31$", 1), good.replacen("$2b$", "$2x$", 1), good[..59].to_owned());
        for bad in ["", "plain text", &costly, &broken, &torn, "$argon2id$v=19$m=19456"] {
            assert_eq!(right("correct horse", &PasswordHash::new(bad)), None, "{bad}");
        }
        assert_eq!(check(&attempt("correct horse"), None, COST), PasswordCheck::Wrong);
    }

    #[test]
    fn a_hash_in_vain_is_a_whole_one() {
        let nobodys = format!("$2b$04${}", ".".repeat(53));
        assert!(matches!(bcrypt::verify("x", &nobodys), Ok(false)));
        let time = |cost| {
            let started = Instant::now();
            pretend("x", cost);
            started.elapsed()
        };
        let least = (0..10).map(|_| time(4)).min().unwrap();
        assert!(time(9) > 4 * least, "the work grows with the cost");
    }

    #[tokio::test]
    async fn what_was_hashed_verifies() {
        let passwords = started();
        let hash = passwords.hash(attempt("correct horse"), soon()).await.unwrap();
        assert!(hash.as_str().starts_with("$2b$04$"));
        let right = PasswordCheck::Right { renewed: None };
        let check = passwords.verify(attempt("correct horse"), Some(hash.clone()), soon());
        assert_eq!(check.await.unwrap(), right);
        let check = passwords.verify(attempt("wrong horse"), Some(hash), soon());
        assert_eq!(check.await.unwrap(), PasswordCheck::Wrong);
        let check = passwords.verify(attempt("correct horse"), None, soon());
        assert_eq!(check.await.unwrap(), PasswordCheck::Wrong);
        assert!(passwords.measure(soon()).await.unwrap() > Duration::ZERO);
    }

    #[tokio::test]
    async fn what_bcrypt_would_cut_is_never_hashed() {
        for raw in ["x".repeat(73), "a\0b".to_owned()] {
            let refused = started().hash(attempt(&raw), soon()).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::Internal);
        }
    }

    #[test]
    fn every_hash_has_a_salt_of_its_own() {
        let hashes: HashSet<_> = (0..100).map(|_| stored("same", COST).as_str().to_owned()).collect();
        assert_eq!(hashes.len(), 100);
    }

    #[test]
    fn a_cost_out_of_bounds_does_not_start() {
        for cost in [3, 17] {
            let options = Options { cost, ..Options::default() };
            let refused = Bcrypt::start(options).err().unwrap();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_stored_text_makes_a_panic(
            text in prop_oneof![any::<String>(), "\\$2[abxy]\\$[0-9+]{2}\\$[./A-Za-z0-9é]{50,56}"],
        ) {
            let hash = PasswordHash::new(text);
            if let Some(parsed) = StoredHash::parse(&hash) {
                prop_assert!(COSTS.contains(&parsed.cost));
                prop_assert_eq!(hash.as_str().len(), 60);
            }
        }
    }
}
