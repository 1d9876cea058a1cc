use super::*;
use crate::options::Options;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use test_doubles::{FakePorts, app};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

const TOKEN: &str = "66e4fa55-fdac-4ef9-91b5-733b97d1b862";

fn page(status: Option<TransactionStatus>, buttons: &[DeskButton]) -> DeskPage {
    DeskPage {
        token: TOKEN.to_owned(),
        order: "0192f3c4-0000-7000-8000-000000000002".parse().unwrap(),
        name: "Teh <b>\"celup\"</b> & gula".to_owned(),
        quantity: 3,
        total: Money::from_whole(1_250_000).unwrap(),
        payer_name: "<script>alert('Budi')</script>".to_owned(),
        status,
        expires_at: "2026-11-22T19:30:00Z".parse().unwrap(),
        buttons: buttons.to_vec(),
    }
}

/// A desk with one page, which notes what is pressed and can be paid on once.
#[derive(Default)]
struct Desk(Mutex<Vec<DeskButton>>);

impl PaymentDesk for Desk {
    fn page(&self, token: &str) -> Option<DeskPage> {
        (token == TOKEN).then(|| page(None, &DeskButton::ALL))
    }

    fn press(&self, token: &str, button: DeskButton) -> Result<DeskPage, DeskRefusal> {
        let page = self.page(token).ok_or(DeskRefusal::NoPage)?;
        let mut pressed = self.0.lock().unwrap();
        if pressed.contains(&button) {
            return Err(DeskRefusal::NotNow);
        }
        pressed.push(button);
        Ok(page)
    }
}

/// A running server; ended with this value.
struct Server {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    fn start(simulator: Option<Arc<dyn PaymentDesk>>) -> Self {
        Self::start_with(simulator, None)
    }

    fn start_with(simulator: Option<Arc<dyn PaymentDesk>>, index: Option<crate::Index>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let options = Options { workers: 1, simulator, index, ..Options::default() };
        let server = crate::serve(app(&Arc::new(FakePorts::default())), options, listener, stop.clone()).unwrap();
        tokio::runtime::Handle::current().spawn(server);
        Self { address, _stop: stop.drop_guard() }
    }

    /// Status, head in lower case, and body of what is answered.
    async fn ask(&self, method: &str, path: &str) -> (u16, String, String) {
        let asking = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), asking).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }
}

#[tokio::test]
async fn the_page_is_shown_whole_and_may_run_load_and_keep_nothing() {
    let server = Server::start(Some(Arc::new(Desk::default())));
    let address = format!("/simulator/{TOKEN}");
    let (status, head, text) = server.ask("GET", &address).await;
    assert_eq!(status, 200);
    for line in [
        "content-type: text/html; charset=utf-8",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ] {
        assert_eq!(head.lines().filter(|found| *found == line).count(), 1, "{line}\n{head}");
    }
    assert!(text.contains("<html lang=\"en\">") && text.contains("no money moves here"), "{text}");
    assert!(!text.contains("<script") && !text.contains("style=") && !text.contains(" on"), "{text}");
    let (status, head, text) = server.ask("HEAD", &address).await;
    assert!(status == 200 && head.contains("content-type: text/html") && text.is_empty(), "{head}");
}

#[tokio::test]
async fn who_comes_without_an_order_is_told_what_this_is() {
    let server = Server::start(Some(Arc::new(Desk::default())));
    let (status, head, text) = server.ask("GET", "/simulator").await;
    assert!(status == 200 && head.contains("content-type: text/html") && head.contains("style-src 'self'"), "{head}");
    assert!(text.contains("<code>payment_url</code>") && text.contains("href=\"simulator/style.css\""), "{text}");
    assert!(!text.contains(TOKEN) && !text.contains("<form"), "nobody's order is told: {text}");
    assert_eq!(server.ask("HEAD", "/simulator").await.0, 200);
}

#[tokio::test]
async fn the_first_page_leads_to_it() {
    let [grpc, ops] = ["127.0.0.1:8080", "127.0.0.1:9090"].map(|address| address.parse().unwrap());
    let index = Some(crate::Index { environment: "test", grpc, ops });
    let server = Server::start_with(Some(Arc::new(Desk::default())), index);
    assert!(server.ask("GET", "/").await.2.contains("\"simulator\":\"simulator\""));
}

#[tokio::test]
async fn each_button_is_pressed_and_leads_back_to_the_page() {
    let desk = Arc::new(Desk::default());
    let server = Server::start(Some(desk.clone()));
    for button in DeskButton::ALL {
        // Twice, of which the second does nothing: what cannot be done any more, the page itself shows.
        for _ in 0..2 {
            let (status, head, _) = server.ask("POST", &format!("/simulator/{TOKEN}/{}", button.as_str())).await;
            assert_eq!(status, 303, "{button:?}");
            assert!(head.lines().any(|line| line == format!("location: ../{TOKEN}")), "{head}");
        }
    }
    assert_eq!(*desk.0.lock().unwrap(), DeskButton::ALL);
}

