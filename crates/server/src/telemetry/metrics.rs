//! Metrics in the OpenMetrics text format, which Prometheus scrapes.

use app::observe::{Protocol, RequestReport};
use domain::error::ErrorCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::time::Duration;

/// The prefix of every metric's name.
const PREFIX: &str = "gocommerce";

/// The upper bounds of the latency buckets, in seconds: from a cached read to the longest a request may take.
const LATENCY_BUCKETS: [f64; 13] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    protocol: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    protocol: &'static str,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    use_case: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UseCaseLabels {
    use_case: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlaceLabels {
    place: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PaymentLabels {
    what: &'static str,
    outcome: &'static str,
}

/// A value that is read at the moment of the scrape.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// The metric's name without the common prefix.
    pub name: &'static str,
    pub help: &'static str,
    /// What tells it apart from its siblings of the same name.
    pub labels: Vec<(&'static str, &'static str)>,
    pub value: i64,
    /// Whether it only grows.
    pub is_counter: bool,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram>,
    outcomes: Family<OutcomeLabels, Counter>,
    use_case_seconds: Family<UseCaseLabels, Histogram>,
    panics: Family<PlaceLabels, Counter>,
    payments: Family<PaymentLabels, Counter>,
}

fn latencies() -> Histogram {
    Histogram::new(LATENCY_BUCKETS)
}

impl Metrics {
    /// Counters at zero. `gauges` is asked at every scrape.
    pub fn new(gauges: impl Fn() -> Vec<Gauge> + Send + Sync + 'static) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        let request_seconds = Family::new_with_constructor(latencies as fn() -> Histogram);
        let outcomes = Family::default();
        let use_case_seconds = Family::new_with_constructor(latencies as fn() -> Histogram);
        let panics = Family::default();
        let payments = Family::default();
        registry.register("requests", "Requests answered, by protocol, route and status", requests.clone());
        registry.register(
            "request_duration_seconds",
            "From a request's head to its answer's head",
            request_seconds.clone(),
        );
        registry.register("use_cases", "Use cases ended, by outcome: ok or the error's code", outcomes.clone());
        registry.register("use_case_duration_seconds", "How long use cases took", use_case_seconds.clone());
        registry.register("panics", "Panics caught and answered", panics.clone());
        let help = "What came of notifications, of payments that were asked about, and of mails";
        registry.register("payment_work", help, payments.clone());
        registry.register("build", "What is running", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_collector(Box::new(Gauges(Box::new(gauges))));
        Self { registry, requests, request_seconds, outcomes, use_case_seconds, panics, payments }
    }

    /// The text of a scrape.
    ///
    /// # Errors
    /// Where a value cannot be written.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub(super) fn request(&self, report: &RequestReport<'_>) {
        let (protocol, route) = (Protocol::as_str(report.protocol), report.route.to_owned());
        let labels = RequestLabels { protocol, route, status: report.status };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { protocol, route: labels.route };
        self.request_seconds.get_or_create(&labels).observe(report.elapsed.as_secs_f64());
    }

    pub(super) fn use_case(&self, use_case: &'static str, outcome: Option<ErrorCode>, elapsed: Duration) {
        let outcome = outcome.map_or("ok", ErrorCode::as_str);
        self.outcomes.get_or_create(&OutcomeLabels { use_case, outcome }).inc();
        self.use_case_seconds.get_or_create(&UseCaseLabels { use_case }).observe(elapsed.as_secs_f64());
    }

    pub(super) fn payment(&self, what: &'static str, outcome: &'static str) {
        self.payments.get_or_create(&PaymentLabels { what, outcome }).inc();
    }

    pub(super) fn panic(&self, place: &'static str) {
        self.panics.get_or_create(&PlaceLabels { place }).inc();
    }
}

/// Values that are read, not counted.
struct Gauges(Box<dyn Fn() -> Vec<Gauge> + Send + Sync>);

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = (self.0)();
        // The format wants all values of one name together, under one description.
        for family in gauges.chunk_by(|one, next| one.name == next.name) {
            let Some(first) = family.first() else { continue };
            let kind = if first.is_counter { MetricType::Counter } else { MetricType::Gauge };
            let mut family_encoder = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            for gauge in family {
                let labels = gauge.labels.as_slice();
                let labelled = family_encoder.encode_family(&labels)?;
                if first.is_counter {
                    ConstCounter::new(gauge.value.unsigned_abs()).encode(labelled)?;
                } else {
                    ConstGauge::new(gauge.value).encode(labelled)?;
                }
            }
        }
        Ok(())
    }
}
