//! What becomes of images that are taken.

use crate::corpus::{
    self, chunks, decode, exif, exif_segment, jpeg, kinds, picture, png, segment, with_chunks, with_segments,
};
use app::clock::Deadline;
use app::product::ImageInspector;
use domain::error::Reason;
use domain::product::{Image, ImageFormat};
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView};
use images::{Inspector, InspectorOptions};
use std::time::Duration;

/// What the inspector says of a file.
pub(crate) async fn inspect(file: &[u8]) -> Option<Image> {
    let inspector = Inspector::start(InspectorOptions::default()).unwrap();
    inspector.inspect(file.to_vec(), Deadline::within(Duration::from_secs(60))).await.unwrap().ok()
}

/// Why the inspector refuses a file.
pub(crate) async fn refused(file: &[u8]) -> Reason {
    let inspector = Inspector::start(InspectorOptions::default()).unwrap();
    inspector.inspect(file.to_vec(), Deadline::within(Duration::from_secs(60))).await.unwrap().unwrap_err()
}

async fn kept(format: ImageFormat, file: &[u8]) -> Vec<u8> {
    let image = inspect(file).await.unwrap();
    assert_eq!(image.format, format);
    image.bytes
}

async fn kept_jpeg(file: &[u8]) -> Vec<u8> {
    kept(ImageFormat::Jpeg, file).await
}

async fn kept_png(file: &[u8]) -> Vec<u8> {
    kept(ImageFormat::Png, file).await
}

#[tokio::test]
async fn a_file_with_nothing_to_strip_comes_back_to_the_byte() {
    for (name, image) in corpus::pictures() {
        let file = png(&image);
        assert_eq!(kept_png(&file).await, file, "{name}");
    }
    for image in [picture(64, 48), picture(17, 9), picture(16, 16).to_luma8().into(), picture(1, 1)] {
        let file = jpeg(&image);
        assert_eq!(kept_jpeg(&file).await, file);
    }
    for file in corpus::fixtures() {
        assert_eq!(kept_jpeg(&file).await, file);
    }
    let (palette, progressive) = (corpus::palette_png(), corpus::progressive());
    assert_eq!(kept_png(&palette).await, palette);
    assert_eq!(kept_jpeg(&progressive).await, progressive);
}

#[tokio::test]
async fn every_layout_of_components_is_taken() {
    for layout in corpus::layouts() {
        let file = corpus::flat(&layout);
        let corpus::Layout { sampling, transform, restart, is_apart } = layout;
        assert!(
            inspect(&file).await.is_some_and(|image| image.bytes == file),
            "{sampling:?} {transform:?} {restart} {is_apart}"
        );
    }
}

