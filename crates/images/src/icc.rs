//! Colour profiles (ICC.1:2022, ISO 15076-1).

use super::take_chunk;

/// The largest profile that is kept, in bytes. Those of cameras and screens have a few hundred to a few thousand, those of
/// printing presses up to some 600,000.
pub(super) const MAX: usize = 1 << 20;

const HEADER: usize = 128;
/// What every profile has in its header, and where.
const SIGNATURE: &[u8] = b"acsp";
const SIGNATURE_AT: usize = 36;

/// Whether bytes are a profile and nothing else: behind its end there could be anything.
pub(super) fn is_profile(bytes: &[u8]) -> bool {
    let size = take_chunk(&mut &*bytes).map(u32::from_be_bytes);
    let is_signed = bytes.get(SIGNATURE_AT..).is_some_and(|rest| rest.starts_with(SIGNATURE));
    (HEADER..=MAX).contains(&bytes.len()) && size.is_some_and(|size| size as usize == bytes.len()) && is_signed
}
