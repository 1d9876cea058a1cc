//! Writes EXIF data with only the orientation (CIPA DC-008, 4.6.4; TIFF 6.0, section 2).

use image::metadata::Orientation;

/// One directory with one entry: the tag `Orientation` as a short number.
pub(super) fn with_orientation(orientation: Orientation) -> Vec<u8> {
    let beginning = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    [&beginning[..], &[orientation.to_exif(), 0, 0, 0, 0, 0, 0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_reads_back() {
        for orientation in (1..=8).filter_map(Orientation::from_exif) {
            assert_eq!(Orientation::from_exif_chunk(&with_orientation(orientation)), Some(orientation));
        }
    }
}
