//! PNG files (ISO/IEC 15948), parsed into chunks and rebuilt.

use super::inspector::MAX_MEMORY;
use super::{exif, icc, take, take_chunk};
use domain::product::{Image, MAX_IMAGE_BYTES};
use image::codecs::png::{CompressionType, FilterType, PngDecoder, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, Limits};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::io::Cursor;

/// The first bytes of every PNG file.
pub(super) const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The length of magic bytes and header chunk.
const BEGINNING: usize = 33;
/// The memory limit for decoding row by row besides the file and two rows, in bytes.
const ROW_MEMORY: usize = 16 << 20;

/// Kept chunks besides the image data, their maximum size, and whether they describe colours and so apply to the rotated
/// image as well. Other optional chunks are dropped: texts, times, EXIF, further frames of an animation.
const KEPT: [(&[u8; 4], usize, bool); 12] = [
    (b"PLTE", 768, false),
    (b"tRNS", 256, false),
    (b"cHRM", 32, true),
    (b"gAMA", 4, true),
    (b"sRGB", 1, true),
    (b"cICP", 4, true),
    (b"mDCV", 24, true),
    (b"cLLI", 8, true),
    (b"iCCP", icc::MAX, true),
    (b"sBIT", 4, false),
    (b"bKGD", 6, false),
    (b"pHYs", 9, false),
];

pub(super) struct Png {
    /// The file without data that is not needed to show it.
    pub(super) bytes: Vec<u8>,
    pub(super) orientation: Orientation,
    /// The chunks that describe its colours.
    colours: Vec<u8>,
}

struct Chunk<'a> {
    kind: [u8; 4],
    payload: &'a [u8],
    /// The whole chunk with length and checksum.
    whole: &'a [u8],
    is_sound: bool,
}

/// The size that a file's header tells, in pixels. Returns `None` without a header.
pub(super) fn size(file: &[u8]) -> Option<(u32, u32)> {
    let mut rest = file.strip_prefix(MAGIC)?;
    header(&chunk(&mut rest)?)
}

/// Parses a file. Returns `None` if it is incomplete, too large, or has an unknown critical chunk.
pub(super) fn strip(file: &[u8]) -> Option<Png> {
    let mut rest = file.strip_prefix(MAGIC)?;
    let first = chunk(&mut rest)?;
    header(&first).filter(|(width, height)| Image::fits(*width, *height).is_ok())?;
    let mut png =
        Png { bytes: Vec::with_capacity(file.len()), orientation: Orientation::NoTransforms, colours: Vec::new() };
    png.bytes.extend_from_slice(MAGIC);
    png.bytes.extend_from_slice(first.whole);
    let (mut seen, mut before) = (Vec::new(), first.kind);
    loop {
        let chunk = chunk(&mut rest)?;
        let is_image = chunk.kind == *b"IDAT";
        let has_image = seen.contains(b"IDAT");
        match &chunk.kind {
            b"IEND" => {
                png.bytes.extend_from_slice(chunk.whole);
                return (has_image && chunk.is_sound && chunk.payload.is_empty()).then_some(png);
            }
            b"IDAT" if chunk.is_sound && (!has_image || before == *b"IDAT") => png.bytes.extend_from_slice(chunk.whole),
            b"eXIf" => png.orientation = Orientation::from_exif_chunk(chunk.payload).unwrap_or(png.orientation),
            kind if !has_image && !seen.contains(kind) => png.keep(&chunk)?,
            kind => optional(*kind)?,
        }
        before = chunk.kind;
        if !seen.contains(&chunk.kind) && (is_image || KEPT.iter().any(|(kind, ..)| **kind == chunk.kind)) {
            seen.push(chunk.kind);
        }
    }
}

fn chunk<'a>(rest: &mut &'a [u8]) -> Option<Chunk<'a>> {
    let mut whole = *rest;
    let length = u32::from_be_bytes(take_chunk(rest)?) as usize;
    let kind: [u8; 4] = take_chunk(rest)?;
    let payload = take(rest, length)?;
    let checksum = u32::from_be_bytes(take_chunk(rest)?);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind);
    hasher.update(payload);
    // Length, kind and checksum have four bytes each.
    let whole = take(&mut whole, length.checked_add(12)?)?;
    Some(Chunk { kind, payload, whole, is_sound: hasher.finalize() == checksum })
}

