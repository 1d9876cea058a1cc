//! The description of the interface, and its page.

use crate::shop::Shop;
use rest::Options;
use serde_json::Value;

#[tokio::test]
async fn the_description_is_what_the_crate_says() {
    let shop = Shop::open();
    let answer = shop.get("/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let mut said = serde_json::to_value(rest::openapi()).unwrap();
    said["servers"] = serde_json::json!([{ "url": "." }]);
    assert_eq!(answer.json(), said, "and where the operations are: beside it");
    assert!(said["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(rest::openapi().to_json().unwrap(), rest::openapi().to_json().unwrap(), "always the same text");
}

/// The operations of the description, with their names.
fn operations(description: &Value) -> Vec<(String, &Value)> {
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn every_status_is_described_with_its_schema_and_examples() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    for (name, statuses) in [
        ("post /users/register", &["201", "400", "408", "413", "414", "415", "429", "500", "503"][..]),
        ("post /users/login", &["200", "400", "401", "408", "413", "414", "415", "429", "500", "503"]),
        ("get /users/{id}", &["200", "401", "403", "404", "414", "429", "500", "503"]),
        (
            "post /payments",
            &["201", "400", "401", "403", "408", "409", "413", "414", "415", "422", "429", "500", "502", "503"],
        ),
        ("get /payments", &["200", "400", "401", "414", "429", "500", "503"]),
        ("get /payments/{id}", &["200", "401", "403", "404", "414", "429", "500", "503"]),
        ("get /payments/{id}/timeline", &["200", "401", "403", "404", "414", "429", "500", "503"]),
        ("post /payments/midtrans/webhook", &["200", "400", "401", "404", "408", "413", "414", "429", "500", "503"]),
    ] {
        let operations = operations(&description);
        let (_, operation) = operations.iter().find(|(found, _)| found == name).unwrap();
        let answers = operation["responses"].as_object().unwrap();
        assert_eq!(answers.keys().collect::<Vec<_>>(), statuses, "{name}");
        for (status, answer) in answers {
            let json = &answer["content"]["application/json"];
            assert!(json["schema"]["$ref"].is_string(), "{name} {status}: {answer}");
            assert!(json["example"].is_object() || json["examples"].is_object(), "{name} {status}: {answer}");
            assert!(answer["headers"]["X-Request-Id"].is_object(), "{name} {status}");
            let kinds = answer["content"].as_object().unwrap().len();
            assert_eq!(kinds, 1, "{name} {status}: a client that is made from it has one type for all errors");
            let schema = json["schema"]["$ref"].as_str().unwrap();
            assert_eq!(schema == "#/components/schemas/Error", !status.starts_with('2'), "{name} {status}");
        }
    }
}

#[test]
fn a_stream_of_events_is_described_by_what_one_of_them_holds() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    let answers = &description["paths"]["/payments/{id}/events"]["get"]["responses"];
    let events = &answers["200"]["content"]["text/event-stream"]["schema"]["$ref"];
    assert_eq!(events, "#/components/schemas/PaymentChange");
    for status in ["400", "401", "403", "404", "503"] {
        assert!(answers[status]["content"]["application/json"]["examples"].is_object(), "{status}");
    }
}

#[test]
fn a_field_that_must_come_is_described_as_such() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    for (schema, fields) in [
        ("RegisterBody", &["name", "email", "role", "password", "confirm_password"][..]),
        ("LoginBody", &["email", "password"]),
        ("ProductForm", &["name", "description", "price", "stock"]),
        ("ProductUpload", &["name", "description", "price", "stock"]),
        ("Order", &["product_id", "quantity"]),
        ("Notification", &["order_id", "transaction_status", "status_code", "gross_amount", "signature_key"]),
    ] {
        let schema = &description["components"]["schemas"][schema];
        assert_eq!(schema["required"], serde_json::json!(fields));
        for field in fields {
            assert_eq!(schema["properties"][field]["default"], Value::Null, "{field}");
        }
    }
}

#[test]
fn what_a_change_leaves_out_stays() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    for schema in ["ProductChange", "ProductChangeUrlEncoded", "ProductChangeUpload"] {
        let schema = &description["components"]["schemas"][schema];
        assert!(schema["properties"]["image_url"].is_object(), "{schema}");
        assert_eq!(schema.get("required"), None, "{schema}");
    }
    assert_eq!(description["paths"]["/products/{id}"]["put"]["requestBody"]["required"], false);
}

