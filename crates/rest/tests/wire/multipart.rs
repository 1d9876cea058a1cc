//! Multipart bodies (RFC 7578).

use crate::client::Answer;
use crate::shop::Shop;

/// A part with these lines in its head.
fn part(lines: &str, content: &[u8]) -> Vec<u8> {
    [format!("--b\r\ncontent-disposition: form-data; {lines}\r\n\r\n").as_bytes(), content, b"\r\n"].concat()
}

fn field(name: &str, content: &str) -> Vec<u8> {
    part(&format!("name=\"{name}\""), content.as_bytes())
}

fn ada() -> Vec<u8> {
    let fields = [
        ("name", "Ådä"),
        ("email", "ada@example.com"),
        ("role", "buyer"),
        ("password", "correct horse"),
        ("confirm_password", "correct horse"),
    ];
    fields.map(|(name, content)| field(name, content)).concat()
}

async fn send(shop: &Shop, parts: &[u8]) -> Answer {
    let body = [parts, b"--b--\r\n"].concat();
    shop.post("/users/register", "multipart/form-data; boundary=b", body).await
}

#[tokio::test]
async fn parts_are_fields_and_files_are_nobodys() {
    let shop = Shop::open();
    let file = part("name=\"avatar\"; filename=\"a.png\"\r\ncontent-type: image/png", &[0xff; 100_000]);
    for parts in [ada(), [file.clone(), ada()].concat(), [ada(), file, field("other", "x")].concat()] {
        assert_eq!(send(&shop, &parts).await.status, 201);
    }
    assert_eq!(*shop.ports.added.lock().unwrap(), ["Ådä", "Ådä", "Ådä"]);
}

/// curl, okhttp (a length in each part), Apache HttpClient, JavaMail (a boundary with `=`), .NET (names without quotes).
#[tokio::test]
async fn parts_are_read_as_clients_write_them() {
    let shop = Shop::open();
    let typed =
        part("name=\"other\"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit", b"x");
    let counted = part("name=other\r\nContent-Length: 3", b"x\r\n");
    let nameless = part("name=\"avatar\"\r\ncontent-type: image/png", &[0xff; 5_000]);
    let coded = part("name=\"avatar\"; filename=\"a.png\"\r\ncontent-transfer-encoding: base64", b"iVBORw0KGgo=");
    let in_bytes = [ada(), part("name=\"other\"\r\ncontent-type: application/octet-stream", b"x")].concat();
    for parts in [
        [typed, ada()].concat(),
        [counted, ada()].concat(),
        [nameless, ada()].concat(),
        [coded, ada()].concat(),
        in_bytes,
        [b"what a mail reader shows\r\n".to_vec(), ada()].concat(),
    ] {
        assert_eq!(send(&shop, &parts).await.status, 201, "{}", String::from_utf8_lossy(&parts));
    }
    let behind = [ada(), b"--b--\r\nwhat a mail reader does not show".to_vec()].concat();
    assert_eq!(shop.post("/users/register", "multipart/form-data; boundary=\"b\"", behind).await.status, 201);
    for boundary in ["----=_Part_7_12.34", "\"----=_Part_7_12.34\"", "----=_Part_7_12.34; charset=utf-8"] {
        let body = String::from_utf8([ada(), b"--b--\r\n".to_vec()].concat()).unwrap();
        let body = body.replace("--b", "------=_Part_7_12.34");
        let kind = format!("multipart/form-data; boundary={boundary}");
        assert_eq!(shop.post("/users/register", &kind, body).await.status, 201, "{boundary}");
    }
}

#[tokio::test]
async fn a_body_without_parts_is_all_fields_empty() {
    assert_eq!(send(&Shop::open(), b"").await.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn what_is_not_multipart_is_malformed() {
    let shop = Shop::open();
    for (content_type, body) in [
        ("multipart/form-data", "--b--\r\n"),
        ("multipart/form-data; boundary=b", "no parts here"),
        ("multipart/form-data; boundary=b", "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nAda"),
        ("multipart/form-data; boundary=b", "--b\r\ncontent-disposition: form-data\r\n\r\nAda\r\n--b--\r\n"),
        (
            "multipart/form-data; boundary=b; boundary=c",
            "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nAda\r\n--b--\r\n",
        ),
        (
            "multipart/form-data; boundary=b",
            "--b\r\ncontent-disposition: form-data; name=a; name=b\r\n\r\nAda\r\n--b--\r\n",
        ),
        ("multipart/form-data; boundary=b", "--b\ncontent-disposition: form-data; name=\"name\"\n\nAda\n--b--\n"),
    ] {
        let answer = shop.post("/users/register", content_type, body).await;
        assert_eq!(answer.error(), (400, "malformed_body".to_owned()), "{content_type}: {body}");
    }
    let unreadable = [part("name=\"name\"", b"\xff"), ada()].concat();
    assert_eq!(send(&shop, &unreadable).await.error(), (400, "malformed_body".to_owned()));
    let twice = [ada(), field("email", "eve@example.com")].concat();
    assert_eq!(send(&shop, &twice).await.error(), (400, "malformed_body".to_owned()));
    assert!(shop.ports.added.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_field_and_the_number_of_parts_have_limits() {
    let shop = Shop::open();
    let at_limit = [ada(), field("other", &"x".repeat(24 << 10))].concat();
    assert_eq!(send(&shop, &at_limit).await.status, 201);
    let over = [ada(), field("other", &"x".repeat((24 << 10) + 1))].concat();
    assert_eq!(send(&shop, &over).await.error(), (413, "body_too_large".to_owned()));

    let more = |count: usize| (0..count).flat_map(|at| field(&format!("other{at}"), "x")).collect::<Vec<_>>();
    assert_eq!(send(&shop, &[ada(), more(15)].concat()).await.status, 201);
    assert_eq!(send(&shop, &[ada(), more(16)].concat()).await.error(), (413, "body_too_large".to_owned()));
}
