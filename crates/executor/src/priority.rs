//! The priority of threads that must not slow the rest of the process down.

use std::sync::Once;
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// The lowest priority that Unix knows, as a nice value.
const MAX_NICE: u8 = 19;

/// Gives the calling thread this nice value. `refused` is shared by threads of which one is to log that this failed.
pub(crate) fn lower(nice: u8, refused: &Once) {
    if let Err(error) = priority_of(nice).set_for_current() {
        refused.call_once(|| tracing::warn!(nice, %error, "thread priority not lowered"));
    }
}

/// The crate counts priorities from 0 to 99 and spreads the 39 steps of nice over them, cutting off fractions. Taking
/// the middle of a step's share keeps clear of the cut.
fn priority_of(nice: u8) -> ThreadPriority {
    let twice_above_lowest = 2 * u32::from(MAX_NICE.saturating_sub(nice));
    let value = twice_above_lowest.saturating_sub(1) * u32::from(*ThreadPriorityValue::MAX) / (2 * 39);
    u8::try_from(value)
        .ok()
        .and_then(|value| ThreadPriorityValue::try_from(value).ok())
        .map_or(ThreadPriority::Min, ThreadPriority::Crossplatform)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_nice_value_is_what_the_kernel_shows() {
        for nice in [10, 15, MAX_NICE] {
            let shown = thread::spawn(move || {
                priority_of(nice).set_for_current().unwrap();
                let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
                // proc_pid_stat(5): nice is field 19; field 3 is the first behind the name in parentheses.
                let behind_name = stat.rsplit_once(") ").unwrap().1.to_owned();
                behind_name.split(' ').nth(16).unwrap().to_owned()
            });
            assert_eq!(shown.join().unwrap(), nice.to_string());
        }
    }
}
