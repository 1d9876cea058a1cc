//! Hashes passwords by bcrypt on an executor of their own.

use app::clock::Deadline;
use app::user::{HashingPermit, PasswordCheck, PasswordHasher};
use async_trait::async_trait;
use base64::Engine;
use bcrypt::HashParts;
use domain::error::{Error, ErrorCode};
use domain::user::{PasswordAttempt, PasswordHash, is_distinguishable};
use executor::{Admission, AdmissionOptions, Executor, ExecutorGauges, ExecutorOptions, Refusal, thread_cpu_time};
use rounds::BASE_64;
use std::io;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;

mod rounds;

/// The accepted costs. Each step doubles the work: 12 takes about a quarter of a second, 16 four seconds; a stored hash with
/// a higher cost would occupy a thread for minutes to days.
const COSTS: RangeInclusive<u32> = 4..=16;

/// The part of each CPU that hashing gets even while others want it (docs/decisions.md).
const SHARE: f64 = 0.35;

/// The prefix of new hashes. `$2a$` and `$2y$` are older names of the same computation.
const PREFIX: &str = "$2b$";
const PREFIXES: [&str; 3] = ["$2a$", PREFIX, "$2y$"];

/// Where the digest begins in a stored hash, behind prefix, cost and salt.
const DIGEST: usize = 29;

/// About how long a hash of cost 12 takes, until it is measured.
const COST_12: Duration = Duration::from_millis(250);

/// How many log-ins are admitted at least, or one for each thread, however slow they are.
const LEAST_IN: usize = 4;

/// How long a burst of log-ins may take.
const BURST: Duration = Duration::from_secs(2);

/// How long the admitted log-ins may take while more come than can be served: little, so that a second later all is as usual.
const STANDING: Duration = Duration::from_millis(500);

/// For how long more come than can be served until they are taken for more than a burst.
const SETTLES: Duration = Duration::from_millis(500);

/// How long a log-in waits for admission.
const MAX_WAIT: Duration = Duration::from_millis(400);

/// When a refused caller may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long a hash may wait for a thread. An admitted log-in is served, within the time that its caller allows.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// bcrypt's cost, 4 to 16: the logarithm to base 2 of its rounds. OWASP asks for 10 at least.
    pub cost: u32,
    /// The number of threads; at least one.
    pub threads: usize,
    /// How many are admitted or wait, beyond one for each thread.
    pub queue: usize,
}

fn cpus() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

impl Default for Options {
    fn default() -> Self {
        Self { cost: 12, threads: 2 * cpus(), queue: 64 }
    }
}

