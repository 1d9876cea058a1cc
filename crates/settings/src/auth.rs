//! The settings of passwords and tokens.

use super::environment::Environment;
use super::keys::{self, VerificationKey};
use super::network::or_cores;
use super::reader::Reader;
use secrecy::SecretString;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Auth {
    pub bcrypt_cost: u32,
    /// Threads that hash passwords; at least one.
    pub hash_threads: usize,
    /// The most hashes that wait for a thread.
    pub hash_queue: usize,
    pub password: Password,
    pub jwt: Jwt,
}

#[derive(Clone, Debug)]
pub struct Password {
    pub min_length: usize,
    /// Whether to refuse the most common passwords.
    pub reject_common: bool,
}

#[derive(Clone, Debug)]
pub struct Jwt {
    pub secret: SecretString,
    /// The secret's name in tokens.
    pub kid: String,
    pub ttl: Duration,
    pub issuer: String,
    pub audience: String,
    /// Whether to accept tokens of the Go system.
    pub accept_legacy: bool,
    /// More secrets whose tokens are accepted. Their names are unique and differ from [`Self::kid`].
    pub verification_keys: Vec<VerificationKey>,
}

impl Auth {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        // OWASP's Password Storage Cheat Sheet asks for 10 at least; a log-in should stay below a second.
        let lowest = if reader.environment == Environment::Test { 4 } else { 10 };
        Self {
            bcrypt_cost: reader.number("auth.bcrypt_cost", lowest..=14),
            hash_threads: match reader.number("auth.hash_threads", 0..=256) {
                // Two, so that hashing gets its share of a busy machine, where each thread gets its own.
                0 => 2 * or_cores(0),
                threads => threads,
            },
            hash_queue: reader.number("auth.hash_queue", 1..=65_536),
            password: Password {
                min_length: reader.number("auth.password.min_length", 8..=64),
                reject_common: reader.flag("auth.password.reject_common"),
            },
            jwt: Jwt::read(reader),
        }
    }
}

impl Jwt {
    fn read(reader: &mut Reader<'_>) -> Self {
        let secret = keys::signing_secret(reader);
        let kid = keys::signing_kid(reader);
        let jwt = Self {
            secret,
            ttl: Duration::from_secs(reader.number("auth.jwt.ttl_seconds", 60..=2_592_000)),
            issuer: reader.name("auth.jwt.issuer"),
            audience: reader.name("auth.jwt.audience"),
            accept_legacy: reader.flag("auth.jwt.accept_legacy"),
            verification_keys: keys::verification_keys(reader, &kid),
            kid,
        };
        if jwt.accept_legacy && reader.environment == Environment::Production {
            let doubt = "production accepts tokens without issuer and audience; switch it off after the cut-over";
            reader.warn("auth.jwt.accept_legacy", doubt);
        }
        jwt
    }
}
