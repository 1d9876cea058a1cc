//! Structured logs on the standard output: text for people, JSON lines for machines.
//!
//! A slow reader of the output never slows a request: lines go through a bounded queue, and what does not fit is dropped
//! and counted.

use super::json::{Line, Members};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// How many lines may wait to be written.
const QUEUED_LINES: usize = 16_384;

/// How long lines are collected before they are written together.
const COLLECTED_FOR: Duration = Duration::from_millis(10);

/// How many bytes are written together at most.
const COLLECTED_BYTES: usize = 64 << 10;

/// The counter of the process's one log.
static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// How many lines did not fit into the queue so far.
#[must_use]
pub fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}

/// Keeps the log's writer alive; dropping it writes what is still queued.
pub struct LogGuard {
    _writer: WorkerGuard,
    level: LogLevel,
}

impl LogGuard {
    /// The way to change what is logged while the process runs.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        self.level.clone()
    }
}

/// What is logged, changeable while the process runs.
#[derive(Clone)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Logs from now on what `filter` lets through.
    ///
    /// # Errors
    /// A filter that does not follow the syntax of [`EnvFilter`], or a log that is shut down.
    pub fn set(&self, filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.reload(EnvFilter::try_new(filter)?)?;
        Ok(())
    }
}

/// Writes lines in batches. To write each by itself costs a system call, and to wake the writing thread for it another one on
/// the thread that serves the request: together more than making the line.
struct Batches<W: Write>(BufWriter<W>);

impl<W: Write> Write for Batches<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    /// The writing thread flushes when no more lines wait. While it then pauses, nobody needs to wake it.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        std::thread::sleep(COLLECTED_FOR);
        Ok(())
    }
}

/// Starts the log of this process: `filter` in the syntax of [`EnvFilter`], JSON lines or text.
///
/// # Errors
/// A filter that does not follow the syntax, or a log that has been started before.
pub fn init(filter: &str, json: bool) -> Result<LogGuard, Box<dyn std::error::Error + Send + Sync>> {
    let output = Batches(BufWriter::with_capacity(COLLECTED_BYTES, io::stdout()));
    let (writer, guard) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUED_LINES).finish(output);
    let _ = DROPPED.set(writer.error_counter());
    let lines = if json {
        tracing_subscriber::fmt::layer().event_format(Line).fmt_fields(Members).with_writer(writer).boxed()
    } else {
        tracing_subscriber::fmt::layer().with_ansi(io::stdout().is_terminal()).with_writer(writer).boxed()
    };
    let (filter, level) = reload::Layer::new(EnvFilter::try_new(filter)?);
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = std::backtrace::Backtrace::force_capture();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, %backtrace, "panic");
    }));
    Ok(LogGuard { _writer: guard, level: LogLevel(level) })
}
