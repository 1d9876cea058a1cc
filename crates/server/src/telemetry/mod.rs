//! What the process tells of itself: log lines and metrics.

mod json;
mod logs;
mod metrics;

pub use logs::{LogGuard, LogLevel, dropped_lines, init};
pub use metrics::{Gauge, Metrics};

use app::observe::{Observer, PaymentReport, RequestReport};
use app::payment::SendOutcome;
use domain::error::ErrorCode;
use std::sync::Arc;
use std::time::Duration;

/// Turns the shop's reports into log lines and metrics.
pub struct Telemetry {
    metrics: Arc<Metrics>,
}

impl Telemetry {
    /// Reports to these metrics, and to the log.
    #[must_use]
    pub const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

impl Observer for Telemetry {
    fn request_answered(&self, report: &RequestReport<'_>) {
        self.metrics.request(report);
        // The request's identifier and its method are in the span that every line of the request has.
        let RequestReport { protocol, route, status, elapsed, client, is_fault, .. } = report;
        let (protocol, latency_us) = (protocol.as_str(), u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        if *is_fault {
            tracing::warn!(protocol, route, status, latency_us, %client, "request answered");
        } else {
            tracing::info!(protocol, route, status, latency_us, %client, "request answered");
        }
    }

    fn use_case_ended(&self, name: &'static str, outcome: Option<ErrorCode>, elapsed: Duration) {
        self.metrics.use_case(name, outcome, elapsed);
    }

    fn payment(&self, report: PaymentReport<'_>) {
        let (what, outcome) = match report {
            PaymentReport::Forged => ("notification", "forged"),
            PaymentReport::Notification(outcome) => ("notification", outcome.as_str()),
            PaymentReport::Corrected => ("payment", "corrected"),
            PaymentReport::Mail(SendOutcome::Done(delivery)) => ("mail", delivery.state().as_str()),
            PaymentReport::Mail(SendOutcome::Deferred { .. }) => ("mail", "put_back"),
            PaymentReport::Mail(SendOutcome::Failed { is_uncertain: true, .. }) => ("mail", "uncertain"),
            PaymentReport::Mail(SendOutcome::Failed { .. }) => ("mail", "failed"),
            PaymentReport::Mail(SendOutcome::Dead { .. }) => ("mail", "dead"),
            PaymentReport::UnsupportedAddress => ("mail", "unsupported"),
            PaymentReport::SenderRefused => ("mail", "refused"),
        };
        self.metrics.payment(what, outcome);
    }

    fn panic_caught(&self, place: &'static str) {
        self.metrics.panic(place);
        tracing::error!(place, "a panic was caught and answered");
    }
}