#[tokio::test]
async fn everything_about_an_image_goes_and_the_image_stays_as_it_came() {
    let bare = jpeg(&picture(40, 30));
    let segments = [
        exif_segment(1),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>GPS</x:xmpmeta>"),
        segment(0xED, b"Photoshop 3.0\08BIM a name"),
        segment(0xE0, b"JFXX\0\x10 a thumbnail"),
        segment(0xE2, b"MPF\0 another image"),
        segment(0xE5, b"whatever"),
        segment(0xFE, b"<script>alert(1)</script>"),
    ];
    for added in &segments {
        assert_eq!(kept_jpeg(&with_segments(&bare, std::slice::from_ref(added))).await, bare);
    }
    assert_eq!(kept_jpeg(&with_segments(&bare, &segments)).await, bare);

    let bare = png(&picture(40, 30));
    let texts: [(&[u8; 4], &[u8]); 8] = [
        (b"tEXt", b"Author\0Ada"),
        (b"zTXt", b"Comment\0\0x"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta>GPS</x:xmpmeta>"),
        (b"tIME", &[7, 234, 1, 1, 1, 1, 1]),
        (b"eXIf", &exif(1)),
        (b"caBX", b"who made it"),
        (b"prVt", b"whatever"),
        (b"sPLT", b"a name\0"),
    ];
    for added in texts {
        assert_eq!(kept_png(&with_chunks(&bare, &[added])).await, bare, "{:?}", added.0);
    }
    let behind_the_image =
        [&bare[..bare.len() - 12], &corpus::chunk(b"tEXt", b"a\0b"), &bare[bare.len() - 12..]].concat();
    assert_eq!(kept_png(&behind_the_image).await, bare);
}

#[tokio::test]
async fn what_stands_behind_the_end_goes() {
    let tails: [&[u8]; 5] =
        [b"<?php system($_GET[0]); ?>", b"PK\x03\x04 an archive", b"<html>", &[0; 5000], &jpeg(&picture(8, 8))];
    for tail in tails {
        for bare in [jpeg(&picture(20, 20)), corpus::progressive()] {
            assert_eq!(kept_jpeg(&[&bare, tail].concat()).await, bare);
        }
        for bare in [png(&picture(20, 20)), corpus::palette_png()] {
            assert_eq!(kept_png(&[&bare, tail].concat()).await, bare);
        }
    }
}

#[tokio::test]
async fn thumbnails_in_a_header_go() {
    let bare = jpeg(&picture(20, 20));
    let header = &bare[2..20];
    assert_eq!(&header[4..9], b"JFIF\0", "the encoder writes one");
    let with_thumbnail = segment(0xE0, &[&header[4..16], &[1, 1, 9, 9, 9][..]].concat());
    let file = [&bare[..2], &with_thumbnail, &bare[20..]].concat();
    let stripped = kept_jpeg(&file).await;
    assert_eq!(decode(&stripped), decode(&bare));
    assert_eq!(&stripped[2..6], [0xFF, 0xE0, 0, 16]);
    assert_eq!(&stripped[18..20], [0, 0], "no columns and no rows");
}

#[tokio::test]
async fn colours_keep_their_meaning() {
    let bare = jpeg(&picture(20, 20));
    for piece in [65_000, 100] {
        let file = with_segments(&bare, &corpus::profile_segments(&corpus::profile(600), piece));
        assert_eq!(kept_jpeg(&file).await, file);
    }
    let bare = png(&picture(20, 20));
    let profile = corpus::profile_chunk(&corpus::profile(600));
    let chunks: [(&[u8; 4], &[u8]); 5] = [
        (b"gAMA", &[0, 0, 0xB1, 0x8F]),
        (b"cHRM", &[0; 32]),
        (b"iCCP", &profile),
        (b"pHYs", &[0, 0, 0x0B, 0x13, 0, 0, 0x0B, 0x13, 1]),
        (b"bKGD", &[0, 1, 0, 2, 0, 3]),
    ];
    let file = with_chunks(&bare, &chunks);
    assert_eq!(kept_png(&file).await, file);
    let file = with_chunks(&bare, &[(b"sRGB", &[0])]);
    assert_eq!(kept_png(&file).await, file);
}

#[tokio::test]
async fn what_only_says_that_it_is_a_colour_profile_goes() {
    let bare = jpeg(&picture(20, 20));
    let mut unsigned = corpus::profile(600);
    unsigned[36] = b'x';
    let mut longer = corpus::profile(600);
    longer.extend(b"something else");
    let too_large = corpus::profile((1 << 20) + 1);
    for other in [&unsigned, &longer, &too_large, &b"<html>".to_vec()] {
        let file = with_segments(&bare, &corpus::profile_segments(other, 65_000));
        assert_eq!(kept_jpeg(&file).await, bare);
    }
    let pieces = corpus::profile_segments(&corpus::profile(600), 300);
    for wrong in [
        vec![pieces[0].clone()],
        vec![pieces[1].clone(), pieces[0].clone()],
        vec![pieces[0].clone(), pieces[0].clone()],
    ] {
        assert_eq!(kept_jpeg(&with_segments(&bare, &wrong)).await, bare);
    }
    let bare = png(&picture(20, 20));
    for other in [unsigned, longer, too_large, vec![0; 50 << 20]] {
        let file = with_chunks(&bare, &[(b"iCCP", &corpus::profile_chunk(&other))]);
        assert_eq!(kept_png(&file).await, bare);
    }
}

#[tokio::test]
async fn a_chunk_that_is_too_long_or_comes_twice_goes() {
    let bare = png(&picture(20, 20));
    assert_eq!(kept_png(&with_chunks(&bare, &[(b"gAMA", &[0; 5000])])).await, bare);
    let once = with_chunks(&bare, &[(b"gAMA", &[0, 0, 0xB1, 0x8F])]);
    let twice = with_chunks(&once, &[(b"gAMA", &[0, 0, 0xB1, 0x8F])]);
    assert_eq!(kept_png(&twice).await, once);
}

#[tokio::test]
async fn of_an_animation_the_first_frame_stays() {
    let bare = png(&picture(20, 20));
    let control = [0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 10, 0, 0];
    let (end, second) = (&bare[bare.len() - 12..], corpus::chunk(b"fdAT", &[0, 0, 0, 2, 1, 2, 3]));
    let started = with_chunks(&bare[..bare.len() - 12], &[(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), (b"fcTL", &control)]);
    let animated = [&started[..], &corpus::chunk(b"fcTL", &control), &second, end].concat();
    assert_eq!(kept_png(&animated).await, bare);
}

/// How far two pictures are apart, per channel on the average.
fn distance(a: &DynamicImage, b: &DynamicImage) -> u64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let (a, b) = (a.to_rgb8(), b.to_rgb8());
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum / a.len() as u64
}

