//! How many connections the limit on open files allows.

/// File descriptors that are not connections of clients: databases, logs, listeners, the runtime's own.
const OTHER_FILES: u64 = 200;

/// File descriptors of one connection on each public listener: gRPC's has one, REST's a second one by which it is watched.
const FILES_PER_PAIR: u64 = 3;

/// The connections that each listener may hold: `wanted`, or fewer if the limit on open files is too low for both.
///
/// Without this the listener would run out of file descriptors under load and spin on its own failure to accept.
pub(crate) fn connections_per_listener(wanted: usize) -> usize {
    let Ok(files) = rlimit::increase_nofile_limit(u64::MAX) else {
        tracing::warn!("the limit on open files cannot be read");
        return wanted;
    };
    let possible = usize::try_from(files.saturating_sub(OTHER_FILES) / FILES_PER_PAIR).unwrap_or(usize::MAX).max(1);
    if possible < wanted {
        tracing::warn!(files, wanted, possible, "the limit on open files is low, taking fewer connections");
    }
    wanted.min(possible)
}
