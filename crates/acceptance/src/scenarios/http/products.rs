//! Products over REST: request bodies and answers.

use super::{assert_error, get};
use crate::scenarios::user::assert_fields;
use domain::error::ErrorCode;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::client::{Product, ProductForm, Query, change, teapot};
use testkit::image_files::png;
use testkit::member::{Member, seller};
use testkit::raw::Answer;
use testkit::rest::{call_error, json_body, multipart_body};
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

const PRODUCTS: &str = "/products";

fn as_seller(world: &World, seller: &Member, method: Method, path: &str) -> RequestBuilder {
    world.rest().request(method, path).bearer_auth(&seller.token)
}

/// Sends a body of exactly this text.
async fn send(world: &World, seller: &Member, method: Method, path: &str, body: &str) -> Answer {
    let request = as_seller(world, seller, method, path).header("content-type", "application/json");
    Answer::of(request.body(body.to_owned())).await
}

/// The product of an answer, as a later request returns it.
async fn shown(world: &World, answer: &Answer) -> Product {
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    world.client().product(answer.json()["results"]["id"].as_str().unwrap()).await.unwrap()
}

pub async fn json_form_and_multipart_offer_the_same_product(world: &World) {
    let seller = seller(world).await;
    let form = teapot().name("Tee & Kanne = 100% +").description("a\r\nb").price("10.50");
    let fields = [
        ("name", form.name.clone().unwrap()),
        ("description", form.description.clone().unwrap()),
        ("price", "10.50".to_owned()),
        ("stock", "12".to_owned()),
    ];
    let request = || as_seller(world, &seller, Method::POST, PRODUCTS);
    for request in [
        request().json(&json_body(&form)),
        request().form(&fields),
        request().multipart(multipart_body(&form)),
        request().multipart(multipart_body(&form.clone().image(png(8, 8)))),
    ] {
        let made = shown(world, &Answer::of(request).await).await;
        assert_eq!((Some(&made.name), Some(&made.description)), (form.name.as_ref(), form.description.as_ref()));
        assert_eq!((made.price.as_str(), made.stock), ("10.5", 12));
        let path = format!("{PRODUCTS}/{}", made.id);
        let change = [("price", "20"), ("name", "")];
        let changed = Answer::of(as_seller(world, &seller, Method::PUT, &path).form(&change)).await;
        let changed = shown(world, &changed).await;
        assert_eq!((changed.price.as_str(), changed.name), ("20", made.name));
    }
}

pub async fn a_missing_stock_is_named(world: &World) {
    let seller = seller(world).await;
    let form = ProductForm { stock: None, ..teapot() };
    let call_error = assert_fields(seller.client.create(&form).await, &[("stock", "stock is empty")]);
    assert_eq!((call_error.code, call_error.message.as_str()), (ErrorCode::InvalidRequest, "stock is empty"));
    let empty = refusal_of(send(world, &seller, Method::POST, PRODUCTS, "").await);
    assert_eq!(empty, ["name", "description", "price", "stock"]);
    let told = seller.client.create(&ProductForm { stock: None, ..teapot().price("-1") }).await.unwrap_err();
    assert_eq!(told.message, "price is empty or invalid", "what the Go system told first");
}

fn refusal_of(answer: Answer) -> Vec<String> {
    call_error(&answer).fields.into_iter().map(|(field, _)| field).collect()
}

/// A number in JSON counts as its digits, not as the double that some libraries make of it.
pub async fn a_number_in_json_counts_to_the_letter(world: &World) {
    let seller = seller(world).await;
    let body = |price: &str, stock: &str| {
        format!("{{\"name\":\"Teapot\",\"description\":\"Holds a litre.\",\"price\":{price},\"stock\":{stock}}}")
    };
    for (price, shown_as) in [
        ("9999999999999.99", "9999999999999.99"),
        ("9007199254740.93", "9007199254740.93"),
        ("10.50", "10.5"),
        ("0.1", "0.1"),
        ("1000000", "1000000"),
        ("1E+3", "1000"),
        ("1.5e1", "15"),
        ("1e-2", "0.01"),
        ("10.50000", "10.5"),
        ("\"10.50\"", "10.5"),
    ] {
        let answer = send(world, &seller, Method::POST, PRODUCTS, &body(price, "3")).await;
        assert_eq!(shown(world, &answer).await.price, shown_as, "{price}");
    }
    for price in [
        "\"1e3\"",
        "1e999999999",
        "1e-3",
        "0.001",
        "0.30000000000000004",
        "-0",
        "-1",
        "0",
        "99999999999999.99",
        "\"1,000\"",
    ] {
        let answer = send(world, &seller, Method::POST, PRODUCTS, &body(price, "3")).await;
        assert_eq!(refusal_of(answer), ["price"], "{price}");
    }
    for stock in ["\"3\"", "3", "3.0", "0.3e1", "\" 3 \""] {
        let answer = send(world, &seller, Method::POST, PRODUCTS, &body("1", stock)).await;
        assert_eq!(shown(world, &answer).await.stock, 3, "{stock}");
    }
    for stock in [
        "2147483648",
        "1.5",
        "15e-1",
        "1e999999999",
        "\"1e1\"",
        "\"1.0\"",
        "-1",
        "\"ten\"",
        "\"\"",
        "null",
        "99999999999999999999",
    ] {
        let answer = send(world, &seller, Method::POST, PRODUCTS, &body("1", stock)).await;
        assert_eq!(refusal_of(answer), ["stock"], "{stock}");
    }
    for (price, stock) in [("true", "1"), ("[1]", "1"), ("{}", "1"), ("1", "false"), ("1.", "1"), ("01", "1")] {
        let answer = send(world, &seller, Method::POST, PRODUCTS, &body(price, stock)).await;
        assert_eq!(answer.status, 400, "{price} {stock}: {answer:?}");
    }
}