#[tokio::test]
async fn an_unknown_page_is_explained_with_its_style() {
    let server = Server::start(Some(Arc::new(Desk::default())));
    for (method, path, style) in
        [("GET", "/simulator/other", "\"style.css\""), ("POST", "/simulator/other/pay", "\"../style.css\"")]
    {
        let (status, head, text) = server.ask(method, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(head.contains("content-type: text/html") && head.contains("style-src 'self'"), "{head}");
        assert!(text.contains("No such page") && text.contains(style), "{text}");
    }
    let (status, head, text) = server.ask("GET", "/simulator/style.css").await;
    assert!(status == 200 && head.contains("content-type: text/css") && text == STYLE, "{head}");
}

#[tokio::test]
async fn nothing_but_buttons_is_pressed_and_only_by_posting() {
    let desk = Arc::new(Desk::default());
    let server = Server::start(Some(desk.clone()));
    for (method, path, status) in [
        ("POST", "/simulator/66e4fa55-fdac-4ef9-91b5-733b97d1b862/win", 404),
        ("GET", "/simulator/66e4fa55-fdac-4ef9-91b5-733b97d1b862/pay", 405),
        ("POST", "/simulator/66e4fa55-fdac-4ef9-91b5-733b97d1b862", 405),
    ] {
        assert_eq!(server.ask(method, path).await.0, status, "{method} {path}");
    }
    assert!(desk.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn where_the_gateway_is_another_there_is_no_page() {
    let server = Server::start(None);
    for (method, path) in
        [("GET", "/simulator"), ("GET", "/simulator/x"), ("POST", "/simulator/x/pay"), ("GET", "/simulator/style.css")]
    {
        let (status, head, _) = server.ask(method, path).await;
        assert!(status == 404 && head.contains("json"), "{path} {head}");
    }
}

#[test]
fn the_page_tells_what_is_bought_and_what_people_call_things_is_no_markup() {
    let text = body(&page(None, &DeskButton::ALL), "");
    for part in [
        "<h1>Rp 1.250.000</h1>",
        "3 &times; Teh &lt;b&gt;&quot;celup&quot;&lt;/b&gt; &amp; gula",
        "&lt;script&gt;alert(&#39;Budi&#39;)&lt;/script&gt;",
        "0192f3c4-0000-7000-8000-000000000002",
        "2026-11-22 19:30 UTC",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
    for button in DeskButton::ALL {
        let form = format!("<form method=\"post\" action=\"{TOKEN}/{}\">", button.as_str());
        assert!(text.contains(&form) && text.contains(label(button)), "{form}\n{text}");
    }
}

#[test]
fn the_page_offers_what_can_be_done_and_nothing_else() {
    for buttons in [&[][..], &[DeskButton::Refund], &[DeskButton::Pay, DeskButton::Deny]] {
        let text = body(&page(None, buttons), "");
        assert_eq!(text.matches("<form").count(), buttons.len(), "{text}");
        assert!(buttons.iter().all(|button| text.contains(&format!("/{}\"", button.as_str()))), "{text}");
    }
}

#[test]
fn however_an_order_stands_the_page_says_so() {
    use TransactionStatus as S;
    let ended = [S::Settlement, S::Deny, S::Cancel, S::Expire, S::Refund].map(Some);
    let pages = ended.into_iter().chain([None]).map(|status| page(status, &[]));
    let open = [None, Some(S::Deny)].map(|status| page(status, &DeskButton::ALL));
    let texts: HashSet<_> = pages.chain(open).map(|page| told(&page).0).collect();
    assert_eq!(texts.len(), 8, "{texts:?}");
    for &status in S::ALL {
        let (text, class) = told(&page(Some(status), &[]));
        assert!(!text.is_empty() && STYLE.contains(&format!(".{class} ")), "{status:?}");
    }
}

#[test]
fn amounts_are_written_as_in_indonesia() {
    for (amount, written) in
        [("1", "Rp 1"), ("999", "Rp 999"), ("1000", "Rp 1.000"), ("1250000", "Rp 1.250.000"), ("10.5", "Rp 10,50")]
    {
        assert_eq!(rupiah(Money::parse(amount).unwrap()), written);
    }
}

#[test]
fn every_character_that_means_something_in_html_is_escaped() {
    assert_eq!(escaped("<b>\"O'Neil\" & co"), "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co");
}
