//! Files that come with products.

use crate::client::{Answer, Connection};
use crate::shop::{PATIENCE, Shop, chunked, request};
use domain::product::MAX_IMAGE_BYTES;
use rest::Options;
use std::sync::Arc;
use std::time::Duration;
use test_doubles::{SELLER_TOKEN, TOKEN};
use tokio::sync::Semaphore;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn part(lines: &str, content: &[u8]) -> Vec<u8> {
    [format!("--b\r\ncontent-disposition: form-data; {lines}\r\n\r\n").as_bytes(), content, b"\r\n"].concat()
}

fn fields() -> Vec<u8> {
    let fields = [("name", "Desk"), ("description", "Oak"), ("price", "10"), ("stock", "1")];
    fields.map(|(name, content)| part(&format!("name=\"{name}\""), content.as_bytes())).concat()
}

fn file(content: &[u8]) -> Vec<u8> {
    part("name=\"image_url\"; filename=\"../../desk.png\"\r\ncontent-type: image/png", content)
}

/// A PNG to the doubles, of this size.
fn png(size: usize) -> Vec<u8> {
    let mut bytes = PNG.to_vec();
    bytes.resize(size, 7);
    bytes
}

fn head(token: &str, framing: &str) -> String {
    let kind = "content-type: multipart/form-data; boundary=b";
    format!("POST /products HTTP/1.1\r\nauthorization: Bearer {token}\r\n{kind}\r\n{framing}\r\n")
}

async fn send(shop: &Shop, parts: &[u8]) -> Answer {
    let body = [parts, b"--b--\r\n"].concat();
    shop.ask(&head(SELLER_TOKEN, &format!("content-length: {}", body.len())), body).await
}

/// A connection on which a file has begun to come and does not go on.
async fn begin(shop: &Shop) -> Connection {
    let mut connection = shop.connect().await;
    let begun = [fields(), file(&png(100_000))].concat();
    connection.send(request(&head(SELLER_TOKEN, "content-length: 9000000"), &begun)).await;
    connection
}

