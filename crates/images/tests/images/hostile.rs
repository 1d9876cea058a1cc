//! Bytes that are no image that is taken.

use crate::corpus::{
    self, bomb, chunk, exif_segment, header, jpeg, picture, png, png_of, segment, with_chunks, with_segments,
};
use crate::inspection::{inspect, refused};
use app::clock::Deadline;
use app::product::ImageInspector;
use domain::error::{ErrorCode, Reason, ViolationCode};
use domain::product::Image;
use images::{Inspector, InspectorOptions};
use std::time::Duration;

#[tokio::test]
async fn other_files_are_refused_whatever_they_call_themselves() {
    let files: [&[u8]; 14] = [
        b"",
        b"\0",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        b"<?xml version=\"1.0\"?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
        b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0",
        b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x01\0\x01\0\x18\0\0\0\xff\0",
        b"II*\0\x08\0\0\0\0\0",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x7fELF",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
    ];
    for file in files {
        assert!(inspect(file).await.is_none(), "{file:?}");
    }
    // Something in front of an image: what is told by the first bytes is not an image.
    for image in [jpeg(&picture(8, 8)), png(&picture(8, 8))] {
        for front in [&b"GIF89a"[..], b"<!--", b"\n", b"PK\x03\x04"] {
            assert!(inspect(&[front, &image].concat()).await.is_none());
        }
    }
}

#[tokio::test]
async fn random_bytes_are_refused_also_behind_magic_ones() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for length in [1, 100, 5_000, 100_000] {
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(length)
        .collect();
        for magic in [&b""[..], b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"] {
            assert!(inspect(&[magic, &noise].concat()).await.is_none());
        }
    }
}

#[tokio::test]
async fn a_file_that_is_cut_off_anywhere_is_refused() {
    let inspector = Inspector::start(InspectorOptions::default()).unwrap();
    for file in [
        jpeg(&picture(40, 30)),
        jpeg(&picture(33, 9).to_luma8().into()),
        corpus::progressive(),
        png(&picture(40, 30)),
        corpus::palette_png(),
        with_segments(&jpeg(&picture(16, 16)), &[exif_segment(6)]),
    ] {
        for end in 0..file.len() {
            let by = Deadline::within(Duration::from_secs(60));
            let refused = inspector.inspect(file[..end].to_vec(), by).await.unwrap().unwrap_err();
            assert_eq!(refused.code(), ViolationCode::InvalidImage, "{end} of {}", file.len());
        }
    }
}

/// Where the image's scan begins in a JPEG file with one.
fn scan(file: &[u8]) -> usize {
    let header = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    header + 2 + usize::from(u16::from_be_bytes([file[header + 2], file[header + 3]]))
}

#[tokio::test]
async fn a_jpeg_whose_pixels_end_early_is_refused_also_with_an_end_put_on() {
    for image in [picture(64, 64), picture(200, 100).to_luma8().into()] {
        let file = jpeg(&image);
        let scan = scan(&file);
        let pixels = file.len() - 2 - scan;
        for part in 0..16 {
            let end = scan + pixels * part / 16;
            let end = if file[end - 1] == 0xFF { end - 1 } else { end };
            let cut = [&file[..end], &[0xFF, 0xD9]].concat();
            assert!(inspect(&cut).await.is_none(), "{part} of 16");
        }
    }
}

