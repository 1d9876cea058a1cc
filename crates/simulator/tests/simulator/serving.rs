//! The pages as a browser receives them from REST's listener.

use crate::{invoice, known, open, opened, options};
use domain::payment::TransactionStatus;
use rest::{Index, Page};
use simulator::{Action, RESOURCES, Simulator};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use test_doubles::{FakePorts, app};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

fn pages(simulator: &Arc<Simulator>) -> Arc<[Page]> {
    let pages = RESOURCES.map(|resource| {
        let simulator = Arc::clone(simulator);
        let handler = Arc::new(move |request: &_, slashes| (resource.answer)(&simulator, request, slashes));
        Page { path: resource.path, methods: resource.methods, handler }
    });
    Arc::new(pages)
}

/// A running server. Dropping it stops the server.
struct Server {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    fn start(simulator: Option<&Arc<Simulator>>) -> Self {
        let [grpc, ops] = ["127.0.0.1:8080", "127.0.0.1:9090"].map(|address| address.parse().unwrap());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let index = Some(Index { environment: "test", grpc, ops });
        let options = rest::Options { workers: 1, simulator: simulator.map(pages), index, ..rest::Options::default() };
        let server = rest::serve(app(&Arc::new(FakePorts::default())), options, listener, stop.clone()).unwrap();
        tokio::runtime::Handle::current().spawn(server);
        Self { address, _stop: stop.drop_guard() }
    }

    /// The status, the head in lower case and the body of the answer.
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
    let (simulator, _) = open(options());
    let (server, page) = (Server::start(Some(&simulator)), opened(&simulator, &invoice()));
    let address = format!("/simulator/{}", page.token);
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
    let (simulator, _) = open(options());
    let (server, page) = (Server::start(Some(&simulator)), opened(&simulator, &invoice()));
    let (status, head, text) = server.ask("GET", "/simulator").await;
    assert!(status == 200 && head.contains("content-type: text/html") && head.contains("style-src 'self'"), "{head}");
    assert!(text.contains("<code>payment_url</code>") && text.contains("href=\"simulator/style.css\""), "{text}");
    assert!(!text.contains(&page.token) && !text.contains("<form"), "nobody's order is told: {text}");
    assert_eq!(server.ask("HEAD", "/simulator").await.0, 200);
}

#[tokio::test]
async fn slashes_at_the_end_of_a_path_make_its_folder_another() {
    let (simulator, _) = open(options());
    let (server, page) = (Server::start(Some(&simulator)), opened(&simulator, &invoice()));
    for (path, style) in [("/simulator/", "\"./style.css\""), ("/simulator//", "\"./../style.css\"")] {
        assert!(server.ask("GET", path).await.2.contains(style), "{path}");
    }
    let text = server.ask("GET", &format!("/simulator/{}/", page.token)).await.2;
    assert!(text.contains("\"../style.css\"") && text.contains(&format!("\"../{}/pay\"", page.token)), "{text}");
    let (_, head, _) = server.ask("POST", &format!("/simulator/{}/pay/", page.token)).await;
    assert!(head.lines().any(|line| line == format!("location: ../../{}", page.token)), "{head}");
}

#[tokio::test]
async fn the_first_page_leads_to_it() {
    let server = Server::start(Some(&open(options()).0));
    assert!(server.ask("GET", "/").await.2.contains("\"simulator\":\"simulator\""));
}

#[tokio::test]
async fn each_action_is_carried_out_and_leads_back_to_the_page() {
    let (simulator, _) = open(options());
    let server = Server::start(Some(&simulator));
    for action in Action::ALL {
        let invoice = invoice();
        let token = opened(&simulator, &invoice).token;
        if action == Action::Refund {
            simulator.act(&token, Action::Pay).unwrap();
        }
        // The page itself shows that the second one is no longer possible.
        for _ in 0..2 {
            let (status, head, _) = server.ask("POST", &format!("/simulator/{token}/{}", action.as_str())).await;
            assert_eq!(status, 303, "{action:?}");
            assert!(head.lines().any(|line| line == format!("location: ../{token}")), "{head}");
        }
        let expected = match action {
            Action::Pay => TransactionStatus::Settlement,
            Action::Deny => TransactionStatus::Deny,
            Action::Cancel => TransactionStatus::Cancel,
            Action::Expire => TransactionStatus::Expire,
            Action::Refund => TransactionStatus::Refund,
        };
        assert_eq!(known(&simulator, invoice.order).unwrap().transaction.status, expected);
    }
}

#[tokio::test]
async fn an_unknown_page_is_explained_with_its_style() {
    let server = Server::start(Some(&open(options()).0));
    for (method, path, style) in
        [("GET", "/simulator/other", "\"style.css\""), ("POST", "/simulator/other/pay", "\"../style.css\"")]
    {
        let (status, head, text) = server.ask(method, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(head.contains("content-type: text/html") && head.contains("style-src 'self'"), "{head}");
        assert!(text.contains("No such page") && text.contains(style), "{text}");
    }
    let (status, head, text) = server.ask("GET", "/simulator/style.css").await;
    let style = include_str!("../../src/page/style.css");
    assert!(status == 200 && head.contains("content-type: text/css") && text == style, "{head}");
}

#[tokio::test]
async fn nothing_but_actions_is_carried_out_and_only_by_posting() {
    let (simulator, _) = open(options());
    let (server, invoice) = (Server::start(Some(&simulator)), invoice());
    let path = format!("/simulator/{}", opened(&simulator, &invoice).token);
    for (method, path, status) in
        [("POST", format!("{path}/win"), 404), ("GET", format!("{path}/pay"), 405), ("POST", path, 405)]
    {
        assert_eq!(server.ask(method, &path).await.0, status, "{method} {path}");
    }
    assert_eq!(known(&simulator, invoice.order), None);
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
