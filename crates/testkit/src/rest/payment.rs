//! Payments over REST.

use super::RestClient;
use super::envelope::{call_error, read, read_list};
use super::product::ProductBody;
use crate::client::{
    Outcome, Payment, PaymentClient, PaymentQuery, Payments, ShopClient, StatusChange, StatusChanges, TimelineEntry,
};
use crate::raw::Answer;
use async_trait::async_trait;
use domain::money::Money;
use reqwest::header::LINK;
use reqwest::{Method, Response, Url};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A payment; the order of the fields is the order of the keys.
#[derive(Debug, Deserialize, Serialize)]
struct PaymentBody {
    id: String,
    product_id: String,
    user_id: String,
    payment_code: String,
    quantity: i32,
    total_amount: String,
    status: String,
    payment_url: String,
    token: String,
    created_at: String,
    updated_at: String,
    product: ProductBody,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    needs_attention: bool,
}

impl PaymentBody {
    /// Checks ids, amounts and times, which other programs parse.
    fn checked(self) -> Payment {
        for id in [&self.id, &self.product_id, &self.user_id] {
            assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), *id);
        }
        assert_eq!(Money::parse(&self.total_amount).unwrap().to_string(), self.total_amount);
        for time in [&self.created_at, &self.updated_at] {
            let parsed = chrono::DateTime::parse_from_rfc3339(time).unwrap().to_utc();
            assert_eq!(crate::client::time_text(&parsed), *time);
        }
        Payment {
            id: self.id,
            product_id: self.product_id,
            user_id: self.user_id,
            payment_code: self.payment_code,
            quantity: self.quantity,
            total_amount: self.total_amount,
            status: self.status,
            payment_url: self.payment_url,
            token: self.token,
            created_at: self.created_at,
            updated_at: self.updated_at,
            product: self.product.checked(String::new()),
            needs_attention: self.needs_attention,
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct TimelineEntryBody {
    at: String,
    kind: String,
    text: String,
}

/// The data of a server-sent event.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StatusChangeBody {
    id: String,
    number: u32,
    status: String,
    needs_attention: bool,
    at: String,
}

struct EventStream {
    response: Response,
    rest: String,
}

#[async_trait]
impl StatusChanges for EventStream {
    async fn next(&mut self) -> Option<StatusChange> {
        loop {
            while let Some((event, rest)) = self.rest.split_once("\n\n") {
                let event = event.to_owned();
                self.rest = rest.to_owned();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let Some(data) = field("data: ") else { continue };
                let body: StatusChangeBody = serde_json::from_str(&data).unwrap();
                assert_eq!(field("event: ").as_deref(), Some("status"), "{event}");
                assert_eq!(field("id: "), Some(body.number.to_string()), "{event}");
                return Some(StatusChange {
                    number: body.number,
                    status: body.status,
                    needs_attention: body.needs_attention,
                });
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[async_trait]
impl PaymentClient for RestClient {
    fn with_idempotency_key(&self, key: &str) -> Box<dyn ShopClient> {
        Box::new(Self { key: Some(key.to_owned()), ..self.clone() })
    }

    async fn order(&self, product: &str, quantity: i32) -> Outcome<Payment> {
        let body = json!({ "product_id": product, "quantity": quantity });
        let mut request = self.request(Method::POST, "/payments").json(&body);
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        let answer = Answer::of(request).await;
        let body: PaymentBody = read(&answer, (201, "payment created successfully"))?;
        let location = answer.header("location").unwrap_or_default();
        assert!(location.ends_with(&format!("/payments/{}", body.id)), "{location}");
        Ok(body.checked())
    }

    async fn payment(&self, id: &str) -> Outcome<Payment> {
        let answer = Answer::of(self.request(Method::GET, &format!("/payments/{id}"))).await;
        read(&answer, (200, "Payment retrieved successfully")).map(PaymentBody::checked)
    }

    async fn payments(&self, query: &PaymentQuery) -> Outcome<Payments> {
        let limit = query.limit.map(|limit| limit.to_string()).unwrap_or_default();
        let parameters = [("limit", &limit), ("cursor", &query.cursor), ("status", &query.status)];
        let given = parameters.into_iter().filter(|(_, value)| !value.is_empty());
        let url = Url::parse_with_params("http://shop.example/payments", given).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let answer = Answer::of(self.request(Method::GET, path.trim_end_matches('?'))).await;
        let (meta, bodies) = read_list::<PaymentBody>(&answer, (200, "Payments retrieved successfully"))?;
        let next = answer.headers.get(LINK).map(|link| {
            let link = link.to_str().unwrap();
            let (url, _) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
            let url = Url::parse("http://shop.example").unwrap().join(url).unwrap();
            let cursor = url.query_pairs().find(|(name, _)| name == "cursor");
            cursor.unwrap_or_else(|| panic!("no cursor: {link}")).1.into_owned()
        });
        assert_eq!(meta.has_next_page, next.is_some(), "{answer:?}");
        let items = bodies.into_iter().map(PaymentBody::checked).collect();
        Ok(Payments { items, total: Some(meta.total_items), next })
    }

    async fn timeline(&self, id: &str) -> Outcome<Vec<TimelineEntry>> {
        let answer = Answer::of(self.request(Method::GET, &format!("/payments/{id}/timeline"))).await;
        let lines: Vec<TimelineEntryBody> = read(&answer, (200, "data retrieved successfully"))?;
        Ok(lines.into_iter().map(|TimelineEntryBody { kind, text, .. }| TimelineEntry { kind, text }).collect())
    }

    async fn watch(&self, id: &str, after: u32) -> Outcome<Box<dyn StatusChanges>> {
        let mut request = self.request(Method::GET, &format!("/payments/{id}/events"));
        if after > 0 {
            request = request.header("last-event-id", after);
        }
        let again = request.try_clone().unwrap();
        let response = request.send().await.unwrap();
        if response.status() != 200 {
            return Err(call_error(&Answer::of(again).await));
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Ok(Box::new(EventStream { response, rest: String::new() }))
    }
}
