//! What one client may cost the others.

use crate::client::{GET_USER, RawClient};
use crate::shop::{PATIENCE, Shop, profile_request};
use crate::stage::{Play, TOKEN};
use grpc::Options;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Opens streams and resets them at once, over as many connections as that takes.
async fn reset_streams(shop: &Shop, count: usize) -> usize {
    let mut connections = 1;
    let mut client = shop.raw().await;
    for _ in 0..count {
        match client.open(GET_USER, &[("authorization", TOKEN)]).await {
            Ok((_answer, mut stream)) => stream.send_reset(h2::Reason::CANCEL),
            Err(_closed) => {
                connections += 1;
                client = shop.raw().await;
            }
        }
    }
    connections
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_opened_and_reset_leave_the_server_well() {
    let shop = Shop::open();
    let connections = reset_streams(&shop, 20_000).await;
    println!("20,000 streams reset over {connections} connections");
    let asked = Instant::now();
    shop.profile().await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn one_connection_too_many_waits_until_another_has_gone() {
    let shop = Shop::open_with(Options { max_connections: 1, ..Options::default() });
    let mut first = shop.queries().await;
    first.get_user_by_id(profile_request(TOKEN)).await.unwrap();

    let second = shop.profile();
    tokio::pin!(second);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(early.is_err(), "the second connection was served beside the first");
    first.get_user_by_id(profile_request(TOKEN)).await.unwrap();
    drop(first);
    tokio::time::timeout(PATIENCE, second).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_on_which_nobody_speaks_http2_is_closed() {
    let shop = Shop::open_with(Options { handshake_timeout: Duration::from_millis(200), ..Options::default() });
    for said in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
        let mut silent = TcpStream::connect(shop.address).await.unwrap();
        silent.write_all(said).await.unwrap();
        let mut received = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut received)).await;
        assert!(closed.is_ok(), "still open after {said:?}");
    }
    let mut client = shop.queries().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    client.get_user_by_id(profile_request(TOKEN)).await.unwrap();
}

#[tokio::test]
async fn an_old_connection_is_asked_to_end_and_then_cut() {
    let shop = Shop::open_with(Options {
        max_connection_age: Duration::from_millis(300),
        max_connection_age_grace: Duration::from_millis(700),
        ..Options::default()
    });
    // Asked to end, a call under way is answered all the same.
    shop.plays(Play::Take(Duration::from_millis(500)));
    let mut client = shop.raw().await;
    assert_eq!(client.profile("5S").await.code(), tonic::Code::Ok);
    tokio::time::timeout(PATIENCE, client.connection).await.unwrap().unwrap().unwrap();

    shop.plays(Play::Hang);
    let mut client = shop.raw().await;
    let opened = Instant::now();
    let (_answer, _stream) = client.open(GET_USER, &[("authorization", TOKEN)]).await.unwrap();
    let _closed = tokio::time::timeout(PATIENCE, client.connection).await.unwrap().unwrap();
    let age = opened.elapsed();
    assert!(age > Duration::from_millis(600) && age < Duration::from_secs(8), "{age:?}");
}

#[tokio::test]
async fn metadata_over_its_limit_is_refused_and_others_are_served() {
    let shop = Shop::open();
    let mut client: RawClient = shop.raw().await;
    let opened = client.open(GET_USER, &[("x-filler", &"x".repeat(64 * 1024))]).await;
    if let Ok((answer, _stream)) = opened {
        let refused = answer.await.map(|head| head.status().as_u16());
        assert!(!matches!(refused, Ok(200)), "{refused:?}");
    }
    shop.profile().await.unwrap();
}