/// Hashes passwords with bcrypt, in the format that the Go system's hashes have.
///
/// bcrypt stops reading after 72 bytes and at a NUL, and its crates silently drop the rest. Such a text is therefore never
/// hashed, and counts as a wrong password at a log-in.
pub struct Bcrypt {
    executor: Executor,
    admission: Admission,
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
        let (threads, cpus) = (options.threads.max(1), cpus());
        let at_once = threads.min(cpus);
        let most = threads + options.queue;
        let one = COST_12.mul_f64(2_f64.powi(options.cost.cast_signed() - 12));
        let admission = Admission::new(AdmissionOptions {
            cpus: at_once,
            most,
            least: threads.max(LEAST_IN),
            pace: one / u32::try_from(at_once).unwrap_or(u32::MAX),
            burst: BURST,
            standing: STANDING,
            settles: SETTLES,
            max_wait: MAX_WAIT,
        });
        let executor = Executor::start(ExecutorOptions {
            name: "hash",
            threads,
            // A few more than are admitted: the measurement at the start has no permit.
            queue: most + threads,
            max_wait: QUEUE_TIMEOUT,
            share: SHARE.min(SHARE * cpus as f64 / threads as f64),
        })?;
        Ok(Self { executor, admission, cost: options.cost })
    }

    /// The hashing threads, and the log-ins and registrations that wait for admission or for a thread.
    #[must_use]
    pub fn gauges(&self) -> ExecutorGauges {
        let gauges = self.executor.gauges();
        ExecutorGauges { waiting: gauges.waiting + self.admission.gauges().waiting, ..gauges }
    }

    /// Measures the CPU time of one hash, which does not depend on what else the machine has to do.
    ///
    /// # Errors
    /// Those of [`PasswordHasher`].
    pub async fn measure(&self, by: Deadline) -> Result<Duration, Error> {
        let cost = self.cost;
        self.compute(by, move || {
            let before = thread_cpu_time();
            pretend("a password of usual length", cost);
            thread_cpu_time().saturating_sub(before)
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        by: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (gauges, begun) = (self.executor.gauges(), Instant::now());
        let done = self.executor.run(by, work).await?;
        self.admission.measured(begun.elapsed(), gauges.in_use + gauges.waiting + 1);
        Ok(done)
    }
}

#[async_trait]
impl PasswordHasher for Bcrypt {
    async fn admit(&self, by: Deadline) -> Result<HashingPermit, Error> {
        match self.admission.enter(by).await {
            Ok(admitted) => Ok(HashingPermit::new(admitted)),
            Err(Refusal::DeadlinePassed) => Err(ErrorCode::DeadlineExceeded.into()),
            Err(_) => Err(Error::overloaded(RETRY_AFTER)),
        }
    }

    async fn hash(
        &self,
        password: PasswordAttempt,
        _permit: HashingPermit,
        by: Deadline,
    ) -> Result<PasswordHash, Error> {
        if !is_distinguishable(password.prepared()) {
            return Err(Error::internal("bcrypt would cut this password"));
        }
        let cost = self.cost;
        self.compute(by, move || make(password.prepared(), cost)).await?.map_err(Error::internal)
    }

    async fn verify(
        &self,
        password: PasswordAttempt,
        stored: Option<PasswordHash>,
        _permit: HashingPermit,
        by: Deadline,
    ) -> Result<PasswordCheck, Error> {
        let cost = self.cost;
        self.compute(by, move || check(&password, stored.as_ref(), cost)).await
    }
}

fn make(password: &str, cost: u32) -> Result<PasswordHash, getrandom::Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    let digest = rounds::digest(password, &salt, cost);
    Ok(PasswordHash::new(format!("{PREFIX}{cost:02}${}{digest}", BASE_64.encode(salt))))
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
        if stored.is_of(spelling) {
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

/// Computes a hash that belongs to no account.
fn pretend(password: &str, cost: u32) {
    // The result is ignored.
    let _ = std::hint::black_box(rounds::digest(password, &[0; 16], cost));
}

/// A stored hash that can be checked against.
struct StoredHash<'a> {
    text: &'a str,
    salt: [u8; 16],
    cost: u32,
}

impl<'a> StoredHash<'a> {
    fn parse(stored: &'a PasswordHash) -> Option<Self> {
        let text = stored.as_str();
        match text.parse::<HashParts>() {
            Ok(parts)
                if COSTS.contains(&parts.get_cost()) && PREFIXES.iter().any(|prefix| text.starts_with(prefix)) =>
            {
                Some(Self { text, salt: parts.get_salt_raw(), cost: parts.get_cost() })
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

    /// Whether it is the hash of this spelling of a password.
    fn is_of(&self, spelling: &str) -> bool {
        let digest = rounds::digest(spelling, &self.salt, self.cost);
        self.text.as_bytes().get(DIGEST..).unwrap_or_default().ct_eq(digest.as_bytes()).into()
    }

    /// Whether it has today's format and cost. A higher cost is renewed as well: with different costs, the duration reveals
    /// whether an account exists.
    fn is_current(&self, cost: u32) -> bool {
        self.cost == cost && self.text.starts_with(PREFIX)
    }
}

#[cfg(test)]
mod tests;
