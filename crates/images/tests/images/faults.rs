//! A store that is away, slow or broken: every call fails, and in time.

use crate::bucket::{assert_failed, image, key, soon};
use crate::server::{Server, options, store};
use app::clock::Deadline;
use app::product::ImageStore;
use images::S3Options;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a server does with a connection.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It says nothing.
    Hang,
    /// It has no time.
    Busy,
    /// It hangs up within the request.
    HangUp,
    /// It hangs up within the answer.
    CutAnswer,
    /// It answers something else.
    Nonsense,
    /// It answers a byte now and then.
    Drip,
}

async fn suffer(mut stream: TcpStream, fault: Fault) -> std::io::Result<()> {
    let mut some = [0; 1024];
    stream.read_exact(&mut some[..100]).await?;
    match fault {
        Fault::Hang => std::future::pending().await,
        Fault::HangUp => {
            stream.set_zero_linger()?;
            Ok(())
        }
        Fault::Busy => {
            let body = "<Error><Code>SlowDown</Code><Message>hunter2</Message></Error>";
            let answer =
                format!("HTTP/1.1 503 Slow Down\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await?;
            while stream.read(&mut some).await? > 0 {}
            Ok(())
        }
        Fault::CutAnswer => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\netag").await,
        Fault::Nonsense => stream.write_all(b"220 mail.example ESMTP\r\n").await,
        Fault::Drip => {
            for byte in b"HTTP/1.1 200 OK\r\n".iter().cycle() {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Ok(())
        }
    }
}

async fn broken(fault: Fault, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let _ = suffer(stream, fault).await;
            });
        }
    });
    address
}

/// Long enough for a machine under load, and far shorter than what would be a bug.
const GENEROUS: Duration = Duration::from_secs(10);

async fn fails_in_time(options: S3Options, by: Duration, name: &str) {
    let (store, bound) = (store(options.clone()), by.min(options.timeout) + GENEROUS);
    let large = vec![7; 2 << 20];
    let started = Instant::now();
    assert_failed(&store.put(&key(), image(&large), Deadline::within(by)).await.unwrap_err());
    assert_failed(&store.remove(&key(), Deadline::within(by)).await.unwrap_err());
    assert!(started.elapsed() < 2 * bound, "{name}");
}

#[tokio::test]
async fn a_store_that_is_broken_fails_in_time() {
    for fault in [Fault::Hang, Fault::Busy, Fault::HangUp, Fault::CutAnswer, Fault::Nonsense, Fault::Drip] {
        let mut tasks = JoinSet::new();
        let address = broken(fault, &mut tasks).await;
        // The caller's time, or the store's own.
        let patient = options(address);
        let hurried = S3Options { timeout: Duration::from_secs(1), ..options(address) };
        fails_in_time(patient, Duration::from_secs(1), &format!("{fault:?}")).await;
        fails_in_time(hurried, Duration::from_secs(60), &format!("{fault:?}")).await;
    }
}

#[tokio::test]
async fn a_store_that_is_away_fails_in_time() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    fails_in_time(options(address), Duration::from_secs(20), "nobody listens").await;
    let endpoint = Some("http://no-such-host.invalid".to_owned());
    fails_in_time(S3Options { endpoint, ..options(address) }, Duration::from_secs(20), "no such host").await;
}

#[tokio::test]
async fn a_caller_without_time_is_told_at_once() {
    let server = Server::start().await;
    let store = store(server.options());
    let error = store.put(&key(), image(b"pixels"), Deadline::within(Duration::ZERO)).await.unwrap_err();
    assert_failed(&error);
}

#[tokio::test]
async fn a_store_that_fails_once_is_asked_again() {
    let server = Server::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, behind) = (listener.local_addr().unwrap(), server.address);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (first, _) = listener.accept().await.unwrap();
        let _ = suffer(first, Fault::Busy).await;
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            connections.spawn(async move {
                let mut far = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let store = store(options(address));
    store.put(&key(), image(b"pixels"), soon()).await.unwrap();
}
