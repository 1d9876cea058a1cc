//! Money, stock and mails after crashes of the binary and of the systems that it calls.

use crate::client::bounded;
use fake_servers::midtrans::{Endpoint, Fault, Midtrans, Times};
use fake_servers::smtp::{self, SessionStep, Smtp};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::binary::{Addresses, Process};
use testkit::client::{PASSWORD, ShopClient, ada, teapot};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::rest::RestClient;
use testkit::world::wait_until;
use tokio::task::JoinSet;

pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(170);
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// The server key of the fake gateway.
pub(crate) const KEY: &str = "SB-Mid-server-TESTKEY";

/// A REST client with a buyer's token and a product to order.
pub(crate) struct BuyerClient {
    pub(crate) rest: RestClient,
    pub(crate) buyer: String,
    product: String,
}

impl BuyerClient {
    /// Registers a buyer and a seller, and creates a product with this stock.
    pub(crate) async fn begin(addresses: Addresses, mark: &str, pieces: i32) -> Self {
        let rest = RestClient::new(addresses.rest);
        let account = async |role: &str| {
            let email = format!("{role}{mark}@example.com");
            rest.register(&ada().role(role).email(&email)).await.unwrap();
            rest.login(&email, PASSWORD).await.unwrap().token
        };
        let (buyer, seller) = (account("buyer").await, account("seller").await);
        let offered =
            rest.with_authorization(&format!("Bearer {seller}")).create(&teapot().price("10000").stock(pieces)).await;
        Self { rest, buyer, product: offered.unwrap().id }
    }

    /// The same buyer and product at a restarted server.
    pub(crate) fn at(&self, addresses: Addresses) -> Self {
        let (buyer, product) = (self.buyer.clone(), self.product.clone());
        Self { rest: RestClient::new(addresses.rest), buyer, product }
    }

    /// Orders a piece; `None` without an answer or with an error.
    pub(crate) async fn order(&self) -> Option<Value> {
        let order = json!({ "product_id": self.product, "quantity": 1 });
        let request = self.rest.request(Method::POST, "/payments").bearer_auth(&self.buyer).json(&order);
        let answer = request.send().await.ok()?;
        let is_made = answer.status() == StatusCode::CREATED;
        let body: Value = answer.json().await.ok()?;
        is_made.then(|| body["results"].clone())
    }

    pub(crate) async fn status(&self, payment: &str) -> String {
        let request = self.rest.request(Method::GET, &format!("/payments/{payment}")).bearer_auth(&self.buyer);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        body["results"]["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn until_status(&self, payment: &str, status: &str) {
        wait_until(&format!("{payment} is {status}"), SOON, async || self.status(payment).await == status).await;
    }
}

/// Runs an operators' command; returns exit code and output.
pub(crate) fn command(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let arguments = [arguments, &["--env", "test"]].concat();
    let mut process = Process::spawn(&arguments, settings, &[]);
    let code = process.exit_code(SOON);
    (code, process.output())
}

pub(crate) fn assert_audited(database: &str, storage: &str, journal: Option<&Path>) {
    let settings = [("database.url", database), ("storage.url", storage)];
    let journal = journal.map(|path| path.display().to_string());
    let arguments: Vec<&str> =
        ["audit"].into_iter().chain(journal.iter().flat_map(|path| ["--journal", path])).collect();
    let (code, told) = command(&arguments, &settings);
    assert_eq!(code, Some(0), "{told}");
}

async fn press(payment: &Value, button: &str) -> bool {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = format!("{}/{button}", payment["payment_url"].as_str().unwrap());
    client.post(url).send().await.is_ok_and(|answer| answer.status() == StatusCode::SEE_OTHER)
}

/// A mail server without `SMTPUTF8` is reported at start; mails to addresses that need it are sent once the server
/// supports it.
pub(crate) fn a_mail_server_that_cannot_take_all_addresses_is_told_at_start() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let mut server = Smtp::with(smtp::Setup { is_ascii_only: true, ..smtp::Setup::default() });
    let url = server.url();
    let settings = [("database.url", database.url()), ("mail.transport", "smtp"), ("mail.url", &url)];
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&settings);
        let addresses = process.addresses();
        let metrics = async || {
            let answer = Client::new().get(format!("http://{}/metrics", addresses.ops)).send().await.unwrap();
            answer.text().await.unwrap()
        };
        wait_until("the lack is counted", SOON, async || {
            metrics().await.contains("gocommerce_mail_server_smtputf8{} 0")
        })
        .await;
        // Both local parts have a letter beyond ASCII.
        let client = BuyerClient::begin(addresses, "ž", 5).await;
        client.order().await.unwrap();
        wait_until("the mail was tried", SOON, async || {
            metrics().await.contains(r#"gocommerce_payment_work_total{what="mail",outcome="unsupported"} 1"#)
        })
        .await;
        let (_, told) = command(&["outbox", "list", "--state", "queued"], &settings[..1]);
        let mail = told.split_once(" queued ").map(|(mail, _)| mail.to_owned()).unwrap();
        assert!(told.contains("does not offer SMTPUTF8"), "{told}");
        assert!(server.mails().is_empty());

        server.set_ascii_only(false);
        server.stop();
        server.start_again();
        let (code, told) = command(&["outbox", "retry", &mail], &settings[..1]);
        assert_eq!(code, Some(0), "{told}");
        wait_until("the mail is there", SOON, async || server.mails().len() == 1).await;
        assert_eq!(server.mails()[0].to, ["buyerž@example.com"]);
        wait_until("that is counted", SOON, async || metrics().await.contains("gocommerce_mail_server_smtputf8{} 1"))
            .await;
        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
        let log = process.output();
        assert_eq!(log.matches("the mail server does not offer SMTPUTF8 (RFC 6531), so").count(), 2, "{log}");
        assert!(log.contains("the mail server takes all addresses now"), "{log}");
    })
}

