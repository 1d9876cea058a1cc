//! The file from which supervisors and tests learn that the process listens, and where.

use crate::serve::Addresses;
use std::io::{self, Write};
use std::path::Path;

/// Writes the addresses to `path` as JSON. The file gets its name once it is complete.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(path: &Path, addresses: Addresses) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(serde_json::to_string(&addresses)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}
