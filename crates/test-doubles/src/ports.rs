//! The ports that all calls share, and how the storage behaves.

use crate::payments::FakePayments;
use crate::products::FakeProducts;
use app::access::{TokenRefused, TokenVerifier};
use app::client::ClientAddress;
use app::observe::{Observer, PaymentReport, Protocol, RequestReport};
use app::rate_limit::{Quota, RateLimitClass, RateLimitKey, RateLimiter};
use app::user::PasswordCheck;
use domain::actor::Identity;
use domain::error::{Error, ErrorCode};
use domain::user::Role;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The token of the buyer [`OWNER`].
pub const TOKEN: &str = "good";
/// The buyer's account.
pub const OWNER: &str = "0198c5f0-0000-7000-8000-000000000001";

/// The token of [`SELLER`].
pub const SELLER_TOKEN: &str = "seller";
pub const SELLER: &str = "0198c5f0-0000-7000-8000-000000000002";

/// The token of [`OTHER_SELLER`].
pub const OTHER_SELLER_TOKEN: &str = "other seller";
pub const OTHER_SELLER: &str = "0198c5f0-0000-7000-8000-000000000003";

/// A token on which the verifier panics.
pub const PANIC_TOKEN: &str = "panic";

/// A text that must never leave the server.
pub const SECRET: &str = "hunter2";

/// The waiting time in errors that have one.
pub const RETRY_AFTER: Duration = Duration::from_millis(2_500);

/// How the storage answers a call.
#[derive(Clone, Copy, Debug)]
pub enum StorageBehavior {
    Answer,
    Fail(ErrorCode),
    /// Answers after this time.
    Delay(Duration),
    Hang,
    /// Panics, with [`SECRET`].
    Panic,
}

/// An owned copy of a [`RequestReport`].
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRecord {
    pub protocol: Protocol,
    pub method: String,
    pub route: String,
    pub status: u16,
    pub is_fault: bool,
    pub request_id: String,
    pub client: ClientAddress,
}

pub struct FakePorts {
    pub behavior: Mutex<StorageBehavior>,
    /// The result of every password check.
    pub password_check: Mutex<PasswordCheck>,
    /// The quota of every class; `None` without a limit.
    pub quota: Mutex<Option<Quota>>,
    /// The number of calls to the storage.
    pub asked: AtomicUsize,
    pub panics: AtomicUsize,
    /// The names of the added accounts.
    pub added: Mutex<Vec<String>>,
    pub reports: Mutex<Vec<RequestRecord>>,
    /// The keys that calls were counted by.
    pub rate_limit_keys: Mutex<Vec<RateLimitKey>>,
    pub products: FakeProducts,
    pub payments: FakePayments,
    /// The number of notifications with a wrong signature.
    pub forged: AtomicUsize,
}

impl Default for FakePorts {
    fn default() -> Self {
        Self {
            behavior: Mutex::new(StorageBehavior::Answer),
            password_check: Mutex::new(PasswordCheck::Right { renewed: None }),
            quota: Mutex::default(),
            asked: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
            added: Mutex::default(),
            reports: Mutex::default(),
            rate_limit_keys: Mutex::default(),
            products: FakeProducts::default(),
            payments: FakePayments::default(),
            forged: AtomicUsize::new(0),
        }
    }
}

impl FakePorts {
    /// Acts as [`FakePorts::behavior`] says.
    pub(crate) async fn behave(&self) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let behavior = *self.behavior.lock().unwrap();
        match behavior {
            StorageBehavior::Answer => Ok(()),
            StorageBehavior::Fail(code) => Err(failure(code)),
            StorageBehavior::Delay(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            StorageBehavior::Hang => std::future::pending().await,
            StorageBehavior::Panic => panic!("{SECRET}"),
        }
    }
}

/// An error as the ports return it.
fn failure(code: ErrorCode) -> Error {
    match code {
        ErrorCode::Internal => Error::internal(SECRET),
        ErrorCode::ImageStoreFailed => Error::image_store(SECRET),
        ErrorCode::RateLimited | ErrorCode::LoginThrottled | ErrorCode::Overloaded | ErrorCode::Unavailable => {
            Error::retry_later(code, RETRY_AFTER)
        }
        _ => Error::new(code),
    }
}

impl TokenVerifier for FakePorts {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        let identity = |id: &str, role| Ok(Identity { id: id.parse().unwrap(), role });
        match token {
            TOKEN => identity(OWNER, Role::Buyer),
            SELLER_TOKEN => identity(SELLER, Role::Seller),
            OTHER_SELLER_TOKEN => identity(OTHER_SELLER, Role::Seller),
            PANIC_TOKEN => panic!("{SECRET}"),
            _ => Err(TokenRefused("not the one".to_owned())),
        }
    }
}

impl RateLimiter for FakePorts {
    fn check(&self, _protocol: Protocol, class: RateLimitClass, key: RateLimitKey) -> Option<Quota> {
        if class == RateLimitClass::Notification {
            return None;
        }
        self.rate_limit_keys.lock().unwrap().push(key);
        *self.quota.lock().unwrap()
    }
}

impl Observer for FakePorts {
    fn request_answered(&self, report: &RequestReport<'_>) {
        self.reports.lock().unwrap().push(RequestRecord {
            protocol: report.protocol,
            method: report.method.to_owned(),
            route: report.route.to_owned(),
            status: report.status,
            is_fault: report.is_fault,
            request_id: report.request_id.to_string(),
            client: report.client,
        });
    }

    fn use_case_ended(&self, _name: &'static str, _outcome: Option<ErrorCode>, _elapsed: Duration) {}

    fn payment(&self, report: PaymentReport<'_>) {
        if matches!(report, PaymentReport::Forged) {
            self.forged.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn panic_caught(&self, _place: &'static str) {
        self.panics.fetch_add(1, Ordering::SeqCst);
    }

    // The storage plays any error, also one that no use case returns.
    fn unlisted_error(&self, _use_case: &'static str, _code: ErrorCode) {}
}
