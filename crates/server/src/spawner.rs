//! Runs commands on the main runtime, which outlives every connection.

use app::pipeline::Spawner;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Spawns commands on the main runtime and tracks those that still run.
pub(crate) struct MainRuntime {
    handle: Handle,
    tasks: TaskTracker,
}

impl MainRuntime {
    /// The runtime that this is called on.
    pub(crate) fn current() -> Self {
        Self { handle: Handle::current(), tasks: TaskTracker::new() }
    }

    /// Waits until all commands have ended. Returns whether they did within `bound`.
    pub(crate) async fn drain(&self, bound: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(bound, self.tasks.wait()).await.is_ok()
    }
}

impl Spawner for MainRuntime {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.tasks.spawn_on(task, &self.handle);
    }
}
