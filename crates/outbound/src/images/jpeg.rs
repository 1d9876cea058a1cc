//! JPEG files (ISO/IEC 10918-1), taken apart by their segments and put together again.
//!
//! The decoder shows as much as it can of a file that is cut off, as browsers do. So whether all is there is found out
//! here: by the markers, and by what the decoder is given behind the last scan.

use super::inspector::{MAX_MEMORY, fits};
use super::{icc, take, take_chunk};
use domain::product::MAX_IMAGE_BYTES;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageEncoder, RgbImage};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// How every JPEG file begins.
pub(super) const MAGIC: &[u8] = &[0xFF, 0xD8, 0xFF];

const START: [u8; 2] = [0xFF, 0xD8];
const END: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const PROGRESSIVE: u8 = 0xC2;
const EXIF: &[u8] = b"Exif\0\0";
const JFIF: &[u8] = b"JFIF\0";
const ADOBE: &[u8] = b"Adobe";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// The segments of a file at most, without those that are dropped. A progressive file has some fifty.
const MAX_SEGMENTS: usize = 1024;
/// How often an image is gone through at most: each time costs the decoder a look at every block, however short the scan.
const MAX_SCANS: usize = 64;
/// The qualities that an image is written anew with: the next lower one where it gets too large.
const QUALITIES: [u8; 4] = [90, 80, 65, 40];
/// Ones that belong to no code of any table (Annex C), so that whoever reads on behind the end of a scan fails.
const RUN_OUT: [u8; 32] = [
    0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF,
    0, 0xFF, 0, 0xFF, 0, 0xFF, 0,
];

/// What is kept of a file.
pub(super) struct Jpeg {
    /// The file without all that is not needed to show it.
    pub(super) bytes: Vec<u8>,
    /// How it is to be turned.
    pub(super) orientation: Orientation,
    frame: Frame,
    /// How often the image is gone through.
    scans: usize,
    profile: Option<Vec<u8>>,
}

/// What the header says of the image.
#[derive(Clone, Copy)]
struct Frame {
    code: u8,
    components: u8,
    /// What a decoder needs for all coefficients at once, in bytes.
    coefficients: u64,
    pixels: u64,
}

/// A piece of a file.
struct Segment<'a> {
    code: u8,
    payload: &'a [u8],
    /// What follows a scan's header.
    scan: &'a [u8],
}

/// Takes a file apart. None where it is not whole, larger than we take, or of a kind that browsers do not show.
pub(super) fn strip(file: &[u8]) -> Option<Jpeg> {
    let mut rest = file.strip_prefix(&START)?;
    let (mut kept, mut frame, mut orientation, mut profile) = (Vec::new(), None, None, Profile::default());
    loop {
        let code = marker(&mut rest)?;
        if code == END {
            break;
        }
        let payload = payload(&mut rest)?;
        let mut scan = [].as_slice();
        match code {
            0xC0..=PROGRESSIVE if frame.is_none() => frame = Some(header(code, payload)?),
            // Tables of codes, of quantisation, of restarts.
            0xC4 | 0xDB | 0xDD => {}
            START_OF_SCAN => {
                frame?;
                scan = entropy_coded(&mut rest)?;
            }
            0xE1 if payload.starts_with(EXIF) => {
                let found = payload.strip_prefix(EXIF).and_then(Orientation::from_exif_chunk);
                orientation = orientation.or(found);
            }
            0xE0..=0xEF | 0xFE => {}
            _ => return None,
        }
        let Some(payload) = needed(code, payload, &kept) else { continue };
        profile.note(code, payload);
        kept.push(Segment { code, payload, scan });
        if kept.len() > MAX_SEGMENTS {
            return None;
        }
    }
    let frame = frame?;
    let profile = profile.whole();
    let scans = kept.iter().filter(|segment| segment.code == START_OF_SCAN).count();
    let bytes = write(&kept, profile.is_some(), file.len());
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    (1..=MAX_SCANS).contains(&scans).then_some(Jpeg { bytes, orientation, frame, scans, profile })
}

/// Reads a marker, before which there may be fill bytes.
fn marker(rest: &mut &[u8]) -> Option<u8> {
    let [0xFF] = take_chunk(rest)? else { return None };
    loop {
        match take_chunk(rest)? {
            [0xFF] => {}
            [code] => return Some(code),
        }
    }
}

/// Reads what follows a marker, behind its length.
fn payload<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::from(u16::from_be_bytes(take_chunk(rest)?));
    take(rest, length.checked_sub(2)?)
}

/// Reads a scan up to the next marker that does not belong to it.
fn entropy_coded<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.windows(2).position(|pair| matches!(pair, [0xFF, 0x01..=0xCF | 0xD8..=0xFE]))?;
    take(rest, end)
}

