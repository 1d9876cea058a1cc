//! The deadline of a call, and the end of its work at the deadline.

use app::clock::Deadline;
use http::HeaderMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// The header with the caller's timeout.
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The most digits of a timeout (gRPC over HTTP/2, "TimeoutValue").
const MAX_DIGITS: usize = 8;

/// The largest part of the caller's time that is reserved for sending the answer.
const WAY_BACK: Duration = Duration::from_millis(5);

/// The earlier of the caller's deadline and the server's.
pub(crate) fn of(headers: &HeaderMap, longest: Duration) -> Deadline {
    let asked = headers
        .get(GRPC_TIMEOUT)
        .and_then(|value| value.to_str().ok())
        .and_then(parse)
        .map(|timeout| timeout - WAY_BACK.min(timeout / 10));
    Deadline::within(asked.map_or(longest, |asked| asked.min(longest)))
}

/// Reads a timeout as gRPC over HTTP/2 writes it: up to eight digits and a unit. Any other text is no deadline.
fn parse(timeout: &str) -> Option<Duration> {
    let (digits, unit) = timeout.split_at_checked(timeout.len().checked_sub(1)?)?;
    if digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Does the work, or drops it at the deadline and returns `None`.
///
/// tonic's server has a timer of its own for the caller's timeout, and answers `CANCELLED` where the protocol wants
/// `DEADLINE_EXCEEDED`. That timer is polled after this function, so this function also reads the clock: it
/// ends first even when the deadline has woken tonic's timer alone.
pub(crate) async fn within<F: Future>(deadline: Deadline, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut timer = pin!(tokio::time::sleep_until(deadline.instant().into()));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if timer.as_mut().poll(cx).is_ready() || deadline.has_passed() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_timeout_is_read_in_every_unit() {
        for (text, timeout) in [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("4S", Duration::from_secs(4)),
            ("50m", Duration::from_millis(50)),
            ("60u", Duration::from_micros(60)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ] {
            assert_eq!(parse(text), Some(timeout), "{text:?}");
        }
    }

    #[test]
    fn a_timeout_that_cannot_be_read_is_none() {
        for text in ["", "5", "S", "-1S", "+1S", "1 S", "1s", "123456789S", "1é", "é"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_sooner_deadline_counts() {
        let longest = Duration::from_secs(10);
        for (text, bound) in [("99999999H", longest), ("1S", Duration::from_secs(1)), ("nonsense", longest)] {
            let headers = HeaderMap::from_iter([(GRPC_TIMEOUT.parse().unwrap(), text.parse().unwrap())]);
            let left = of(&headers, longest).remaining();
            assert!(left <= bound && left > bound * 9 / 10, "{text:?}: {left:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_timeout_is_one_or_none(text in prop_oneof![any::<String>(), "[0-9]{0,10}[HMSmunx]?"]) {
            if let Some(timeout) = parse(&text) {
                prop_assert!(timeout <= Duration::from_secs(99_999_999 * 3600));
            }
            let longest = Duration::from_secs(10);
            if let Ok(value) = text.parse() {
                let headers = HeaderMap::from_iter([(GRPC_TIMEOUT.parse().unwrap(), value)]);
                prop_assert!(of(&headers, longest).remaining() <= longest);
            }
        }
    }
}
