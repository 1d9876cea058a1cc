//! Reference servers, which the product is compared with: they run the query and return the row. They check no
//! token, log nothing, limit nothing, count nothing and keep no deadline.
//!
//! They are as fast as is known how: threads, connections and allocator are the product's, and statements are
//! prepared once.

use crate::sql::{AnyConnection, Row};
use actix_web::web::{self, Data, Path};
use actix_web::{App, HttpResponse, HttpServer};
use crossbeam_channel::{Receiver, Sender};
use grpc::proto::user::user_query_service_server::{UserQueryService, UserQueryServiceServer};
use grpc::proto::user::{GetUserByIdRequest, UserResponse};
use serde::Serialize;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::available_parallelism;
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// The environment variable with the database's URL, because every user of the machine can read command lines.
pub const DATABASE: &str = "BENCH_DATABASE";

/// The length of the queue for a connection, as in the product.
const QUEUE: usize = 256;

pub struct Plan {
    /// gRPC if true, REST otherwise.
    pub is_grpc: bool,
    pub database: String,
    /// The file for the address, written when the server listens.
    pub ready_file: PathBuf,
}

/// The number of connections that the product opens to a database on this machine.
#[must_use]
pub fn connections() -> usize {
    (2 * available_parallelism().map_or(1, usize::from)).clamp(4, 16)
}

struct Job {
    id: String,
    reply: oneshot::Sender<Option<Row>>,
}

/// Threads with a connection each.
#[derive(Clone)]
struct Lanes(Sender<Job>);

impl Lanes {
    fn start(url: &str) -> Self {
        let (queue, jobs) = crossbeam_channel::bounded(QUEUE);
        for _ in 0..connections() {
            let (jobs, url) = (jobs.clone(), url.to_owned());
            std::thread::spawn(move || work_off(&url, &jobs));
        }
        Self(queue)
    }

    async fn account(&self, id: String) -> Option<Row> {
        let (reply, row) = oneshot::channel();
        self.0.try_send(Job { id, reply }).ok()?;
        row.await.ok()?
    }
}

fn work_off(url: &str, jobs: &Receiver<Job>) {
    let mut connection = AnyConnection::open(url).expect("the database");
    for Job { id, reply } in jobs {
        // The receiver may have gone.
        let _ = reply.send(connection.account(&id).expect("the statement"));
    }
}

#[derive(Serialize)]
struct Account {
    id: String,
    name: String,
    email: String,
    role: String,
}

async fn get(lanes: Data<Lanes>, id: Path<String>) -> HttpResponse {
    let id = id.into_inner();
    match lanes.account(id.clone()).await {
        Some((name, email, role)) => HttpResponse::Ok().json(Account { id, name, email, role }),
        None => HttpResponse::NotFound().finish(),
    }
}

struct Accounts(Lanes);

#[tonic::async_trait]
impl UserQueryService for Accounts {
    async fn get_user_by_id(&self, request: Request<GetUserByIdRequest>) -> Result<Response<UserResponse>, Status> {
        let id = request.into_inner().id;
        let row = self.0.account(id.clone()).await;
        let (name, email, role) = row.ok_or_else(|| Status::not_found("no such account"))?;
        Ok(Response::new(UserResponse { id, name, email, role }))
    }
}

fn tell(plan: &Plan, address: SocketAddr) {
    let unfinished = plan.ready_file.with_extension("unfinished");
    let name = if plan.is_grpc { "grpc" } else { "rest" };
    std::fs::write(&unfinished, format!("{{\"{name}\":\"{address}\"}}")).expect("a file");
    std::fs::rename(&unfinished, &plan.ready_file).expect("a file");
}

/// Serves until the process ends.
pub async fn serve(plan: &Plan) {
    let lanes = Lanes::start(&plan.database);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    tell(plan, address);
    if plan.is_grpc {
        listener.set_nonblocking(true).expect("a listener");
        let incoming = TcpListenerStream::new(tokio::net::TcpListener::from_std(listener).expect("a listener"));
        let served = tonic::transport::Server::builder()
            .add_service(UserQueryServiceServer::new(Accounts(lanes)))
            .serve_with_incoming(incoming);
        served.await.expect("a server");
    } else {
        let lanes = Data::new(lanes);
        let app = move || App::new().app_data(lanes.clone()).route("/users/{id}", web::get().to(get));
        let workers = available_parallelism().map_or(1, usize::from);
        let server = HttpServer::new(app).workers(workers).listen(listener).expect("a listener");
        server.run().await.expect("a server");
    }
}
