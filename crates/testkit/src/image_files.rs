//! Image files as sellers send them, valid and invalid.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

/// The signature of a PNG (PNG §5.2).
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The maximum size of a stored block (RFC 1951 §3.2.4).
const MAX_STORED: usize = 0xffff;

/// A location in Lausanne as a camera records it, which must not leave the shop with a photo.
pub const SECRET_LOCATION: &str = "46 31 12.0 N, 6 37 48.0 E";

fn pixels(width: u32, height: u32) -> RgbImage {
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap();
    RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, width), shade(y, height), 128]))
}

/// A PNG without metadata.
#[must_use]
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    pixels(width, height).write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

/// A JPEG without metadata.
#[must_use]
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    pixels(width, height).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).unwrap();
    bytes
}

/// A JPEG with [`SECRET_LOCATION`] in its Exif segment, in a comment and after its end.
#[must_use]
pub fn jpeg_with_secrets() -> Vec<u8> {
    let plain = jpeg(40, 30);
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02".to_vec();
    // One entry of IFD0: ImageDescription, ASCII, its length and its offset; no further IFD (TIFF 6.0 §2).
    exif.extend(u32::try_from(SECRET_LOCATION.len() + 1).unwrap().to_be_bytes());
    exif.extend(26u32.to_be_bytes());
    exif.extend(0u32.to_be_bytes());
    exif.extend(SECRET_LOCATION.as_bytes());
    exif.push(0);
    let comment = segment(0xfe, format!("taken at {SECRET_LOCATION}").as_bytes());
    let mut bytes = plain[..2].to_vec();
    bytes.extend(segment(0xe1, &exif));
    bytes.extend(comment);
    bytes.extend(&plain[2..]);
    bytes.extend(SECRET_LOCATION.as_bytes());
    bytes
}

/// A JPEG with Exif orientation 6: stored 40 wide and 20 high, shown 20 wide and 40 high.
#[must_use]
pub fn rotated_jpeg() -> Vec<u8> {
    let plain = jpeg(40, 20);
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut bytes = plain[..2].to_vec();
    bytes.extend(segment(0xe1, exif));
    bytes.extend(&plain[2..]);
    bytes
}

/// A grey JPEG of any size in a small file.
#[must_use]
pub fn flat_jpeg(width: u16, height: u16) -> Vec<u8> {
    let [width_bytes, height_bytes] = [width, height].map(u16::to_be_bytes);
    let mut bytes = vec![0xff, 0xd8];
    bytes.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    bytes.extend(segment(0xc0, &[&[8][..], &height_bytes, &width_bytes, &[1, 1, 0x11, 0]].concat()));
    for class in [0x00, 0x10] {
        // One code of one bit, 0: no difference, then the end of the block.
        bytes.extend(segment(0xc4, &[&[class, 1][..], &[0; 16]].concat()));
    }
    bytes.extend(segment(0xda, &[1, 1, 0, 0, 63, 0]));
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    bytes.extend(vec![0; (2 * blocks).div_ceil(8)]);
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// The same JPEG with stray bytes before its segments and its end.
#[must_use]
pub fn with_stray_bytes(jpeg: &[u8]) -> Vec<u8> {
    let stray = [&b"\0\0"[..], SECRET_LOCATION.as_bytes(), b"\xff\xff\xff"].concat();
    let mut bytes = jpeg[..2].to_vec();
    let mut rest = &jpeg[2..];
    loop {
        let (head, behind) = rest.split_at(2 + usize::from(u16::from_be_bytes([rest[2], rest[3]])));
        bytes.extend(&stray);
        bytes.extend(head);
        rest = behind;
        if head[1] == 0xda {
            break;
        }
    }
    let (scan, end) = rest.split_at(rest.len() - 2);
    [&bytes, scan, &stray, end].concat()
}

/// A segment of a JPEG (ISO/IEC 10918-1 §B.1.1.4).
fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [&[0xff, marker], &length.to_be_bytes()[..], content].concat()
}

