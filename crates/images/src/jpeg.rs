//! JPEG files (ISO/IEC 10918-1), parsed into segments and rebuilt.
//!
//! Bytes between segments are skipped, as libjpeg does, and dropped. A truncated file is refused, although decoders show a
//! part of it: `scan.rs` checks that all coded pixels are there.

mod huffman;
mod scan;

use super::inspector::MAX_MEMORY;
use super::{exif, icc, take, take_chunk};
use domain::product::{Image, MAX_IMAGE_BYTES};
use huffman::Tables;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageEncoder, RgbImage};
use scan::Frame;
use std::ops::Range;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The first bytes of every JPEG file.
pub(super) const MAGIC: &[u8] = &[0xFF, 0xD8];

const END: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const PROGRESSIVE: u8 = 0xC2;
const APPLICATION: u8 = 0xE0;
const EXIF: &[u8] = b"Exif\0\0";
const JFIF: &[u8] = b"JFIF\0";
const ADOBE: &[u8] = b"Adobe";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// The maximum number of kept segments. A progressive file has some fifty.
const MAX_SEGMENTS: usize = 1024;
/// The maximum number of scans: each one visits every block, however short the scan.
const MAX_SCANS: usize = 64;
/// The qualities of a new encoding: the next lower one is used if the file is too large.
const QUALITIES: [u8; 4] = [90, 80, 65, 40];

pub(super) struct Jpeg {
    /// The file without data that is not needed to show it.
    pub(super) bytes: Vec<u8>,
    pub(super) orientation: Orientation,
    frame: Frame,
    /// The end of the part that must stay in front: the file's start and JFIF's header, if any.
    front: usize,
    /// Whether a decoder must hold all coefficients, because a block's come in several scans.
    is_in_parts: bool,
    profile: Option<Vec<u8>>,
}

/// The size that a file's header tells, in pixels. Returns `None` without a header.
pub(super) fn size(file: &[u8]) -> Option<(u32, u32)> {
    let mut rest = file.strip_prefix(MAGIC)?;
    loop {
        match marker(&mut rest)? {
            0x01 | 0xD0..=0xD7 => {}
            code @ 0xC0..=PROGRESSIVE => return Frame::read(code, payload(&mut rest)?).map(|frame| frame.size),
            0xD8..=START_OF_SCAN => return None,
            _ => drop(payload(&mut rest)?),
        }
    }
}

/// Parses a file. Returns `None` if it is incomplete, too large, or of a kind that browsers do not show.
pub(super) fn strip(file: &[u8]) -> Option<Jpeg> {
    let mut rest = file.strip_prefix(MAGIC)?;
    let mut kept = Kept { bytes: Vec::with_capacity(file.len()), ..Kept::default() };
    kept.bytes.extend(MAGIC);
    let (mut frame, mut orientation, mut tables): (Option<Frame>, _, _) = (None, None, Tables::default());
    loop {
        let code = marker(&mut rest)?;
        match code {
            END => break,
            // Markers without a segment: a restart behind a scan's last unit, and one for private use.
            0x01 | 0xD0..=0xD7 => continue,
            _ => {}
        }
        let payload = payload(&mut rest)?;
        match code {
            0xC0..=PROGRESSIVE if frame.is_none() => {
                frame = Frame::read(code, payload).filter(|frame| Image::fits(frame.size.0, frame.size.1).is_ok());
                frame.as_ref()?;
            }
            // Tables of codes, of quantisation, of restarts.
            0xC4 | 0xDB | 0xDD => tables.note(code, payload)?,
            0xE1 if payload.starts_with(EXIF) => {
                let found = payload.strip_prefix(EXIF).and_then(Orientation::from_exif_chunk);
                orientation = orientation.or(found);
            }
            START_OF_SCAN | APPLICATION..=0xEF | 0xFE => {}
            _ => return None,
        }
        kept.segment(code, payload)?;
        if code == START_OF_SCAN {
            frame.as_mut()?.pass(&tables, payload, &mut rest, &mut kept.bytes)?;
        }
    }
    let frame = frame.filter(Frame::is_whole)?;
    kept.whole(frame, orientation.unwrap_or(Orientation::NoTransforms))
}

/// Reads the next marker, after any fill bytes and stray bytes.
fn marker(rest: &mut &[u8]) -> Option<u8> {
    loop {
        let stray = rest.iter().position(|byte| *byte == 0xFF)?;
        take(rest, stray)?;
        let fill = rest.iter().position(|byte| *byte != 0xFF)?;
        take(rest, fill)?;
        match take_chunk(rest)? {
            [0] => {}
            [code] => return Some(code),
        }
    }
}

/// Reads a segment's payload after its length.
fn payload<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(u16::from_be_bytes(take_chunk(rest)?));
    take(rest, length.checked_sub(2)?)
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    codes: Vec<u8>,
    profile: Profile,
    profile_at: Vec<Range<usize>>,
    front: usize,
}

