//! The limits on what one client costs the others.

use crate::client::{GET_USER, RawClient};
use crate::shop::{PATIENCE, Shop, profile_request};
use grpc::Options;
use std::time::{Duration, Instant};
use test_doubles::{StorageBehavior, TOKEN};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

/// Frames that open a stream and reset it at once (RFC 9113 §6.2, §6.4). The header block is literal (RFC 7541 §6.2.2).
fn opened_and_reset(stream: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", GET_USER),
        (":authority", "shop"),
        ("content-type", "application/grpc"),
        ("authorization", TOKEN),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let length = u8::try_from(block.len()).unwrap();
    let id = stream.to_be_bytes();
    let (headers, end_headers, reset, cancel) = (1, 4, 3, 8);
    [&[0, 0, length, headers, end_headers][..], &id, &block, &[0, 0, 4, reset, 0], &id, &[0, 0, 0, cancel]].concat()
}

/// Resets streams on one connection until the server closes it. Returns their number and the server's last frame.
async fn reset_streams(shop: &Shop, most: u32) -> (u32, Vec<u8>) {
    let (mut received, mut connection) = TcpStream::connect(shop.address).await.unwrap().into_split();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    connection.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    connection.write_all(&settings).await.unwrap();
    let listening = Handle::current().spawn(async move {
        let mut said = Vec::new();
        let _closed = received.read_to_end(&mut said).await;
        said
    });
    let mut sent = 0;
    while sent < most {
        let batch: Vec<u8> = (sent..sent + 100).flat_map(|n| opened_and_reset(2 * n + 1)).collect();
        if connection.write_all(&batch).await.is_err() {
            break;
        }
        sent += 100;
    }
    drop(connection);
    (sent, listening.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_streams_that_are_opened_and_reset_is_stopped_and_leaves_the_server_well() {
    let shop = Shop::open();
    let (mut total, mut connections, mut goaways) = (0, 0, 0);
    while total < 100_000 {
        let (sent, said) = reset_streams(&shop, 100_000 - total).await;
        // GOAWAY (RFC 9113 §6.8) for ENHANCE_YOUR_CALM.
        let goaway = |frame: &[u8]| frame.starts_with(&[0, 0]) && frame[3] == 7 && frame[13..17] == [0, 0, 0, 11];
        goaways += usize::from(said.windows(17).any(goaway));
        connections += 1;
        total += sent;
    }
    println!("{total} streams reset over {connections} connections, {goaways} of which were told to calm down");
    assert!(goaways > 0, "nobody was told to calm down");
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
    shop.set_storage_behavior(StorageBehavior::Delay(Duration::from_millis(500)));
    let mut client = shop.raw().await;
    assert_eq!(client.profile("5S").await.code(), tonic::Code::Ok);
    tokio::time::timeout(PATIENCE, client.connection).await.unwrap().unwrap().unwrap();

    shop.set_storage_behavior(StorageBehavior::Hang);
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
