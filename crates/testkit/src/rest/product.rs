//! Products over REST.

use super::RestClient;
use super::envelope::{ListMeta, read, read_done, read_list};
use crate::client::{Listing, Outcome, Product, ProductForm, Query};
use crate::raw::Answer;
use domain::money::Money;
use reqwest::header::{ETAG, HeaderMap, IF_MATCH, LINK};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const SHOWN: (u16, &str) = (200, "data retrieved successfully");

/// A product; the order of the fields is the order of the keys.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct ProductBody {
    id: String,
    user_id: String,
    name: String,
    description: String,
    price: String,
    stock: i32,
    image_url: String,
    created_at: String,
    updated_at: String,
}

impl ProductBody {
    /// Checks ids, amounts and times, which other programs parse.
    pub(super) fn checked(self, etag: String) -> Product {
        for id in [&self.id, &self.user_id] {
            assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), *id);
        }
        assert_eq!(Money::parse(&self.price).unwrap().to_string(), self.price, "not the shortest text of a price");
        for time in [&self.created_at, &self.updated_at] {
            let parsed = chrono::DateTime::parse_from_rfc3339(time).unwrap().to_utc();
            assert_eq!(crate::client::time_text(&parsed), *time);
        }
        Product {
            id: self.id,
            user_id: self.user_id,
            name: self.name,
            description: self.description,
            price: self.price,
            stock: self.stock,
            image_url: self.image_url,
            created_at: self.created_at,
            updated_at: self.updated_at,
            etag,
        }
    }
}

/// The answer's strong entity tag.
fn etag(answer: &Answer) -> String {
    let etag = answer.header(ETAG.as_str()).unwrap_or_else(|| panic!("no ETag: {answer:?}"));
    assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    etag.to_owned()
}

/// A form as a JSON body.
#[must_use]
pub fn json_body(form: &ProductForm) -> Value {
    let mut body = Map::new();
    let texts = [("name", &form.name), ("description", &form.description), ("price", &form.price)];
    for (name, text) in texts {
        if let Some(text) = text {
            body.insert(name.to_owned(), json!(text));
        }
    }
    if let Some(stock) = form.stock {
        body.insert("stock".to_owned(), json!(stock));
    }
    Value::Object(body)
}

/// A form as the parts of a multipart body, the file last.
#[must_use]
pub fn multipart_body(form: &ProductForm) -> Form {
    let mut parts = Form::new();
    let stock = form.stock.map(|stock| stock.to_string());
    let texts = [("name", &form.name), ("description", &form.description), ("price", &form.price), ("stock", &stock)];
    for (name, text) in texts {
        if let Some(text) = text {
            parts = parts.text(name, text.clone());
        }
    }
    match &form.image {
        None => parts,
        Some(image) => {
            let kind = if image.name.ends_with(".png") { "image/png" } else { "application/octet-stream" };
            let part = Part::bytes(image.bytes.clone()).file_name(image.name.clone()).mime_str(kind).unwrap();
            parts.part("image_url", part)
        }
    }
}

fn filled(request: RequestBuilder, form: &ProductForm) -> RequestBuilder {
    match form.image {
        None => request.json(&json_body(form)),
        Some(_) => request.multipart(multipart_body(form)),
    }
}

impl RestClient {
    /// A request on one product with this client's `If-Match`.
    fn change(&self, method: Method, id: &str) -> RequestBuilder {
        let request = self.request(method, &format!("/products/{id}"));
        match &self.expected {
            Some(etag) => request.header(IF_MATCH, etag),
            None => request,
        }
    }

    async fn one(&self, request: RequestBuilder, expected: (u16, &str)) -> Outcome<Product> {
        let answer = Answer::of(request).await;
        let body: ProductBody = read(&answer, expected)?;
        Ok(body.checked(etag(&answer)))
    }

    pub(super) async fn create_product(&self, form: &ProductForm) -> Outcome<Product> {
        let request = filled(self.request(Method::POST, "/products"), form);
        self.one(request, (201, "data created successfully")).await
    }

    pub(super) async fn update_product(&self, id: &str, form: &ProductForm) -> Outcome<Product> {
        self.one(filled(self.change(Method::PUT, id), form), (200, "data updated successfully")).await
    }

