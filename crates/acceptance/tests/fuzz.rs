//! Fuzzing of the gRPC services: messages with any content that their descriptors allow are sent to the real binary
//! on SQLite. Every call is answered in time and never with an internal error.
//!
//! `FUZZ_SEED=N` sends other messages, `FUZZ_MESSAGES=N` more of them.

#![expect(clippy::panic, reason = "a failed step is a failed test")]

use fastrand::Rng;
use prost::Message as _;
use prost::bytes::{Buf, BufMut};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, Value,
};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;
use testkit::binary::Process;
use testkit::client::{PASSWORD, ShopClient, ada, teapot};
use testkit::image_files::png;
use testkit::rest::RestClient;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

const MESSAGES: u32 = 3_000;
/// The time limit of an answer; the server's own deadline is shorter.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a test reads a stream of status changes.
const WATCH_TIME: Duration = Duration::from_millis(30);

/// A codec of encoded messages.
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

/// The source of the messages' content.
struct Filler {
    random: Rng,
    /// Texts that have a meaning for the shop.
    known: Vec<String>,
    /// The ids of existing objects.
    ids: Vec<String>,
    image: Vec<u8>,
}

impl Filler {
    fn message(&mut self, kind: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(kind.clone());
        for field in kind.fields() {
            let value = match self.random.u8(..8) {
                0 => continue,
                1..4 => self.value(&field),
                _ => self.apt(&field).unwrap_or_else(|| self.value(&field)),
            };
            message.set_field(&field, value);
        }
        message
    }

    /// A plausible value for a field, so that messages pass the first checks.
    fn apt(&mut self, field: &FieldDescriptor) -> Option<Value> {
        if matches!(field.kind(), Kind::Bytes) {
            return Some(Value::Bytes(self.image.clone().into()));
        }
        let text = match field.name() {
            "name" | "description" | "q" => "Teapot",
            "price" => "1000",
            "email" if self.random.bool() => {
                return Some(Value::String(format!("{}@example.com", self.random.u32(..))));
            }
            "email" => "buyer@example.com",
            "password" | "confirm_password" => PASSWORD,
            "role" => "buyer",
            "etag" | "sort" | "status" | "page_token" | "seller" | "min_price" | "max_price" => "",
            name if name == "id" || name.ends_with("_id") => {
                return self.random.choice(&self.ids).cloned().map(Value::String);
            }
            _ => return None,
        };
        matches!(field.kind(), Kind::String).then(|| Value::String(text.to_owned()))
    }

    fn value(&mut self, field: &FieldDescriptor) -> Value {
        if field.is_map() {
            return Value::Map(std::collections::HashMap::new());
        }
        if field.is_list() {
            let count = self.random.usize(..4);
            return Value::List((0..count).map(|_| self.single(&field.kind())).collect());
        }
        self.single(&field.kind())
    }

    fn single(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.bytes().into()),
            Kind::Bool => Value::Bool(self.random.bool()),
            Kind::Double => Value::F64(self.random.f64() * 1e9),
            Kind::Float => Value::F32(self.random.f32()),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(self.number(i32::MIN, i32::MAX, Rng::i32)),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.number(i64::MIN, i64::MAX, Rng::i64)),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.number(u32::MIN, u32::MAX, Rng::u32)),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.number(u64::MIN, u64::MAX, Rng::u64)),
            Kind::Enum(_) => Value::EnumNumber(self.number(i32::MIN, i32::MAX, Rng::i32)),
            Kind::Message(inner) => Value::Message(self.message(inner)),
        }
    }

    /// Small numbers, the limits, and random ones.
    fn number<N: From<u8>>(&mut self, min: N, max: N, any: fn(&mut Rng, std::ops::RangeFull) -> N) -> N {
        match self.random.u8(..8) {
            0 => min,
            1 => max,
            2 => any(&mut self.random, ..),
            _ => self.random.u8(..12).into(),
        }
    }

    fn text(&mut self) -> String {
        match self.random.u8(..10) {
            0 => String::new(),
            1 => {
                let length = self.random.usize(..40);
                (0..length).map(|_| self.random.char(..)).collect()
            }
            2 => self
                .random
                .choice(["\0", "\u{202e}", "x".repeat(70_000).as_str(), "%_\\'\"", "\r\n"])
                .unwrap_or("")
                .to_owned(),
            3 => self.random.i64(..).to_string(),
            4 => format!("{}.{}", self.random.u16(..), self.random.u8(..)),
            _ => self.random.choice(&self.known).cloned().unwrap_or_default(),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.image.clone();
        match self.random.u8(..4) {
            0 => bytes.clear(),
            1 => bytes.truncate(self.random.usize(..bytes.len())),
            2 => {
                if let Some(byte) = self.random.choice(&mut bytes) {
                    *byte ^= 0x55;
                }
            }
            _ => {}
        }
        bytes
    }

    /// An encoded message, sometimes with an unknown field.
    fn wire(&mut self, kind: &MessageDescriptor) -> Vec<u8> {
        let mut wire = self.message(kind).encode_to_vec();
        if self.random.u8(..8) == 0 {
            // Field 1000 of type varint.
            wire.extend([0xc0, 0x3e, self.random.u8(..0x80)]);
        }
        wire
    }
}

