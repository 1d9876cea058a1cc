//! Fees, contradicting answers of the gateway, and what operators see and do about them.

use crate::client::{bounded, page};
use crate::paying::{BuyerClient, KEY, SOON, TIME_LIMIT, assert_audited, command};
use fake_servers::midtrans::{Endpoint, Fault, Midtrans, OrderIdEcho, Times};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::binary::{Addresses, Process};
use testkit::database::{DatabaseKind, TestDatabase};
use testkit::world::wait_until;

/// A server and its gateway.
struct Scene {
    database: TestDatabase,
    gateway: Midtrans,
    url: String,
}

impl Scene {
    fn new() -> Self {
        let gateway = Midtrans::start(KEY);
        Self { database: TestDatabase::migrated(DatabaseKind::Sqlite), url: gateway.url(), gateway }
    }

    fn settings(&self) -> [(&str, &str); 6] {
        [
            ("database.url", self.database.url()),
            ("payment.gateway", "midtrans"),
            ("midtrans.snap_url", &self.url),
            ("midtrans.api_url", &self.url),
            ("midtrans.server_key", KEY),
            ("midtrans.merchant_id", fake_servers::midtrans::MERCHANT),
        ]
    }

    /// Sends a notification and returns the HTTP status of the answer.
    async fn notify(&self, addresses: Addresses, notification: &Value) -> Option<u16> {
        let webhook = format!("http://{}/payments/midtrans/webhook", addresses.rest);
        self.gateway.post_to(&webhook, notification).await
    }

    /// Runs an operators' command that must succeed, and returns its output.
    fn told(&self, arguments: &[&str]) -> String {
        let (code, told) = command(arguments, &self.settings());
        assert_eq!(code, Some(0), "{arguments:?}: {told}");
        told
    }
}

async fn ordered(client: &BuyerClient) -> String {
    client.order().await.unwrap()["id"].as_str().unwrap().to_owned()
}

/// The status and stock that clients see.
async fn shown(client: &BuyerClient, id: &str) -> Value {
    let request = client.rest.request(Method::GET, &format!("/payments/{id}")).bearer_auth(&client.buyer);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    body["results"].clone()
}

pub(crate) fn a_fee_on_the_payer_is_not_the_sellers() -> Result<(), String> {
    let scene = Scene::new();
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&scene.settings());
        let addresses = process.addresses();
        let client = BuyerClient::begin(addresses, "", 5).await;
        let id = ordered(&client).await;
        scene.gateway.charge_fee(&id, 71);
        scene.gateway.pay(&id, "qris");
        let notification = scene.gateway.notification(&id);
        assert_eq!(notification["gross_amount"], "10071.00");
        assert_eq!(scene.notify(addresses, &notification).await, Some(200));
        let paid = shown(&client, &id).await;
        assert_eq!((&paid["status"], &paid["total_amount"]), (&json!("success"), &json!("10000")));
        assert_eq!(paid["needs_attention"], Value::Null);
        let told = scene.told(&["payment", "explain", &id]);
        for line in ["fee       71 on top", "the payer paid 71 more", "over 10000 and a fee of 71"] {
            assert!(told.contains(line), "{line}: {told}");
        }
        // Refunds include the fee.
        for (amount, status) in [(10_000, "partial_refund"), (71, "refund")] {
            scene.gateway.refund(&id, amount);
            assert_eq!(scene.notify(addresses, &scene.gateway.notification(&id)).await, Some(200));
            client.until_status(&id, status).await;
        }
        assert!(scene.told(&["payment", "explain", &id]).contains("10071 given back in all"));
        let listed: Value = serde_json::from_str(&scene.told(&["payment", "list", "--json"])).unwrap();
        assert_eq!((&listed["fee"], &listed["refunded"]), (&json!("71"), &json!("10071")));
        assert_audited(scene.database.url(), "file://images", None);
    })
}

