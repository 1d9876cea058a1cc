//! The settings of the image store.

use super::environment::Environment;
use super::mistakes::Reported;
use super::network::Rest;
use super::reader::Reader;
use super::secrets::{ResolvedSecret, SecretFormat};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

const URL: &str = "storage.url";
const PUBLIC_URL: &str = "storage.public_url";
const PRESIGNED: &str = "storage.presigned_seconds";
const ENDPOINT: &str = "storage.s3.endpoint";
const REGION: &str = "storage.s3.region";
const PATH_STYLE: &str = "storage.s3.path_style";
const ACCESS_KEY_ID: &str = "storage.s3.access_key_id";
const SECRET_ACCESS_KEY: &str = "storage.s3.secret_access_key";

const WANTED_URL: &str = "give file:// and the path of a folder, or s3:// and a bucket, as in s3://shop/images";
const WANTED_PUBLIC_URL: &str =
    "an address such as https://cdn.example/shop or a path such as /media, without user, query and fragment";
const WANTED_ENDPOINT: &str = "an address such as https://minio.example:9000, or one with a path of A-Z, a-z, 0-9, ., _, ~ and -, \
    as in https://id.supabase.co/storage/v1/s3, without user, query and fragment";

/// How long a signed address may be valid, in seconds. Anybody who has the address can use it.
const SIGNED: RangeInclusive<u64> = 60..=900;

/// How long a key and its name may be. Amazon's names have 20 characters and its keys 40 (AWS IAM, `AccessKey`: 16 to 128); other
/// services, such as MinIO, begin at 8 for a key; what imitates one for developers takes any.
const LONGEST_KEY: usize = 128;
const SHORTEST_SECRET: usize = 8;
/// The characters of an access key id besides letters and digits.
const NAME_SIGNS: &[u8] = b"@_.:+=/-";

#[derive(Clone, Debug)]
pub struct Storage {
    pub location: Location,
    /// The prefix of images' addresses, without a `/` at its end; `None` for the default.
    pub public_url: Option<String>,
    /// How long one request to the store may take, its repetitions included.
    pub timeout: Duration,
    pub max_uploads: usize,
}

/// A folder or a bucket.
#[derive(Clone, Debug)]
pub enum Location {
    /// A folder of this machine, created if it is missing.
    Folder(PathBuf),
    /// A bucket of a service that speaks S3.
    Bucket(Bucket),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "the folder {}", path.display()),
            Self::Bucket(bucket) => write!(f, "the bucket {}", bucket.name),
        }
    }
}

/// A bucket of a service that speaks S3.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub name: String,
    /// The prefix of its keys, without a `/` at either end; may be empty.
    pub prefix: String,
    /// The address of the service; `None` for Amazon.
    pub endpoint: Option<String>,
    pub region: String,
    /// Whether its name is part of the path instead of the host.
    pub path_style: bool,
    /// Sign requests; `None` for the machine's role.
    pub credentials: Option<Credentials>,
    /// Whether an image is put only if its key is unused.
    pub conditional_put: bool,
    /// The checksum that is sent with an image.
    pub checksum: Checksum,
    /// How long a signed address is valid; `None` for a public bucket.
    pub presigned: Option<Duration>,
}

/// The checksum that is sent with an image to S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    None,
    Sha256,
}

/// Sign requests to S3.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// The parsed `storage.url`.
enum StorageUrl {
    Folder(PathBuf),
    Bucket { name: String, prefix: String },
}

impl Storage {
    /// Reads the settings. `rest` serves images in a folder.
    pub(super) fn read(reader: &mut Reader<'_>, rest: &Rest) -> Self {
        let url = storage_url(reader);
        let public_url = address(reader, PUBLIC_URL, WANTED_PUBLIC_URL, public_url);
        let presigned = presigned(reader);
        let bucket = Bucket::read(reader, presigned);
        let location = match url {
            Ok(StorageUrl::Folder(path)) => {
                let has_public_url = public_url.is_some() || rest.public_url.is_some();
                check_folder(reader, rest.host, has_public_url, presigned.is_some());
                Location::Folder(path)
            }
            Ok(StorageUrl::Bucket { name, prefix }) => {
                if public_url.is_some() && presigned.is_some() {
                    reader.warn(PUBLIC_URL, "has no effect, because signed addresses are the bucket's own");
                }
                let bucket = Bucket { name, prefix, ..bucket };
                check_bucket(reader, &bucket);
                Location::Bucket(bucket)
            }
            Err(Reported) => Location::Folder(PathBuf::new()),
        };
        Self {
            location,
            public_url,
            timeout: reader.seconds("storage.timeout_seconds", 0.1..=60.0),
            max_uploads: reader.number("storage.max_uploads", 1..=1024),
        }
    }
}

