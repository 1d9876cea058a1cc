//! The settings of the listeners, of CORS and of trusted proxies.

use super::environment::Environment;
use super::layers::LayerKind;
use super::reader::Reader;
use super::storage::{address, is_address};
use http::Uri;
use ipnet::IpNet;
use std::net::IpAddr;
use std::thread::available_parallelism;
use std::time::Duration;

const WANTED_PUBLIC_URL: &str = "an address such as https://shop.example/api, without user, query and fragment";
/// The longest name of a header, in characters.
const LONGEST_HEADER: usize = 128;

#[derive(Clone, Debug)]
pub struct Rest {
    pub host: IpAddr,
    /// The port; 0 takes any that is free.
    pub port: u16,
    /// The address of REST as clients know it, without a `/` at its end; `None` if that is the address that it listens on.
    pub public_url: Option<String>,
    /// Threads that serve requests; at least one.
    pub workers: usize,
    pub max_connections: usize,
    /// How long a request may take once it has been read.
    pub request_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a client may take to send a body with an image.
    pub upload_timeout: Duration,
    /// How long a client may take to read an answer.
    pub read_timeout: Duration,
    pub keep_alive: Duration,
    /// Whether the description of the interface and its page are served.
    pub docs: bool,
    /// Whether `/` serves a page about the process.
    pub index: bool,
}

#[derive(Clone, Debug)]
pub struct Grpc {
    pub host: IpAddr,
    /// The port; 0 takes any that is free.
    pub port: u16,
    pub max_connections: usize,
    /// How long a call may take at most.
    pub deadline: Duration,
    /// Whether the server describes its services.
    pub reflection: bool,
}

#[derive(Clone, Debug)]
pub struct Ops {
    pub host: IpAddr,
    /// The port; 0 takes any that is free.
    pub port: u16,
}

/// Which pages of other origins may call REST.
#[derive(Clone, Debug)]
pub struct Cors {
    /// The origins whose pages may call REST, as browsers send them; `*` is all.
    pub allowed_origins: Vec<String>,
    /// The headers that they may send besides the usual ones, in lower case; `*` is all.
    pub allowed_headers: Vec<String>,
}

/// `wanted`, or one for each core if it is 0.
pub(super) fn or_cores(wanted: usize) -> usize {
    if wanted == 0 { cores() } else { wanted }
}

/// As many threads as run at once.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

impl Rest {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let rest = Self {
            host: reader.address("rest.host"),
            port: reader.number("rest.port", 0..=u16::MAX),
            public_url: address(reader, "rest.public_url", WANTED_PUBLIC_URL, public_url),
            workers: or_cores(reader.number("rest.workers", 0..=1024)),
            max_connections: reader.number("rest.max_connections", 1..=1_000_000),
            request_timeout: reader.seconds("rest.request_timeout_seconds", 0.1..=3600.0),
            body_timeout: reader.seconds("rest.body_timeout_seconds", 0.1..=3600.0),
            upload_timeout: reader.seconds("rest.upload_timeout_seconds", 0.1..=3600.0),
            read_timeout: reader.seconds("rest.read_timeout_seconds", 0.1..=3600.0),
            keep_alive: Duration::from_secs(reader.number("rest.keep_alive_seconds", 1..=3600)),
            docs: reader.flag("rest.docs"),
            index: reader.flag("rest.index"),
        };
        if rest.index && reader.environment == Environment::Production {
            reader.warn("rest.index", "production tells everybody its version and where operators' listener is");
        }
        rest
    }
}

impl Grpc {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let grpc = Self {
            host: reader.address("grpc.host"),
            port: reader.number("grpc.port", 0..=u16::MAX),
            max_connections: reader.number("grpc.max_connections", 1..=1_000_000),
            deadline: reader.seconds("grpc.deadline_seconds", 0.1..=3600.0),
            reflection: reader.flag("grpc.reflection"),
        };
        if grpc.reflection && reader.environment == Environment::Production {
            grpc.check_reflection(reader);
        }
        grpc
    }

    /// Production may describe its services only by a setting for production.
    fn check_reflection(&self, reader: &mut Reader<'_>) {
        let key = "grpc.reflection";
        if reader.kind(key) == Some(LayerKind::Default) {
            let problem = "is on in production because it is on everywhere";
            reader.mistake(key, problem, "set it to false, or to true in production's own settings");
        } else {
            reader.warn(key, "production describes its services to everybody who can reach them");
        }
    }
}

