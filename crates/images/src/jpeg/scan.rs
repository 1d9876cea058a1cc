//! Checks the scans of a frame (ISO/IEC 10918-1, Annexes F and G) without decoding a pixel.
//!
//! Every defect of coded pixels shows in their codes: a code that no table has, a coefficient after the last, data that ends
//! early. Valid codes always decode to an image. The check therefore reads the codes and keeps no coefficients, which takes
//! little memory; of a progressive image it keeps one bit per coefficient, because later scans code those differently that
//! are no longer zero.

use super::super::{take, take_chunk};
use super::huffman::{Bits, Codes, Tables};
use super::{PROGRESSIVE, marker};

const COEFFICIENTS: u32 = 64;
/// The maximum number of blocks of all components in one unit (B.2.3).
const MAX_BLOCKS: u32 = 10;
/// The maximum of the lowest bit of a scan, as in libjpeg.
const MAX_LOW: u8 = 13;
/// After how many units of some microseconds at most other threads may go first.
const UNITS_IN_A_TURN: usize = 32;
/// The first of the eight restart markers.
const RESTART: u8 = 0xD0;

/// The frame header (B.2.2), and the progress of its scans.
pub(super) struct Frame {
    /// In pixels.
    pub(super) size: (u32, u32),
    code: u8,
    components: Vec<Component>,
    /// The number of units in a scan of several components.
    units: usize,
}

struct Component {
    id: u8,
    blocks: u32,
    quantisation: u8,
    /// The number of blocks in a scan of this component alone.
    blocks_in_own_scan: usize,
    /// Whether a scan had its DC coefficients.
    has_begun: bool,
    /// The nonzero coefficients of each block of a progressive image.
    known: Vec<u64>,
}

struct Part<'a> {
    blocks: u32,
    dc_codes: Option<&'a Codes>,
    ac_codes: Option<&'a Codes>,
}

/// The coefficients in a scan (B.2.3).
struct Extent {
    first: u32,
    last: u32,
    is_refining: bool,
}

impl Frame {
    /// Reads a frame header. Returns `None` for a kind that browsers do not show.
    pub(super) fn read(code: u8, payload: &[u8]) -> Option<Self> {
        let mut rest = payload;
        let [8] = take_chunk(&mut rest)? else { return None };
        let height = u32::from(u16::from_be_bytes(take_chunk(&mut rest)?));
        let width = u32::from(u16::from_be_bytes(take_chunk(&mut rest)?));
        let [count] = take_chunk(&mut rest)?;
        if !matches!(count, 1 | 3 | 4) || rest.len() != 3 * usize::from(count) || width == 0 || height == 0 {
            return None;
        }
        let sampled: Vec<(u8, u32, u32, u8)> = rest
            .chunks_exact(3)
            .filter_map(|component| match component {
                [id, sampling, quantisation] => Some((*id, sampling >> 4, sampling & 15, *quantisation)),
                _ => None,
            })
            .map(|(id, h, v, quantisation)| (id, h.into(), v.into(), quantisation))
            .collect();
        let is_usual = sampled.iter().all(|(_, h, v, _)| (1..=4).contains(h) && (1..=4).contains(v));
        let (h_max, v_max) = (sampled.iter().map(|s| s.1).max()?, sampled.iter().map(|s| s.2).max()?);
        let blocks = |across: u32, down: u32| (across.div_ceil(8) as usize).checked_mul(down.div_ceil(8) as usize);
        let components = sampled.iter().filter(|_| is_usual).map(|&(id, h, v, quantisation)| {
            let blocks_in_own_scan = blocks((width * h).div_ceil(h_max), (height * v).div_ceil(v_max))?;
            Some(Component { id, blocks: h * v, quantisation, blocks_in_own_scan, has_begun: false, known: Vec::new() })
        });
        let components: Vec<_> = components.collect::<Option<_>>()?;
        let units = blocks(width.div_ceil(h_max.max(1)), height.div_ceil(v_max.max(1)))?;
        is_usual.then_some(Self { size: (width, height), code, components, units })
    }

    pub(super) const fn is_progressive(&self) -> bool {
        self.code == PROGRESSIVE
    }

    pub(super) const fn is_grey(&self) -> bool {
        self.components.len() == 1
    }

    pub(super) const fn is_in_printing_colours(&self) -> bool {
        self.components.len() == 4
    }

    /// Whether each component was in a scan; otherwise the file is truncated.
    pub(super) fn is_whole(&self) -> bool {
        self.components.iter().all(|component| component.has_begun)
    }