impl Bucket {
    /// Reads all but the name and the prefix.
    fn read(reader: &mut Reader<'_>, presigned: Option<Duration>) -> Self {
        let endpoint = address(reader, ENDPOINT, WANTED_ENDPOINT, s3_endpoint);
        if endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http:"))
            && reader.environment == Environment::Production
        {
            reader.mistake(ENDPOINT, "is not encrypted on its way", "use https://");
        }
        let region = reader.text(REGION, "1 to 64 of A-Z, a-z, 0-9, ., _ and -", |text| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            ((1..=64).contains(&text.len()) && text.bytes().all(is_allowed)).then(|| text.to_owned())
        });
        Self {
            name: String::new(),
            prefix: String::new(),
            endpoint,
            region: region.unwrap_or_default(),
            path_style: reader.flag(PATH_STYLE),
            conditional_put: reader.flag("storage.s3.conditional_put"),
            checksum: reader
                .text("storage.s3.checksum", "none or sha256", |text| match text {
                    "none" => Some(Checksum::None),
                    "sha256" => Some(Checksum::Sha256),
                    _ => None,
                })
                .unwrap_or(Checksum::None),
            credentials: credentials(reader),
            presigned,
        }
    }
}

/// Parses `storage.url`. A mistake does not repeat it, for it may hold a key.
fn storage_url(reader: &mut Reader<'_>) -> Result<StorageUrl, Reported> {
    let url = reader.text(URL, "a text", |text| Some(text.to_owned())).ok_or(Reported)?;
    let Some((scheme, rest)) = url.split_once("://") else {
        let problem = if url.is_empty() { "is empty" } else { "is not a URL" };
        return Err(reader.mistake(URL, problem, WANTED_URL));
    };
    match scheme {
        "file" if rest.is_empty() => Err(reader.mistake(URL, "names no folder", WANTED_URL)),
        "file" => Ok(StorageUrl::Folder(PathBuf::from(rest))),
        "s3" => bucket(rest).ok_or_else(|| {
            let problem = "names no bucket of 3 to 63 of A-Z, a-z, 0-9, ., _ and -, or an odd prefix in it";
            reader.mistake(URL, problem, WANTED_URL)
        }),
        _ => Err(reader.mistake(URL, "has a scheme that is not known", WANTED_URL)),
    }
}

fn bucket(text: &str) -> Option<StorageUrl> {
    let (name, prefix) = text.split_once('/').unwrap_or((text, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
            && !matches!(text, "" | "." | "..")
    };
    let is_usable = (3..=63).contains(&name.len()) && is_plain(name);
    let has_usable_prefix = prefix.is_empty() || prefix.split('/').all(is_plain);
    (is_usable && has_usable_prefix).then(|| StorageUrl::Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
}

/// Reads an address, if it is set. A mistake does not repeat it, for it may hold a password.
pub(super) fn address(
    reader: &mut Reader<'_>,
    key: &str,
    wanted: &str,
    parse: impl FnOnce(&str) -> Option<String>,
) -> Option<String> {
    let text = reader.text(key, "a text", |text| Some(text.to_owned())).filter(|text| !text.is_empty())?;
    let parsed = parse(&text);
    if parsed.is_none() {
        reader.mistake(key, format!("is not {wanted}"), "put it right, or leave it out");
    }
    parsed
}

/// Parses the prefix of images' addresses.
fn public_url(text: &str) -> Option<String> {
    let is_path = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '?' | '#' | '\\'));
    let base = text.trim_end_matches('/');
    (is_path || is_address(base)).then(|| base.to_owned())
}

/// Parses the address of a service without a path.
pub(super) fn plain_endpoint(text: &str) -> Option<String> {
    let base = text.strip_suffix('/').unwrap_or(text);
    let has_no_path = Url::parse(base).is_ok_and(|url| url.path() == "/");
    (is_address(base) && has_no_path).then(|| base.to_owned())
}

/// Parses the address of an S3 service. It may have a path of characters that every service signs alike.
fn s3_endpoint(text: &str) -> Option<String> {
    let base = text.strip_suffix('/').unwrap_or(text);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    // From the text, because parsing a URL resolves its path.
    let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let has_plain_path = path
        .is_none_or(|path| path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain)));
    (is_address(base) && has_plain_path).then(|| base.to_owned())
}

