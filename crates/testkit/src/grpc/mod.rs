//! The client of gRPC, which checks gRPC's wire format.

use crate::client::{
    CallError, Listing, LoggedIn, Outcome, Product, ProductForm, Profile, Query, RegisterForm, Registered, ShopClient,
    code,
};
use async_trait::async_trait;
use domain::error::ErrorCode;
use grpc::proto::user::user_command_service_client::UserCommandServiceClient;
use grpc::proto::user::user_query_service_client::UserQueryServiceClient;
use grpc::proto::user::{GetUserByIdRequest, UserLoginRequest, UserRegisterRequest};
use std::net::SocketAddr;
use std::time::Duration;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

mod payment;
pub mod product;

/// The domain in `google.rpc.ErrorInfo`, within which a reason is unique.
const ERROR_DOMAIN: &str = "gocommerce";

/// The largest allowed size of an error's details, in bytes; clients refuse headers of 8 KiB and more.
const MAX_DETAILS: usize = 8 * 1024;

/// How often a call is repeated after the client's own timer has ended it.
const MAX_OWN_TIMEOUTS: usize = 20;

#[derive(Clone, Debug)]
pub struct GrpcClient {
    channel: Channel,
    authorization: Option<String>,
    timeout: Option<Duration>,
    expected: Option<String>,
    key: Option<String>,
}

impl GrpcClient {
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        Self { channel, authorization: None, timeout: None, expected: None, key: None }
    }

    /// The connection, for hand-made calls.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.parse().unwrap());
        }
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        request
    }
}

/// Reads a success or an error and checks the metadata that every answer must have.
fn read<T>(answer: Result<Response<T>, Status>) -> Outcome<T> {
    let response = answer.map_err(|status| call_error(&status))?;
    assert_request_id(response.metadata());
    Ok(response.into_inner())
}

fn assert_request_id(metadata: &MetadataMap) {
    let id = metadata.get("x-request-id").and_then(|id| id.to_str().ok());
    assert!(id.is_some_and(|id| !id.is_empty()), "no request id: {metadata:?}");
}

/// Reads an error and checks everything that the contract says about it.
#[must_use]
pub fn call_error(status: &Status) -> CallError {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no google.rpc.ErrorInfo: {status:?}"));
    let code = code(&info.reason);
    assert_eq!(info.domain, ERROR_DOMAIN);
    assert_eq!(status.code(), grpc::code(code), "{status:?}");
    assert!(status.details().len() <= MAX_DETAILS, "{} bytes of details", status.details().len());
    assert_request_id(status.metadata());
    let violations = details.bad_request().map(|wrong| wrong.field_violations.clone()).unwrap_or_default();
    CallError {
        code,
        message: status.message().to_owned(),
        fields: violations.into_iter().map(|wrong| (wrong.field, wrong.description)).collect(),
        retry_after: details.retry_info().and_then(|info| info.retry_delay),
        received: without_identity(status),
    }
}

/// The whole error as text without request id and date, which differ between any two answers.
fn without_identity(status: &Status) -> String {
    let id = status.metadata().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let mut metadata = status.metadata().clone();
    for name in ["date", "x-request-id", "grpc-status-details-bin"] {
        metadata.remove(name);
        metadata.remove_bin(name);
    }
    let details = format!("{:?}", status.get_error_details());
    format!("{:?} {:?}\n{details}\n{metadata:?}", status.code(), status.message()).replace(id, "(request id)")
}

/// Whether the client's own timer ended the call. The server answers shortly before, but on a busy machine the
/// answer may arrive too late; such a call says nothing about the server.
fn is_own_timeout(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.metadata().is_empty()
}

/// The message of an error over gRPC; it differs from REST's for one code.
#[must_use]
pub fn message(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TokenInvalid => "invalid token",
        _ => code.message(),
    }
}

#[async_trait]
impl ShopClient for GrpcClient {
    fn with_authorization(&self, authorization: &str) -> Box<dyn ShopClient> {
        Box::new(Self { authorization: Some(authorization.to_owned()), ..self.clone() })
    }

    fn with_timeout(&self, timeout: Duration) -> Box<dyn ShopClient> {
        Box::new(Self { timeout: Some(timeout), ..self.clone() })
    }

    fn with_if_match(&self, etag: &str) -> Box<dyn ShopClient> {
        Box::new(Self { expected: Some(etag.to_owned()), ..self.clone() })
    }

    async fn register(&self, form: &RegisterForm) -> Outcome<Registered> {
        let form = form.clone();
        let message = UserRegisterRequest {
            name: form.name,
            email: form.email,
            role: form.role,
            password: form.password,
            confirm_password: form.confirm_password,
        };
        let mut client = UserCommandServiceClient::new(self.channel());
        let mut answer = client.register_user(self.request(message.clone())).await;
        for _ in 0..MAX_OWN_TIMEOUTS {
            if !answer.as_ref().is_err_and(is_own_timeout) {
                break;
            }
            answer = client.register_user(self.request(message.clone())).await;
        }
        let registered = read(answer)?;
        Ok(Registered { id: registered.id, role: registered.role, email: registered.email })
    }

    async fn login(&self, email: &str, password: &str) -> Outcome<LoggedIn> {
        let message = UserLoginRequest { email: email.to_owned(), password: password.to_owned() };
        let mut client = UserCommandServiceClient::new(self.channel());
        let logged_in = read(client.login_user(self.request(message)).await)?;
        Ok(LoggedIn { id: logged_in.id, role: logged_in.role, token: logged_in.token })
    }

    async fn profile(&self, id: &str) -> Outcome<Profile> {
        let mut client = UserQueryServiceClient::new(self.channel());
        let profile = read(client.get_user_by_id(self.request(GetUserByIdRequest { id: id.to_owned() })).await)?;
        Ok(Profile { id: profile.id, name: profile.name, email: profile.email, role: profile.role })
    }

    async fn create(&self, form: &ProductForm) -> Outcome<Product> {
        self.create_product(form).await
    }

    async fn update(&self, id: &str, form: &ProductForm) -> Outcome<Product> {
        self.update_product(id, form).await
    }

    async fn delete(&self, id: &str) -> Outcome<()> {
        self.delete_product(id).await
    }

    async fn product(&self, id: &str) -> Outcome<Product> {
        self.view_product(id).await
    }

    async fn products(&self, query: &Query) -> Outcome<Listing> {
        self.browse_products(query).await
    }
}