fn smooth(width: u32, height: u32) -> DynamicImage {
    image::ImageBuffer::from_fn(width, height, |x, y| {
        image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 40])
    })
    .into()
}

#[tokio::test]
async fn an_image_is_turned_as_its_exif_says() {
    for (number, orientation) in (1..=8).map(|number| (number, Orientation::from_exif(number).unwrap())) {
        let image = smooth(64, 40);
        let mut seen = image.clone();
        seen.apply_orientation(orientation);
        let stripped = kept_jpeg(&with_segments(&jpeg(&image), &[exif_segment(number.into())])).await;
        let stripped = decode(&stripped);
        assert_eq!(stripped.dimensions(), if number > 4 { (40, 64) } else { (64, 40) });
        assert!(distance(&stripped, &seen) <= 2, "{number}");

        for (name, image) in corpus::pictures() {
            let mut seen = image.clone();
            seen.apply_orientation(orientation);
            let gamma: (&[u8; 4], &[u8]) = (b"gAMA", &[0, 0, 0xB1, 0x8F]);
            let file = with_chunks(&png(&image), &[gamma, (b"eXIf", &exif(number.into()))]);
            let stripped = kept_png(&file).await;
            assert_eq!(decode(&stripped), seen, "{number} {name}");
            assert_eq!(kinds(&stripped)[..2], ["IHDR", "gAMA"]);
            assert!(!kinds(&stripped).contains(&"eXIf".to_owned()));
        }
    }
}

#[tokio::test]
async fn an_image_that_is_turned_keeps_its_colour_profile_and_nothing_else() {
    let profile = corpus::profile(600);
    let mut segments = corpus::profile_segments(&profile, 65_000);
    segments.push(exif_segment(6));
    let stripped = kept_jpeg(&with_segments(&jpeg(&picture(40, 30)), &segments)).await;
    assert!(stripped.windows(600).any(|bytes| bytes == profile));
    assert!(!stripped.windows(3).any(|bytes| bytes == b"GPS"));
    assert_eq!(kept_jpeg(&stripped).await, stripped, "there is nothing left to strip");

    let payload = corpus::profile_chunk(&profile);
    let file = with_chunks(&png(&picture(40, 30)), &[(b"iCCP", &payload), (b"eXIf", &exif(6)), (b"tEXt", b"a\0b")]);
    let stripped = kept_png(&file).await;
    assert_eq!(chunks(&stripped)[1], ("iCCP".to_owned(), payload));
    assert_eq!(kinds(&stripped).iter().filter(|kind| *kind != "IDAT").count(), 3);
}

#[tokio::test]
async fn exif_that_makes_no_sense_turns_nothing() {
    let bare = jpeg(&picture(20, 20));
    for orientation in [0, 9, 65_535] {
        assert_eq!(kept_jpeg(&with_segments(&bare, &[exif_segment(orientation)])).await, bare);
    }
    let torn = exif(6)[..12].to_vec();
    let file = with_segments(&bare, &[segment(0xE1, &[b"Exif\0\0", &torn[..]].concat())]);
    assert_eq!(kept_jpeg(&file).await, bare);
}

/// What phones make: photos of 48 and 64 megapixels, and panoramas.
const LARGE: [(u16, u16); 5] = [(8_064, 6_048), (9_248, 6_944), (12_000, 2_000), (2_000, 12_000), (16_384, 3_967)];

