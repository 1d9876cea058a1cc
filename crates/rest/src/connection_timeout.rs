//! The closing of connections that make no progress.
//!
//! The framework ends a connection whose first head is slow, and one that is idle. Nothing ends one whose later head is
//! slow, for its first byte stops the idle timer, nor one whose client does not read its answer. So each connection has
//! a timer, which shuts its socket down when a step takes longer than any honest client needs.

use actix_web::dev::Extensions;
use actix_web::rt;
use actix_web::rt::net::TcpStream;
use std::any::Any;
use std::cell::Cell;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// The time limit of each step of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From an answer, or the connection's start, to the end of the next head.
    pub(crate) idle: Duration,
    /// From a head to the end of its answer.
    pub(crate) busy: Duration,
}

/// The timer of a connection. It ends with the connection.
pub(crate) struct ConnectionTimer {
    steps: Rc<Steps>,
    task: rt::task::JoinHandle<()>,
}

/// The current step of a connection.
struct Steps {
    /// A second handle of the socket: the framework does not expose the first.
    socket: std::net::TcpStream,
    /// The number of requests whose answers are not sent yet.
    under_way: Cell<usize>,
    since: Cell<Instant>,
}

/// A request that is being answered. Dropped when its answer is sent.
pub(crate) struct UnderWay(Rc<Steps>);

impl ConnectionTimer {
    /// Starts the timer of a connection that has just been accepted. Without a free file descriptor it gets none.
    pub(crate) fn start(io: &dyn Any, connection: &mut Extensions, limits: Limits) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return };
        let (under_way, since) = (Cell::new(0), Cell::new(Instant::now()));
        let steps = Rc::new(Steps { socket: socket.into(), under_way, since });
        let task = rt::spawn(close_when_stalled(Rc::downgrade(&steps), limits));
        connection.insert(Self { steps, task });
    }

    pub(crate) fn begin(&self) -> UnderWay {
        self.steps.step_to(self.steps.under_way.get().saturating_add(1));
        UnderWay(Rc::clone(&self.steps))
    }
}

impl UnderWay {
    /// Restarts the timer after a piece of the answer is sent.
    pub(crate) fn progressed(&self) {
        self.0.since.set(Instant::now());
    }
}

impl Drop for ConnectionTimer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.step_to(self.0.under_way.get().saturating_sub(1));
    }
}

impl Steps {
    fn step_to(&self, under_way: usize) {
        self.under_way.set(under_way);
        self.since.set(Instant::now());
    }

    /// The time that the step has left.
    fn left(&self, limits: Limits) -> Duration {
        let limit = if self.under_way.get() > 0 { limits.busy } else { limits.idle };
        limit.saturating_sub(self.since.get().elapsed())
    }
}

/// Holds no handle of the socket itself: the connection would stay open after the framework has closed it.
async fn close_when_stalled(steps: Weak<Steps>, limits: Limits) {
    while let Some(left) = steps.upgrade().map(|steps| steps.left(limits)) {
        if left.is_zero() {
            // An error means that the connection is closed already.
            let _ = steps.upgrade().map(|steps| steps.socket.shutdown(Shutdown::Both));
            return;
        }
        // The step may end sooner, and the next one may have a shorter limit.
        rt::time::sleep(left.min(limits.idle)).await;
    }
}