impl Kept {
    /// Keeps the needed part of a segment. Returns `None` after too many.
    fn segment(&mut self, code: u8, payload: &[u8]) -> Option<()> {
        let is_first = !self.codes.contains(&code);
        let (payload, behind): (_, &[u8]) = match (code, payload.get(..12)) {
            // The version and the pixel density, with a thumbnail of zero by zero.
            (APPLICATION, Some(head)) if is_first && head.starts_with(JFIF) => (head, &[0, 0]),
            (0xE2, _) if payload.starts_with(ICC) => (payload, &[]),
            // How colours are coded.
            (0xEE, Some(head)) if is_first && head.starts_with(ADOBE) => (head, &[]),
            (APPLICATION..=0xEF | 0xFE, _) => return Some(()),
            _ => (payload, &[]),
        };
        let begin = self.bytes.len();
        write(&mut self.bytes, code, &[payload, behind]);
        if code == 0xE2 {
            self.profile.note(payload);
            self.profile_at.push(begin..self.bytes.len());
        }
        if code == APPLICATION && self.codes.is_empty() {
            self.front = self.bytes.len();
        }
        self.codes.push(code);
        (self.codes.len() <= MAX_SEGMENTS).then_some(())
    }

    /// Ends the file.
    fn whole(mut self, frame: Frame, orientation: Orientation) -> Option<Jpeg> {
        self.bytes.extend([0xFF, END]);
        let profile = self.profile.whole();
        if profile.is_none() {
            // From the last one on, so that earlier positions stay valid.
            for place in self.profile_at.into_iter().rev() {
                self.bytes.drain(place);
            }
        }
        let scans = self.codes.iter().filter(|code| **code == START_OF_SCAN).count();
        let is_in_parts = scans > 1 || frame.is_progressive();
        let front = self.front.max(MAGIC.len());
        let jpeg = Jpeg { bytes: self.bytes, orientation, frame, front, is_in_parts, profile };
        (1..=MAX_SCANS).contains(&scans).then_some(jpeg)
    }
}

fn write(bytes: &mut Vec<u8>, code: u8, payload: &[&[u8]]) {
    let length = payload.iter().map(|part| part.len()).sum::<usize>() + 2;
    bytes.extend([0xFF, code]);
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    payload.iter().for_each(|part| bytes.extend_from_slice(part));
}

/// A colour profile that comes in pieces (ICC.1:2022, B.4).
#[derive(Default)]
struct Profile {
    pieces: Vec<(u8, u8)>,
    bytes: Vec<u8>,
}

impl Profile {
    fn note(&mut self, payload: &[u8]) {
        let Some(mut piece) = payload.strip_prefix(ICC) else { return };
        if let Some([number, count]) = take_chunk(&mut piece) {
            self.pieces.push((number, count));
            self.bytes.extend_from_slice(piece);
        }
    }

    /// Returns the profile if its pieces are complete and in order.
    fn whole(self) -> Option<Vec<u8>> {
        let count = self.pieces.len();
        let expected = (1..=count).map(|number| (number, count));
        let are_all = self.pieces.iter().map(|(n, of)| (usize::from(*n), usize::from(*of))).eq(expected);
        (are_all && icc::is_profile(&self.bytes)).then_some(self.bytes)
    }
}

impl Jpeg {
    /// Returns the file with the image rotated by its EXIF orientation; if that exceeds the memory limit or the decoder,
    /// with the orientation alone. Every browser honours it (CSS Images 3, `image-orientation`).
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
        let mut segment = Vec::new();
        write(&mut segment, 0xE1, &[EXIF, &exif::with_orientation(self.orientation)]);
        let mut bytes = self.bytes;
        bytes.splice(self.front..self.front, segment);
        bytes
    }

    /// Decodes the whole image. Returns `None` if decoding or rotating exceeds the memory limit.
    fn decode(&self) -> Option<DynamicImage> {
        let (width, height) = self.frame.size;
        let is_grey = self.frame.is_grey();
        let output = u64::from(width) * u64::from(height) * if is_grey { 1 } else { 3 };
        let held = if self.is_in_parts { self.frame.coefficients() } else { 0 };
        // A rotated image exists after the coefficients are freed, an unrotated one beside them.
        if output + output.max(held) > MAX_MEMORY {
            return None;
        }
        let colours = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
        let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(colours);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&self.bytes), options);
        let pixels = decoder.decode().ok()?;
        if is_grey {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        } else {
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        }
    }

    /// Encodes an image in the colours of this one.
    fn encode(&self, image: &DynamicImage) -> Option<Vec<u8>> {
        // A profile of printing colours does not apply to the screen colours of the decoded image.
        let profile = self.profile.as_ref().filter(|_| !self.frame.is_in_printing_colours());
        QUALITIES.into_iter().find_map(|quality| {
            let mut bytes = Vec::new();
            let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
            if let Some(profile) = profile {
                encoder.set_icc_profile(profile.clone()).ok()?;
            }
            image.write_with_encoder(encoder).ok()?;
            (bytes.len() <= MAX_IMAGE_BYTES).then_some(bytes)
        })
    }
}