/// As phones sample colours.
const PHOTO: corpus::Layout =
    corpus::Layout { sampling: &[(2, 2), (1, 1), (1, 1)], transform: None, restart: 0, is_apart: false };

#[tokio::test]
async fn the_largest_images_are_taken() {
    for (width, height) in LARGE {
        for file in [corpus::flat_of(width, height, &PHOTO), corpus::flat_progressive(width, height, 3)] {
            assert!(kept_jpeg(&file).await == file, "{width} by {height}");
        }
        let file = corpus::black(width.into(), height.into());
        assert!(kept_png(&file).await == file, "{width} by {height}");
    }
}

#[tokio::test]
async fn an_image_that_is_too_large_to_be_turned_keeps_the_mark_that_says_how() {
    let (width, height) = LARGE[0];
    for bare in [corpus::flat_of(width, height, &PHOTO), corpus::flat_progressive(width, height, 3)] {
        let marked = kept_jpeg(&with_segments(&bare, &[exif_segment(6), segment(0xFE, b"GPS")])).await;
        // The mark and nothing else: one entry, of the tag 0x0112.
        let mark = segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
        assert!(marked == with_segments(&bare, &[mark]));
        assert!(kept_jpeg(&marked).await == marked, "there is nothing left to strip");
    }
    let jfif = segment(0xE0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    let bare = with_segments(&corpus::flat_of(width, height, &PHOTO), std::slice::from_ref(&jfif));
    let marked = kept_jpeg(&with_segments(&bare, &[exif_segment(8)])).await;
    assert_eq!(marked[2..2 + jfif.len()], jfif, "JFIF wants its header in front");
    assert_eq!(&marked[jfif.len() + 6..][..4], b"Exif");

    let bare = corpus::deep_black(width.into(), height.into());
    let marked = kept_png(&with_chunks(&bare, &[(b"eXIf", &exif(6)), (b"tEXt", b"a\0GPS")])).await;
    let payload: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    assert!(marked == with_chunks(&bare, &[(b"eXIf", payload)]));
    assert!(kept_png(&marked).await == marked, "there is nothing left to strip");
}

/// Puts bytes before each marker of a file: of its segments, within its scans, and of its end.
fn with_strays(file: &[u8], strays: &[u8]) -> Vec<u8> {
    let mut strayed = file[..2].to_vec();
    let mut rest = &file[2..];
    while let [0xFF, code, after @ ..] = rest {
        strayed.extend(strays);
        let length =
            if matches!(code, 0xD0..=0xD9) { 0 } else { usize::from(u16::from_be_bytes([after[0], after[1]])) };
        let (segment, behind) = rest.split_at(2 + length);
        let coded = behind.windows(2).position(|pair| matches!(pair, [0xFF, 1..=0xFF])).unwrap_or(behind.len());
        strayed.extend(segment);
        strayed.extend(&behind[..coded]);
        rest = &behind[coded..];
    }
    strayed
}

#[tokio::test]
async fn stray_bytes_before_markers_go() {
    let flats = corpus::layouts().into_iter().map(|layout| corpus::flat(&layout));
    let encoded = [jpeg(&picture(40, 30)), corpus::progressive()];
    for bare in flats.chain(encoded).chain(corpus::fixtures()) {
        // Fill bytes, zeros, what looks like coded data, and a marker of no segment.
        let kinds: [&[u8]; 6] = [&[0xFF], &[0xFF; 9], &[0, 0], b"stray", &[0x12, 0xFF, 0, 0x34], &[0xFF, 0x01]];
        for strays in kinds {
            let is_fill = strays == [0xFF, 0x01];
            if is_fill && bare.windows(2).any(|pair| matches!(pair, [0xFF, 0xD0..=0xD7])) {
                // Within a scan no other marker may come before a restart.
                continue;
            }
            assert_eq!(kept_jpeg(&with_strays(&bare, strays)).await, bare, "{strays:?}");
        }
    }
}

#[tokio::test]
async fn a_restart_behind_the_last_unit_goes() {
    let bare = jpeg(&picture(40, 30));
    let file = [&bare[..bare.len() - 2], &[0xFF, 0xD0], &bare[bare.len() - 2..]].concat();
    assert_eq!(kept_jpeg(&file).await, bare);
}
