//! The settings of passwords and tokens.

use super::environment::Environment;
use super::keys::{self, VerificationKey};
use super::network::or_cores;
use super::reader::Reader;
use secrecy::SecretString;
use std::time::Duration;

/// Passwords and tokens.
#[derive(Clone, Debug)]
pub struct Auth {
    /// The cost of bcrypt.
    pub bcrypt_cost: u32,
    /// Threads that hash passwords; at least one.
    pub hash_threads: usize,
    /// Hashes that wait for a thread at most.
    pub hash_queue: usize,
    /// Which passwords may be chosen.
    pub password: Password,
    /// Access tokens.
    pub jwt: Jwt,
}

/// Which passwords may be chosen.
#[derive(Clone, Debug)]
pub struct Password {
    /// The fewest characters.
    pub min_length: usize,
    /// Whether to refuse those that are guessed first.
    pub reject_common: bool,
}

/// Access tokens.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// The secret that they are signed with.
    pub secret: SecretString,
    /// The secret's name in tokens.
    pub kid: String,
    /// How long they are valid.
    pub ttl: Duration,
    /// Who issues them.
    pub issuer: String,
    /// Whom they are for.
    pub audience: String,
    /// Whether to accept tokens of the Go system too.
    pub accept_legacy: bool,
    /// More secrets whose tokens are accepted; no name is there twice, nor is [`Self::kid`] among them.
    pub verification_keys: Vec<VerificationKey>,
}

impl Auth {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        // OWASP's Password Storage Cheat Sheet asks for 10 at least; a log-in should stay below a second.
        let lowest = if reader.environment == Environment::Test { 4 } else { 10 };
        Self {
            bcrypt_cost: reader.number("auth.bcrypt_cost", lowest..=14),
            hash_threads: or_cores(reader.number("auth.hash_threads", 0..=256)),
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
