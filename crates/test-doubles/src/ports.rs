//! What all calls share, and how the storage behaves.

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

/// The token of a buyer, and the account.
pub const TOKEN: &str = "good";
/// The buyer's account.
pub const OWNER: &str = "0198c5f0-0000-7000-8000-000000000001";

/// The token of a seller.
pub const SELLER_TOKEN: &str = "seller";
/// The seller's account.
pub const SELLER: &str = "0198c5f0-0000-7000-8000-000000000002";

/// The token of another seller.
pub const OTHER_SELLER_TOKEN: &str = "other seller";
/// The other seller's account.
pub const OTHER_SELLER: &str = "0198c5f0-0000-7000-8000-000000000003";

/// A token on which the verifier panics.
pub const PANIC_TOKEN: &str = "panic";

/// What must never leave the server.
pub const SECRET: &str = "hunter2";

/// How long to wait, where an error tells it.
pub const RETRY_AFTER: Duration = Duration::from_millis(2_500);

/// What the storage does when it is asked.
#[derive(Clone, Copy, Debug)]
pub enum StorageBehavior {
    /// Answers at once.
    Answer,
    /// Fails so.
    Fail(ErrorCode),
    /// Answers after so long.
    Delay(Duration),
    /// Never answers.
    Hang,
    /// Panics, with [`SECRET`].
    Panic,
}

/// A report, with what it borrows made its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The protocol of the request.
    pub protocol: Protocol,
    /// Its method.
    pub method: String,
    /// The route that it found.
    pub route: String,
    /// How it was answered.
    pub status: u16,
    /// Whether that is a fault of the server.
    pub is_fault: bool,
    /// Its identifier.
    pub request_id: String,
    /// Where it came from.
    pub client: ClientAddress,
}

/// All ports at once.
pub struct FakePorts {
    /// What the storage does.
    pub behavior: Mutex<StorageBehavior>,
    /// What every password is found to be.
    pub password_check: Mutex<PasswordCheck>,
    /// What is left of every class; none where calls are not limited.
    pub quota: Mutex<Option<Quota>>,
    /// How often the storage has been asked.
    pub asked: AtomicUsize,
    /// How many panics were caught.
    pub panics: AtomicUsize,
    /// The names of the accounts that were added.
    pub added: Mutex<Vec<String>>,
    /// What was reported.
    pub reports: Mutex<Vec<Report>>,
    /// Whom calls were counted against.
    pub rate_limit_keys: Mutex<Vec<RateLimitKey>>,
    /// The products and their images.
    pub products: FakeProducts,
    /// The payments, and the gateway.
    pub payments: FakePayments,
    /// How many notifications were taken for forged ones.
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
    /// Does what is to be played.
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

/// An error as the domain's ports make it.
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
        self.reports.lock().unwrap().push(Report {
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
}
