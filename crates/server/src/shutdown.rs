//! The signals that the process handles.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT (Ctrl-C) stop the process; SIGHUP reloads its settings.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Stop,
    Reload,
}

impl Signals {
    /// Registers the handlers.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

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