/// A notification's signature covers neither its status nor its transaction, and for some payment types the gateway
/// does not say whose a transaction is.
pub(crate) fn money_for_one_order_pays_for_no_other() -> Result<(), String> {
    let scene = Scene::new();
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&scene.settings());
        let addresses = process.addresses();
        let client = BuyerClient::begin(addresses, "", 5).await;
        let (cheap, dear, lost) = (ordered(&client).await, ordered(&client).await, ordered(&client).await);
        for (id, order_id_echo) in [
            (&cheap, OrderIdEcho::TransactionId),
            (&dear, OrderIdEcho::TransactionId),
            (&lost, OrderIdEcho::TransactionIdOnly),
        ] {
            scene.gateway.choose(id, "dana");
            scene.gateway.set_order_id_echo(id, order_id_echo);
        }
        // Signed for the dear order, with the status code that this wallet uses for pending and paid alike.
        let captured = scene.gateway.notification(&dear);
        assert_eq!(captured["status_code"], "200");
        let paid = scene.gateway.pay(&cheap, "dana");
        let mut forged = captured.clone();
        forged["transaction_status"] = json!("settlement");
        forged["transaction_id"] = json!(paid);
        let mut of_the_lost_one = scene.gateway.notification(&lost);
        of_the_lost_one["transaction_id"] = json!(paid);
        for notification in [&forged, &of_the_lost_one, &captured] {
            assert_eq!(scene.notify(addresses, notification).await, Some(200));
        }
        assert_eq!((&*client.status(&dear).await, &*client.status(&lost).await), ("pending", "pending"));
        // Its own notification makes it paid; so does the dear order's once its own money has arrived.
        assert_eq!(scene.notify(addresses, &scene.gateway.notification(&cheap)).await, Some(200));
        client.until_status(&cheap, "success").await;
        scene.gateway.pay(&dear, "dana");
        assert_eq!(scene.notify(addresses, &scene.gateway.notification(&dear)).await, Some(200));
        client.until_status(&dear, "success").await;
        // A notification that stays unanswered until its retries end waits for a person.
        let due = "UPDATE notifications SET attempts = 9, next_at = '2026-01-01 00:00:00' WHERE next_at IS NOT NULL";
        scene.database.execute(due);
        wait_until("it waits for a person", SOON, async || {
            shown(&client, &lost).await["needs_attention"] == json!(true)
        })
        .await;
        assert_eq!(client.status(&lost).await, "pending");
        assert!(scene.told(&["payment", "list", "--attention"]).contains("names no order"));
        assert_audited(scene.database.url(), "file://images", None);
    })
}