fn message(answer: &Answer) -> String {
    answer.json()["meta"]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_file_becomes_the_products_image_under_a_name_of_ours() {
    let shop = Shop::open();
    for parts in [[fields(), file(&png(5000))].concat(), [file(&png(5000)), fields()].concat()] {
        let made = send(&shop, &parts).await;
        assert_eq!(made.status, 201, "{made:?}");
        let url = made.json()["results"]["image_url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("https://images.example/products/") && url.ends_with(".png") && !url.contains("desk"));
    }
    assert_eq!(shop.ports.products.images.lock().unwrap().values().collect::<Vec<_>>(), [&5000, &5000]);
}

#[tokio::test]
async fn a_field_in_which_no_file_was_chosen_is_absent() {
    let shop = Shop::open();
    let none = part("name=\"image_url\"; filename=\"\"\r\ncontent-type: application/octet-stream", b"");
    let made = send(&shop, &[fields(), none].concat()).await;
    assert_eq!((made.status, made.json()["results"]["image_url"].as_str()), (201, Some("")));
}

/// RFC 7578 §4.2 asks for no file name.
#[tokio::test]
async fn a_file_without_a_file_name_is_one_by_its_type() {
    let shop = Shop::open();
    for lines in [
        "name=\"image_url\"\r\ncontent-type: image/png",
        "name=\"image_url\"\r\nContent-Type: IMAGE/PNG\r\nContent-Transfer-Encoding: binary",
        "name=image_url\r\ncontent-type: application/octet-stream",
    ] {
        let made = send(&shop, &[fields(), part(lines, &png(5000))].concat()).await;
        assert_eq!(made.status, 201, "{lines}: {made:?}");
        assert!(made.json()["results"]["image_url"].as_str().unwrap().ends_with(".png"), "{lines}");
    }
    let none = send(&shop, &[fields(), part("name=\"image_url\"\r\ncontent-type: image/png", b"")].concat()).await;
    assert_eq!((none.status, none.json()["results"]["image_url"].as_str()), (201, Some("")), "nothing is no image");
    let wrong =
        send(&shop, &[fields(), part("name=\"image_url\"\r\ncontent-type: image/gif", b"GIF89a")].concat()).await;
    assert_eq!(message(&wrong), "invalid image file format. supported formats: .jpg, .jpeg, .png");
}

#[tokio::test]
async fn a_file_that_nothing_says_is_one_is_named() {
    let shop = Shop::open();
    let told = "image_url must be an image with a file name or a type such as image/png, or the address of one as text";
    for (lines, content) in [
        ("name=\"image_url\"", png(100)),
        ("name=\"image_url\"", png(1 << 20)),
        ("name=\"image_url\"\r\ncontent-type: text/plain", png(100)),
    ] {
        for parts in [[fields(), part(lines, &content)].concat(), [part(lines, &content), fields()].concat()] {
            let refused = send(&shop, &parts).await;
            assert_eq!((refused.status, message(&refused).as_str()), (400, told), "{lines}");
            assert_eq!(refused.json()["errors"][0]["field"], "image_url", "{lines}");
        }
    }
    let text = send(&shop, &[fields(), part("name=\"image_url\"", b"https://example.com/a.png")].concat()).await;
    assert_eq!(text.json()["results"]["image_url"], "https://example.com/a.png");
    let no_address = send(&shop, &[fields(), part("name=\"image_url\"", b"desk.png")].concat()).await;
    assert_eq!(no_address.json()["errors"][0]["field"], "image_url");
}

/// urllib3 (RFC 8187), .NET, curl on Windows, browsers.
#[tokio::test]
async fn a_file_name_may_be_written_in_any_way() {
    let shop = Shop::open();
    for name in [
        &b"filename*=UTF-8''%E6%A4%85.png"[..],
        b"filename*=utf-8''desk.png",
        b"filename*=UTF-8''%zz",
        b"filename=desk.png; filename*=utf-8''desk.png",
        b"filename=my desk.png",
        b"filename=\"b\xfcro.png\"",
        "filename=\"椅子.png\"".as_bytes(),
        b"filename=\"a;b\\\"c.png\"",
        b"filename=\"C:\\desk.png\"",
        b"filename=\"desk\\\"",
    ] {
        let head = b"--b\r\nCONTENT-DISPOSITION: Form-Data; Name=\"image_url\"; ";
        let file = [head, name, b"\r\nContent-Type: application/x-odd\r\n\r\n", &png(5000), b"\r\n"].concat();
        let made = send(&shop, &[fields(), file].concat()).await;
        assert_eq!(made.status, 201, "{}: {made:?}", String::from_utf8_lossy(name));
    }
    assert_eq!(shop.ports.products.images.lock().unwrap().len(), 10);
}

#[tokio::test]
async fn bytes_in_a_transfer_encoding_are_refused_by_name() {
    let shop = Shop::open();
    for (field, lines) in [("image_url", "name=\"image_url\"; filename=\"a.png\""), ("name", "name=\"name\"")] {
        let coded = part(&format!("{lines}\r\ncontent-transfer-encoding: base64"), b"iVBORw0KGgo=");
        let refused = send(&shop, &[coded, fields()].concat()).await;
        let told = format!("{field} must be sent as it is, without a Content-Transfer-Encoding such as base64");
        assert_eq!((refused.status, message(&refused)), (400, told));
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_file_that_is_no_image_is_refused() {
    let shop = Shop::open();
    let refusal = "invalid image file format. supported formats: .jpg, .jpeg, .png";
    for content in [b"".as_slice(), b"GIF89a", b"<svg/>"] {
        let refused = send(&shop, &[fields(), file(content)].concat()).await;
        assert_eq!((refused.status, message(&refused).as_str()), (400, refusal));
        assert_eq!(refused.json()["errors"][0]["field"], "image_url");
    }
    assert!(shop.ports.products.images.lock().unwrap().is_empty());
}

#[tokio::test]
async fn ten_mebibytes_are_the_most() {
    let shop = Shop::open();
    assert_eq!(send(&shop, &[fields(), file(&png(MAX_IMAGE_BYTES))].concat()).await.status, 201);
    for parts in
        [[fields(), file(&png(MAX_IMAGE_BYTES + 1))].concat(), [file(&png(MAX_IMAGE_BYTES + 1)), fields()].concat()]
    {
        let refused = send(&shop, &parts).await;
        let refusal = "file size exceeds the maximum allowed size of 10MB";
        assert_eq!((refused.status, message(&refused).as_str()), (400, refusal));
        assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 1, "nothing is known of the other fields");
    }
}

/// A hundred megabytes: announced, they are not read at all; in chunks, no more than the largest body is.
#[tokio::test]
async fn a_file_without_end_is_refused_while_it_comes() {
    let shop = Shop::open();
    let announced = shop.ask(&head(SELLER_TOKEN, "content-length: 104857600"), "").await;
    assert_eq!(message(&announced), "file size exceeds the maximum allowed size of 10MB");

    let mut connection = shop.connect().await;
    let begun = chunked(&[fields(), file(&png(1 << 20))].concat(), 64 << 10);
    let unfinished = &begun[..begun.len() - b"0\r\n\r\n".len()];
    connection.send(request(&head(SELLER_TOKEN, "transfer-encoding: chunked"), unfinished)).await;
    let more = chunked(&vec![7; 1 << 20], 64 << 10);
    for _ in 0..99 {
        connection.send(&more[..more.len() - b"0\r\n\r\n".len()]).await;
    }
    let refused = connection.answer(false).await;
    assert!(refused.status == 400, "{refused:?}");
}

#[tokio::test]
async fn a_second_file_and_a_file_beside_an_address_are_malformed() {
    let shop = Shop::open();
    let address = part("name=\"image_url\"", b"https://example.com/a.png");
    for twice in [[fields(), file(PNG), file(PNG)].concat(), [fields(), file(PNG), address].concat()] {
        assert_eq!(send(&shop, &twice).await.error(), (400, "malformed_body".to_owned()));
    }
}

#[tokio::test]
async fn a_buyers_file_is_not_read() {
    let shop = Shop::open();
    let refused = shop.ask(&head(TOKEN, "content-length: 9000000"), "").await;
    assert_eq!(refused.error(), (403, "role_not_allowed".to_owned()));
}

#[tokio::test]
async fn no_more_files_come_in_than_there_are_places() {
    let uploads = Arc::new(Semaphore::new(2));
    let shop = Shop::open_with(Options { uploads: uploads.clone(), ..Options::default() });
    let slow = [begin(&shop).await, begin(&shop).await];
    eventually(|| uploads.available_permits() == 0).await;
    let refused = send(&shop, &[fields(), file(PNG)].concat()).await;
    assert_eq!(refused.error(), (503, "overloaded".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(send(&shop, &fields()).await.status, 201, "what has no file needs no place");
    assert_eq!(shop.get("/products").await.status, 200);
    drop(slow);
    eventually(|| uploads.available_permits() == 2).await;
    assert_eq!(send(&shop, &[fields(), file(PNG)].concat()).await.status, 201);
}

/// The command goes on when its client has gone, and its file with it.
#[tokio::test]
async fn a_file_keeps_its_place_while_it_is_worked_on() {
    let uploads = Arc::new(Semaphore::new(1));
    let shop = Shop::open_with(Options { uploads: uploads.clone(), ..Options::default() });
    let held = shop.ports.products.inspecting.lock().await;
    let mut connection = shop.connect().await;
    let body = [fields(), file(PNG), b"--b--\r\n".to_vec()].concat();
    connection.send(request(&head(SELLER_TOKEN, &format!("content-length: {}", body.len())), &body)).await;
    eventually(|| uploads.available_permits() == 0).await;
    drop(connection);
    let refused = send(&shop, &[fields(), file(PNG)].concat()).await;
    assert_eq!(refused.error(), (503, "overloaded".to_owned()));
    drop(held);
    eventually(|| uploads.available_permits() == 1).await;
    assert_eq!(shop.ports.products.products.lock().unwrap().len(), 1, "the first one's command has ended well");
}

#[tokio::test]
async fn a_file_that_does_not_go_on_is_given_up() {
    let time = Duration::from_millis(500);
    let shop = Shop::open_with(Options { upload_timeout: time, ..Options::default() });
    let refused = begin(&shop).await.answer(false).await;
    assert_eq!(refused.error(), (408, "body_timeout".to_owned()));
}

async fn eventually(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}