/// While a mail server refuses all mails, they wait and operators see why; afterwards each is sent once.
pub(crate) fn a_mail_server_that_refuses_us_keeps_mails_waiting_and_is_told() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let server = Smtp::start();
    let url = server.url();
    let settings = [("database.url", database.url()), ("mail.transport", "smtp"), ("mail.url", &url)];
    bounded(TIME_LIMIT, async {
        let blocked = "554 5.7.1 Client host [192.0.2.1] blocked using zen.example";
        server.set_fault(smtp::Fault::reply(SessionStep::Rcpt, blocked), smtp::Times::All);
        let mut process = Process::serve(&settings);
        let addresses = process.addresses();
        let is_told = async |what: &str| {
            let answer = Client::new().get(format!("http://{}/metrics", addresses.ops)).send().await.unwrap();
            answer.text().await.unwrap().contains(what)
        };
        wait_until("the server lets us in", SOON, async || is_told("gocommerce_mail_server_usable{} 1").await).await;
        let client = BuyerClient::begin(addresses, "", 5).await;
        let payment = client.order().await.unwrap();
        let refused = |count| format!(r#"gocommerce_payment_work_total{{what="mail",outcome="refused"}} {count}"#);
        wait_until("the mail is refused", SOON, async || is_told(&refused(1)).await).await;
        let (_, told) = command(&["outbox", "list", "--state", "queued"], &settings[..1]);
        assert!(told.contains("refuses it because of us") && told.contains("blocked using zen.example"), "{told}");

        server.set_fault(smtp::Fault::reply(SessionStep::Mail, "535 5.7.8 who are you?"), smtp::Times::All);
        client.order().await.unwrap();
        wait_until("we are refused", SOON, async || is_told("gocommerce_mail_server_usable{} 0").await).await;
        assert!(is_told(&refused(2)).await && server.mails().is_empty());

        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
        let log = process.output();
        assert!(log.contains("the mail server cannot be used, and mails wait"), "{log}");
        assert!(log.contains("535 5.7.8 who are you?"), "{log}");

        // The fault is cleared, and the next process retries without a wait of hours.
        server.heal();
        let (code, told) = command(&["payment", "explain", payment["payment_code"].as_str().unwrap()], &settings[..1]);
        assert_eq!((code, told.contains(payment["id"].as_str().unwrap())), (Some(0), true), "{told}");
        let (code, told) = command(&["outbox", "retry"], &settings[..1]);
        assert_eq!((code, told.contains("2 mails are tried again")), (Some(0), true), "{told}");
        let _process = Process::serve(&settings);
        wait_until("both are there", SOON, async || server.mails().len() == 2).await;
        assert!(server.count_by_message_id().values().all(|copies| *copies == 1));
    })
}