pub(crate) fn what_the_gateway_contradicts_waits_for_a_person_who_settles_it() -> Result<(), String> {
    let scene = Scene::new();
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&scene.settings());
        let addresses = process.addresses();
        let client = BuyerClient::begin(addresses, "", 5).await;
        let (one, two) = (ordered(&client).await, ordered(&client).await);
        for id in [&one, &two] {
            scene.gateway.pay(id, "bank_transfer");
            scene.gateway.override_fields(id, &json!({ "gross_amount": "9999.00" }));
            assert_eq!(scene.notify(addresses, &scene.gateway.notification(id)).await, Some(200));
            let waiting = shown(&client, id).await;
            assert_eq!((&waiting["status"], &waiting["needs_attention"]), (&json!("pending"), &json!(true)));
        }
        // Two days later nobody has resolved it, and the gateway still contradicts.
        for column in ["created_at", "opened_at", "expires_at"] {
            scene.database.execute(&format!("UPDATE payments SET {column} = '2026-01-01 00:00:00'"));
        }
        for _ in 0..2 {
            assert!(scene.told(&["payment", "reconcile", &one]).contains("is pending, needs attention: contradicted"));
        }
        let told = scene.told(&["payment", "explain", &one]);
        for line in
            ["pending, needs attention: contradicted", "pieces held", "over 9999 IDR: the order's total is 10000"]
        {
            assert!(told.contains(line), "{line}: {told}");
        }
        assert!(!told.contains("checked   next never"), "{told}");
        let listed = scene.told(&["payment", "list", "--attention"]);
        assert!(listed.contains(&one) && listed.contains(&two) && listed.ends_with("2 payments\n"), "{listed}");
        let audit = scene.told(&["audit"]);
        assert!(audit.contains("2 payments wait for a person, contradicted: ") && audit.contains(&one), "{audit}");
        wait_until("the metric tells of both", SOON, async || {
            page(addresses.ops, "/metrics").await.body.contains("gocommerce_payments_contradicted{} 2\n")
        })
        .await;

        // An operator looks at the dashboard and resolves the payment.
        for wrong in [
            &["payment", "resolve", &one, "--as", "gone", "--reason", "x"][..],
            &["payment", "resolve", &one, "--as", "paid", "--reason", " "],
        ] {
            assert_eq!(command(wrong, &scene.settings()).0, Some(2), "{wrong:?}");
        }
        let why = "the payer paid 1 too little and we let it be";
        let resolved = scene.told(&["payment", "resolve", &one, "--as", "paid", "--reason", why]);
        assert!(resolved.contains("is success; its pieces are sold"), "{resolved}");
        let resolved = scene.told(&["payment", "resolve", &two, "--as", "failed", "--reason", "given back by hand"]);
        assert!(resolved.contains("is failure; its pieces are given back"), "{resolved}");
        let again =
            command(&["payment", "resolve", &two, "--as", "failed", "--reason", "once more"], &scene.settings());
        assert_eq!(again.0, Some(0), "who has settled it may say so again: {}", again.1);
        for (id, status) in [(&one, "success"), (&two, "failure")] {
            let seen = shown(&client, id).await;
            assert_eq!((&seen["status"], &seen["needs_attention"]), (&json!(status), &Value::Null));
        }
        let log = scene.told(&["audit-log", "--id", &one]);
        assert!(log.contains("payment_resolved") && log.contains(why) && log.contains("by operator"), "{log}");
        assert!(scene.told(&["payment", "explain", &one]).contains("settled as paid by a person"));
        assert!(scene.told(&["payment", "list", "--attention"]).ends_with("0 payments\n"));
        assert!(!scene.told(&["audit"]).contains("wait for a person"));
        // A repeated report changes nothing, and a payment without contradiction cannot be resolved.
        assert!(scene.told(&["payment", "reconcile", &one]).contains("is success"));
        let sound = ordered(&client).await;
        let refused = command(&["payment", "resolve", &sound, "--as", "paid", "--reason", "x"], &scene.settings());
        assert_eq!(refused.0, Some(1), "{}", refused.1);
        process.signal("TERM");
        process.wait(SOON);
        let log = process.output();
        let warned =
            |id: &str| log.lines().filter(|line| line.contains("contradicts a payment") && line.contains(id)).count();
        assert_eq!((warned(&one), warned(&two)), (1, 1), "once for each, with its identifier: {log}");
        assert_audited(scene.database.url(), "file://images", None);
    })
}

/// The dashboard's *Test notification URL* sends an order that does not exist.
pub(crate) fn the_dashboards_trial_is_answered_and_leaves_nothing() -> Result<(), String> {
    let scene = Scene::new();
    bounded(TIME_LIMIT, async {
        let mut process = Process::serve(&scene.settings());
        let addresses = process.addresses();
        let client = BuyerClient::begin(addresses, "", 5).await;
        let id = ordered(&client).await;
        scene.gateway.pay(&id, "gopay");
        let name = format!("payment_notif_test_{}_{}", fake_servers::midtrans::MERCHANT, uuid::Uuid::new_v4());
        scene.gateway.override_fields(&id, &json!({ "order_id": name }));
        let trial = scene.gateway.notification(&id);
        // The gateway is not asked, and the test arrives as an object or as a text that holds one.
        scene.gateway.set_fault(Endpoint::Status, Fault::Hang, Times::All);
        for body in [trial.clone(), Value::String(trial.to_string())] {
            assert_eq!(scene.notify(addresses, &body).await, Some(200), "{body}");
        }
        let mut forged = trial;
        forged["gross_amount"] = json!("1.00");
        assert_eq!(scene.notify(addresses, &forged).await, Some(401));
        assert_eq!(scene.database.texts("SELECT id AS value FROM notifications"), [] as [String; 0]);
        process.signal("TERM");
        process.wait(SOON);
        let log = process.output();
        assert_eq!(log.lines().filter(|line| line.contains("dashboard has tried out")).count(), 2, "{log}");
    })
}
