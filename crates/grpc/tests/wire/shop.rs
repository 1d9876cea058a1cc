//! A real server on a free port.

use crate::client::RawClient;
use app::refusals::HeldRefusals;
use app::user::PasswordCheck;
use domain::error::BoxError;
use grpc::Options;
use grpc::proto::user::user_command_service_client::UserCommandServiceClient;
use grpc::proto::user::user_query_service_client::UserQueryServiceClient;
use grpc::proto::user::{GetUserByIdRequest, UserRegisterRequest, UserResponse};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use test_doubles::{FakePorts, OWNER, StorageBehavior, TOKEN, app};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running server and the ports behind it.
pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) ports: Arc<FakePorts>,
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) refusals: Arc<HeldRefusals>,
    pub(crate) stop: CancellationToken,
    server: JoinHandle<Result<(), BoxError>>,
}

impl Shop {
    pub(crate) fn open() -> Self {
        Self::open_with(Options::default())
    }

    pub(crate) fn open_with(options: Options) -> Self {
        let ports = Arc::new(FakePorts { password_check: Mutex::new(PasswordCheck::Wrong), ..FakePorts::default() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ready, is_ready) = watch::channel(true);
        let stop = CancellationToken::new();
        let app = app(&ports);
        let refusals = Arc::clone(&app.pipeline.refusals);
        let serving = grpc::serve(app, options, listener, is_ready, stop.clone());
        Self { address, ports, ready, refusals, stop, server: Handle::current().spawn(serving) }
    }

    pub(crate) fn set_storage_behavior(&self, behavior: StorageBehavior) {
        *self.ports.behavior.lock().unwrap() = behavior;
    }

    /// A connection of its own.
    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn commands(&self) -> UserCommandServiceClient<Channel> {
        UserCommandServiceClient::new(self.channel().await)
    }

    pub(crate) async fn queries(&self) -> UserQueryServiceClient<Channel> {
        UserQueryServiceClient::new(self.channel().await)
    }

    pub(crate) async fn raw(&self) -> RawClient {
        RawClient::connect(self.address).await
    }

    /// Asks for the one account there is, as its owner.
    pub(crate) async fn profile(&self) -> Result<Response<UserResponse>, Status> {
        self.queries().await.get_user_by_id(profile_request(TOKEN)).await
    }

    /// Waits until the storage has been asked this many times.
    pub(crate) async fn asked(&self, times: usize) {
        let asked = async {
            while self.ports.asked.load(Ordering::SeqCst) < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }

    /// Waits for the server to end by itself.
    pub(crate) async fn ended(self) -> Result<(), BoxError> {
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap()
    }
}

pub(crate) fn profile_request(token: &str) -> Request<GetUserByIdRequest> {
    let mut request = Request::new(GetUserByIdRequest { id: OWNER.to_owned() });
    let authorization = format!("Bearer {token}");
    request.metadata_mut().insert("authorization", authorization.parse().unwrap());
    request
}

pub(crate) fn register_request() -> UserRegisterRequest {
    UserRegisterRequest {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
        role: "buyer".to_owned(),
        password: "correct horse battery".to_owned(),
        confirm_password: "correct horse battery".to_owned(),
    }
}