#[tokio::test]
async fn a_png_whose_pixels_end_early_is_refused_also_with_an_end_put_on() {
    let pixels = corpus::deflate(&[0; 17 * 16]);
    let of = |pixels: &[u8]| png_of(&[(b"IHDR", &header(16, 16, 8, 0)), (b"IDAT", pixels), (b"IEND", &[])]);
    assert!(inspect(&of(&pixels)).await.is_some());
    for end in 0..pixels.len() - 4 {
        assert!(inspect(&of(&pixels[..end])).await.is_none(), "{end}");
    }
    assert!(inspect(&of(&corpus::deflate(&[0; 17 * 15]))).await.is_none(), "a row is missing");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let file = png(&picture(40, 30));
    for place in [12, 20, 30, 50, file.len() / 2, file.len() - 20, file.len() - 6, file.len() - 1] {
        let mut damaged = file.clone();
        damaged[place] ^= 0x55;
        assert!(inspect(&damaged).await.is_none(), "{place}");
    }
    let file = jpeg(&picture(40, 30));
    let bare = &file[..file.len() - 2];
    for (wrong, name) in [
        ([bare, &[0xFF, 0xD8, 0xFF, 0xD9]].concat(), "another beginning"),
        ([bare, &segment(0xCC, &[0; 4]), &[0xFF, 0xD9]].concat(), "arithmetic codes"),
        ([bare, &segment(0xDC, &[0, 30]), &[0xFF, 0xD9]].concat(), "a height told late"),
        ([&file[..2], &[0xFF, 0xE1, 0, 1], &file[2..]].concat(), "a segment without a length"),
        ([&file[..2], &[0xFF, 0xD9]].concat(), "nothing"),
    ] {
        assert!(inspect(&wrong).await.is_none(), "{name}");
    }
}

#[tokio::test]
async fn chunks_that_are_needed_and_not_known_are_refused() {
    let bare = png(&picture(20, 20));
    assert!(inspect(&with_chunks(&bare, &[(b"CgBI", &[0; 4])])).await.is_none());
    let image = &corpus::chunks(&bare)[1].1;
    let (head, end): (&[u8], &[u8]) = (&header(20, 20, 8, 2), &[]);
    for chunks in [
        vec![(b"IDAT", &image[..]), (b"IEND", end)],
        vec![(b"IHDR", head), (b"IEND", end)],
        vec![(b"IHDR", head), (b"IHDR", head), (b"IDAT", &image[..]), (b"IEND", end)],
        vec![(b"IHDR", head), (b"IDAT", &image[..20]), (b"tEXt", b"a\0b"), (b"IDAT", &image[20..]), (b"IEND", end)],
        vec![(b"IHDR", head), (b"IDAT", &image[..]), (b"IEND", b"more")],
        vec![(b"IHDR", &header(20, 20, 3, 2)), (b"IDAT", &image[..]), (b"IEND", end)],
    ] {
        assert!(inspect(&png_of(&chunks)).await.is_none());
    }
}

/// A JPEG file with another size in its header.
fn resized(file: &[u8], width: u16, height: u16) -> Vec<u8> {
    let frame = file.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0 | 0xC2])).unwrap();
    let mut file = file.to_vec();
    file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    file
}

#[tokio::test]
async fn an_image_of_too_many_pixels_is_refused_by_its_header_with_its_size_and_the_limit() {
    let pixels = "image has 108 megapixels (12000 × 9000); at most 65 are taken";
    let sides = "image is 20000 × 8 pixels; at most 16384 on a side are taken";
    for (width, height, told) in [(12_000, 9_000, pixels), (20_000, 8, sides)] {
        let png = png_of(&[(b"IHDR", &header(width, height, 1, 0)), (b"IDAT", &[0; 64]), (b"IEND", &[])]);
        let (width, height) = (width.try_into().unwrap(), height.try_into().unwrap());
        let jpegs = [jpeg(&picture(16, 16)), corpus::progressive()].map(|file| resized(&file, width, height));
        for file in [png].iter().chain(&jpegs) {
            assert_eq!(refused(file).await, Reason::new(ViolationCode::ImageTooLarge, told));
        }
    }
    let largest = png_of(&[(b"IHDR", &header(u32::MAX, u32::MAX, 16, 6)), (b"IDAT", &[0; 64]), (b"IEND", &[])]);
    assert_eq!(refused(&largest).await.code(), ViolationCode::ImageTooLarge);
}

