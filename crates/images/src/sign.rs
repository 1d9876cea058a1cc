//! Presigned URLs: AWS Signature Version 4 in the query ("Authenticating Requests: Using Query Parameters", Amazon S3 API
//! Reference). `object_store` signs only for the present moment, so that no two of its URLs are equal.

use chrono::{DateTime, TimeDelta, Utc};
use domain::error::BoxError;
use hmac::{Hmac, KeyInit, Mac};
use object_store::aws::AwsCredential;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::Duration;
use url::{Position, Url};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The characters that are not percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the signing time of URLs: the same on every server for half of their lifetime. So a URL stays the same for a
/// while and caches can use it, and at least half of its lifetime is left to each client.
pub(super) fn signed_at(now: DateTime<Utc>, life: Duration) -> DateTime<Utc> {
    let period = i64::try_from(life.as_secs() / 2).unwrap_or(i64::MAX).max(1);
    let elapsed = TimeDelta::seconds(now.timestamp().rem_euclid(period));
    let elapsed = elapsed + TimeDelta::nanoseconds(now.timestamp_subsec_nanos().into());
    now.checked_sub_signed(elapsed).unwrap_or(now)
}

/// Adds a signature to a URL without a query, which allows everybody to read the object from `at` on for `life`. The URL's
/// path must have only unreserved characters and `/`.
pub(super) fn sign(
    mut address: Url,
    credential: &AwsCredential,
    region: &str,
    at: DateTime<Utc>,
    life: Duration,
) -> Result<String, BoxError> {
    let (day, moment) = (at.format("%Y%m%d").to_string(), at.format("%Y%m%dT%H%M%SZ").to_string());
    let scope = format!("{day}/{region}/s3/aws4_request");
    let mut parameters = vec![
        ("X-Amz-Algorithm", ALGORITHM.to_owned()),
        ("X-Amz-Credential", format!("{}/{scope}", credential.key_id)),
        ("X-Amz-Date", moment.clone()),
        ("X-Amz-Expires", life.as_secs().to_string()),
    ];
    parameters.extend(credential.token.iter().map(|token| ("X-Amz-Security-Token", token.clone())));
    parameters.push(("X-Amz-SignedHeaders", "host".to_owned()));
    let encoded = parameters.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)));
    let query = encoded.collect::<Vec<_>>().join("&");
    let host = &address[Position::BeforeHost..Position::AfterPort];
    let request = format!("GET\n{}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", address.path());
    let text = format!("{ALGORITHM}\n{moment}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = hmac(format!("AWS4{}", credential.secret_key).as_bytes(), &day)?;
    for part in [region, "s3", "aws4_request"] {
        key = hmac(&key, part)?;
    }
    let signature = hex(&hmac(&key, &text)?);
    address.set_query(Some(&format!("{query}&X-Amz-Signature={signature}")));
    Ok(address.into())
}

fn hmac(key: &[u8], text: &str) -> Result<Vec<u8>, BoxError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Amazon S3 API Reference.
    #[test]
    fn an_address_is_signed_as_amazon_says() {
        let credential = AwsCredential {
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let address = Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap();
        let at = "2013-05-24T00:00:00Z".parse().unwrap();
        let signed = sign(address, &credential, "us-east-1", at, Duration::from_secs(86400)).unwrap();
        assert_eq!(
            signed,
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn half_of_an_addresss_life_is_left_at_least() {
        let start: DateTime<Utc> = "2026-11-27T10:00:00Z".parse().unwrap();
        for life in [1, 60, 61, 900].map(Duration::from_secs) {
            let mut moments = Vec::new();
            for millis in (0..3_600_000).step_by(1_700) {
                let now = start + TimeDelta::milliseconds(millis);
                let at = signed_at(now, life);
                let left = at + life - now;
                assert!(
                    at <= now && left.num_milliseconds() * 2 >= life.as_millis().try_into().unwrap()
                        || life.as_secs() < 2
                );
                moments.push(at);
            }
            moments.dedup();
            let expected = 3600 / (life.as_secs() / 2).max(1);
            assert!(moments.len().abs_diff(expected.try_into().unwrap()) <= 1 || life.as_secs() < 2, "{life:?}");
        }
        let before = "1969-12-31T23:59:59.5Z".parse().unwrap();
        assert!(signed_at(before, Duration::from_secs(60)) <= before);
    }
}
