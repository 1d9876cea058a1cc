//! A fixture for payments: one product, its seller, a buyer, and the gateway's notifications.

use crate::client::{Outcome, Payment, Product, ShopClient, teapot};
use crate::database::DatabaseKind;
use crate::member::{Member, member, seller};
use crate::raw::Answer;
use crate::rest::call_error;
use crate::world::World;
use domain::error::ErrorCode;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

/// The key with which the simulator of a [`World`] signs.
pub const KEY: &str = "simulator-only-server-key";

/// One product, its seller and a buyer.
pub struct PaymentFixture {
    pub seller: Member,
    pub buyer: Member,
    pub product: Product,
}

impl PaymentFixture {
    /// Registers a seller and a buyer, and creates a product with this stock at 10,000 each.
    pub async fn create(world: &World, pieces: i32) -> Self {
        let (seller, buyer) = (seller(world).await, member(world, "buyer", "bob@example.com").await);
        let product = seller.client.create(&teapot().price("10000").stock(pieces)).await.unwrap();
        Self { seller, buyer, product }
    }

    /// The buyer orders `quantity` pieces.
    pub async fn order(&self, quantity: i32) -> Payment {
        self.buyer.client.order(&self.product.id, quantity).await.unwrap()
    }

    pub async fn stock(&self) -> i32 {
        self.buyer.client.product(&self.product.id).await.unwrap().stock
    }

    /// The payment's status as the buyer sees it.
    pub async fn status(&self, payment: &Payment) -> String {
        self.buyer.client.payment(&payment.id).await.unwrap().status
    }

    /// Waits until the payment has this status.
    pub async fn wait_for_status(&self, world: &World, payment: &Payment, status: &str) {
        world.wait_until(status, async || self.status(payment).await == status).await;
    }
}

/// Presses a button on the simulator's page of a payment, as a browser does.
pub async fn press(world: &World, payment: &Payment, button: &str) {
    let path = payment.payment_url.split_once("/simulator/").unwrap().1;
    let answer = world.rest().request(Method::POST, &format!("/simulator/{path}/{button}")).send().await.unwrap();
    assert_eq!(answer.status(), 303, "{button}");
}

/// A gateway's notification about a payment, signed with a key.
pub fn notification(order: &str, total: &str, status: &str, key: &str) -> Value {
    let gross_amount = format!("{total}.00");
    let digest = Sha512::digest(format!("{order}200{gross_amount}{key}"));
    let signature: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "order_id": order,
        "transaction_id": uuid::Uuid::now_v7().to_string(),
        "transaction_status": status,
        "status_code": "200",
        "gross_amount": gross_amount,
        "signature_key": signature,
        "currency": "IDR",
        "fraud_status": "accept",
    })
}

/// Sends a notification to the webhook.
pub async fn notify(world: &World, notification: &Value) -> Outcome<()> {
    let request = world.rest().request(Method::POST, "/payments/midtrans/webhook").json(notification);
    let answer = Answer::of(request).await;
    if answer.status >= 400 {
        return Err(call_error(&answer));
    }
    assert_eq!(answer.body, r#"{"meta":{"success":true,"message":"payment status updated"}}"#);
    Ok(())
}

/// The mails of a payment, each as status and audience.
pub fn mails(world: &World, payment: &Payment) -> Vec<String> {
    let sql = format!(
        "SELECT {} AS value FROM mails WHERE payment_id = '{}' ORDER BY event, audience",
        mail_columns(world),
        payment.id
    );
    world.database.texts(&sql)
}

fn mail_columns(world: &World) -> &'static str {
    match world.database.kind() {
        DatabaseKind::Mariadb | DatabaseKind::Mysql => "CONCAT(status, ' ', audience)",
        DatabaseKind::Sqlite | DatabaseKind::Postgres => "status || ' ' || audience",
    }
}

/// The code and message of an error.
pub async fn refused<T: std::fmt::Debug>(outcome: impl Future<Output = Outcome<T>>) -> (ErrorCode, String) {
    let call_error = outcome.await.unwrap_err();
    (call_error.code, call_error.message)
}

pub fn anonymous(world: &World) -> Box<dyn ShopClient> {
    world.client()
}
