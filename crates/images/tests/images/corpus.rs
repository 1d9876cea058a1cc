//! Image files, made here.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageBuffer, ImageEncoder, Luma, LumaA, Rgb, Rgba};

/// Pixels of which no two rows or columns are alike.
pub(crate) fn picture(width: u32, height: u32) -> DynamicImage {
    ImageBuffer::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x * y) % 7 * 30) as u8])
    })
    .into()
}

/// Pictures of every kind of pixel that PNG files have whole bytes for.
pub(crate) fn pictures() -> Vec<(&'static str, DynamicImage)> {
    let (w, h) = (23, 17);
    let deep = |x: u32, y: u32| (x * 2801 + y * 37) as u16;
    vec![
        ("grey", picture(w, h).to_luma8().into()),
        ("grey and alpha", ImageBuffer::from_fn(w, h, |x, y| LumaA([(x * 9) as u8, (y * 11) as u8])).into()),
        ("colours", picture(w, h)),
        ("colours and alpha", ImageBuffer::from_fn(w, h, |x, y| Rgba([x as u8, y as u8, 7, (x * y) as u8])).into()),
        ("deep grey", ImageBuffer::from_fn(w, h, |x, y| Luma([deep(x, y)])).into()),
        ("deep colours", ImageBuffer::from_fn(w, h, |x, y| Rgb([deep(x, y), deep(y, x), 77])).into()),
        ("deep colours and alpha", ImageBuffer::from_fn(w, h, |x, y| Rgba([deep(x, y), deep(y, x), 7, 60_000])).into()),
        ("one pixel", picture(1, 1)),
    ]
}

pub(crate) fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image
        .write_with_encoder(PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Paeth))
        .unwrap();
    bytes
}

pub(crate) fn jpeg(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 92)).unwrap();
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

/// The chunks of a PNG file: kind and payload.
pub(crate) fn chunks(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = &file[8..];
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        chunks.push((String::from_utf8(rest[4..8].to_vec()).unwrap(), rest[8..8 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    chunks
}

/// The kinds of the chunks of a PNG file.
pub(crate) fn kinds(file: &[u8]) -> Vec<String> {
    chunks(file).into_iter().map(|(kind, _)| kind).collect()
}

pub(crate) fn chunk(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(payload);
    let checksum = crc32fast::hash(&chunk[4..]);
    chunk.extend(checksum.to_be_bytes());
    chunk
}

/// A PNG file of these chunks.
pub(crate) fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, payload) in chunks {
        file.extend(chunk(kind, payload));
    }
    file
}

/// The payload of a PNG file's header.
pub(crate) fn header(width: u32, height: u32, depth: u8, colours: u8) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colours, 0, 0, 0]].concat()
}

/// A PNG file with 16 colours that it names itself, one of them transparent, four bits to a pixel.
pub(crate) fn palette_png() -> Vec<u8> {
    let palette: Vec<u8> = (0..16).flat_map(|n| [n * 16, 255 - n * 16, n]).collect();
    let rows: Vec<u8> = (0..16u8).flat_map(|y| [vec![0], (0..8).map(|x| (y << 4) | x).collect()].concat()).collect();
    let deflated = deflate(&rows);
    png_of(&[
        (b"IHDR", &header(16, 16, 4, 3)),
        (b"PLTE", &palette),
        (b"tRNS", &[0, 255]),
        (b"IDAT", &deflated),
        (b"IEND", &[]),
    ])
}

/// Puts chunks into a PNG file, right behind its header.
pub(crate) fn with_chunks(file: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let added: Vec<u8> = chunks.iter().flat_map(|(kind, payload)| chunk(kind, payload)).collect();
    [&file[..33], &added, &file[33..]].concat()
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}

/// A JPEG segment.
pub(crate) fn segment(code: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap();
    [&[0xFF, code][..], &length.to_be_bytes(), payload].concat()
}

/// Puts segments into a JPEG file, right behind its beginning.
pub(crate) fn with_segments(file: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&file[..2], &segments.concat(), &file[2..]].concat()
}

/// EXIF (TIFF) with an orientation and a place.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let mut bytes = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    bytes.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1]);
    bytes.extend(orientation.to_be_bytes());
    bytes.extend([0, 0]);
    // Where the place is told.
    bytes.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x26]);
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(b"GPS 6.1751 S 106.8650 E");
    bytes
}

/// EXIF as a JPEG segment.
pub(crate) fn exif_segment(orientation: u16) -> Vec<u8> {
    segment(0xE1, &[b"Exif\0\0", &exif(orientation)[..]].concat())
}

/// Something that looks like a colour profile from without.
pub(crate) fn profile(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes[..4].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes[36..40].copy_from_slice(b"acsp");
    bytes
}

/// A colour profile as JPEG segments.
pub(crate) fn profile_segments(profile: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let count = profile.chunks(piece).count();
    let pieces = profile.chunks(piece).zip(1..);
    let header = |number: u8| [b"ICC_PROFILE\0", &[number, u8::try_from(count).unwrap()][..]].concat();
    pieces.map(|(piece, number)| segment(0xE2, &[&header(number)[..], piece].concat())).collect()
}

