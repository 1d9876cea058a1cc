//! The signals that the process obeys.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of a process: SIGTERM and SIGINT (Ctrl-C) stop it, SIGHUP makes it read its settings again.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// To stop.
    Stop,
    /// To read the settings again.
    Reload,
}

impl Signals {
    /// Takes over the signals.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Request {
        let (name, request) = tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", Request::Stop),
            _ = self.interrupt.recv() => ("SIGINT", Request::Stop),
            _ = self.hangup.recv() => ("SIGHUP", Request::Reload),
        };
        tracing::info!(signal = name, "signal received");
        request
    }

    /// Waits for the next signal that asks to stop.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Request::Stop {}
    }
}