/// A server dies between the webhook's answer and the mails; the next server sends each mail once.
pub(crate) fn mails_that_a_dead_server_has_not_sent_are_sent_once_by_the_next() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let mut server = Smtp::start();
    let (url, journal) = (server.url(), tempfile::tempdir().unwrap());
    let journal = journal.path().join("simulator.jsonl").display().to_string();
    let settings = [
        ("database.url", database.url()),
        ("mail.transport", "smtp"),
        ("mail.url", &url),
        ("payment.simulator.journal", &journal),
    ];
    bounded(TIME_LIMIT, async {
        // Every mail is deferred while the first server runs.
        server.set_fault(smtp::Fault::defer(SessionStep::Rcpt), smtp::Times::All);
        let mut process = Process::serve(&settings);
        let client = BuyerClient::begin(process.addresses(), "", 5).await;
        let payment = client.order().await.unwrap();
        let id = payment["id"].as_str().unwrap().to_owned();
        assert!(press(&payment, "pay").await);
        client.until_status(&id, "success").await;
        process.signal("KILL");
        process.wait(SOON);
        assert!(server.mails().is_empty());

        // The next server first finds no mail server, then a working one.
        server.stop();
        let mut process = Process::serve(&settings);
        process.addresses();
        wait_until("a mail was tried", SOON, async || {
            let (_, told) = command(&["outbox", "list"], &settings[..1]);
            told.contains("the mail server is away") || told.contains("puts it off")
        })
        .await;
        server.heal();
        server.start_again();
        // A deferred mail waits for a minute; the operator's command retries it at once.
        for line in command(&["outbox", "list", "--state", "queued"], &settings[..1]).1.lines() {
            if let Some((mail, _)) = line.split_once(" queued ") {
                command(&["outbox", "retry", mail], &settings[..1]);
            }
        }
        wait_until("all mails are there", SOON, async || server.mails().len() >= 3).await;
        wait_until("the outbox is empty", SOON, async || {
            command(&["outbox", "list", "--state", "queued"], &settings[..1]).1.ends_with("0 mails\n")
        })
        .await;
        let (_, told) = command(&["outbox", "list", "--state", "sent"], &settings[..1]);
        assert!(
            told.matches(" next never").count() == 3 && !told.contains(" next 2"),
            "nobody sends them again: {told}"
        );
        let (code, told) = command(&["outbox", "retry", told.split(' ').next().unwrap()], &settings[..1]);
        assert!(code == Some(1) && told.contains("was sent"), "{told}");
        let sent = server.count_by_message_id();
        assert_eq!(sent.len(), 3, "{sent:?}");
        assert!(sent.values().all(|times| *times == 1), "{sent:?}");
        let (code, told) = command(&["payment", "explain", &id], &settings[..1]);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("success to the seller: sent"), "{told}");
        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
        assert_audited(database.url(), "file://images", None);
    })
}

/// Whenever a process dies during orders and payments, the next one completes them, and no confirmed order is lost.
pub(crate) fn no_order_is_lost_when_a_process_dies_among_checkouts() -> Result<(), String> {
    const BUYERS: usize = 6;
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let (journal, told) = (folder.path().join("simulator.jsonl"), folder.path().join("told"));
    let journal = journal.display().to_string();
    let settings = [
        ("database.url", database.url()),
        ("payment.simulator.journal", &journal),
        ("payment.check_pause_seconds", "0.001"),
    ];
    bounded(TIME_LIMIT, async {
        let orders: Arc<Mutex<Vec<Value>>> = Arc::default();
        let mut first = None;
        for cycle in 0..4_u64 {
            let mut process = Process::serve(&settings);
            let client = Arc::new(BuyerClient::begin(process.addresses(), &cycle.to_string(), 10_000).await);
            let mut buyers = JoinSet::new();
            for number in 0..BUYERS {
                let (client, orders) = (Arc::clone(&client), Arc::clone(&orders));
                buyers.spawn(async move {
                    while let Some(payment) = client.order().await {
                        orders.lock().unwrap().push(payment.clone());
                        if number % 2 == 0 && !press(&payment, "pay").await {
                            return;
                        }
                    }
                });
            }
            tokio::time::sleep(Duration::from_millis(250 + cycle * 137)).await;
            process.signal("KILL");
            process.wait(SOON);
            buyers.join_all().await;
            first.get_or_insert(client);
        }
        let ids: Vec<_> = orders.lock().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect();
        assert!(ids.len() > 4 * BUYERS, "{} orders are too few to tell anything", ids.len());
        std::fs::write(&told, ids.join("\n")).unwrap();
        let mut process = Process::serve(&settings);
        let client = first.unwrap().at(process.addresses());
        assert_audited(database.url(), "file://images", Some(&told));
        // The shop learns of a payment although its notification died with the server.
        let due = "UPDATE payments SET next_check_at = '2026-01-01 00:00:00' WHERE next_check_at IS NOT NULL";
        database.execute(due);
        wait_until("the half-made orders are finished", SOON, async || {
            let half = "SELECT id AS value FROM payments WHERE opened_at IS NULL AND state = 'pending'";
            database.texts(half).is_empty()
        })
        .await;
        assert!(client.order().await.is_some(), "it sells on");
        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
        assert_audited(database.url(), "file://images", Some(&told));
        let numbers: BTreeSet<_> = ids.iter().collect();
        assert_eq!(numbers.len(), ids.len(), "each order was made once");
    })
}

