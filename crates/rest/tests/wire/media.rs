//! Images in a folder of the server's own machine.

use crate::client::Answer;
use crate::shop::{Shop, request};
use rest::Options;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const KEY: &str = "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b.png";
const CONTENT: &[u8] = b"\x89PNG and so on";

/// A folder with one image, which is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("go-commerce-media-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("products")).unwrap();
        fs::write(folder.join(KEY), CONTENT).unwrap();
        fs::write(folder.join("secret.png"), "secret").unwrap();
        Self(folder)
    }

    fn shop(&self) -> Shop {
        Shop::open_with(Options { media: Some(self.0.clone()), ..Options::default() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn ask(shop: &Shop, method: &str, lines: &str) -> Answer {
    shop.ask(&format!("{method} /media/{KEY} HTTP/1.1\r\n{lines}"), "").await
}

#[tokio::test]
async fn an_image_is_served_with_its_type_and_for_ever() {
    let folder = Folder::new("served");
    let shop = folder.shop();
    for method in ["GET", "HEAD"] {
        let answer = ask(&shop, method, "origin: https://shop.example\r\n").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("image/png"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
        assert_eq!(answer.header("content-disposition"), Some("inline; filename=\"product.png\""));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
        assert_eq!(answer.header("content-length"), Some(CONTENT.len().to_string().as_str()));
        assert_eq!(answer.body, if method == "GET" { CONTENT } else { b"" });
    }
}

#[tokio::test]
async fn an_image_and_a_page_over_http_1_0_tell_their_length() {
    let folder = Folder::new("old");
    let shop = folder.shop();
    for path in [&format!("/media/{KEY}"), "/docs/swagger-ui.css", "/openapi.json", "/products"] {
        let mut connection = shop.connect().await;
        connection.send(request(&format!("GET {path} HTTP/1.0\r\n"), b"")).await;
        let answer = connection.answer(false).await;
        assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None), "{path}");
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{path}");
        assert_eq!(connection.rest().await, b"", "{path}");
    }
}

#[tokio::test]
async fn an_image_is_given_in_part_and_not_twice() {
    let folder = Folder::new("parts");
    let shop = folder.shop();
    let part = ask(&shop, "GET", "range: bytes=1-3\r\n").await;
    assert_eq!((part.status, part.text()), (206, "PNG"));
    let tag = ask(&shop, "GET", "").await.header("etag").unwrap().to_owned();
    let known = ask(&shop, "GET", &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(ask(&shop, "GET", "range: bytes=9999-\r\n").await.status, 416);
    assert_eq!(ask(&shop, "POST", "content-length: 0\r\n").await.error(), (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn no_other_path_leads_to_a_file() {
    let folder = Folder::new("paths");
    symlink("/etc/passwd", folder.0.join("products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3c.png")).unwrap();
    let shop = folder.shop();
    let name = KEY.strip_prefix("products/").unwrap();
    for path in [
        "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3c.png",
        "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3d.png",
        "products",
        "products/",
        "secret.png",
        "../secret.png",
        "products/../secret.png",
        "products/../../../../../../etc/passwd",
        "products/..%2fsecret.png",
        "products%2f..%2fsecret.png",
        "%2e%2e/secret.png",
        "%2e%2e%2fsecret.png",
        "..%5csecret.png",
        "..\\secret.png",
        "products\\..\\secret.png",
        "%252e%252e%252fsecret.png",
        "..%252fsecret.png",
        "..%c0%afsecret.png",
        "%c0%ae%c0%ae/secret.png",
        "....//secret.png",
        "..;/secret.png",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "products/.",
        "products/..",
        "products//0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b.png",
        "PRODUCTS/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b.png",
        "products/0198C5F0-7A3E-7C1D-9F00-2B6A5D1E4C3B.png",
        "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b.jpg",
        "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b.png%00",
        "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b.png%00.jpg",
        "products/0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b",
        name,
    ] {
        let answer = shop.get(&format!("/media/{path}")).await;
        assert_eq!(answer.error(), (404, "route_not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn there_are_none_where_images_are_kept_elsewhere() {
    assert_eq!(Shop::open().get(&format!("/media/{KEY}")).await.error(), (404, "route_not_found".to_owned()));
}
