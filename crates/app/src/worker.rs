//! Background workers: what each process does again and again beside answering calls.

use async_trait::async_trait;
use domain::error::Error;
use std::time::Duration;

/// Does work that has become due. Any number of processes may run the same worker at once: each claims what it works at.
#[async_trait]
pub trait Worker: Send + Sync {
    /// What the worker looks after, as the log names it.
    fn subject(&self) -> &'static str;

    /// How often to look for work.
    fn interval(&self) -> Duration;

    /// Does the work that is due and returns how many pieces of it the worker looked at. Where that is not zero, there may
    /// be more. A call that ends early, also because its future was dropped, loses nothing: the work becomes due again.
    ///
    /// # Errors
    /// Those of the storage. A failure of another system is stored, and the work is done again later.
    async fn run(&self) -> Result<usize, Error>;
}
