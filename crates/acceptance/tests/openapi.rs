//! The OpenAPI document, from which clients are generated.

use testkit::golden;

#[test]
fn the_description_changes_only_on_purpose() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    golden::compare("openapi.json", &format!("{description:#}\n"));
}