    pub(super) async fn delete_product(&self, id: &str) -> Outcome<()> {
        let answer = Answer::of(self.change(Method::DELETE, id)).await;
        read_done(&answer, (200, "product successfully deleted"))
    }

    pub(super) async fn view_product(&self, id: &str) -> Outcome<Product> {
        self.one(self.request(Method::GET, &format!("/products/{id}")), SHOWN).await
    }

    pub(super) async fn browse_products(&self, query: &Query) -> Outcome<Listing> {
        let limit = query.limit.map(|limit| limit.to_string()).unwrap_or_default();
        let parameters = [
            ("limit", &limit),
            ("cursor", &query.cursor),
            ("sort", &query.sort),
            ("q", &query.q),
            ("seller", &query.seller),
            ("min_price", &query.min_price),
            ("max_price", &query.max_price),
        ];
        let parameters = parameters.map(|(name, value)| (name, value.as_str()));
        let given: Vec<_> = parameters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.browse(&given).await.map(|(listing, _)| listing)
    }

    /// One page of products for any query parameters, and its position in the list.
    pub async fn browse(&self, parameters: &[(&str, &str)]) -> Outcome<(Listing, PageInfo)> {
        let path = Url::parse_with_params("http://shop.example/products", parameters).unwrap();
        let path = format!("{}?{}", path.path(), path.query().unwrap_or_default());
        let answer = Answer::of(self.request(Method::GET, path.trim_end_matches('?'))).await;
        let (meta, bodies) = read_list::<ProductBody>(&answer, SHOWN)?;
        let next = next(&answer.headers, parameters);
        assert_eq!(meta.has_next_page, next.is_some(), "where more follow, a link leads there: {answer:?}");
        let items: Vec<_> = bodies.into_iter().map(|body| body.checked(String::new())).collect();
        assert_consistent(&meta, items.len());
        let place = PageInfo {
            current_page: meta.current_page,
            total_pages: meta.total_pages,
            items_per_page: meta.items_per_page,
            has_next_page: meta.has_next_page,
            has_previous_page: meta.has_previous_page,
        };
        Ok((Listing { items, total: Some(meta.total_items), next }, place))
    }
}

/// A page's position in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Counted from one.
    pub current_page: u64,
    pub total_pages: u64,
    /// How many items it has at most.
    pub items_per_page: u64,
    pub has_next_page: bool,
    pub has_previous_page: bool,
}

fn assert_consistent(meta: &ListMeta, given: usize) {
    assert_eq!(meta.total_pages, meta.total_items.div_ceil(meta.items_per_page), "{meta:?}");
    assert!(given as u64 <= meta.items_per_page && given as u64 <= meta.total_items, "{given} items: {meta:?}");
    assert!(!meta.has_next_page || given as u64 == meta.items_per_page, "{given} items: {meta:?}");
    // After a cursor from a list with a smaller page size, the first page may begin in its middle.
    assert!(meta.has_previous_page || meta.current_page == 1, "{meta:?}");
}

/// The cursor in `Link: <…>; rel="next"` (RFC 8288), whose URL must lead to the same list.
fn next(headers: &HeaderMap, asked: &[(&str, &str)]) -> Option<String> {
    let link = headers.get(LINK)?.to_str().unwrap();
    let (url, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert_eq!(relation.trim(), "; rel=\"next\"", "{link}");
    assert!(url.starts_with('?'), "it holds at every address of the list: {link}");
    let url = Url::parse("http://shop.example/products").unwrap().join(url).unwrap();
    assert_eq!(url.path(), "/products", "{link}");
    let mut parameters: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let cursor = parameters.remove("cursor").unwrap_or_else(|| panic!("no cursor: {link}"));
    let asked = asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let asked: BTreeMap<_, _> = asked.filter(|(name, _)| name != "cursor" && name != "page").collect();
    for (name, value) in &asked {
        assert_eq!(parameters.get(name), Some(value), "{name}: {link}");
    }
    let added: Vec<_> = parameters.keys().filter(|name| !asked.contains_key(*name) && *name != "limit").collect();
    assert!(added.is_empty(), "the link asks for what nobody asked for: {link}");
    Some(cursor)
}