#[test]
fn a_body_has_a_type_of_its_own_for_each_way_to_write_it_and_an_example() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    for (name, operation) in operations(&description) {
        let Some(contents) = operation["requestBody"]["content"].as_object() else { continue };
        let mut types = std::collections::BTreeSet::new();
        for (media_type, content) in contents {
            let reference = content["schema"]["$ref"].as_str().unwrap();
            assert!(types.insert(reference), "{name} {media_type}: {reference} stands for another way too");
            let schema = description.pointer(reference.trim_start_matches('#')).unwrap();
            let example = content.get("example").or(schema.get("example"));
            assert!(example.is_some_and(Value::is_object), "{name} {media_type}");
            let can_be_null = schema["properties"].to_string().contains("\"null\"");
            assert!(media_type == "application/json" || !can_be_null, "{name} {media_type}: nothing in a form is null");
        }
    }
}

#[test]
fn no_parameter_is_null_and_none_that_excludes_another_has_a_default() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    for (name, operation) in operations(&description) {
        for parameter in operation["parameters"].as_array().unwrap() {
            let schema = &parameter["schema"];
            assert!(schema["type"].is_string(), "{name}: {parameter}");
            let excludes = ["page", "cursor"].iter().any(|other| parameter["name"] == *other);
            assert!(!excludes || schema.get("default").is_none(), "{name}: {parameter}");
        }
    }
}

#[test]
fn summaries_are_short_enough_to_name_files_and_buttons() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    let mut summaries = std::collections::BTreeSet::new();
    for (name, operation) in operations(&description) {
        let summary = operation["summary"].as_str().unwrap();
        assert!(summary.len() <= 30 && !summary.ends_with('.'), "{name}: {summary}");
        assert!(summaries.insert(summary), "{name}: {summary}");
    }
}

#[test]
fn an_image_is_described_as_bytes() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    let answers = &description["paths"]["/media/{key}"]["get"]["responses"];
    for (status, media_type) in [("200", "image/jpeg"), ("200", "image/png"), ("206", "image/png")] {
        let image = &answers[status]["content"][media_type]["schema"]["$ref"];
        assert_eq!(image, "#/components/schemas/Image", "{status} {media_type}");
    }
    let image = &description["components"]["schemas"]["Image"];
    assert_eq!((&image["type"], &image["format"]), (&Value::from("string"), &Value::from("binary")));
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let description = serde_json::to_value(rest::openapi()).unwrap();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_page_and_all_its_files_come_from_here() {
    let shop = Shop::open();
    for path in ["/docs", "/docs/", "/docs/index.html"] {
        let page = shop.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
        let text = page.text();
        let base = if path == "/docs" { "docs/" } else { "./" };
        assert!(text.contains(&format!("<base href=\"{base}\">")), "{text}");
        for file in text.split(['"']).filter(|value| value.ends_with(".js") || value.ends_with(".css")) {
            assert!(!file.contains("//"), "the page works offline: {file}");
            let answer = shop.get(&format!("/docs/{}", file.trim_start_matches("./"))).await;
            assert_eq!(answer.status, 200, "{file}");
            assert!(!answer.body.is_empty(), "{file}");
        }
        assert!(!text.contains("<script>"), "the policy forbids scripts inside the page");
    }
    assert!(shop.get("/docs/swagger-initializer.js").await.text().contains("/openapi.json"));
}

#[tokio::test]
async fn the_pages_files_say_what_they_are() {
    let shop = Shop::open();
    for (file, content_type) in [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon-32x32.png", "image/png"),
    ] {
        let (whole, head) =
            (shop.get(&format!("/docs/{file}")).await, shop.ask(&format!("HEAD /docs/{file} HTTP/1.1\r\n"), "").await);
        for answer in [&whole, &head] {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{file}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "a wrong type would not be loaded");
        }
        assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()), "{file}");
        assert!(head.body.is_empty());
    }
}

#[test]
fn the_description_tells_which_operations_need_a_token() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    assert_eq!(description["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(description.get("security"), None, "nothing is asked for by default");
    for (name, operation) in operations(&description) {
        let needed = operation.get("security");
        let public = [
            "post /users/register",
            "post /users/login",
            "get /products",
            "get /products/{id}",
            "get /media/{key}",
            "post /payments/midtrans/webhook",
        ];
        let is_public = public.contains(&name.as_str());
        assert_eq!(needed.is_none(), is_public, "{name}: {needed:?}");
        let refuses_strangers =
            !is_public || ["post /users/login", "post /payments/midtrans/webhook"].contains(&&*name);
        assert_eq!(operation["responses"].get("401").is_some(), refuses_strangers, "{name}");
        assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{name}");
    }
}

#[tokio::test]
async fn an_operator_may_keep_the_description_private() {
    let shop = Shop::open_with(Options { docs: false, ..Options::default() });
    for path in ["/openapi.json", "/docs", "/docs/index.html"] {
        assert_eq!(shop.get(path).await.status, 404, "{path}");
    }
}
