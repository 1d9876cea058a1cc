//! Orders as a buyer's browser sends them.

use crate::client::Answer;
use crate::shop::Shop;
use test_doubles::{SELLER_TOKEN, TOKEN};

/// A request with a token, more lines in its head, and a body of JSON.
pub(crate) async fn ask(shop: &Shop, token: &str, line: &str, lines: &str, body: &str) -> Answer {
    let kind = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    shop.ask(&format!("{line} HTTP/1.1\r\nauthorization: Bearer {token}\r\n{kind}{lines}"), body).await
}

/// What somebody reads at a path.
pub(crate) async fn read(shop: &Shop, token: &str, path: &str) -> Answer {
    ask(shop, token, &format!("GET {path}"), "", "").await
}

/// The identifier of what an answer tells of.
#[track_caller]
pub(crate) fn id(answer: &Answer) -> String {
    answer.json()["results"]["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// A desk that the seller offers, of which there are five; its identifier.
pub(crate) async fn desk(shop: &Shop) -> String {
    let body = r#"{"name":"Oak desk","description":"Solid.","price":"10000.50","stock":5}"#;
    id(&ask(shop, SELLER_TOKEN, "POST /products", "", body).await)
}

/// The buyer's order.
pub(crate) async fn order(shop: &Shop, lines: &str, body: &str) -> Answer {
    ask(shop, TOKEN, "POST /payments", lines, body).await
}

/// An order of two pieces of a product.
pub(crate) fn two_of(product: &str) -> String {
    format!(r#"{{"product_id":"{product}","quantity":2}}"#)
}

/// A payment of the buyer for two desks; its identifier.
pub(crate) async fn payment(shop: &Shop) -> String {
    let product = desk(shop).await;
    id(&order(shop, "", &two_of(&product)).await)
}
