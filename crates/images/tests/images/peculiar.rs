//! An S3 service with a peculiarity, as a few lines of HTTP: what the services of this world do differently from Amazon's.

use crate::server::{ID, SECRET, options};
use hmac::{Hmac, KeyInit, Mac};
use images::S3Options;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a service does in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peculiarity {
    /// It answers a condition with this status, as Backblaze B2 does with 501.
    NoConditions(u16),
    /// It refuses headers that it does not know, as older Ceph gateways do.
    NoStrangeHeaders,
    /// It takes nothing without a checksum, as Amazon's buckets with Object Lock.
    Checksums,
    /// It stores the first attempt at a place, hangs up, and answers the next attempt with this status: it replaces nothing.
    LosesAnswers(u16),
    /// It takes requests that are signed for this region alone, and says so.
    Region(&'static str),
    /// It is below this path, as Supabase Storage.
    Below(&'static str),
    /// It lets nobody remove anything.
    NoRemoval,
    /// It says that it removes things and does not.
    KeepsAll,
    /// Its clock is another one.
    Skewed,
    /// It knows no bucket.
    NoBucket,
    /// It sends what it keeps as something else.
    Typeless,
}

/// The headers of requests that every service knows, because signatures are made of them or HTTP has them.
const KNOWN: [&str; 11] = [
    "accept",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path and the query.
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    body: Vec<u8>,
}

#[derive(Default)]
struct State {
    objects: HashMap<String, Vec<u8>>,
    requests: Vec<Request>,
}

/// The service; ended with this value.
pub(crate) struct Peculiar {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Peculiar {
    pub(crate) async fn start(peculiarity: Peculiarity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::<Mutex<State>>::default());
        let (mut tasks, shared) = (JoinSet::new(), Arc::clone(&state));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    // A client that hangs up is its own business.
                    let _ = serve(stream, peculiarity, &state).await;
                });
            }
        });
        Self { address, state, _tasks: tasks }
    }

    /// How the shop finds it.
    pub(crate) fn options(&self) -> S3Options {
        options(self.address)
    }

    /// What it keeps, by path.
    pub(crate) fn objects(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

async fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut parts = line.split_whitespace().map(str::to_owned);
    let (method, target) = (parts.next().unwrap(), parts.next().unwrap());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).await?;
    Ok(Some(Request { method, target, headers, body }))
}

async fn serve(stream: TcpStream, peculiarity: Peculiarity, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader).await? {
        let Some((status, body)) = answer(&request, peculiarity, state) else {
            return Ok(());
        };
        state.lock().unwrap().requests.push(request.clone());
        let kind = if peculiarity == Peculiarity::Typeless { "application/octet-stream" } else { "image/png" };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-length: {}\r\ncontent-type: {kind}\r\netag: \"x\"\r\n\
             last-modified: Fri, 27 Nov 2026 10:00:00 GMT\r\n\r\n",
            body.len()
        );
        reader.write_all(head.as_bytes()).await?;
        if request.method != "HEAD" {
            reader.write_all(&body).await?;
        }
    }
    Ok(())
}

fn error(status: u16, code: &str) -> Option<(u16, Vec<u8>)> {
    let text = format!("<Error><Code>{code}</Code><Message>hunter2</Message></Error>");
    Some((status, text.into_bytes()))
}

