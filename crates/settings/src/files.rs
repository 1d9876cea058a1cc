//! Reads small files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file of at most `longest` bytes, for a device may never end. Drops a byte order mark.
pub(super) fn read(path: &Path, longest: u64) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(longest.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(length).is_ok_and(|length| length <= longest) {
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    } else {
        Err(io::Error::other(format!("it has more than {longest} bytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read(&path, 4).unwrap(), "1234");
        assert_eq!(read(&path, 3).unwrap_err().to_string(), "it has more than 3 bytes");
        assert!(read(Path::new("/dev/zero"), 3).is_err());
        std::fs::write(&path, "\u{feff}1234").unwrap();
        assert_eq!(read(&path, 7).unwrap(), "1234");
    }
}
