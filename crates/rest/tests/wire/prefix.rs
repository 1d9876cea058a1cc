//! Behind a proxy that serves us below a path of its own.

use crate::client::{Answer, Connection};
use crate::orders::{desk, id, order, two_of};
use crate::shop::{Shop, request};
use app::client::TrustedProxies;
use rest::Options;
use serde_json::Value;
use test_doubles::{Proxy, SELLER_TOKEN, TOKEN};
use url::Url;

/// What a proxy tells that serves us below `/api`.
const TOLD: &str = "x-forwarded-prefix: /api\r\n";

/// A client who knows the shop by its proxy alone.
struct Browser {
    shop: Shop,
    proxy: Proxy,
}

impl Browser {
    fn open(lines: &str, options: Options) -> Self {
        let (shop, proxy) = (Shop::open_with(options), Proxy::below("/api", lines));
        proxy.set_upstream(shop.address);
        Self { shop, proxy }
    }

    /// The address that it types.
    fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.proxy.url()).parse().unwrap()
    }

    /// What a reference in the answer from an address leads to (RFC 3986 §5).
    fn resolved(&self, from: &Url, reference: &str) -> Url {
        let url = from.join(reference).unwrap();
        assert_eq!(url.port(), Some(self.proxy.address.port()), "{reference} leads elsewhere");
        url
    }

    async fn ask(&self, method: &str, url: &Url, token: &str, body: &str) -> Answer {
        let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let lines =
            format!("authorization: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
        let mut connection = Connection::open(self.proxy.address).await;
        connection.send(request(&format!("{method} {target} HTTP/1.1\r\n{lines}"), body.as_bytes())).await;
        connection.answer(method == "HEAD").await
    }

    async fn get(&self, url: &Url) -> Answer {
        self.ask("GET", url, TOKEN, "").await
    }
}

fn trusting() -> Options {
    Options { trusted_proxies: TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]), ..Options::default() }
}

