//! Files that record how something looks, so that a change of it is seen in review.

use std::path::Path;

/// Compares `actual` to a file of this crate; with `UPDATE_GOLDEN` set, writes it.
pub(crate) fn compare(file: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = expected.lines().zip(actual.lines()).position(|(expected, actual)| expected != actual);
    let line = differing.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    assert!(
        expected == actual,
        "If you're here because {file} is no longer what the code makes, look at line {}:\n  file: {}\n  code: {}\n\
         Is the change meant? If so: UPDATE_GOLDEN=1 cargo test -p settings --test config",
        line + 1,
        expected.lines().nth(line).unwrap_or("(end of file)"),
        actual.lines().nth(line).unwrap_or("(end of file)"),
    );
}
