//! Running uploads: their number is limited, and an incomplete one leaves no trace.

use crate::scenarios::user::assert_refused;
use domain::error::ErrorCode;
use std::time::Duration;
use testkit::client::{Query, change, teapot};
use testkit::image_files::png_of;
use testkit::member::{Member, seller};
use testkit::world::World;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// One upload slot for both protocols together.
pub const SETTINGS: &[(&str, &str)] = &[("storage.max_uploads", "1")];

/// Large enough to count as an upload on both protocols.
const LARGE: usize = 600_000;

/// Sends the beginning of an upload over REST and keeps the connection open.
async fn half_upload(world: &World, seller: &Member) -> TcpStream {
    let mut stream = TcpStream::connect(world.rest().address()).await.unwrap();
    let head = format!(
        "POST /products HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"image_url\"; filename=\"photo.png\"\r\n\r\n",
        seller.token,
        2 * LARGE
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&png_of(LARGE)).await.unwrap();
    stream
}

pub async fn an_upload_without_a_place_is_refused_while_all_else_goes_on(world: &World) {
    let seller = seller(world).await;
    let half = half_upload(world, &seller).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let large = || teapot().image(png_of(LARGE));
    world
        .wait_until("the only place is taken", async || {
            // An upload that arrives before the half one is accepted.
            let outcome = seller.client.create(&large()).await;
            outcome.is_err_and(|call_error| call_error.code == ErrorCode::Overloaded)
        })
        .await;
    for client in [world.client(), world.other_client()] {
        let client = client.with_authorization(&seller.token);
        let call_error = assert_refused(client.create(&large()).await, ErrorCode::Overloaded);
        assert!(call_error.retry_after.is_some_and(|wait| wait >= Duration::from_secs(1)), "{call_error:?}");
        assert_refused(client.update(&made.id, &change().image(png_of(LARGE))).await, ErrorCode::Overloaded);
        client.update(&made.id, &change().price("1")).await.unwrap();
        client.products(&Query::default()).await.unwrap();
    }
    drop(half);
    world.wait_until("the place is free", async || seller.client.create(&large()).await.is_ok()).await;
}

pub async fn uploads_that_break_off_leave_nothing(world: &World) {
    let seller = seller(world).await;
    for _ in 0..5 {
        let half = half_upload(world, &seller).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(half);
    }
    let large = || teapot().image(png_of(LARGE));
    world.wait_until("a place is free", async || seller.client.create(&large()).await.is_ok()).await;
    let listed = world.client().products(&Query::default()).await.unwrap().items;
    assert_eq!((listed.len(), world.stored_images().len()), (1, 1));
}