/// What it answers, or `None` to hang up.
fn answer(request: &Request, peculiarity: Peculiarity, state: &Mutex<State>) -> Option<(u16, Vec<u8>)> {
    let path = request.target.split('?').next().unwrap().to_owned();
    let has = |start: &str| request.headers.keys().any(|name| name.starts_with(start));
    let region = if let Peculiarity::Region(region) = peculiarity { region } else { "us-east-1" };
    let is_below = if let Peculiarity::Below(prefix) = peculiarity { path.starts_with(prefix) } else { true };
    if !is_below {
        return error(404, "NotFound");
    }
    match why_unsigned(request, region) {
        Some(Wrong::Region) => {
            let code = format!("AuthorizationHeaderMalformed</Code><Region>{region}</Region><Code>");
            return error(400, &code);
        }
        Some(Wrong::Signature) => return error(403, "SignatureDoesNotMatch"),
        None => {}
    }
    match peculiarity {
        Peculiarity::NoConditions(status) if has("if-") => return error(status, "NotImplemented"),
        Peculiarity::NoStrangeHeaders if request.headers.keys().any(|name| !KNOWN.contains(&name.as_str())) => {
            return error(400, "InvalidArgument");
        }
        Peculiarity::Checksums if request.method == "PUT" && !has("x-amz-checksum-") => {
            return error(400, "InvalidRequest");
        }
        Peculiarity::NoRemoval if request.method == "DELETE" => return error(403, "AccessDenied"),
        Peculiarity::Skewed => return error(403, "RequestTimeTooSkewed"),
        Peculiarity::NoBucket => return error(404, "NoSuchBucket"),
        _ => {}
    }
    let mut state = state.lock().unwrap();
    match request.method.as_str() {
        "PUT" => match (peculiarity, state.objects.contains_key(&path)) {
            (Peculiarity::LosesAnswers(_), false) => {
                state.objects.insert(path, request.body.clone());
                None
            }
            (Peculiarity::LosesAnswers(status), true) => error(status, "PreconditionFailed"),
            _ => {
                state.objects.insert(path, request.body.clone());
                Some((200, Vec::new()))
            }
        },
        "DELETE" => {
            if peculiarity != Peculiarity::KeepsAll {
                state.objects.remove(&path);
            }
            Some((204, Vec::new()))
        }
        _ => state.objects.get(&path).map_or_else(|| error(404, "NoSuchKey"), |found| Some((200, found.clone()))),
    }
}

enum Wrong {
    Region,
    Signature,
}

/// What a signature is made of, be it in a header or in the query.
struct Signed {
    credential: String,
    names: String,
    signature: String,
    moment: String,
    query: String,
    digest: String,
}

impl Signed {
    fn of(request: &Request, query: &str) -> Option<Self> {
        let Some(header) = request.headers.get("authorization") else { return Self::of_query(query) };
        let part = |name: &str| header.split_once(&format!("{name}=")).map(|(_, rest)| rest.split(',').next().unwrap());
        let digest = hex(&Sha256::digest(&request.body));
        (request.headers["x-amz-content-sha256"] == digest).then_some(())?;
        Some(Self {
            credential: part("Credential")?.to_owned(),
            names: part("SignedHeaders")?.to_owned(),
            signature: part("Signature")?.to_owned(),
            moment: request.headers["x-amz-date"].clone(),
            query: query.to_owned(),
            digest,
        })
    }

    fn of_query(query: &str) -> Option<Self> {
        let (query, signature) = query.split_once("&X-Amz-Signature=")?;
        let part = |name: &str| query.split('&').find_map(|part| part.strip_prefix(&format!("{name}=")));
        Some(Self {
            credential: part("X-Amz-Credential")?.replace("%2F", "/"),
            names: "host".to_owned(),
            signature: signature.to_owned(),
            moment: part("X-Amz-Date")?.to_owned(),
            query: query.to_owned(),
            digest: "UNSIGNED-PAYLOAD".to_owned(),
        })
    }
}

/// Why a request is refused for its signature (AWS Signature Version 4, "Create a signed AWS API request").
fn why_unsigned(request: &Request, region: &str) -> Option<Wrong> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let Some(signed) = Signed::of(request, query) else { return Some(Wrong::Signature) };
    let Signed { credential, names, signature, moment, query, digest } = signed;
    let (id, scope) = credential.split_once('/').unwrap();
    let parts: Vec<_> = scope.split('/').collect();
    if parts[1] != region {
        return Some(Wrong::Region);
    }
    let headers = names.split(';').map(|name| format!("{name}:{}\n", request.headers[name])).collect::<String>();
    let canonical = format!("{}\n{path}\n{query}\n{headers}\n{names}\n{digest}", request.method);
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = parts.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, part| code(&key, part));
    (id != ID || hex(&code(&key, &text)) != signature).then_some(Wrong::Signature)
}

fn code(key: &[u8], text: &str) -> Vec<u8> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
