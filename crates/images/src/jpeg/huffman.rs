//! Codes and bits of entropy-coded data (ISO/IEC 10918-1, Annex C and F.2.2).

use super::super::{take, take_chunk};

/// The longest code, in bits.
const LONGEST: usize = 16;
/// The number of bits of the lookup table; few codes are longer.
const LOOKUP: u32 = 8;
/// The largest symbol of a DC table: the number of bits of a difference (F.1.2.1).
const MAX_DIFFERENCE: u8 = 15;

/// A Huffman table: codes and their symbols.
pub(super) struct Codes {
    /// For each prefix of eight bits the symbol and the length of its code; length 0 if the code is longer.
    short: Vec<(u8, u8)>,
    /// For each length, one more than its last code, or 0.
    ends: [u32; LONGEST + 1],
    /// For each length, the offset from a code to the index of its symbol.
    offsets: [u32; LONGEST + 1],
    symbols: Vec<u8>,
}

impl Codes {
    /// Reads a table (B.2.4.2). Returns `None` if it is incomplete or a code consists of ones only, which libjpeg refuses
    /// too.
    fn read(payload: &mut &[u8], is_dc: bool) -> Option<Self> {
        let counts: [u8; LONGEST] = take_chunk(payload)?;
        let total = counts.iter().map(|count| usize::from(*count)).sum();
        let symbols = take(payload, total).filter(|symbols| symbols.len() <= 256)?.to_vec();
        if is_dc && symbols.iter().any(|symbol| *symbol > MAX_DIFFERENCE) {
            return None;
        }
        let mut short = vec![(0, 0); 1 << LOOKUP];
        let (mut ends, mut offsets) = ([0; LONGEST + 1], [0; LONGEST + 1]);
        let (mut code, mut place) = (0_u32, 0_u32);
        for ((count, length), (end, offset)) in
            counts.iter().zip(1_u32..).zip(ends.iter_mut().zip(&mut offsets).skip(1))
        {
            *offset = place.wrapping_sub(code);
            for _ in 0..*count {
                if let Some(spare) = LOOKUP.checked_sub(length) {
                    let (first, symbol) = ((code << spare) as usize, *symbols.get(place as usize)?);
                    short.get_mut(first..first + (1 << spare))?.fill((symbol, length.try_into().ok()?));
                }
                (code, place) = (code + 1, place + 1);
            }
            if *count > 0 {
                if code >= 1 << length {
                    return None;
                }
                *end = code;
            }
            code <<= 1;
        }
        Some(Self { short, ends, offsets, symbols })
    }

    /// Finds the first symbol in 16 bits, and the length of its code.
    fn find(&self, bits: u32) -> Option<(u8, u32)> {
        let (symbol, length) = *self.short.get((bits >> (16 - LOOKUP)) as usize)?;
        if length > 0 {
            return Some((symbol, length.into()));
        }
        let longer = (1..=16).zip(self.ends.iter().zip(&self.offsets).skip(1)).skip(LOOKUP as usize);
        for (length, (end, offset)) in longer {
            let code = bits >> (16 - length);
            if code < *end {
                return Some((*self.symbols.get(code.wrapping_add(*offset) as usize)?, length));
            }
        }
        None
    }
}

/// The tables in force at a position in the file.
#[derive(Default)]
pub(super) struct Tables {
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    has_quantisation: [bool; 4],
    restart: u16,
}

impl Tables {
    /// Reads a segment with tables. Returns `None` if it is malformed.
    pub(super) fn note(&mut self, code: u8, mut payload: &[u8]) -> Option<()> {
        match code {
            0xC4 => {
                while let [kind, rest @ ..] = payload {
                    payload = rest;
                    let is_dc = kind >> 4 == 0;
                    let tables = if is_dc { &mut self.dc } else { &mut self.ac };
                    let place = tables.get_mut(usize::from(kind & 15)).filter(|_| *kind < 0x20)?;
                    *place = Some(Codes::read(&mut payload, is_dc)?);
                }
            }
            0xDB => {
                while let [kind, rest @ ..] = payload {
                    payload = rest;
                    take(&mut payload, if kind >> 4 == 0 { 64 } else { 128 })?;
                    *self.has_quantisation.get_mut(usize::from(kind & 15))? = true;
                }
            }
            0xDD => {
                let restart = take_chunk(&mut payload).filter(|_| payload.is_empty())?;
                self.restart = u16::from_be_bytes(restart);
            }
            _ => {}
        }
        Some(())
    }

    pub(super) fn dc_codes(&self, number: u8) -> Option<&Codes> {
        self.dc.get(usize::from(number))?.as_ref()
    }

    pub(super) fn ac_codes(&self, number: u8) -> Option<&Codes> {
        self.ac.get(usize::from(number))?.as_ref()
    }

    pub(super) fn has_quantisation(&self, number: u8) -> bool {
        self.has_quantisation.get(usize::from(number)).is_some_and(|has| *has)
    }

    /// The restart interval in units; 0 for none.
    pub(super) const fn restart(&self) -> u16 {
        self.restart
    }
}

/// Reads bits, up to the next marker.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// Bits that were read and not taken, from the highest on, then zeros.
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0 }
    }

    #[inline]
    fn fill(&mut self) {
        if let Some(bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<4>())
            && self.count <= 32
            && !bytes.contains(&0xFF)
        {
            self.buffer |= u64::from(u32::from_be_bytes(*bytes)) << (32 - self.count);
            (self.count, self.at) = (self.count + 32, self.at + 4);
            return;
        }
        while self.count <= 56 {
            let (byte, length) = match self.data.get(self.at..) {
                Some([0xFF, 0, ..]) => (0xFF, 2),
                Some([byte @ 0..=0xFE, ..]) => (*byte, 1),
                _ => return,
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            (self.count, self.at) = (self.count + 8, self.at + length);
        }
    }

    /// Skips up to 32 bits. Returns `None` if the data ends before.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count)?;
        self.buffer <<= count;
        Some(())
    }

    /// Reads up to 16 bits as a number.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        if self.count < count {
            self.fill();
        }
        let bits = u32::try_from(self.buffer >> 48).ok()?;
        self.skip(count)?;
        Some(bits >> 16_u32.checked_sub(count)?)
    }

    /// Reads a code. Returns `None` if the table does not have it, or the data ends before.
    #[inline]
    pub(super) fn symbol(&mut self, codes: &Codes) -> Option<u8> {
        if self.count < 16 {
            self.fill();
        }
        let (symbol, length) = codes.find(u32::try_from(self.buffer >> 48).ok()?)?;
        self.skip(length)?;
        Some(symbol)
    }

    /// The number of bytes with taken bits; the last one may have more bits.
    pub(super) fn end(&self) -> usize {
        let mut end = self.at;
        for _ in 0..self.count / 8 {
            // A byte of ones is followed by a stuffed zero byte.
            let is_stuffed = self.data.get(..end).is_some_and(|read| read.ends_with(&[0xFF, 0]));
            end -= if is_stuffed { 2 } else { 1 };
        }
        end
    }
}
