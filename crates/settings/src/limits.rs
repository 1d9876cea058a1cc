//! The settings of the rate limits.

use super::environment::Environment;
use super::reader::Reader;

/// The highest limit.
const MOST: u32 = 1_000_000;

#[derive(Clone, Debug)]
pub struct RateLimit {
    /// Whether calls and failed log-ins are limited.
    pub enabled: bool,
    /// Log-ins and registrations a minute.
    pub credentials_per_minute: u32,
    /// Log-ins and registrations an hour.
    pub credentials_per_hour: u32,
    /// Other changes a minute over REST.
    pub writes_per_minute: u32,
    /// Queries a minute over REST.
    pub reads_per_minute: u32,
    /// Other changes a minute over gRPC; 0 for any number.
    pub grpc_writes_per_minute: u32,
    /// Queries a minute over gRPC; 0 for any number.
    pub grpc_reads_per_minute: u32,
}

impl RateLimit {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let limits = Self {
            enabled: reader.flag("rate_limit.enabled"),
            credentials_per_minute: reader.number("rate_limit.credentials_per_minute", 1..=MOST),
            credentials_per_hour: reader.number("rate_limit.credentials_per_hour", 1..=MOST),
            writes_per_minute: reader.number("rate_limit.writes_per_minute", 1..=MOST),
            reads_per_minute: reader.number("rate_limit.reads_per_minute", 1..=MOST),
            grpc_writes_per_minute: reader.number("rate_limit.grpc_writes_per_minute", 0..=MOST),
            grpc_reads_per_minute: reader.number("rate_limit.grpc_reads_per_minute", 0..=MOST),
        };
        if !limits.enabled && reader.environment == Environment::Production {
            reader.warn("rate_limit.enabled", "production lets everybody guess passwords without limit");
        }
        limits
    }
}
