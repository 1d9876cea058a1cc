//! Golden files: recorded output, so that a review shows each change of it.

use std::path::Path;

/// With this environment variable the files are written instead of compared.
pub const UPDATE: &str = "UPDATE_GOLDEN";

/// Compares `actual` to `golden/{name}`.
pub fn compare(name: &str, actual: &str) {
    compare_file(&format!("crates/acceptance/golden/{name}"), actual);
}

/// Compares `actual` to a file of the repository; `name` is its path from the root.
pub fn compare_file(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let place = expected.lines().zip(actual.lines()).position(|(expected, actual)| expected != actual);
    let place = place.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    assert!(
        expected == actual,
        "If you're here because {name} is no longer what the code makes, look at line {}:\n  \
         file: {}\n  code: {}\nIs the change meant? Clients see it. If so: {UPDATE}=1 cargo test -p acceptance",
        place + 1,
        expected.lines().nth(place).unwrap_or("(end of file)"),
        actual.lines().nth(place).unwrap_or("(end of file)"),
    );
}