/// Whether a text is an HTTP address without user, query and fragment.
pub(super) fn is_address(text: &str) -> bool {
    let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '@' | '\\'));
    // A browser takes the first segment of the path for a missing host.
    let is_plain = is_plain && !text.contains(":///");
    Url::parse(text).is_ok_and(|url| {
        is_plain
            && matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// How long a signed address is valid.
fn presigned(reader: &mut Reader<'_>) -> Option<Duration> {
    let seconds: u64 = reader.number(PRESIGNED, 0..=*SIGNED.end());
    if seconds == 0 {
        return None;
    }
    if !SIGNED.contains(&seconds) {
        let problem = format!("{seconds} is neither 0 nor a number of seconds from 60 to 900");
        reader.mistake(PRESIGNED, problem, "give one of them");
    }
    Some(Duration::from_secs(seconds))
}

fn credentials(reader: &mut Reader<'_>) -> Option<Credentials> {
    let id = reader.text(ACCESS_KEY_ID, "a text", |text| Some(text.to_owned()))?;
    // The mistake does not repeat it, for it may be the secret key.
    if id.len() > LONGEST_KEY || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || NAME_SIGNS.contains(&byte)) {
        let problem = "is not at most 128 of A-Z, a-z, 0-9 and @_.:+=/-";
        reader.mistake(ACCESS_KEY_ID, problem, "copy the key's name anew, and nothing else");
        return None;
    }
    let given = reader.secret(SECRET_ACCESS_KEY, SecretFormat::Key).ok()?;
    let shortest = if reader.environment.is_deployed() { SHORTEST_SECRET } else { 1 };
    if let Some(ResolvedSecret { key, secret }) = &given
        && !(shortest..=LONGEST_KEY).contains(&secret.expose_secret().len())
    {
        let problem = format!("has fewer than {shortest} characters or more than {LONGEST_KEY}");
        reader.mistake(key, problem, "copy the key anew, whole");
        return None;
    }
    match (id.is_empty(), given) {
        (true, None) => None,
        (false, Some(ResolvedSecret { secret, .. })) => {
            Some(Credentials { access_key_id: id, secret_access_key: secret })
        }
        (false, None) => {
            let remedy = format!("give that too, best by {SECRET_ACCESS_KEY}_file, or neither");
            reader.mistake(ACCESS_KEY_ID, format!("is given without {SECRET_ACCESS_KEY}"), remedy);
            None
        }
        (true, Some(ResolvedSecret { key, .. })) => {
            reader.mistake(&key, format!("is given without {ACCESS_KEY_ID}"), "give that too, or neither");
            None
        }
    }
}

/// Checks settings of a bucket that depend on each other.
fn check_bucket(reader: &mut Reader<'_>, bucket: &Bucket) {
    let host = bucket.endpoint.as_deref().and_then(|endpoint| Url::parse(endpoint).ok());
    let is_number = host.as_ref().is_some_and(|url| !matches!(url.host(), Some(Host::Domain(_))));
    if is_number && !bucket.path_style {
        let problem = "is false, and no name of a bucket can stand before the IP address in storage.s3.endpoint";
        reader.mistake(PATH_STYLE, problem, "set it to true");
    }
    if !bucket.path_style && !bucket.name.bytes().all(is_of_a_host) {
        let doubt = "is false, and a bucket's name that holds a dot, a capital or _ is no part of a host's name that a \
            certificate is for; set it to true";
        reader.warn(PATH_STYLE, doubt);
    }
    if bucket.endpoint.is_none() && !bucket.region.bytes().all(is_of_a_host) {
        reader.mistake(REGION, "is none of Amazon's", "name one of them, or give storage.s3.endpoint");
    }
}

/// Whether a host name may contain it.
const fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Checks settings of a folder that depend on others.
fn check_folder(reader: &mut Reader<'_>, host: IpAddr, has_public_url: bool, is_presigned: bool) {
    if is_presigned {
        let remedy = "leave it out, or keep images in a bucket by storage.url";
        reader.mistake(PRESIGNED, "is for buckets, and images are kept in a folder", remedy);
    }
    for key in reader.changed_within("storage.s3") {
        reader.warn(&key, "has no effect, because storage.url names a folder");
    }
    if reader.environment == Environment::Production {
        reader.warn(URL, "a folder is for one machine: processes on others do not find the images in it");
    }
    if reader.environment.is_deployed() && host.is_unspecified() && !has_public_url {
        let doubt =
            "is not given, so that images have the address /media/…, without a host; give that which clients use";
        reader.warn(PUBLIC_URL, doubt);
    }
}