/// A colour profile as a PNG chunk's payload.
pub(crate) fn profile_chunk(profile: &[u8]) -> Vec<u8> {
    [b"a name\0\0", &deflate(profile)[..]].concat()
}

/// A PNG file of so many pixels, of one bit each, all black: small, however large it is decoded.
pub(crate) fn bomb(width: u32, height: u32) -> Vec<u8> {
    let rows = vec![0; (width as usize / 8 + 1) * height as usize];
    png_of(&[(b"IHDR", &header(width, height, 1, 0)), (b"IDAT", &deflate(&rows)), (b"IEND", &[])])
}

/// A black PNG file in colours of 16 bits.
pub(crate) fn deep_black(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::NoFilter);
    encoder.write_image(&vec![0; (width * height * 6) as usize], width, height, ExtendedColorType::Rgb16).unwrap();
    bytes
}

/// Grey samples written as a PNG file by the encoder.
pub(crate) fn black(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::NoFilter);
    encoder.write_image(&vec![0; (width * height) as usize], width, height, ExtendedColorType::L8).unwrap();
    bytes
}

/// A progressive JPEG file of one grey block of 8 by 8 pixels, made by hand: a scan for the mean, one for a frequency.
pub(crate) fn progressive() -> Vec<u8> {
    let one_code = |class: u8, symbol: u8| {
        // Two codes of one and two bits: 0 and 10.
        let mut payload = vec![class << 4, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        payload.extend([symbol, 0]);
        segment(0xC4, &payload)
    };
    let mut file = vec![0xFF, 0xD8];
    file.extend(segment(0xDB, &[&[0][..], &[1; 64]].concat()));
    file.extend(segment(0xC2, &[8, 0, 8, 0, 8, 1, 1, 0x11, 0]));
    // A difference of eight bits for the mean; then one of three bits for the first frequency, and the end of the block.
    file.extend(one_code(0, 8));
    file.extend(segment(0xDA, &[1, 1, 0, 0, 0, 0]));
    file.extend([0b0110_0100, 0b0111_1111]);
    file.extend(one_code(1, 3));
    file.extend(segment(0xDA, &[1, 1, 0, 1, 63, 0]));
    file.extend([0b0101_1011]);
    file.extend([0xFF, 0xD9]);
    file
}

/// Files that libjpeg-turbo's cjpeg has written from one noisy picture of 61 by 45 pixels: progressive ones with scans that
/// refine, restarts, and codes made for the picture.
pub(crate) fn fixtures() -> [Vec<u8>; 4] {
    [
        include_bytes!("../data/progressive-420.jpg").to_vec(),
        include_bytes!("../data/progressive-444-restarts.jpg").to_vec(),
        include_bytes!("../data/progressive-grey.jpg").to_vec(),
        include_bytes!("../data/baseline-422-restarts.jpg").to_vec(),
    ]
}

/// A progressive JPEG file of so many pixels, all of one colour: a scan for the means of each component, and one for its
/// frequencies, of which there are none.
pub(crate) fn flat_progressive(width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8];
    file.extend(segment(0xDB, &[&[0][..], &[1; 64]].concat()));
    let [size_h, size_w] = [height, width].map(u16::to_be_bytes);
    let layout: Vec<u8> = (1..=components).flat_map(|number| [number, 0x11, 0]).collect();
    file.extend(segment(0xC2, &[&[8][..], &size_h, &size_w, &[components], &layout].concat()));
    // One code of one bit for means: no difference. Two for frequencies: nothing in this block, nothing in 2^14 and more.
    file.extend(segment(0xC4, &[&[0, 1][..], &[0; 16]].concat()));
    file.extend(segment(0xC4, &[&[0x10, 1, 1], &[0; 14][..], &[0x00, 0xE0]].concat()));
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    for number in 1..=components {
        file.extend(segment(0xDA, &[1, number, 0, 0, 0, 0]));
        file.extend(bits(std::iter::repeat_n((0, 1), blocks)));
    }
    // The code 10, and 14 bits for how many blocks more than 2^14 there are.
    let run = 1 << 14;
    let runs = std::iter::repeat_n((0b10 << 14, 16), blocks / run).chain(std::iter::repeat_n((0, 1), blocks % run));
    let frequencies = bits(runs);
    for number in 1..=components {
        file.extend(segment(0xDA, &[1, number, 0, 1, 63, 0]));
        file.extend_from_slice(&frequencies);
    }
    file.extend([0xFF, 0xD9]);
    file
}

/// Bits as entropy-coded data, filled up with ones.
fn bits(parts: impl Iterator<Item = (u32, u32)>) -> Vec<u8> {
    let (mut bytes, mut buffer, mut count) = (Vec::new(), 0_u64, 0);
    for (value, length) in parts {
        (buffer, count) = (buffer << length | u64::from(value), count + length);
        while count >= 8 {
            count -= 8;
            bytes.push((buffer >> count) as u8);
        }
    }
    if count > 0 {
        bytes.push((buffer << (8 - count)) as u8 | 0xFF >> count);
    }
    bytes.iter().flat_map(|byte| if *byte == 0xFF { vec![0xFF, 0] } else { vec![*byte] }).collect()
}

