//! Hand-made access tokens: valid ones, forged ones, and those of the old system.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// The secret with which a [`World`](crate::world::World) signs.
pub const SECRET: &str = "acceptance-secret-of-more-than-32-bytes";
/// The id of [`SECRET`].
pub const KID: &str = "acceptance";
pub const ISSUER: &str = "acceptance-issuer";
pub const AUDIENCE: &str = "acceptance-audience";

/// Verifies a token's signature and returns header and claims.
#[must_use]
pub fn verified(token: &str, secret: &str) -> (Header, Value) {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let data = jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
    (data.header, data.claims)
}

/// The claims of a valid token, issued at the Unix time `now` for a day.
#[must_use]
pub fn claims(id: &str, now: i64) -> Value {
    json!({
        "authorized": true,
        "id": id,
        "sub": id,
        "role": "buyer",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + 86_400,
        "jti": uuid::Uuid::now_v7().to_string(),
    })
}

#[must_use]
pub fn legacy_claims(id: &str, exp: i64) -> Value {
    json!({ "authorized": true, "id": id, "role": "buyer", "exp": exp })
}

#[must_use]
pub fn header() -> Value {
    json!({ "typ": "at+jwt", "alg": "HS256", "kid": KID })
}

#[must_use]
pub fn legacy_header() -> Value {
    json!({ "alg": "HS256", "typ": "JWT" })
}

/// A copy of a JSON object with one member replaced, or removed if `value` is null.
#[must_use]
pub fn with(object: &Value, member: &str, value: Value) -> Value {
    let mut members = object.as_object().unwrap().clone();
    if value.is_null() {
        members.remove(member);
    } else {
        members.insert(member.to_owned(), value);
    }
    Value::Object(members)
}

/// Signs any header and claims with `algorithm`, which may differ from the header's.
#[must_use]
pub fn sign(header: &Value, claims: &Value, secret: &[u8], algorithm: Algorithm) -> String {
    let message = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let key = EncodingKey::from_secret(secret);
    format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap())
}

/// Signs with [`SECRET`].
#[must_use]
pub fn signed(header: &Value, claims: &Value) -> String {
    sign(header, claims, SECRET.as_bytes(), Algorithm::HS256)
}

/// Base64 for URLs without padding (RFC 4648 §5).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for sextet in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * sextet)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}
