//! Whether the latency of a failed log-in reveals who has an account. The result is printed and not asserted,
//! because a shared machine is too noisy.

use crate::client::{bounded, clients};
use domain::error::ErrorCode;
use std::time::{Duration, Instant};
use testkit::binary::Process;
use testkit::client::ada;

const TIME_LIMIT: Duration = Duration::from_secs(180);
const PAIRS: usize = 300;

pub(crate) fn how_alike_a_wrong_password_and_an_unknown_email_are() -> Result<(), String> {
    let mut process = Process::serve(&[("database.url", "sqlite://shop.db"), ("auth.bcrypt_cost", "6")]);
    let addresses = process.addresses();
    bounded(TIME_LIMIT, async {
        for (protocol, client) in ["REST", "gRPC"].into_iter().zip(clients(addresses)) {
            let known = format!("{}@example.com", protocol.to_lowercase());
            client.register(&ada().email(&known)).await.unwrap();
            let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
            for pair in 0..PAIRS {
                let stranger = format!("e{pair:03}@example.com");
                for (email, times) in [(known.as_str(), &mut wrong), (stranger.as_str(), &mut unknown)] {
                    let begun = Instant::now();
                    let call_error = client.login(email, "password124").await.unwrap_err();
                    times.push(begun.elapsed());
                    assert_eq!(call_error.code, ErrorCode::LoginFailed);
                }
            }
            let area = area_under_curve(&unknown, &wrong);
            let (wrong, unknown) = (median(&mut wrong), median(&mut unknown));
            let ratio = unknown.as_secs_f64() / wrong.as_secs_f64();
            println!(
                "{protocol}: {PAIRS} pairs at cost 6: median wrong password {wrong:.2?}, unknown e-mail {unknown:.2?}, \
                 ratio {ratio:.3}, AUC {area:.3} (0.5 is no difference)"
            );
        }
    })
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The probability that a duration of `left` is longer than one of `right` (Mann-Whitney).
fn area_under_curve(left: &[Duration], right: &[Duration]) -> f64 {
    let longer: usize = left.iter().map(|left| right.iter().filter(|right| left > *right).count()).sum();
    longer as f64 / (left.len() * right.len()) as f64
}
