//! Finds out whether bytes are an image, on threads of its own.

use super::{jpeg, png};
use crate::lane::{Lane, LaneGauges, LaneOptions};
use async_trait::async_trait;
use domain::clock::Deadline;
use domain::error::{Error, Reason};
use domain::product::{Image, ImageFormat, ImageInspector, MAX_IMAGE_BYTES, Upload};
use image::DynamicImage;
use image::metadata::Orientation;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The longest side of an image that is taken, in pixels.
pub(super) const MAX_SIDE: u32 = 8_000;
/// The pixels of an image that is taken, at most.
const MAX_PIXELS: u64 = 40_000_000;
/// What decoding one image may take, in bytes.
pub(super) const MAX_MEMORY: u64 = 256 << 20;

/// How images are looked at.
#[derive(Clone, Copy, Debug)]
pub struct InspectorOptions {
    /// How many images are decoded at once; at least one. Each takes up to 256 MiB, a turned one twice that.
    pub threads: usize,
    /// How many wait for a thread at most.
    pub queue: usize,
    /// How long one waits for a thread at most.
    pub max_wait: Duration,
    /// The threads' nice value, 0 to 19: a storm of uploads is to slow down uploads and little else.
    pub nice: u8,
}

impl Default for InspectorOptions {
    fn default() -> Self {
        Self { threads: 2, queue: 16, max_wait: Duration::from_secs(5), nice: 10 }
    }
}

/// Takes JPEG and PNG files of at most 8,000 by 8,000 and 40 million pixels that decode whole.
///
/// What it gives back is stripped of everything that is not needed to show the image: EXIF with its places and names, XMP,
/// comments, texts, thumbnails, further frames of an animation, and whatever stands behind the end. The coded pixels and the
/// colour profile stay as they came, so that a file with nothing to strip comes back to the byte. An image that EXIF says is
/// to be turned is turned, and coded anew.
pub struct Inspector {
    lane: Lane,
}

impl Inspector {
    /// Starts the threads.
    ///
    /// # Errors
    /// That the operating system gives no thread.
    pub fn start(options: InspectorOptions) -> io::Result<Self> {
        let lane = Lane::start(LaneOptions {
            name: "image",
            threads: options.threads,
            queue: options.queue,
            max_wait: options.max_wait,
            nice: options.nice,
        })?;
        Ok(Self { lane })
    }

    /// How busy the threads are.
    #[must_use]
    pub fn gauges(&self) -> LaneGauges {
        self.lane.gauges()
    }
}

#[async_trait]
impl ImageInspector for Inspector {
    async fn inspect(&self, bytes: Vec<u8>, by: Deadline) -> Result<Result<Image, Reason>, Error> {
        self.lane.run(by, move || inspect(bytes)).await
    }
}

/// Whether an image of this size is taken.
pub(super) fn fits(width: u32, height: u32) -> bool {
    let sides = 1..=MAX_SIDE;
    sides.contains(&width) && sides.contains(&height) && u64::from(width) * u64::from(height) <= MAX_PIXELS
}

fn inspect(bytes: Vec<u8>) -> Result<Image, Reason> {
    // The decoders are made for hostile files; should one fall for one all the same, the file is to blame, not the server.
    let outcome = catch_unwind(AssertUnwindSafe(|| look(bytes)));
    let image = outcome.unwrap_or_else(|_panic| {
        tracing::error!("a decoder panicked");
        None
    });
    let image = image.ok_or_else(Image::invalid)?;
    if image.bytes.len() > MAX_IMAGE_BYTES {
        return Err(Upload::too_large("").bytes().err().unwrap_or_else(Image::invalid));
    }
    Ok(image)
}

fn look(bytes: Vec<u8>) -> Option<Image> {
    if bytes.starts_with(jpeg::MAGIC) {
        let file = jpeg::strip(&bytes)?;
        drop(bytes);
        let decoded = file.decode()?;
        let bytes = match turned(decoded, file.orientation) {
            Some(image) => file.encode(&image)?,
            None => file.bytes,
        };
        Some(Image { format: ImageFormat::Jpeg, bytes })
    } else if bytes.starts_with(png::MAGIC) {
        let file = png::strip(&bytes)?;
        drop(bytes);
        let decoded = file.decode()?;
        let bytes = match turned(decoded, file.orientation) {
            Some(image) => file.encode(&image)?,
            None => file.bytes,
        };
        Some(Image { format: ImageFormat::Png, bytes })
    } else {
        None
    }
}

/// The image as it is to be seen, where that is another than it was.
fn turned(mut image: DynamicImage, orientation: Orientation) -> Option<DynamicImage> {
    (orientation != Orientation::NoTransforms).then(|| {
        image.apply_orientation(orientation);
        image
    })
}
