//! The settings of logging and shutdown.

use super::reader::Reader;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    /// What is logged, in the syntax of [`EnvFilter`].
    pub level: String,
}

#[derive(Clone, Debug)]
pub struct Shutdown {
    /// How long it accepts connections after it has become not ready.
    pub drain_delay: Duration,
    /// How long requests in progress may take after that.
    pub drain_timeout: Duration,
}

impl Log {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let format = reader.text("log.format", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        let wanted = "off, error, warn, info, debug, trace, or levels of targets such as info,persistence=debug";
        let level = reader.text("log.level", wanted, |text| is_filter(text).then(|| text.to_owned()));
        Self { format: format.unwrap_or_default(), level: level.unwrap_or_default() }
    }
}

/// Whether a text is a filter. `EnvFilter` takes a single word that is not a level for a target that logs everything.
fn is_filter(text: &str) -> bool {
    let is_level = |level: &str| level.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    let says_how_much = |directive: &str| directive.contains(['=', '[']) || is_level(directive);
    !text.is_empty() && text.split(',').all(|part| says_how_much(part.trim())) && EnvFilter::try_new(text).is_ok()
}

impl Shutdown {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            drain_delay: reader.seconds("shutdown.drain_delay_seconds", 0.0..=600.0),
            drain_timeout: reader.seconds("shutdown.drain_timeout_seconds", 0.1..=3600.0),
        }
    }
}