/// The outcome of a call.
async fn call(channel: &Channel, method: &MethodDescriptor, request: Request<Vec<u8>>) -> Result<(), Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap_or_else(|error| panic!("{error}"));
    if !method.is_server_streaming() {
        return client.unary(request, path, Raw).await.map(|_| ());
    }
    let mut stream = client.server_streaming(request, path, Raw).await?.into_inner();
    while let Ok(next) = tokio::time::timeout(WATCH_TIME, stream.message()).await {
        if next?.is_none() {
            break;
        }
    }
    Ok(())
}

fn from_environment<N: FromStr>(name: &str, otherwise: N) -> N {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_message_holds_the_answer_is_in_time_and_no_fault_of_ours() {
    let mut process = Process::serve(&[("rate_limit.enabled", "false")]);
    let addresses = process.addresses();
    let rest = RestClient::new(addresses.rest);
    let mut tokens = vec![String::new(), "no.token.really".to_owned()];
    let mut known: Vec<String> = [
        "newest", "-price", "price", "1000", "2.50", "1", "success", "pending", "seller", "buyer", "Teapot", "\"1\"",
        "*",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut ids = Vec::new();
    for role in ["seller", "buyer"] {
        let email = format!("{role}@example.com");
        let account = rest.register(&ada().role(role).email(&email)).await.unwrap().id;
        // As often as all other ids together, because only its owner may read an account.
        ids.extend(std::iter::repeat_n(account, 20));
        tokens.push(rest.login(&email, PASSWORD).await.unwrap().token);
        known.extend([email, PASSWORD.to_owned()]);
    }
    for _ in 0..20 {
        let product = rest.with_authorization(&tokens[2]).create(&teapot().price("10000").stock(1_000)).await.unwrap();
        ids.push(rest.with_authorization(&tokens[3]).order(&product.id, 1).await.unwrap().id);
        ids.push(product.id);
    }

    known.extend(ids.iter().cloned());

    let pool = DescriptorPool::decode(grpc::DESCRIPTOR_SET).unwrap();
    let methods: Vec<_> = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let seed = from_environment("FUZZ_SEED", 1);
    let mut filler = Filler { random: Rng::with_seed(seed), known, ids, image: png(8, 8) };
    let endpoint = Endpoint::from_shared(format!("http://{}", addresses.grpc)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut codes: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for number in 0..from_environment("FUZZ_MESSAGES", MESSAGES) {
        let at = filler.random.usize(..methods.len());
        let method = &methods[at];
        let wire = filler.wire(&method.input());
        let mut request = Request::new(wire.clone());
        let token = &tokens[filler.random.usize(..tokens.len())];
        if !token.is_empty() {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        for name in ["idempotency-key", "last-event-id", "x-request-id"] {
            let text = filler.text();
            // A longer header ends the connection, which is how HTTP/2 refuses it.
            if filler.random.u8(..4) == 0
                && text.len() < 1_000
                && let Ok(value) = AsciiMetadataValue::try_from(text)
            {
                request.metadata_mut().insert(AsciiMetadataKey::from_static(name), value);
            }
        }
        let called = tokio::time::timeout(TIMEOUT, call(&channel, method, request)).await;
        let told =
            || format!("seed {seed}, message {number}, {}: {wire:02x?}\n{}", method.full_name(), process.output());
        let code = match called.unwrap_or_else(|_| panic!("no answer after {TIMEOUT:?}: {}", told())) {
            Ok(()) => Code::Ok,
            Err(status) => {
                let code = status.code();
                assert!(!matches!(code, Code::Internal | Code::Unknown), "{status:?}: {}", told());
                code
            }
        };
        *codes.entry(method.full_name().to_owned()).or_default().entry(format!("{code:?}")).or_default() += 1;
    }

    // The messages pass the first checks: every method has succeeded and failed at least once.
    println!("{codes:#?}");
    for method in &methods {
        let codes = codes.get(method.full_name()).unwrap_or_else(|| panic!("{} was not called", method.full_name()));
        assert!(codes.contains_key("Ok") && codes.len() > 1, "{}: {codes:?}", method.full_name());
    }
    assert!(rest.login("buyer@example.com", PASSWORD).await.is_ok(), "it still serves");
    process.signal("TERM");
    assert_eq!(process.exit_code(Duration::from_secs(30)), Some(0), "{}", process.output());
}