/// The size in a header chunk (11.2.1). Returns `None` for another chunk.
fn header(chunk: &Chunk<'_>) -> Option<(u32, u32)> {
    let mut rest = chunk.payload;
    let size = (u32::from_be_bytes(take_chunk(&mut rest)?), u32::from_be_bytes(take_chunk(&mut rest)?));
    let is_header = chunk.kind == *b"IHDR" && chunk.is_sound && rest.len() == 5;
    (is_header && size.0 > 0 && size.1 > 0).then_some(size)
}

/// An optional chunk has a lower-case first letter (5.4).
fn optional(kind: [u8; 4]) -> Option<()> {
    kind.first().is_some_and(u8::is_ascii_lowercase).then_some(())
}

impl Png {
    /// Keeps a chunk that is needed to show the image. Returns `None` if it is needed and unsupported.
    fn keep(&mut self, chunk: &Chunk<'_>) -> Option<()> {
        let known = KEPT.iter().find(|(kind, ..)| **kind == chunk.kind);
        let is_good = |max: usize| {
            chunk.is_sound && chunk.payload.len() <= max && (chunk.kind != *b"iCCP" || holds_profile(chunk.payload))
        };
        match known {
            Some((_, max, is_of_colours)) if is_good(*max) => {
                self.bytes.extend_from_slice(chunk.whole);
                if *is_of_colours {
                    self.colours.extend_from_slice(chunk.whole);
                }
                Some(())
            }
            _ => optional(chunk.kind),
        }
    }

    /// Decodes the whole image row by row. Returns `None` if it is damaged.
    pub(super) fn check(&self) -> Option<()> {
        let limits = ::png::Limits { bytes: ROW_MEMORY };
        let mut decoder = ::png::Decoder::new_with_limits(Cursor::new(&self.bytes), limits);
        decoder.set_transformations(::png::Transformations::EXPAND);
        let mut rows = decoder.read_info().ok()?;
        while rows.next_interlaced_row().ok()?.is_some() {
            executor::give_way();
        }
        Some(())
    }

    /// Returns the file with the image rotated by its EXIF orientation; if that exceeds the memory limit, with the
    /// orientation alone. Every browser honours it (CSS Images 3, `image-orientation`).
    pub(super) fn turned(self) -> Vec<u8> {
        if self.orientation == Orientation::NoTransforms {
            return self.bytes;
        }
        let turned = self.decode().and_then(|mut image| {
            image.apply_orientation(self.orientation);
            self.encode(&image)
        });
        turned.unwrap_or_else(|| self.marked())
    }

    /// Returns the file with the orientation as its only EXIF data.
    fn marked(self) -> Vec<u8> {
        let payload = exif::with_orientation(self.orientation);
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let content = [b"eXIf", &payload[..]].concat();
        let chunk = [&length.to_be_bytes()[..], &content, &crc32fast::hash(&content).to_be_bytes()].concat();
        let mut bytes = self.bytes;
        bytes.splice(BEGINNING..BEGINNING, chunk);
        bytes
    }

    /// Decodes the whole image. Returns `None` if decoding or rotating exceeds the memory limit.
    fn decode(&self) -> Option<DynamicImage> {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_MEMORY);
        let decoder = PngDecoder::with_limits(Cursor::new(&self.bytes), limits).ok()?;
        if 2 * decoder.total_bytes() > MAX_MEMORY {
            return None;
        }
        DynamicImage::from_decoder(decoder).ok()
    }

    /// Encodes an image in the colours of this one.
    fn encode(&self, image: &DynamicImage) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
        image.write_with_encoder(encoder).ok()?;
        let (beginning, behind) = bytes.split_at_checked(BEGINNING)?;
        Some([beginning, &self.colours, behind].concat()).filter(|bytes| bytes.len() <= MAX_IMAGE_BYTES)
    }
}

/// Whether a payload is a name, the only known compression method, and a colour profile.
fn holds_profile(payload: &[u8]) -> bool {
    let mut parts = payload.splitn(2, |byte| *byte == 0);
    let (Some(name), Some([0, deflated @ ..])) = (parts.next(), parts.next()) else { return false };
    let inflated = decompress_to_vec_zlib_with_limit(deflated, icc::MAX);
    (1..=79).contains(&name.len()) && inflated.is_ok_and(|profile| icc::is_profile(&profile))
}