#[tokio::test]
async fn an_image_of_no_pixels_or_of_more_than_it_has_is_none() {
    for (width, height) in [(0, 5), (5, 0), (8_064, 6_048)] {
        let png = png_of(&[(b"IHDR", &header(width.into(), height.into(), 1, 0)), (b"IDAT", &[0; 64]), (b"IEND", &[])]);
        let jpegs = [jpeg(&picture(16, 16)), corpus::progressive()].map(|file| resized(&file, width, height));
        for file in [png].iter().chain(&jpegs) {
            assert_eq!(refused(file).await, Image::invalid(), "{width} by {height}");
        }
    }
}

#[tokio::test]
async fn bombs_do_not_go_off() {
    let bare = png(&picture(20, 20));
    let zeros = corpus::deflate(&vec![0; 100 << 20]);
    let text = with_chunks(&bare, &[(b"zTXt", &[b"Comment\0\0", &zeros[..]].concat())]);
    let profile = with_chunks(&bare, &[(b"iCCP", &[b"a name\0\0", &zeros[..]].concat())]);
    let (pixels, trailing) = (bomb(30_000, 30_000), [&bare[..], &chunk(b"zTXt", &zeros)].concat());
    assert_eq!(inspect(&text).await.unwrap().bytes, bare);
    assert_eq!(inspect(&profile).await.unwrap().bytes, bare);
    assert_eq!(inspect(&trailing).await.unwrap().bytes, bare);
    assert!(inspect(&pixels).await.is_none());
}

#[tokio::test]
async fn a_progressive_image_that_lacks_a_component_is_refused() {
    let file = corpus::flat_progressive(40, 24, 3);
    assert!(inspect(&file).await.is_some());
    let scans: Vec<_> =
        file.windows(2).enumerate().filter(|(_, pair)| pair == &[0xFF, 0xDA]).map(|(at, _)| at).collect();
    let without_means_of_the_last = [&file[..scans[2]], &file[scans[3]..]].concat();
    assert!(inspect(&without_means_of_the_last).await.is_none());
}

#[tokio::test]
async fn what_is_changed_at_random_is_refused_or_still_an_image() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let inspector = Inspector::start(InspectorOptions::default()).unwrap();
    let mut taken = 0;
    for file in corpus::fixtures().into_iter().chain([jpeg(&picture(40, 30))]) {
        for _ in 0..300 {
            let mut changed = file.clone();
            for _ in 0..=random(3) {
                let at = 2 + random(changed.len() - 2);
                match random(3) {
                    0 => changed[at] = random(256) as u8,
                    1 => drop(changed.remove(at)),
                    _ => changed.insert(at, random(256) as u8),
                }
            }
            let by = Deadline::within(Duration::from_secs(60));
            let Ok(image) = inspector.inspect(changed, by).await.unwrap() else { continue };
            taken += 1;
            // Nothing is left to strip, and another decoder goes through it to the end.
            let again = inspector.inspect(image.bytes.clone(), by).await.unwrap().unwrap();
            assert_eq!(again, image);
            corpus::decode(&image.bytes);
        }
    }
    assert!(taken > 50, "{taken}");
}

#[tokio::test]
async fn an_image_that_is_gone_through_too_often_is_refused() {
    let file = corpus::progressive();
    let end = file.len() - 2;
    let scan = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let again = |times| [&file[..end], &file[scan..end].repeat(times), &file[end..]].concat();
    assert!(inspect(&again(20)).await.is_some());
    assert!(inspect(&again(63)).await.is_none());
}

#[tokio::test]
async fn more_images_than_the_queue_takes_are_turned_away() {
    let options = InspectorOptions { threads: 1, queue: 0, ..InspectorOptions::default() };
    let inspector = Inspector::start(options).unwrap();
    let (file, by) = (corpus::black(8_064, 6_048), Deadline::within(Duration::from_secs(60)));
    let calls = (0..8).map(|_| inspector.inspect(file.clone(), by));
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(outcomes.iter().flatten().all(Result::is_ok));
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(refused.clone().count() > 0);
    assert!(refused.clone().all(|error| error.code() == ErrorCode::Overloaded));
    assert_eq!(inspector.gauges().threads, 1);
}