/// How often each component is sampled, across and down.
type Sampling = &'static [(u8, u8)];

/// How the components of a JPEG file made by hand are laid out.
pub(crate) struct Layout {
    /// How often each component is sampled, across and down.
    pub(crate) sampling: Sampling,
    /// What Adobe's segment says of the colours, where there is one.
    pub(crate) transform: Option<u8>,
    /// After how many units a restart comes; 0 for none.
    pub(crate) restart: u16,
    /// Whether each component has a scan of its own.
    pub(crate) is_apart: bool,
}

/// A JPEG file of 40 by 24 pixels, all of one colour: two bits to a block.
pub(crate) fn flat(layout: &Layout) -> Vec<u8> {
    flat_of(40, 24, layout)
}

/// The same of any size.
pub(crate) fn flat_of(width: u16, height: u16, layout: &Layout) -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8];
    if let Some(transform) = layout.transform {
        file.extend(segment(0xEE, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat()));
    }
    file.extend(segment(0xDB, &[&[0][..], &[1; 64]].concat()));
    let numbered = || layout.sampling.iter().zip(1_u8..);
    let components: Vec<u8> = numbered().flat_map(|((h, v), number)| [number, h << 4 | v, 0]).collect();
    let count = u8::try_from(layout.sampling.len()).unwrap();
    let [size_h, size_w] = [height, width].map(u16::to_be_bytes);
    file.extend(segment(0xC0, &[&[8][..], &size_h, &size_w, &[count], &components].concat()));
    for class in [0, 0x10] {
        // One code of one bit: no difference; the end of the block.
        file.extend(segment(0xC4, &[&[class, 1][..], &[0; 16]].concat()));
    }
    if layout.restart > 0 {
        file.extend(segment(0xDD, &layout.restart.to_be_bytes()));
    }
    let scan = |file: &mut Vec<u8>, components: Vec<u8>, units: usize, blocks: usize| {
        let selected: Vec<u8> = components.iter().flat_map(|number| [*number, 0]).collect();
        file.extend(segment(0xDA, &[&[u8::try_from(components.len()).unwrap()][..], &selected, &[0, 63, 0]].concat()));
        let per_interval = if layout.restart > 0 { layout.restart.into() } else { units };
        let mut left = units;
        for restart in 0.. {
            let bits = 2 * blocks * left.min(per_interval);
            file.extend(std::iter::repeat_n(0, bits / 8));
            file.extend((!bits.is_multiple_of(8)).then_some(0xFF_u8 >> (bits % 8)));
            left = left.saturating_sub(per_interval);
            if left == 0 {
                break;
            }
            file.extend([0xFF, 0xD0 + restart % 8]);
        }
    };
    let most = |part: fn(&(u8, u8)) -> u8| usize::from(layout.sampling.iter().map(part).max().unwrap());
    let (h_max, v_max) = (most(|s| s.0), most(|s| s.1));
    let (width, height) = (usize::from(width), usize::from(height));
    if layout.is_apart {
        for ((h, v), number) in numbered() {
            let (across, down) =
                ((width * usize::from(*h)).div_ceil(8 * h_max), (height * usize::from(*v)).div_ceil(8 * v_max));
            scan(&mut file, vec![number], across * down, 1);
        }
    } else {
        let units = width.div_ceil(8 * h_max) * height.div_ceil(8 * v_max);
        let blocks = layout.sampling.iter().map(|(h, v)| usize::from(h * v)).sum();
        scan(&mut file, numbered().map(|(_, number)| number).collect(), units, blocks);
    }
    file.extend([0xFF, 0xD9]);
    file
}

/// The layouts that cameras and programs write, and then some.
pub(crate) fn layouts() -> Vec<Layout> {
    let mut layouts = Vec::new();
    let samplings: [(Sampling, Option<u8>); 9] = [
        (&[(1, 1)], None),
        (&[(1, 1), (1, 1), (1, 1)], None),
        (&[(1, 1), (1, 1), (1, 1)], Some(0)),
        (&[(1, 1), (1, 1), (1, 1)], Some(1)),
        (&[(2, 1), (1, 1), (1, 1)], None),
        (&[(1, 2), (1, 1), (1, 1)], None),
        (&[(2, 2), (1, 1), (1, 1)], None),
        (&[(1, 1), (1, 1), (1, 1), (1, 1)], Some(0)),
        (&[(1, 1), (1, 1), (1, 1), (1, 1)], Some(2)),
    ];
    for (sampling, transform) in samplings {
        for restart in [0, 1, 3] {
            for is_apart in [false, true] {
                layouts.push(Layout { sampling, transform, restart, is_apart });
            }
        }
    }
    layouts
}
