//! The description of the REST interface, as clients generate code from it.

use testkit::golden;

#[test]
fn the_description_changes_only_on_purpose() {
    let description = serde_json::to_value(rest::openapi()).unwrap();
    golden::compare("openapi.json", &format!("{description:#}\n"));
}