pub async fn an_image_elsewhere_on_the_web_is_named_by_its_address(world: &World) {
    let seller = seller(world).await;
    let address = "https://images.example/teapot.png?size=large#top";
    let body = |address: &str| {
        let mut body = json_body(&teapot());
        body["image_url"] = json!(address);
        body.to_string()
    };
    let made = send(world, &seller, Method::POST, PRODUCTS, &body(address)).await;
    let made = shown(world, &made).await;
    assert_eq!(made.image_url, address);
    assert_eq!(world.other_client().product(&made.id).await.unwrap().image_url, address);

    let path = format!("{PRODUCTS}/{}", made.id);
    let kept = send(world, &seller, Method::PUT, &path, "{\"image_url\":\"\",\"price\":1}").await;
    assert_eq!(shown(world, &kept).await.image_url, address);
    let parts = Form::new().text("image_url", "http://images.example/other.jpg");
    let changed = Answer::of(as_seller(world, &seller, Method::PUT, &path).multipart(parts)).await;
    assert_eq!(shown(world, &changed).await.image_url, "http://images.example/other.jpg");
    let replaced = seller.client.update(&made.id, &change().image(png(8, 8))).await.unwrap();
    assert_eq!(world.rest().download(&replaced.image_url).await.status, 200);
    let back = send(world, &seller, Method::PUT, &path, &json!({ "image_url": address }).to_string()).await;
    assert_eq!(shown(world, &back).await.image_url, address);
    world.wait_until("the image that nobody shows is gone", async || world.stored_images().is_empty()).await;

    let longest = format!("https://images.example/{}", "a".repeat(255 - 23));
    assert_eq!(shown(world, &send(world, &seller, Method::PUT, &path, &body(&longest)).await).await.image_url, longest);
    for address in ["javascript:alert(1)", "data:image/png;base64,AA==", "/teapot.png", "file:///etc/passwd", "teapot"]
    {
        for (method, path) in [(Method::POST, PRODUCTS), (Method::PUT, &path)] {
            assert_eq!(
                refusal_of(send(world, &seller, method, path, &body(address)).await),
                ["image_url"],
                "{address}"
            );
        }
    }
    let too_long = send(world, &seller, Method::POST, PRODUCTS, &body(&format!("{longest}a"))).await;
    assert_eq!(call_error(&too_long).message, "maximum length for field image_url is 255 characters");
}

/// Clients read a product, change a value and send everything back.
pub async fn a_product_that_is_sent_back_as_it_was_read_keeps_its_image(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let path = format!("{PRODUCTS}/{}", made.id);
    let mut read = get(world, &path).await.json()["results"].clone();
    read["price"] = json!("5");
    let changed = shown(world, &send(world, &seller, Method::PUT, &path, &read.to_string()).await).await;
    assert_eq!((changed.price.as_str(), &changed.image_url), ("5", &made.image_url));
    assert_eq!((changed.name, changed.stock, changed.created_at), (made.name, made.stock, made.created_at));
    assert_eq!(world.rest().download(&made.image_url).await.status, 200);
    assert_eq!(world.stored_images().len(), 1);
}

/// A browser sends this for a file field without a chosen file.
pub async fn an_empty_file_field_is_no_image(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().image(png(8, 8))).await.unwrap();
    let nothing = || Part::bytes(Vec::new()).file_name("").mime_str("application/octet-stream").unwrap();
    let parts = multipart_body(&teapot()).part("image_url", nothing());
    let without = Answer::of(as_seller(world, &seller, Method::POST, PRODUCTS).multipart(parts)).await;
    assert_eq!(shown(world, &without).await.image_url, "");
    let path = format!("{PRODUCTS}/{}", made.id);
    let parts = multipart_body(&change().price("1")).part("image_url", nothing());
    let kept = Answer::of(as_seller(world, &seller, Method::PUT, &path).multipart(parts)).await;
    assert_eq!(shown(world, &kept).await.image_url, made.image_url);
}

