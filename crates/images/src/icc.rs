//! Colour profiles (ICC.1:2022, ISO 15076-1).

use super::take_chunk;

/// The largest kept profile, in bytes. Profiles of cameras and screens have a few hundred to a few thousand, those of
/// printing presses up to some 600,000.
pub(super) const MAX: usize = 1 << 20;

const HEADER: usize = 128;
/// The signature in every profile's header.
const SIGNATURE: &[u8] = b"acsp";
const SIGNATURE_AT: usize = 36;

/// Whether bytes are exactly one profile, without further data after its end.
pub(super) fn is_profile(bytes: &[u8]) -> bool {
    let size = take_chunk(&mut &*bytes).map(u32::from_be_bytes);
    let is_signed = bytes.get(SIGNATURE_AT..).is_some_and(|rest| rest.starts_with(SIGNATURE));
    (HEADER..=MAX).contains(&bytes.len()) && size.is_some_and(|size| size as usize == bytes.len()) && is_signed
}
