//! The exit codes of the process.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// As asked.
    Done = 0,
    /// Not as asked, for a reason that the other codes do not name.
    Failed = 1,
    /// The settings or the command line hold mistakes, or images cannot be kept where they say; nothing was started.
    Misconfigured = 2,
    /// An address could not be listened on.
    CannotListen = 3,
    /// The database cannot be used, or could not be migrated.
    DatabaseUnusable = 4,
    /// Work was still under way when the time for draining ran out, or a signal cut it short.
    CutShort = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
