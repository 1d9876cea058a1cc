//! Conditional requests (RFC 9110 §13).

use super::get;
use domain::error::ErrorCode;
use reqwest::Method;
use serde_json::json;
use testkit::client::{change, teapot};
use testkit::member::seller;
use testkit::raw::Answer;
use testkit::rest::call_error;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn what_a_client_has_is_not_sent_again(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let path = format!("/products/{}", made.id);
    let ask = |method: Method, tag: &str| {
        Answer::of(world.rest().request(method, &path).header("if-none-match", tag.to_owned()))
    };
    let weak = format!("W/{}", made.etag);
    let listed = format!("\"99\", {}", made.etag);
    for tag in [made.etag.as_str(), &weak, &listed, "*"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(method, tag).await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{tag}: {answer:?}");
            assert_eq!(answer.header("etag"), Some(made.etag.as_str()));
            assert!(answer.header("x-request-id").is_some(), "{answer:?}");
        }
    }
    for tag in ["\"99\"", "nonsense", "\"\""] {
        let answer = ask(Method::GET, tag).await;
        assert_eq!(answer.status, 200, "{tag}: {answer:?}");
        assert_eq!(answer.json()["results"]["id"], json!(made.id));
    }
    seller.client.update(&made.id, &change().stock(1)).await.unwrap();
    let changed = ask(Method::GET, &made.etag).await;
    assert_eq!((changed.status, &changed.json()["results"]["stock"]), (200, &json!(1)));
    seller.client.delete(&made.id).await.unwrap();
    assert_eq!(call_error(&ask(Method::GET, "*").await).code, ErrorCode::ProductNotFound);
}

pub async fn an_entity_tag_stands_on_every_answer_with_one_product(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let path = format!("/products/{}", made.id);
    let shown = get(world, &path).await;
    let head = Answer::of(world.rest().request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), shown.header("content-type"));
    for answer in [&shown, &head] {
        assert_eq!(answer.header("etag"), Some(made.etag.as_str()), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "it is asked for again before it is shown");
    }
    let changed = seller.client.update(&made.id, &change().stock(1)).await.unwrap();
    assert_eq!(get(world, &path).await.header("etag"), Some(changed.etag.as_str()));
    assert_eq!(get(world, "/products").await.header("etag"), None, "a list has none");
}

pub async fn a_condition_on_a_change_is_honoured_in_every_spelling(world: &World) {
    let seller = seller(world).await;
    let made = seller.client.create(&teapot()).await.unwrap();
    let path = format!("/products/{}", made.id);
    let ask = |method: Method, tag: &str| {
        let request = world.rest().request(method, &path).bearer_auth(&seller.token);
        Answer::of(request.header("if-match", tag.to_owned()).json(&json!({ "stock": 5 })))
    };
    let weak = format!("W/{}", made.etag);
    for tag in ["W/\"99\"", "\"99\"", "1", ",", "\"98\", \"99\""] {
        for method in [Method::PUT, Method::DELETE] {
            let answer = ask(method, tag).await;
            assert_eq!((answer.status, call_error(&answer).code), (412, ErrorCode::ProductChanged), "{tag}");
        }
    }
    assert_eq!(ask(Method::PUT, &format!("\"99\",{}", made.etag)).await.status, 200);
    assert_eq!(ask(Method::PUT, &weak).await.status, 412, "another version by now");
    let known = get(world, &path).await.header("etag").unwrap().to_owned();
    assert_eq!(ask(Method::PUT, &format!("W/{known}")).await.status, 200, "as nginx makes of it");
    assert_eq!(ask(Method::PUT, "*").await.status, 200);
    assert_eq!(ask(Method::DELETE, "*").await.status, 200);
    assert_eq!(call_error(&ask(Method::PUT, "*").await).code, ErrorCode::ProductNotFound);
}
