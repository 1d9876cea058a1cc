//! What both servers do alike: listen on a port of 127.0.0.1, stop, and start again on the same port.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// The port, threads and task of a server. The server stops when this value is dropped.
pub(crate) struct Listening {
    port: u16,
    runtime: Option<Runtime>,
    task: Option<JoinHandle<()>>,
}

impl Listening {
    pub(crate) fn new(name: &str) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build();
        Self { port: 0, runtime: Some(runtime.unwrap()), task: None }
    }

    /// The port of the first start.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Closes all connections and refuses new ones until the next start.
    pub(crate) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            while !task.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(&mut self, serve: impl FnOnce(TcpListener) -> F) {
        self.stop();
        let listener = listen(self.port);
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        self.task = self.runtime.as_ref().map(|runtime| runtime.spawn(serve(listener)));
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop();
        // An asynchronous test must not block on the threads.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Listens on a port of this machine, 0 for any. Retries while another connection uses the port.
fn listen(port: u16) -> TcpListener {
    const TRIES: usize = 200;
    const PAUSE: Duration = Duration::from_millis(50);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let taken =
        |bound: &io::Result<TcpListener>| bound.as_ref().is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    for _ in 1..TRIES {
        let bound = TcpListener::bind(address);
        if !taken(&bound) {
            return bound.unwrap();
        }
        std::thread::sleep(PAUSE);
    }
    TcpListener::bind(address).unwrap()
}
