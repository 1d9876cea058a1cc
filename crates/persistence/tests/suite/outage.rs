//! A database that is away, comes back, is cut off or stops answering.

use crate::support::{Kind, TestDatabase, servers, soon, user};
use app::user::{UserQueries, Users};
use domain::error::{Error, ErrorCode};
use domain::user::UserId;
use persistence::{Database, Options, SchemaStatus};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

const OPEN: u8 = 0;
const SILENT: u8 = 1;
const CUT: u8 = 2;

/// A proxy before a database server, which a test can close, cut and silence.
struct Gate {
    port: u16,
    server: String,
    state: Arc<AtomicU8>,
}

impl Gate {
    /// A closed proxy, which refuses connections.
    fn closed(test: &TestDatabase) -> (Self, String) {
        let (head, rest) = test.url.rsplit_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let gate = Self { port, server: server.to_owned(), state: Arc::new(AtomicU8::new(OPEN)) };
        (gate, format!("{head}@127.0.0.1:{port}/{name}"))
    }

    fn open(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let (server, state) = (self.server.clone(), Arc::clone(&self.state));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&server)) else { continue };
                if state.load(Ordering::SeqCst) == CUT {
                    continue;
                }
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, state) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&state));
                    std::thread::spawn(move || forward(from, to, &state));
                }
            }
        });
    }

    fn set(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    /// Ends all open connections. New ones are accepted.
    fn cut_all(&self) {
        self.set(CUT);
        std::thread::sleep(Duration::from_millis(200));
        self.set(OPEN);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 16 * 1024];
    loop {
        match state.load(Ordering::SeqCst) {
            CUT => break,
            SILENT => {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            _ => {}
        }
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) if to.write_all(&buffer[..length]).is_err() => break,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

async fn timed_profile(database: &Database) -> (Result<(), Error>, Duration) {
    let begun = Instant::now();
    let answer = database.profile(UserId::generate(), soon()).await;
    (answer.map(drop), begun.elapsed())
}

/// How long it takes until a call succeeds. Checks the error of each call that fails before.
async fn time_to_success(kind: Kind, database: &Database) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        match timed_profile(database).await {
            (Ok(()), _) => return begun.elapsed(),
            (Err(error), took) => {
                assert_eq!(error.code(), ErrorCode::Unavailable, "{kind:?}: {error:?}");
                assert!(took < Duration::from_secs(3), "{kind:?}: a failure took {took:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{kind:?}: no success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_later_is_found_and_meanwhile_calls_fail_fast() {
    for kind in servers() {
        let test = TestDatabase::migrated(kind);
        let (gate, url) = Gate::closed(&test);
        let password = url.split(['@', ':']).nth(2).unwrap().to_owned();
        let database = Database::open(Options::new(url)).unwrap();
        for _ in 0..20 {
            let (answer, took) = timed_profile(&database).await;
            assert_eq!(answer.unwrap_err().code(), ErrorCode::Unavailable, "{kind:?}");
            assert!(took < Duration::from_secs(3), "{kind:?}: a failure took {took:?}");
        }
        let SchemaStatus::Away { reason } = database.status().await else {
            panic!("{kind:?} is not away");
        };
        assert!(!reason.is_empty() && !reason.contains(&password), "{kind:?}: {reason}");
        gate.open();
        let took = time_to_success(kind, &database).await;
        assert!(took < Duration::from_secs(5), "{kind:?}: back after {took:?}");
        assert_eq!(database.status().await, SchemaStatus::Ready, "{kind:?}");
        assert!(database.close(Duration::from_secs(5)).await, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_on_a_lost_connection_is_done_on_another() {
    for kind in servers() {
        let test = TestDatabase::migrated(kind);
        let (gate, url) = Gate::closed(&test);
        gate.open();
        let database = Database::open(Options::new(url)).unwrap();
        time_to_success(kind, &database).await;
        for round in 0..3 {
            gate.cut_all();
            for _ in 0..8 {
                let (answer, _) = timed_profile(&database).await;
                answer.unwrap_or_else(|error| panic!("{kind:?}, round {round}: {error:?}"));
            }
        }
        assert!(database.add(&user("ada@example.com"), soon()).await.is_ok(), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_keeps_nobody_waiting() {
    for kind in servers() {
        let test = TestDatabase::migrated(kind);
        let (gate, url) = Gate::closed(&test);
        gate.open();
        let database = Database::open(Options::new(url)).unwrap();
        time_to_success(kind, &database).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        gate.set(SILENT);
        // The bytes that were under way arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let calls = (0..12).map(|_| timed_profile(&database));
        for (answer, took) in futures_join(calls).await {
            assert_eq!(answer.unwrap_err().code(), ErrorCode::Unavailable, "{kind:?}");
            assert!(took < Duration::from_secs(10), "{kind:?}: {took:?}");
        }
        let begun = Instant::now();
        assert!(matches!(database.status().await, SchemaStatus::Away { .. }), "{kind:?}");
        assert!(begun.elapsed() <= Duration::from_secs(3), "{kind:?}");
        gate.set(OPEN);
        let took = time_to_success(kind, &database).await;
        assert!(took < Duration::from_secs(5), "{kind:?}: back after {took:?}");
    }
}

async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}
