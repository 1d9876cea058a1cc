//! Routes, and what answers to other paths.

use super::{LOGIN, REGISTER, assert_error, body, get, post};
use reqwest::Method;
use serde_json::json;
use testkit::client::ada;
use testkit::member::register_and_log_in;
use testkit::raw::Answer;
use testkit::world::World;

pub const SETTINGS: &[(&str, &str)] = &[];

pub async fn a_trailing_slash_is_accepted_without_a_redirect(world: &World) {
    let answer = post(world, "/users/register/", "application/json", body(&ada()).to_string()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let logged_in = world.client().login("ada@example.com", &ada().password).await.unwrap();
    let request = world.rest().request(Method::GET, &format!("/users/{}/", logged_in.id));
    assert_eq!(Answer::of(request.bearer_auth(&logged_in.token)).await.status, 200);
}

pub async fn an_unknown_route_is_not_found(world: &World) {
    for path in
        ["//", "/users", "/nonsense", "/users/1/2", "/users/register/now", "/../etc/passwd", "/%2e%2e/x", "/users//"]
    {
        assert_error(&get(world, path).await, 404, "Not Found");
    }
}

pub async fn a_wrong_method_is_told_the_right_ones(world: &World) {
    for (method, path, allowed) in [
        (Method::GET, LOGIN, "POST"),
        (Method::PUT, REGISTER, "POST"),
        (Method::DELETE, LOGIN, "POST"),
        (Method::TRACE, LOGIN, "POST"),
        (Method::POST, "/users/1", "GET"),
        (Method::PATCH, "/users/1", "GET"),
        (Method::TRACE, "/users/1", "GET"),
    ] {
        let answer = Answer::of(world.rest().request(method.clone(), path)).await;
        // Both are correct for GET: /users/login could be an account with the id `login`.
        if method == Method::GET && answer.status == 401 {
            continue;
        }
        assert_error(&answer, 405, "Method Not Allowed");
        let told = answer.header("allow").unwrap_or_default();
        assert!(told.split(',').any(|method| method.trim() == allowed), "{method} {path}: {answer:?}");
    }
}

pub async fn head_is_get_without_a_body(world: &World) {
    let logged_in = register_and_log_in(&*world.client(), &ada()).await;
    let path = format!("/users/{}", logged_in.id);
    let ask = |method| world.rest().request(method, &path).bearer_auth(&logged_in.token);
    let (whole, head) = (Answer::of(ask(Method::GET)).await, Answer::of(ask(Method::HEAD)).await);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), whole.header("content-type"));
    assert_eq!(Answer::of(world.rest().request(Method::HEAD, &path)).await.status, 401);
}

pub async fn the_first_page_leads_to_the_others(world: &World) {
    let told = get(world, "/").await;
    told.assert_common_headers();
    told.assert_content_type("application/json");
    let overview = &told.json()["results"];
    assert_eq!((overview["name"].as_str(), overview["environment"].as_str()), (Some("Go Commerce"), Some("test")));
    for key in ["docs", "openapi", "simulator"] {
        let address = overview[key].as_str().unwrap_or_else(|| panic!("{key} is missing: {told:?}"));
        assert_eq!(get(world, &format!("/{address}")).await.status, 200, "{key}: {address}");
    }
    let page = Answer::of(world.rest().request(Method::GET, "/").header("accept", "text/html, */*;q=0.8")).await;
    page.assert_content_type("text/html");
    assert_eq!((page.status, page.header("vary")), (200, Some("Accept, Origin")));
}

pub async fn operators_pages_are_not_public(world: &World) {
    for path in ["/livez", "/readyz", "/metrics", "/health", "/debug/pprof", "/config"] {
        assert_error(&get(world, path).await, 404, "Not Found");
    }
}

pub async fn the_description_of_the_interface_and_its_page_are_served(world: &World) {
    let described = get(world, "/openapi.json").await;
    described.assert_content_type("application/json");
    assert!(described.json()["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert_ne!(described.json()["paths"][REGISTER]["post"], json!(null));
    let page = get(world, "/docs/").await;
    page.assert_content_type("text/html");
    assert_eq!(page.status, 200);
    for elsewhere in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!page.body.contains(elsewhere), "the page works offline: {}", page.body);
    }
}