/// Mass assignment (OWASP ASVS 15.3.3): a body sets what the form asks for and nothing else.
pub async fn fields_of_a_product_that_are_not_asked_for_change_nothing(world: &World) {
    let seller = seller(world).await;
    let foreign = "01890000-0000-7000-8000-000000000000";
    let mut body = json_body(&teapot());
    for (name, value) in [
        ("id", json!(foreign)),
        ("user_id", json!(foreign)),
        ("created_at", json!("1970-01-01T00:00:00Z")),
        ("updated_at", json!("1970-01-01T00:00:00Z")),
        ("deleted_at", json!("1970-01-01T00:00:00Z")),
        ("version", json!(99)),
        ("image_key", json!("products/01890000-0000-7000-8000-000000000000.png")),
    ] {
        body[name] = value;
    }
    let made = shown(world, &send(world, &seller, Method::POST, PRODUCTS, &body.to_string()).await).await;
    assert!(made.id != foreign && made.user_id == seller.id, "{made:?}");
    assert!(!made.created_at.starts_with("1970") && made.image_url.is_empty(), "{made:?}");
    let path = format!("{PRODUCTS}/{}", made.id);
    let changed = shown(world, &send(world, &seller, Method::PUT, &path, &body.to_string()).await).await;
    assert_eq!((changed.user_id, changed.created_at), (made.user_id, made.created_at));
}

pub async fn who_asks_is_looked_at_before_what_they_send(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    for (method, path) in [(Method::POST, PRODUCTS.to_owned()), (Method::PUT, format!("{PRODUCTS}/{}", made.id))] {
        for body in ["{", "[]", "{\"name\":1,\"name\":2}"] {
            let request = world.rest().request(method.clone(), &path).header("content-type", "application/json");
            assert_eq!(call_error(&Answer::of(request.body(body)).await).code, ErrorCode::TokenMissing, "{method}");
            let malformed = send(world, &seller, method.clone(), &path, body).await;
            assert_eq!((malformed.status, &malformed.json()["meta"]["code"]), (400, &json!("malformed_body")));
        }
        let request = as_seller(world, &seller, method.clone(), &path).header("content-type", "text/plain");
        assert_error(&Answer::of(request.body("name=Teapot")).await, 415, "Unsupported Media Type");
    }
    assert_eq!(world.client().products(&Query::default()).await.unwrap().items, [made.listed()]);
}

pub async fn the_routes_of_products_are_as_told(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let path = format!("{PRODUCTS}/{}", made.id);
    for (method, path, allowed) in [
        (Method::PUT, PRODUCTS, ["GET", "POST"]),
        (Method::DELETE, PRODUCTS, ["GET", "POST"]),
        (Method::POST, &path, ["PUT", "DELETE"]),
        (Method::PATCH, &path, ["GET", "PUT"]),
    ] {
        let answer = Answer::of(as_seller(world, &seller, method.clone(), path)).await;
        assert_error(&answer, 405, "Method Not Allowed");
        let told = answer.header("allow").unwrap_or_default();
        for allowed in allowed {
            assert!(told.split(',').any(|method| method.trim() == allowed), "{method} {path}: {answer:?}");
        }
    }
    let slash = format!("{path}/");
    for (method, path, status) in [
        (Method::GET, "/products/", 200),
        (Method::GET, &slash, 200),
        (Method::PUT, &slash, 200),
        (Method::DELETE, &slash, 200),
    ] {
        let answer = Answer::of(as_seller(world, &seller, method.clone(), path).json(&json!({}))).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
    assert_eq!(call_error(&get(world, &path).await).code, ErrorCode::ProductNotFound);
}

/// The bytes of one answer of each kind: keys, their order, and which values are strings.
pub async fn a_product_has_the_keys_of_the_contract_in_their_order(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot().name("Tea").description("Pot").price("10.50")).await.unwrap();
    let product = format!(
        "{{\"id\":\"{}\",\"user_id\":\"{}\",\"name\":\"Tea\",\"description\":\"Pot\",\"price\":\"10.5\",\"stock\":12,\
         \"image_url\":\"\",\"created_at\":\"{}\",\"updated_at\":\"{}\"}}",
        made.id, seller.id, made.created_at, made.updated_at
    );
    let message = "\"success\":true,\"message\":\"data retrieved successfully\"";
    let one = get(world, &format!("{PRODUCTS}/{}", made.id)).await;
    assert_eq!(one.body, format!("{{\"meta\":{{{message}}},\"results\":{product}}}"));
    let numbers = "\"current_page\":1,\"total_pages\":1,\"total_items\":1,\"items_per_page\":100,\
                   \"has_next_page\":false,\"has_previous_page\":false";
    let list = get(world, PRODUCTS).await;
    assert_eq!(list.body, format!("{{\"meta\":{{{message},{numbers}}},\"results\":[{product}]}}"));
    let path = format!("{PRODUCTS}/{}", made.id);
    let deleted = Answer::of(as_seller(world, &seller, Method::DELETE, &path)).await;
    assert_eq!(deleted.body, "{\"meta\":{\"success\":true,\"message\":\"product successfully deleted\"}}");
    let empty = get(world, PRODUCTS).await;
    assert!(empty.body.ends_with("\"results\":[]}"), "{empty:?}");
    assert!(matches!(empty.json()["meta"]["total_pages"], Value::Number(_)), "{empty:?}");
}