/// Reads a frame's header (B.2.2), and refuses it where there is more to decode than we take.
fn header(code: u8, payload: &[u8]) -> Option<Frame> {
    let mut rest = payload;
    let [8] = take_chunk(&mut rest)? else { return None };
    let height = u16::from_be_bytes(take_chunk(&mut rest)?);
    let width = u16::from_be_bytes(take_chunk(&mut rest)?);
    let [components] = take_chunk(&mut rest)?;
    if !fits(width.into(), height.into()) || rest.len() != 3 * usize::from(components) {
        return None;
    }
    let sampling: Vec<(u64, u64)> =
        rest.iter().skip(1).step_by(3).map(|&hv| ((hv >> 4).into(), (hv & 15).into())).collect();
    let is_usual = sampling.iter().all(|(h, v)| (1..=4).contains(h) && (1..=4).contains(v));
    let (h_max, v_max) = (sampling.iter().map(|s| s.0).max()?, sampling.iter().map(|s| s.1).max()?);
    let blocks: u64 = sampling.iter().map(|(h, v)| h * v).sum();
    let units = u64::from(width).div_ceil(8 * h_max.max(1)) * u64::from(height).div_ceil(8 * v_max.max(1));
    let pixels = u64::from(width) * u64::from(height);
    // A block has 64 coefficients of two bytes.
    (is_usual && matches!(components, 1 | 3 | 4)).then_some(Frame {
        code,
        components,
        coefficients: units * blocks * 128,
        pixels,
    })
}

/// What is kept of a segment.
fn needed<'a>(code: u8, payload: &'a [u8], before: &[Segment<'_>]) -> Option<&'a [u8]> {
    let is_first = !before.iter().any(|segment| segment.code == code);
    match code {
        // The version, and how wide a pixel is.
        0xE0 if is_first && payload.starts_with(JFIF) => payload.get(..12),
        0xE2 if payload.starts_with(ICC) => Some(payload),
        // How colours are coded.
        0xEE if is_first && payload.starts_with(ADOBE) => payload.get(..12),
        0xE0..=0xEF | 0xFE => None,
        _ => Some(payload),
    }
}

/// Puts a file together.
fn write(segments: &[Segment<'_>], with_profile: bool, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    bytes.extend(START);
    for Segment { code, payload, scan } in segments {
        if *code == 0xE2 && !with_profile {
            continue;
        }
        // Behind what is kept of JFIF's header there is no thumbnail.
        let behind: &[u8] = if *code == 0xE0 { &[0, 0] } else { &[] };
        bytes.extend([0xFF, *code]);
        let length = u16::try_from(payload.len() + behind.len() + 2).unwrap_or(u16::MAX);
        bytes.extend(length.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(behind);
        bytes.extend_from_slice(scan);
    }
    bytes.extend([0xFF, END]);
    bytes
}

/// A colour profile that comes in pieces (ICC.1:2022, B.4).
#[derive(Default)]
struct Profile {
    pieces: Vec<(u8, u8)>,
    bytes: Vec<u8>,
}

impl Profile {
    fn note(&mut self, code: u8, payload: &[u8]) {
        let Some(mut piece) = payload.strip_prefix(ICC).filter(|_| code == 0xE2) else { return };
        if let Some([number, count]) = take_chunk(&mut piece) {
            self.pieces.push((number, count));
            self.bytes.extend_from_slice(piece);
        }
    }

    /// The profile, where its pieces are all there and in order.
    fn whole(self) -> Option<Vec<u8>> {
        let count = self.pieces.len();
        let expected = (1..=count).map(|number| (number, count));
        let are_all = self.pieces.iter().map(|(n, of)| (usize::from(*n), usize::from(*of))).eq(expected);
        (are_all && icc::is_profile(&self.bytes)).then_some(self.bytes)
    }
}

impl Jpeg {
    /// Decodes the whole image. None where it is damaged, or takes more memory than we give.
    pub(super) fn decode(&self) -> Option<DynamicImage> {
        let is_grey = self.frame.components == 1;
        let output = self.frame.pixels * if is_grey { 1 } else { 3 };
        // A decoder that comes across the image more than once holds all coefficients.
        let held = if self.frame.code == PROGRESSIVE || self.scans > 1 { self.frame.coefficients } else { 0 };
        if output + held > MAX_MEMORY {
            return None;
        }
        let colours = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
        let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(colours);
        let file = self.run_out();
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&file), options);
        let pixels = decoder.decode().ok()?;
        let (width, height) = decoder.dimensions()?;
        let (width, height) = (width.try_into().ok()?, height.try_into().ok()?);
        if is_grey {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        } else {
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        }
    }

    /// The file with something behind its last scan that cannot be decoded: where the scan ends early, the decoder would
    /// take the rest for grey without a word.
    fn run_out(&self) -> Vec<u8> {
        let mut file = self.bytes.clone();
        // The decoder must find a marker right behind the first scan of a progressive file.
        if self.frame.code != PROGRESSIVE || self.scans > 1 {
            file.truncate(file.len().saturating_sub(2));
            file.extend(RUN_OUT);
            file.extend([0xFF, END]);
        }
        file
    }

    /// Writes an image anew, in the colours of this one.
    pub(super) fn encode(&self, image: &DynamicImage) -> Option<Vec<u8>> {
        // The profile of an image in printing colours is of no use for the screen colours that it was decoded to.
        let profile = self.profile.as_ref().filter(|_| self.frame.components != 4);
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