    /// The memory of all coefficients, in bytes.
    pub(super) fn coefficients(&self) -> u64 {
        // A block has 64 coefficients of two bytes.
        let blocks: u64 = self.components.iter().map(|component| u64::from(component.blocks)).sum();
        self.units as u64 * blocks * 128
    }

    /// Checks a scan whose header has been read, and writes its data without stray bytes. Returns `None` if it is
    /// incomplete.
    pub(super) fn pass(&mut self, tables: &Tables, header: &[u8], rest: &mut &[u8], kept: &mut Vec<u8>) -> Option<()> {
        let mut header = header;
        let [count] = take_chunk(&mut header)?;
        let selectors = take(&mut header, 2 * usize::from(count))?;
        let [first, last, bits] = take_chunk(&mut header)?;
        let is_progressive = self.is_progressive();
        let extent = if is_progressive {
            Extent::read(first, last, bits)?
        } else {
            Extent { first: 0, last: COEFFICIENTS - 1, is_refining: false }
        };
        if !header.is_empty() || !(1..=4).contains(&count) || (extent.first > 0 && count > 1) {
            return None;
        }
        let (mut parts, mut places) = (Vec::new(), Vec::new());
        for selector in selectors.chunks_exact(2) {
            let [id, selected] = selector else { return None };
            let numbered = || self.components.iter().zip(0..);
            let (component, place) = numbered().find(|(component, at)| component.id == *id && !places.contains(at))?;
            let (dc_codes, ac_codes) = (tables.dc_codes(selected >> 4), tables.ac_codes(selected & 15));
            if !tables.has_quantisation(component.quantisation) {
                return None;
            }
            parts.push(Part { blocks: component.blocks, dc_codes, ac_codes });
            places.push(place);
        }
        let is_alone = places.len() == 1;
        if is_alone {
            parts.iter_mut().for_each(|part| part.blocks = 1);
        }
        if parts.iter().map(|part| part.blocks).sum::<u32>() > MAX_BLOCKS {
            return None;
        }
        let component = places.first().and_then(|place| self.components.get_mut(*place))?;
        let units = if is_alone { component.blocks_in_own_scan } else { self.units };
        let mut walk = Walk { units, interval: tables.restart().into(), rest, kept };
        if extent.first > 0 {
            component.known.resize(component.blocks_in_own_scan, 0);
            let codes = parts.first()?.ac_codes?;
            return walk.ac_blocks(&extent, codes, &mut component.known);
        }
        walk.dc_and_sequential_blocks(&parts, is_progressive, extent.is_refining)?;
        for place in places {
            self.components.get_mut(place)?.has_begun |= !extent.is_refining;
        }
        Some(())
    }
}

impl Extent {
    /// Reads the extent of a progressive scan; refuses what libjpeg refuses.
    fn read(first: u8, last: u8, bits: u8) -> Option<Self> {
        let (high, low) = (bits >> 4, bits & 15);
        let is_range = if first == 0 { last == 0 } else { first <= last && u32::from(last) < COEFFICIENTS };
        let is_step = high == 0 || high == low + 1;
        (is_range && is_step && low <= MAX_LOW).then_some(Self {
            first: first.into(),
            last: last.into(),
            is_refining: high > 0,
        })
    }
}

/// Iterates over the data of one scan.
struct Walk<'a, 'b> {
    units: usize,
    /// The restart interval in units; 0 for none.
    interval: usize,
    rest: &'a mut &'b [u8],
    kept: &'a mut Vec<u8>,
}

