//! Doubles of the ports that no history is about.

use app::clock::{Clock, Deadline};
use app::observe::{Observer, PaymentReport, RequestReport};
use app::payment::{PaymentCodes, PaymentNotifier, Subscription};
use app::product::{ImageInspector, ImageStore};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode, Reason};
use domain::payment::{PaymentCode, PaymentId};
use domain::product::{Image, ImageAddress, ImageKey};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that only the history moves.
pub(crate) struct ManualClock(pub(crate) Mutex<DateTime<Utc>>);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

pub(crate) struct Codes;

impl PaymentCodes for Codes {
    fn draw(&self) -> PaymentCode {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        PaymentCode::of(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Ports that do nothing.
pub(crate) struct NoOp;

#[async_trait]
impl PaymentNotifier for NoOp {
    fn notify(&self, _id: PaymentId) {}

    fn subscribe(&self, _id: PaymentId) -> Option<Box<dyn Subscription>> {
        None
    }
}

impl Observer for NoOp {
    fn request_answered(&self, _report: &RequestReport<'_>) {}
    fn use_case_ended(&self, _name: &'static str, _outcome: Option<ErrorCode>, _elapsed: Duration) {}
    fn payment(&self, _report: PaymentReport<'_>) {}
    fn panic_caught(&self, place: &'static str) {
        panic!("{place} panicked");
    }
}

#[async_trait]
impl ImageStore for NoOp {
    async fn put(&self, _key: &ImageKey, _image: Image, _by: Deadline) -> Result<(), Error> {
        unreachable!("no image is stored here")
    }

    async fn remove(&self, _key: &ImageKey, _by: Deadline) -> Result<(), Error> {
        unreachable!("no image is removed here")
    }

    async fn address(&self, _key: &ImageKey) -> Result<ImageAddress, Error> {
        unreachable!("no image is shown here")
    }
}

#[async_trait]
impl ImageInspector for NoOp {
    async fn inspect(&self, _bytes: Vec<u8>, _by: Deadline) -> Result<Result<Image, Reason>, Error> {
        unreachable!("no image is looked at here")
    }
}