impl Ops {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { host: reader.address("ops.host"), port: reader.number("ops.port", 0..=u16::MAX) }
    }
}

impl Cors {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let key = "cors.allowed_origins";
        let wanted = "an origin such as https://shop.example, without a path, in lower case";
        let allowed_origins = reader.list(key, wanted, |text| is_origin(text).then(|| text.to_owned()));
        if allowed_origins.iter().any(|origin| origin == "*") {
            if reader.environment == Environment::Production {
                reader.mistake(key, "* lets every page call production", "list the origins of your own pages");
            } else if allowed_origins.len() > 1 {
                reader.mistake(key, "* is every origin already", "leave out either it or the others");
            }
        }
        Self { allowed_origins, allowed_headers: allowed_headers(reader) }
    }
}

/// The headers that pages of other origins may send. Any is harmless where the origins are listed, because no header is trusted for
/// coming from a browser.
fn allowed_headers(reader: &mut Reader<'_>) -> Vec<String> {
    let key = "cors.allowed_headers";
    let allowed = reader.list(key, "the name of a header such as x-csrf-token", |text| {
        is_token(text).then(|| text.to_ascii_lowercase())
    });
    if allowed.len() > 1 && allowed.iter().any(|name| name == "*") {
        reader.mistake(key, "* is every header already", "leave out either it or the others");
    }
    allowed
}

/// Whether a text can be the name of a header (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=LONGEST_HEADER).contains(&text.len()) && text.bytes().all(is_token)
}

/// The address of REST as clients know it. A path that a client would resolve to another one is refused.
fn public_url(text: &str) -> Option<String> {
    let base = text.trim_end_matches('/');
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let has_plain_path = path.is_empty() || path.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    (is_address(base) && base.chars().all(is_plain) && has_plain_path).then(|| base.to_owned())
}

/// Whether a browser may send this as `Origin` (RFC 6454 §7), or it is `*`.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return text == "*";
    };
    let is_scheme = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    let is_host = |c: char| is_scheme(c) || matches!(c, ':' | '[' | ']' | '_');
    let has_default_port = (scheme == "https" && host.ends_with(":443")) || (scheme == "http" && host.ends_with(":80"));
    !scheme.is_empty()
        && scheme.chars().all(is_scheme)
        && !host.is_empty()
        && host.chars().all(is_host)
        && !has_default_port
        && is_readable(text)
}

/// Whether the CORS middleware can parse an origin: it fails every request if it cannot. It reads an invalid port as no port.
fn is_readable(origin: &str) -> bool {
    origin.parse::<Uri>().is_ok_and(|uri| {
        uri.authority()
            .is_some_and(|authority| authority.host() == authority.as_str() || authority.port_u16().is_some())
    })
}

/// The proxies whose `X-Forwarded-*` headers are trusted.
pub(super) fn trusted_proxies(reader: &mut Reader<'_>) -> Vec<IpNet> {
    let key = "trusted_proxies";
    let wanted = "an address or network such as 10.0.0.1 or 10.0.0.0/8";
    let networks: Vec<IpNet> =
        reader.list(key, wanted, |text| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)));
    if reader.environment == Environment::Production && networks.iter().any(|network| network.prefix_len() == 0) {
        let problem = "believes everybody, so that every client can call itself by another's address";
        reader.mistake(key, problem, "list your own proxies");
    }
    networks
}

/// Two listeners cannot share a port.
pub(super) fn check_ports(reader: &mut Reader<'_>, rest: &Rest, grpc: &Grpc, ops: &Ops) {
    let all =
        [("rest.port", rest.host, rest.port), ("grpc.port", grpc.host, grpc.port), ("ops.port", ops.host, ops.port)];
    for (at, (key, host, port)) in all.into_iter().enumerate() {
        let earlier = all.into_iter().take(at).find(|(_, other, taken)| {
            let overlap = host == *other || host.is_unspecified() || other.is_unspecified();
            port != 0 && port == *taken && overlap
        });
        if let Some((other, ..)) = earlier {
            reader.mistake(key, format!("{port} is also {other}"), "give each listener a port of its own");
        }
    }
}