impl Walk<'_, '_> {
    /// Visits all units. `step` gets the unit's number and whether it begins an interval.
    fn each(&mut self, mut step: impl FnMut(&mut Bits<'_>, usize, bool) -> Option<()>) -> Option<()> {
        let (mut unit, mut restart) = (0, RESTART);
        loop {
            let begin = unit;
            let end = if self.interval == 0 { self.units } else { self.units.min(unit + self.interval) };
            let mut bits = Bits::new(self.rest);
            while unit < end {
                step(&mut bits, unit, unit == begin)?;
                unit += 1;
                if unit.is_multiple_of(UNITS_IN_A_TURN) {
                    executor::give_way();
                }
            }
            self.kept.extend_from_slice(take(self.rest, bits.end())?);
            if unit == self.units {
                return Some(());
            }
            if marker(self.rest)? != restart {
                return None;
            }
            self.kept.extend([0xFF, restart]);
            restart = RESTART | (restart + 1) & 7;
        }
    }

    /// Blocks of one or several components: complete ones, or only DC coefficients in a progressive image.
    fn dc_and_sequential_blocks(&mut self, parts: &[Part<'_>], is_progressive: bool, is_refining: bool) -> Option<()> {
        if is_refining {
            let bits_of_unit = parts.iter().map(|part| part.blocks).sum();
            return self.each(|bits, _, _| bits.skip(bits_of_unit));
        }
        if is_progressive {
            let parts: Vec<_> = parts.iter().map(|part| Some((part.blocks, part.dc_codes?))).collect::<Option<_>>()?;
            return self.each(|bits, _, _| {
                parts.iter().try_for_each(|(blocks, dc_codes)| {
                    (0..*blocks).try_for_each(|_| skip_dc_difference(bits, dc_codes))
                })
            });
        }
        let parts = parts.iter().map(|part| Some((part.blocks, part.dc_codes?, part.ac_codes?)));
        let parts: Vec<_> = parts.collect::<Option<_>>()?;
        self.each(|bits, _, _| {
            parts.iter().try_for_each(|(blocks, dc_codes, ac_codes)| {
                (0..*blocks).try_for_each(|_| {
                    skip_dc_difference(bits, dc_codes)?;
                    block(bits, ac_codes)
                })
            })
        })
    }

    /// AC coefficients of one component of a progressive image.
    fn ac_blocks(&mut self, extent: &Extent, codes: &Codes, known: &mut [u64]) -> Option<()> {
        // The number of further blocks without new coefficients.
        let mut run = 0;
        self.each(|bits, unit, is_first| {
            if is_first {
                run = 0;
            }
            let known = known.get_mut(unit)?;
            if extent.is_refining {
                refine(bits, codes, extent, &mut run, known)
            } else {
                begin(bits, codes, extent, &mut run, known)
            }
        })
    }
}

/// The difference of a DC coefficient to the one before (F.2.2.1).
#[inline]
fn skip_dc_difference(bits: &mut Bits<'_>, codes: &Codes) -> Option<()> {
    let size = bits.symbol(codes)?;
    bits.skip(size.into())
}

/// The AC coefficients of a block in a sequential image (F.2.2.2).
fn block(bits: &mut Bits<'_>, codes: &Codes) -> Option<()> {
    let mut at = 1;
    while at < COEFFICIENTS {
        let symbol = bits.symbol(codes)?;
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && zeros < 15 {
            return Some(());
        }
        at += zeros + 1;
        if size > 0 && at > COEFFICIENTS {
            return None;
        }
        bits.skip(size)?;
    }
    Some(())
}

/// The first scan of some AC coefficients of a block (G.1.2.2).
fn begin(bits: &mut Bits<'_>, codes: &Codes, extent: &Extent, run: &mut u32, known: &mut u64) -> Option<()> {
    if let Some(left) = run.checked_sub(1) {
        *run = left;
        return Some(());
    }
    let mut at = extent.first;
    while at <= extent.last {
        let symbol = bits.symbol(codes)?;
        let (zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && zeros < 15 {
            // This block is the first of the run.
            *run = (1 << zeros) - 1 + bits.take(zeros)?;
            return Some(());
        }
        at += zeros;
        if size > 0 {
            if at > extent.last {
                return None;
            }
            bits.skip(size)?;
            *known |= 1 << at;
        }
        at += 1;
    }
    Some(())
}

/// A further scan of some AC coefficients of a block: one more bit of known ones, and new ones (G.1.2.3).
fn refine(bits: &mut Bits<'_>, codes: &Codes, extent: &Extent, run: &mut u32, known: &mut u64) -> Option<()> {
    let mut at = extent.first;
    while *run == 0 && at <= extent.last {
        let symbol = bits.symbol(codes)?;
        let (mut zeros, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        match size {
            0 if zeros < 15 => {
                *run = (1 << zeros) + bits.take(zeros)?;
                break;
            }
            0 => {}
            // A new coefficient has one bit; this is its sign.
            1 => bits.skip(1)?,
            _ => return None,
        }
        while at <= extent.last {
            if *known >> at & 1 == 1 {
                bits.skip(1)?;
            } else if let Some(left) = zeros.checked_sub(1) {
                zeros = left;
            } else {
                break;
            }
            at += 1;
        }
        if size > 0 {
            if at > extent.last {
                return None;
            }
            *known |= 1 << at;
        }
        at += 1;
    }
    if let Some(left) = run.checked_sub(1) {
        *run = left;
        let tail = u64::MAX << at & u64::MAX >> (COEFFICIENTS - 1 - extent.last);
        let known = (*known & tail).count_ones();
        bits.skip(known / 2)?;
        bits.skip(known.div_ceil(2))?;
    }
    Some(())
}
