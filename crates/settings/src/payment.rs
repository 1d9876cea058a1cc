//! The settings of payments.

use super::environment::Environment;
use super::reader::Reader;
use super::secrets::{ResolvedSecret, SecretFormat};
use super::storage::{address, is_address, plain_endpoint};
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

const GATEWAY: &str = "payment.gateway";
const REQUIRE_SIGNATURE: &str = "payment.webhook.require_signature";
const ENVIRONMENT: &str = "midtrans.environment";
const SERVER_KEY: &str = "midtrans.server_key";
const MERCHANT_ID: &str = "midtrans.merchant_id";
/// What the sandbox's server keys begin with.
const SANDBOX_KEY: &str = "SB-";
/// What server keys begin with that move money; accounts from the time of Veritrans have the second.
const LIVE_KEYS: [&str; 2] = ["Mid-server-", "VT-server-"];
/// What a client key contains, which is not a server key.
const CLIENT_KEY: &str = "-client-";
/// How long a server key may be; those that are known have up to 40 characters.
const LONGEST_KEY: usize = 128;
/// How long a merchant's identifier may be; the longest known has ten characters.
const LONGEST_NAME: usize = 64;

#[derive(Clone, Debug)]
pub struct Payment {
    pub gateway: GatewayChoice,
    /// How long an order can be paid.
    pub expiry: Duration,
    /// The largest total, in whole rupiah.
    pub max_total: u64,
    /// How long the reconciler pauses between two payments.
    pub check_pause: Duration,
    /// Whether a notification without a valid signature is refused.
    pub require_signature: bool,
}

#[derive(Clone, Debug)]
pub enum GatewayChoice {
    /// The built-in simulator, which moves no money.
    Simulator(Simulator),
    Midtrans(Midtrans),
}

/// The built-in gateway, which moves no money.
#[derive(Clone, Debug)]
pub struct Simulator {
    /// The prefix of its pages' addresses, without a `/` at its end; `None` if that is REST's own address.
    pub public_url: Option<String>,
    /// The file in which it stores its pages.
    pub journal: Option<PathBuf>,
    pub server_key: SecretString,
}

#[derive(Clone, Debug)]
pub struct Midtrans {
    /// Whether real money moves.
    pub is_production: bool,
    pub snap_url: String,
    pub api_url: String,
    pub server_key: SecretString,
    pub merchant_id: Option<String>,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Payment {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let is_midtrans = reader.text(GATEWAY, "simulator or midtrans", |text| match text {
            "simulator" => Some(false),
            "midtrans" => Some(true),
            _ => None,
        });
        let (simulator, midtrans) = (Simulator::read(reader), Midtrans::read(reader, is_midtrans == Some(true)));
        let in_production = reader.environment == Environment::Production;
        if is_midtrans == Some(false) && in_production {
            reader.mistake(GATEWAY, "is the simulator, which takes no money", "use midtrans");
        }
        let require_signature = reader.flag(REQUIRE_SIGNATURE);
        if !require_signature {
            if in_production {
                reader.mistake(REQUIRE_SIGNATURE, "lets everybody tell that something is paid", "leave it on");
            } else {
                reader.warn(REQUIRE_SIGNATURE, "everybody can send notifications");
            }
        }
        let minutes: u64 = reader.number("payment.expiry_minutes", 5..=10_080);
        Self {
            gateway: match is_midtrans {
                Some(true) => GatewayChoice::Midtrans(midtrans),
                Some(false) | None => GatewayChoice::Simulator(simulator),
            },
            expiry: Duration::from_secs(60 * minutes),
            max_total: reader.number("payment.max_total", 1..=999_999_999_999),
            check_pause: reader.seconds("payment.check_pause_seconds", 0.001..=60.0),
            require_signature,
        }
    }
}

impl Simulator {
    fn read(reader: &mut Reader<'_>) -> Self {
        let wanted = "an address such as https://shop.example, without user, query and fragment";
        let public_url = address(reader, "payment.simulator.public_url", wanted, |text| {
            let base = text.trim_end_matches('/');
            is_address(base).then(|| base.to_owned())
        });
        let journal = reader.path("payment.simulator.journal");
        let server_key = reader.name("payment.simulator.server_key");
        Self { public_url, journal, server_key: server_key.into() }
    }
}

