//! The ports of the domain, played for a test.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::access::{TokenRefused, TokenVerifier};
use domain::actor::Identity;
use domain::clock::Deadline;
use domain::error::{Error, ErrorCode};
use domain::observe::{Observer, Protocol, RequestReport};
use domain::quota::{Allowance, Quota, Quotas, Spender};
use domain::use_case::Spawner;
use domain::user::{
    AccessToken, Email, PasswordAttempt, PasswordHash, PasswordHasher, Profile, Role, TokenIssuer, User, UserId,
    UserQueries, Users, Verdict,
};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// The token of the one account there is, and that account.
pub(crate) const TOKEN: &str = "good";
pub(crate) const OWNER: &str = "0198c5f0-0000-7000-8000-000000000001";

/// A token on which the verifier panics.
pub(crate) const PANIC_TOKEN: &str = "panic";

/// What must never leave the server.
pub(crate) const SECRET: &str = "hunter2";

/// How long to wait, where an error tells it.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(2_500);

/// What the storage does when it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Play {
    Answer,
    Fail(ErrorCode),
    Take(Duration),
    Hang,
    Panic,
}

/// A report, with what it borrows made its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) method: String,
    pub(crate) route: String,
    pub(crate) status: u16,
    pub(crate) is_fault: bool,
    pub(crate) request_id: String,
    pub(crate) client: String,
}

/// All ports at once.
pub(crate) struct Stage {
    pub(crate) play: Mutex<Play>,
    pub(crate) quota: Mutex<Option<Quota>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) panics: AtomicUsize,
    pub(crate) added: Mutex<Vec<String>>,
    pub(crate) reports: Mutex<Vec<Report>>,
    pub(crate) spenders: Mutex<Vec<Spender>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            play: Mutex::new(Play::Answer),
            quota: Mutex::default(),
            asked: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
            added: Mutex::default(),
            reports: Mutex::default(),
            spenders: Mutex::default(),
        }
    }

    async fn perform(&self) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let play = *self.play.lock().unwrap();
        match play {
            Play::Answer => Ok(()),
            Play::Fail(code) => Err(failure(code)),
            Play::Take(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Play::Hang => std::future::pending().await,
            Play::Panic => panic!("{SECRET}"),
        }
    }
}

/// An error as the domain's ports make it.
fn failure(code: ErrorCode) -> Error {
    match code {
        ErrorCode::Internal => Error::internal(SECRET),
        ErrorCode::RateLimited | ErrorCode::LoginThrottled | ErrorCode::Overloaded | ErrorCode::Unavailable => {
            Error::retry_later(code, RETRY_AFTER)
        }
        _ => Error::new(code),
    }
}

#[async_trait]
impl UserQueries for Stage {
    async fn profile(&self, id: UserId, _by: Deadline) -> Result<Option<Profile>, Error> {
        self.perform().await?;
        Ok(Some(Profile {
            id, name: "Ada \"<é>\"".to_owned(), email: "ada@example.com".to_owned(), role: Role::Buyer
        }))
    }
}

#[async_trait]
impl Users for Stage {
    async fn add(&self, user: &User, _by: Deadline) -> Result<(), Error> {
        self.perform().await?;
        self.added.lock().unwrap().push(user.name().as_str().to_owned());
        Ok(())
    }

    async fn is_email_taken(&self, _email: &Email, _by: Deadline) -> Result<bool, Error> {
        Ok(true)
    }

    async fn find_by_email(&self, email: &Email, _by: Deadline) -> Result<Option<User>, Error> {
        self.perform().await?;
        let (name, email, role) = (name("Ada"), email.clone(), Role::Buyer);
        Ok(Some(User::register(name, email, role, PasswordHash::new("$2b$04$"), DateTime::UNIX_EPOCH)))
    }

    async fn renew_password_hash(
        &self,
        _id: UserId,
        _old: &PasswordHash,
        _new: &PasswordHash,
        _by: Deadline,
    ) -> Result<(), Error> {
        Ok(())
    }
}

fn name(text: &str) -> domain::user::Name {
    domain::user::Name::parse(text).unwrap()
}

#[async_trait]
impl PasswordHasher for Stage {
    async fn hash(&self, _password: PasswordAttempt, _by: Deadline) -> Result<PasswordHash, Error> {
        Ok(PasswordHash::new("$2b$04$"))
    }

    async fn verify(
        &self,
        _password: PasswordAttempt,
        _stored: Option<PasswordHash>,
        _by: Deadline,
    ) -> Result<Verdict, Error> {
        Ok(Verdict::Right { renewed: None })
    }
}

impl TokenIssuer for Stage {
    fn issue(&self, _id: UserId, _role: Role, _now: DateTime<Utc>) -> Result<AccessToken, Error> {
        Ok(AccessToken::new(TOKEN))
    }
}

impl TokenVerifier for Stage {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        match token {
            TOKEN => Ok(Identity { id: OWNER.parse().unwrap(), role: Role::Buyer }),
            PANIC_TOKEN => panic!("{SECRET}"),
            _ => Err(TokenRefused("not the one".to_owned())),
        }
    }
}

impl Quotas for Stage {
    fn spend(&self, _allowance: Allowance, spender: Spender) -> Option<Quota> {
        self.spenders.lock().unwrap().push(spender);
        *self.quota.lock().unwrap()
    }
}

impl Observer for Stage {
    fn request_answered(&self, report: &RequestReport<'_>) {
        assert_eq!(report.protocol, Protocol::Rest);
        self.reports.lock().unwrap().push(Report {
            method: report.method.to_owned(),
            route: report.route.to_owned(),
            status: report.status,
            is_fault: report.is_fault,
            request_id: report.request_id.to_string(),
            client: report.client.to_string(),
        });
    }

    fn use_case_ended(&self, _name: &'static str, _outcome: Option<ErrorCode>, _elapsed: Duration) {}

    fn panic_caught(&self, _place: &'static str) {
        self.panics.fetch_add(1, Ordering::SeqCst);
    }
}

/// Runs commands on the runtime of the test.
pub(crate) struct TestRuntime(pub(crate) Handle);

impl Spawner for TestRuntime {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(task);
    }
}