/// A PNG with [`SECRET_LOCATION`] in a text chunk and after its end.
#[must_use]
pub fn png_with_secrets() -> Vec<u8> {
    let plain = png(40, 30);
    let text = chunk(*b"tEXt", format!("Location\0{SECRET_LOCATION}").as_bytes());
    let (head, body) = plain.split_at(HEADER);
    [head, &text, body, SECRET_LOCATION.as_bytes()].concat()
}

/// The length of a PNG's signature and header chunk.
const HEADER: usize = 8 + 25;

/// A PNG of noise of exactly `length` bytes: pixels, and one text chunk as padding.
#[must_use]
pub fn png_of(length: usize) -> Vec<u8> {
    // A row is the filter's number and three bytes per pixel.
    let width = 1_800;
    let height = (length - 100_000) / (1 + 3 * width);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let rows = (0..height * (1 + 3 * width)).map(|at| if at % (1 + 3 * width) == 0 { 0 } else { noise() });
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(header(u32::try_from(width).unwrap(), u32::try_from(height).unwrap()));
    bytes.extend(chunk(*b"IDAT", &stored(&rows.collect::<Vec<u8>>())));
    let end = chunk(*b"IEND", &[]);
    let rest = length - bytes.len() - end.len() - chunk(*b"tEXt", &[]).len();
    bytes.extend(chunk(*b"tEXt", &vec![b'x'; rest]));
    bytes.extend(end);
    assert_eq!(bytes.len(), length);
    bytes
}

/// A small PNG that claims to be 30,000 pixels wide and high.
#[must_use]
pub fn decompression_bomb() -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(header(30_000, 30_000));
    bytes.extend(chunk(*b"IDAT", &stored(&[0; 1_000])));
    bytes.extend(chunk(*b"IEND", &[]));
    bytes
}

fn header(width: u32, height: u32) -> Vec<u8> {
    let mut content = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Eight bits per channel, three channels, default compression and filtering, not interlaced.
    content.extend([8, 2, 0, 0, 0]);
    chunk(*b"IHDR", &content)
}

fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let checked = [&kind[..], content].concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], &checked, &crc32(&checked).to_be_bytes()].concat()
}

/// A zlib stream (RFC 1950) of uncompressed blocks.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks: Vec<_> = content.chunks(MAX_STORED).collect();
    for (at, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        stream.push(u8::from(at + 1 == blocks.len()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(*block);
    }
    let (mut low, mut high) = (1u32, 0u32);
    for byte in content {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// The CRC of a PNG's chunk (PNG §5.5).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    let table: Vec<u32> = (0..256).map(|byte| (0..8).fold(byte, step)).collect();
    !bytes.iter().fold(!0, |crc, byte| table[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

#[must_use]
pub fn decoded(bytes: &[u8], format: ImageFormat) -> DynamicImage {
    image::load(Cursor::new(bytes), format).unwrap()
}

#[must_use]
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_by_hand_is_an_image() {
        let made = png_of(400_000);
        assert_eq!(made.len(), 400_000);
        assert_eq!(decoded(&made, ImageFormat::Png).width(), 1_800);
        for bytes in [jpeg_with_secrets(), rotated_jpeg()] {
            assert_eq!(decoded(&bytes, ImageFormat::Jpeg).width(), 40);
        }
        let flat = flat_jpeg(300, 20);
        assert_eq!(decoded(&flat, ImageFormat::Jpeg).width(), 300);
        assert!(holds(&with_stray_bytes(&flat), SECRET_LOCATION));
        assert_eq!(decoded(&png_with_secrets(), ImageFormat::Png).width(), 40);
        assert!(holds(&jpeg_with_secrets(), SECRET_LOCATION) && holds(&png_with_secrets(), SECRET_LOCATION));
    }
}