impl Midtrans {
    fn read(reader: &mut Reader<'_>, is_used: bool) -> Self {
        let is_production = reader.text(ENVIRONMENT, "sandbox or production", |text| match text {
            "sandbox" => Some(false),
            "production" => Some(true),
            _ => None,
        });
        let is_production = is_production.unwrap_or_default();
        let host = if is_production { "midtrans.com" } else { "sandbox.midtrans.com" };
        let mut url = |key: &str, name: &str| {
            let wanted = "an address such as https://host.example, without user, path, query and fragment";
            let given = address(reader, key, wanted, plain_endpoint);
            if given.is_some() && is_used && reader.environment == Environment::Production {
                reader.mistake(key, "is not Midtrans' own address", "leave it out");
            }
            given.unwrap_or_else(|| format!("https://{name}.{host}"))
        };
        let (snap_url, api_url) = (url("midtrans.snap_url", "app"), url("midtrans.api_url", "api"));
        let server_key = server_key(reader, is_used, is_production);
        let merchant_id = reader.text(MERCHANT_ID, "a text", |text| Some(text.to_owned()));
        let is_name = |id: &String| id.len() <= LONGEST_NAME && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if merchant_id.as_ref().is_some_and(|id| !is_name(id)) {
            // The mistake does not repeat it, for it may be a key.
            let remedy = "copy it from Midtrans' page of access keys, as in G141532850";
            reader.mistake(MERCHANT_ID, "is not at most 64 letters and digits", remedy);
        }
        Self {
            is_production,
            snap_url,
            api_url,
            server_key,
            merchant_id: merchant_id.filter(|id| !id.is_empty()),
            timeout: reader.seconds("midtrans.timeout_seconds", 0.1..=60.0),
        }
    }
}

/// Reads the server key, which must belong to the environment at Midtrans.
fn server_key(reader: &mut Reader<'_>, is_used: bool, is_production: bool) -> SecretString {
    use secrecy::ExposeSecret;
    let given = match reader.secret(SERVER_KEY, SecretFormat::Key) {
        Ok(given) => given,
        Err(_reported) => return SecretString::default(),
    };
    let Some(ResolvedSecret { key, secret }) = given else {
        if is_used {
            let remedy = format!("give it, best by {SERVER_KEY}_file; it is on Midtrans' page of access keys");
            reader.mistake(SERVER_KEY, "is not given, and payment.gateway is midtrans", remedy);
        }
        return SecretString::default();
    };
    let text = secret.expose_secret();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_sandbox_key = text.starts_with(SANDBOX_KEY);
    let is_live_key = LIVE_KEYS.iter().any(|begin| text.len() > begin.len() && text.starts_with(begin));
    if text.len() > LONGEST_KEY || !text.bytes().all(is_plain) {
        let problem = "is not at most 128 of A-Z, a-z, 0-9, _ and -";
        reader.mistake(&key, problem, "copy it anew from Midtrans' page of access keys, and nothing else");
        return SecretString::default();
    }
    if text.contains(CLIENT_KEY) {
        reader.mistake(&key, "is a client key, which is for pages", "give the server key, which is on the same page");
        return SecretString::default();
    }
    match (is_production, is_sandbox_key) {
        (true, false) if is_used && !is_live_key => {
            reader.mistake(
                &key,
                "does not begin with Mid-server- as production's server keys do",
                "copy it from Midtrans' page of access keys",
            );
        }
        (true, true) if is_used => {
            reader.mistake(
                &key,
                "is a key of the sandbox, and midtrans.environment is production",
                "give production's",
            );
        }
        // Midtrans' own examples have sandbox keys without this prefix.
        (false, false) if is_used => reader.warn(&key, "does not look like a key of the sandbox"),
        _ => {}
    }
    if is_used && reader.environment == Environment::Production && !is_production {
        reader.mistake(ENVIRONMENT, "is the sandbox, which takes no money", "use production");
    }
    secret
}