/// A notification that was stored but not applied before a crash is applied by the next server.
pub(crate) fn a_notification_that_was_answered_is_applied_by_the_next_server() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let gateway = Midtrans::start(KEY);
    let url = gateway.url();
    let settings = [
        ("database.url", database.url()),
        ("payment.gateway", "midtrans"),
        ("midtrans.snap_url", &url),
        ("midtrans.api_url", &url),
        ("midtrans.server_key", KEY),
    ];
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&settings);
        let addresses = process.addresses();
        let client = BuyerClient::begin(addresses, "", 5).await;
        let id = client.order().await.unwrap()["id"].as_str().unwrap().to_owned();
        gateway.pay(&id, "qris");
        // The gateway sends the notification and does not answer status requests.
        gateway.set_fault(Endpoint::Status, Fault::Hang, Times::All);
        let webhook = format!("http://{}/payments/midtrans/webhook", addresses.rest);
        assert_eq!(gateway.post_to(&webhook, &gateway.notification(&id)).await, Some(200));
        assert_eq!(client.status(&id).await, "pending");
        process.signal("KILL");
        process.wait(SOON);

        gateway.heal();
        let mut process = Process::serve(&settings);
        let client = client.at(process.addresses());
        client.until_status(&id, "success").await;
        process.signal("TERM");
        assert_eq!(process.exit_code(Duration::from_secs(36)), Some(0), "{}", process.output());
        assert_audited(database.url(), "file://images", None);
    })
}

/// An order whose page the gateway has created without the shop's knowledge is completed, with the right stock.
pub(crate) fn an_order_that_is_half_made_is_finished() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let gateway = Midtrans::start(KEY);
    let url = gateway.url();
    let settings = [
        ("database.url", database.url()),
        ("payment.gateway", "midtrans"),
        ("midtrans.snap_url", &url),
        ("midtrans.api_url", &url),
        ("midtrans.server_key", KEY),
        ("midtrans.timeout_seconds", "1"),
    ];
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&settings);
        let client = BuyerClient::begin(process.addresses(), "", 5).await;
        gateway.set_fault(Endpoint::Create, Fault::Junk, Times::All);
        assert!(client.order().await.is_none());
        let held = "SELECT state AS value FROM stock_reservations";
        assert_eq!(database.texts(held), ["held"], "nobody knows whether it can be paid");
        gateway.heal();
        let id = database.texts("SELECT id AS value FROM payments").remove(0);
        let (code, told) = command(&["payment", "reconcile", &id], &settings);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("is pending"), "{told}");
        let (_, told) = command(&["payment", "explain", &id], &settings);
        assert!(told.contains("payment page opened"), "{told}");
        gateway.pay(&id, "gopay");
        let (_, told) = command(&["payment", "reconcile", &id], &settings);
        assert!(told.contains("is success"), "{told}");
        client.until_status(&id, "success").await;

        // An order that the gateway refuses releases its stock at once.
        gateway.set_fault(Endpoint::Create, Fault::Unauthorized, Times::All);
        assert!(client.order().await.is_none());
        assert_eq!(
            database.texts("SELECT state AS value FROM stock_reservations ORDER BY state"),
            ["released", "sold"]
        );
        assert!(!process.output().contains(KEY), "the key is in the log");
        assert_audited(database.url(), "file://images", None);
    })
}
