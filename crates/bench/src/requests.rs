//! Requests prepared before the measurement, so that the client uses little CPU during it.

use serde_json::json;
use std::borrow::Cow;
use tonic::metadata::{Ascii, MetadataValue};

/// The placeholder of an order's idempotency key, which has the same length.
const KEY: &str = "00000000000000000000";

/// The fields of an offered product.
pub(crate) const OFFERED: [(&str, &str); 4] =
    [("name", "Oak desk"), ("description", "A desk of solid oak."), ("price", "1250000"), ("stock", "3")];

#[derive(Clone, Debug)]
pub enum Operation {
    /// An account, requested by its owner.
    Profile {
        id: String,
        /// The owner's token as gRPC metadata.
        token: MetadataValue<Ascii>,
    },
    Product(String),
    /// A page of the list of products.
    List {
        limit: i32,
        /// The cursor; empty for the first page.
        cursor: String,
        /// The text that names must contain; empty for all products.
        q: String,
    },
    /// An order of one piece of a product.
    Order {
        product: String,
        token: MetadataValue<Ascii>,
    },
    /// A new product with a picture.
    Offer {
        picture: Vec<u8>,
        token: MetadataValue<Ascii>,
    },
    LogIn {
        email: String,
        password: String,
    },
    /// A gateway's notification, over REST only.
    Notification,
}

/// A request that is prepared for both protocols.
#[derive(Clone, Debug)]
pub struct PreparedRequest {
    pub operation: Operation,
    rest: Vec<u8>,
    key_at: Option<usize>,
}

fn bearer(token: &str) -> MetadataValue<Ascii> {
    format!("Bearer {token}").parse().expect("a token")
}

/// What separates the parts of a multipart body.
const BOUNDARY: &str = "----------------boundary";

/// The bytes of a request with a product's fields and its picture, as browsers send them.
fn multipart(start: &str, token: &str, fields: &[(&str, &str)], picture: &[u8]) -> Vec<u8> {
    let field = |(name, value): &(&str, &str)| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let fields: String = fields.iter().map(field).collect();
    let head = "content-disposition: form-data; name=\"image_url\"; filename=\"desk.jpg\"\r\ncontent-type: image/jpeg";
    let (before, after) = (format!("{fields}--{BOUNDARY}\r\n{head}\r\n\r\n"), format!("\r\n--{BOUNDARY}--\r\n"));
    let body = [before.as_bytes(), picture, after.as_bytes()].concat();
    let head = format!(
        "{start} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// The bytes of an HTTP/1.1 request.
fn wire(start: &str, token: Option<&str>, key: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{start} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    let length = body.map(|body| body.len().to_string());
    let bearer = token.map(|token| format!("Bearer {token}"));
    let json = body.map(|_| "application/json");
    for (name, value) in [
        ("authorization", bearer.as_deref()),
        ("idempotency-key", key),
        ("content-type", json),
        ("content-length", length.as_deref()),
    ] {
        if let Some(value) = value {
            text = format!("{text}{name}: {value}\r\n");
        }
    }
    format!("{text}\r\n{}", body.unwrap_or_default()).into_bytes()
}

impl PreparedRequest {
    fn new(operation: Operation, rest: Vec<u8>) -> Self {
        Self { operation, rest, key_at: None }
    }

    #[must_use]
    pub fn profile(id: &str, token: &str) -> Self {
        let operation = Operation::Profile { id: id.to_owned(), token: bearer(token) };
        Self::new(operation, wire(&format!("GET /users/{id}"), Some(token), None, None))
    }

    #[must_use]
    pub fn product(id: &str) -> Self {
        Self::new(Operation::Product(id.to_owned()), wire(&format!("GET /products/{id}"), None, None, None))
    }

    #[must_use]
    pub fn list(limit: i32, cursor: &str, q: &str) -> Self {
        let mut start = format!("GET /products?limit={limit}");
        for (name, value) in [("q", q), ("cursor", cursor)] {
            if !value.is_empty() {
                start = format!("{start}&{name}={value}");
            }
        }
        let operation = Operation::List { limit, cursor: cursor.to_owned(), q: q.to_owned() };
        Self::new(operation, wire(&start, None, None, None))
    }

    /// An order of one piece of a product, with a new idempotency key each time.
    #[must_use]
    pub fn order(product: &str, token: &str) -> Self {
        let body = json!({ "product_id": product, "quantity": 1 }).to_string();
        let rest = wire("POST /payments", Some(token), Some(KEY), Some(&body));
        let key_at = rest.windows(KEY.len()).position(|part| part == KEY.as_bytes());
        let operation = Operation::Order { product: product.to_owned(), token: bearer(token) };
        Self { operation, rest, key_at }
    }

    /// A product that a seller offers with a picture.
    #[must_use]
    pub fn offer(picture: &[u8], token: &str) -> Self {
        let rest = multipart("POST /products", token, &OFFERED, picture);
        Self::new(Operation::Offer { picture: picture.to_vec(), token: bearer(token) }, rest)
    }

    #[must_use]
    pub fn log_in(email: &str, password: &str) -> Self {
        let body = json!({ "email": email, "password": password }).to_string();
        let operation = Operation::LogIn { email: email.to_owned(), password: password.to_owned() };
        Self::new(operation, wire("POST /users/login", None, None, Some(&body)))
    }

    /// What a gateway tells.
    #[must_use]
    pub fn notification(body: &str) -> Self {
        Self::new(Operation::Notification, wire("POST /payments/midtrans/webhook", None, None, Some(body)))
    }

    #[must_use]
    pub fn key(number: u64) -> String {
        format!("{number:020}")
    }

    /// The bytes of the REST request with the key of this number.
    pub(crate) fn rest(&self, number: u64) -> Cow<'_, [u8]> {
        let Some(at) = self.key_at else { return Cow::Borrowed(&self.rest) };
        let mut rest = self.rest.clone();
        if let Some(place) = rest.get_mut(at..at + KEY.len()) {
            place.copy_from_slice(Self::key(number).as_bytes());
        }
        Cow::Owned(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_has_a_key_of_its_own() {
        let order = PreparedRequest::order("desk", "secret");
        let text = String::from_utf8(order.rest(7).into_owned()).unwrap();
        assert!(text.starts_with("POST /payments HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("\r\nidempotency-key: 00000000000000000007\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{\"product_id\":\"desk\",\"quantity\":1}"), "{text}");
    }
}
