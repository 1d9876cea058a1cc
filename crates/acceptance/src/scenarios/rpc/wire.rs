//! The wire format of messages and services.

use domain::error::ErrorCode;
use grpc::proto::user::user_command_service_client::UserCommandServiceClient;
use grpc::proto::user::{UserLoginRequest, UserLoginResponse};
use testkit::client::{PASSWORD, ada};
use testkit::grpc::call_error;
use testkit::world::World;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;

pub const SETTINGS: &[(&str, &str)] = &[("grpc.reflection", "true")];

const LOGIN: &str = "/user.UserCommandService/LoginUser";
const SERVICES: [&str; 4] = [
    "user.UserCommandService",
    "user.UserQueryService",
    "product.ProductCommandService",
    "product.ProductQueryService",
];

/// The largest accepted message, in bytes.
const MAX_MESSAGE: usize = 256 * 1024;

/// A `UserLoginRequest` whose texts are any bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct AnyBytes {
    #[prost(bytes = "vec", tag = "1")]
    email: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    password: Vec<u8>,
}

async fn call(world: &World, path: &'static str, message: AnyBytes) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(world.grpc().channel());
    client.ready().await.unwrap();
    let codec: ProstCodec<AnyBytes, UserLoginResponse> = ProstCodec::default();
    client.unary(Request::new(message), path.parse().unwrap(), codec).await.map(drop)
}

fn login(password_length: usize) -> UserLoginRequest {
    UserLoginRequest { email: "ada@example.com".to_owned(), password: "x".repeat(password_length) }
}

/// The size of a log-in message without its password.
fn overhead() -> usize {
    prost::Message::encoded_len(&login(MAX_MESSAGE - 1_000)) - (MAX_MESSAGE - 1_000)
}

pub async fn a_request_id_is_echoed_when_harmless_and_replaced_by_another_when_not(world: &World) {
    let mut client = UserCommandServiceClient::new(world.grpc().channel());
    for (offered, is_kept) in [("trace-1_a.B", true), ("a b", false), (&"x".repeat(65), false)] {
        let mut request = Request::new(login(8));
        request.metadata_mut().insert("x-request-id", offered.parse().unwrap());
        let status = client.login_user(request).await.unwrap_err();
        let id = status.metadata().get("x-request-id").unwrap().to_str().unwrap();
        assert_eq!(id == offered, is_kept, "{id:?}");
        assert!(is_kept || uuid::Uuid::parse_str(id).is_ok(), "{id:?}");
    }
}

pub async fn a_message_over_its_limit_is_refused_and_the_connection_lives(world: &World) {
    let mut client = UserCommandServiceClient::new(world.grpc().channel());
    let at_limit = client.login_user(login(MAX_MESSAGE - overhead())).await.unwrap_err();
    assert_eq!(call_error(&at_limit).code, ErrorCode::LoginFailed, "read, and found wanting");
    let over = client.login_user(login(MAX_MESSAGE - overhead() + 1)).await.unwrap_err();
    assert!(matches!(over.code(), Code::OutOfRange | Code::ResourceExhausted), "{over:?}");

    world.client().register(&ada()).await.unwrap();
    world.client().login("ada@example.com", PASSWORD).await.unwrap();
}

pub async fn a_small_message_that_unpacks_to_a_large_one_is_refused(world: &World) {
    let client = UserCommandServiceClient::new(world.grpc().channel());
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    assert_eq!(call_error(&client.login_user(login(8)).await.unwrap_err()).code, ErrorCode::LoginFailed);
    let decompression_bomb = client.login_user(login(10 * 1024 * 1024)).await.unwrap_err();
    assert!(matches!(decompression_bomb.code(), Code::OutOfRange | Code::ResourceExhausted), "{decompression_bomb:?}");
}

pub async fn text_that_is_not_utf8_is_an_invalid_argument(world: &World) {
    let message = AnyBytes { email: b"ada\xff@example.com".to_vec(), password: b"password123".to_vec() };
    let status = call(world, LOGIN, message).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    for internal in ["prost", "tonic", "utf8", ".rs"] {
        assert!(!status.message().to_lowercase().contains(internal), "{internal:?} leaks: {status:?}");
    }
}

pub async fn an_unknown_method_is_unimplemented(world: &World) {
    for (path, told) in [
        ("/user.UserCommandService/DeleteUser", "unknown method DeleteUser for service user.UserCommandService"),
        ("/user.UserService/RegisterUser", "unknown service user.UserService"),
        ("/nonsense", "unknown service nonsense"),
    ] {
        let status = call(world, path, AnyBytes::default()).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, told), "{path}: {status:?}");
    }
}

macro_rules! listed_services {
    ($version:ident, $world:expr) => {{
        use tonic_reflection::pb::$version as pb;
        let question = pb::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = pb::ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let channel = $world.grpc().channel();
        let mut client = pb::server_reflection_client::ServerReflectionClient::new(channel);
        let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        match answers.message().await.unwrap().unwrap().message_response {
            Some(pb::server_reflection_response::MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
            }
            other => panic!("not a list of services: {other:?}"),
        }
    }};
}

pub async fn both_versions_of_reflection_list_the_services(world: &World) {
    for listed in [listed_services!(v1, world), listed_services!(v1alpha, world)] {
        for service in SERVICES.into_iter().chain(["grpc.health.v1.Health"]) {
            assert!(listed.iter().any(|name| name == service), "{service} is missing: {listed:?}");
        }
    }
}

pub async fn each_service_says_that_it_is_serving(world: &World) {
    let mut client = HealthClient::new(world.grpc().channel());
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = client.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(HealthCheckRequest { service: "nonsense".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}