#[tokio::test]
async fn links_of_lists_lead_on_whatever_a_proxy_tells() {
    for (lines, options) in [("", Options::default()), (TOLD, Options::default()), (TOLD, trusting())] {
        let browser = Browser::open(lines, options);
        for _ in 0..3 {
            let product = desk(&browser.shop).await;
            order(&browser.shop, "", &two_of(&product)).await;
        }
        for path in ["/products?limit=1&q=oak", "/products/?q=oak&limit=1", "/payments?limit=1"] {
            let (mut next, mut seen) = (Some(browser.url(path)), Vec::new());
            while let Some(url) = next {
                let answer = browser.get(&url).await;
                assert_eq!(answer.status, 200, "{url}");
                seen.extend(answer.json()["results"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
                next = answer.header("link").map(|link| {
                    let reference =
                        link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
                    browser.resolved(&url, reference)
                });
            }
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 3, "{path}");
        }
    }
}

#[tokio::test]
async fn what_was_made_is_found_where_the_answer_says() {
    let known_by = Browser::open("", Options::default());
    let public_url = Some(known_by.proxy.url());
    let browsers = [Browser::open(TOLD, trusting()), Browser::open("x-forwarded-prefix: /api/\r\n", trusting()), {
        let shop = Shop::open_with(Options { public_url: public_url.clone(), ..Options::default() });
        let proxy = Proxy::below("/api", "");
        proxy.set_upstream(shop.address);
        Browser { shop, proxy }
    }];
    for (at, browser) in browsers.iter().enumerate() {
        let url = browser.url("/products");
        let made = browser
            .ask("POST", &url, SELLER_TOKEN, r#"{"name":"Oak desk","description":"x","price":1,"stock":9}"#)
            .await;
        let location = made.header("location").unwrap();
        let product = id(&made);
        let ordered = browser.ask("POST", &browser.url("/payments"), TOKEN, &two_of(&product)).await;
        let payment = id(&ordered);
        let base = if at < 2 { "/api".to_owned() } else { public_url.clone().unwrap() };
        assert_eq!(location, format!("{base}/products/{product}"));
        assert_eq!(ordered.header("location"), Some(format!("{base}/payments/{payment}").as_str()));
        if at < 2 {
            assert_eq!(browser.get(&browser.resolved(&url, location)).await.status, 200, "{location}");
        }
    }
}

/// Anybody may write the header; and it becomes part of addresses.
#[tokio::test]
async fn a_path_is_believed_from_trusted_proxies_and_only_a_plain_one() {
    let body = r#"{"name":"Oak desk","description":"x","price":1,"stock":9}"#;
    for (lines, options) in [
        (TOLD, Options::default()),
        ("x-forwarded-prefix: //evil.example\r\n", trusting()),
        ("x-forwarded-prefix: https://evil.example\r\n", trusting()),
        ("x-forwarded-prefix: /a/../b\r\n", trusting()),
        ("x-forwarded-prefix: /a\r\nx-forwarded-prefix: /b\r\n", trusting()),
        ("x-forwarded-prefix: /\r\n", trusting()),
    ] {
        let browser = Browser::open(lines, options);
        let made = browser.ask("POST", &browser.url("/products"), SELLER_TOKEN, body).await;
        assert_eq!(made.header("location"), Some(format!("/products/{}", id(&made)).as_str()), "{lines}");
    }
}

#[tokio::test]
async fn the_docs_page_finds_its_files_its_description_and_the_operations() {
    let browser = Browser::open("", Options::default());
    for path in ["/docs", "/docs/", "/docs//", "/docs/index.html", "/docs/index.html/"] {
        let url = browser.url(path);
        let page = browser.get(&url).await;
        assert_eq!(page.status, 200, "{path}");
        let base = page.text().split_once("<base href=\"").unwrap().1.split_once('"').unwrap().0;
        let base = browser.resolved(&url, base);
        let files = page.text().split('"').filter(|value| value.ends_with(".js") || value.ends_with(".css"));
        let mut found = 0;
        for file in files {
            assert_eq!(browser.get(&browser.resolved(&base, file)).await.status, 200, "{path}: {file}");
            found += 1;
        }
        assert!(found > 3, "{found} files");
        let script = browser.get(&browser.resolved(&base, "swagger-initializer.js")).await;
        assert!(
            script.text().contains("\"url\": new URL(\"../openapi.json\", document.baseURI).href"),
            "{}",
            script.text()
        );
        let description = browser.resolved(&base, "../openapi.json");
        assert_eq!(description, browser.url("/openapi.json"));
        let server = browser.get(&description).await.json()["servers"][0]["url"].as_str().unwrap().to_owned();
        let server = browser.resolved(&description, &server);
        let operation: Url = format!("{}/products", server.as_str().trim_end_matches('/')).parse().unwrap();
        assert_eq!(browser.get(&operation).await.status, 200, "{operation}");
    }
}

#[tokio::test]
async fn the_description_names_the_address_that_was_said() {
    let shop =
        Shop::open_with(Options { public_url: Some("https://shop.example/api".to_owned()), ..Options::default() });
    assert_eq!(shop.get("/openapi.json").await.json()["servers"][0]["url"], "https://shop.example/api");
}

/// The image of every product that an answer shows, wherever in it.
fn images(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("image_url").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(images)).collect()
        }
        Value::Array(items) => items.iter().flat_map(images).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn paths_of_images_are_those_below_the_proxy() {
    let browser = Browser::open(TOLD, Options { has_media_paths: true, ..trusting() });
    *browser.shop.ports.products.image_base_url.lock().unwrap() = Some("/media");
    let file = "--b\r\ncontent-disposition: form-data; name=\"image_url\"; filename=\"a.png\"\r\n\r\n\u{89}PNG\r\n";
    let field =
        |name: &str, value: &str| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let fields = [("name", "Desk"), ("description", "Oak"), ("price", "10"), ("stock", "9")]
        .map(|(name, value)| field(name, value));
    let mut body = fields.concat().into_bytes();
    body.extend(file.replace("\u{89}PNG\r\n", "").into_bytes());
    body.extend(b"\x89PNG\r\n\x1a\n\r\n--b--\r\n");
    let (url, kind) = (browser.url("/products"), "multipart/form-data; boundary=b");
    let lines = format!("authorization: {SELLER_TOKEN}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
    let mut connection = Connection::open(browser.proxy.address).await;
    connection.send(request(&format!("POST {} HTTP/1.1\r\n{lines}", url.path()), &body)).await;
    let made = connection.answer(false).await;
    let product = id(&made);
    let ordered = browser.ask("POST", &browser.url("/payments"), TOKEN, &two_of(&product)).await;
    let answers = [
        made,
        browser.get(&browser.url(&format!("/products/{product}"))).await,
        browser.ask("PUT", &browser.url(&format!("/products/{product}")), SELLER_TOKEN, r#"{"stock":8}"#).await,
        browser.get(&url).await,
        browser.get(&browser.url(&format!("/payments/{}", id(&ordered)))).await,
        browser.get(&browser.url("/payments")).await,
        ordered,
    ];
    for answer in answers {
        let found = images(&answer.json());
        assert!(found.len() == 1 && found.iter().all(|image| image.starts_with("/api/media/products/")), "{answer:?}");
    }
    // One elsewhere on the web stays where it is, and so does ours for a client who comes to us without the proxy.
    let elsewhere = r#"{"image_url":"https://images.example/a.png"}"#;
    assert_eq!(images(&browser.shop.get("/products").await.json()).len(), 1);
    assert!(images(&browser.shop.get("/products").await.json()).iter().all(|image| image.starts_with("/media/")));
    let changed = browser.ask("PUT", &browser.url(&format!("/products/{product}")), SELLER_TOKEN, elsewhere).await;
    assert_eq!(images(&changed.json()), ["https://images.example/a.png"]);
}
