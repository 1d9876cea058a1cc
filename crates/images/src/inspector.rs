//! Validates images on threads of its own.

use super::{jpeg, png};
use app::clock::Deadline;
use app::product::ImageInspector;
use async_trait::async_trait;
use domain::error::{Error, Reason};
use domain::product::{Image, ImageFormat, MAX_IMAGE_BYTES, Upload};
use executor::{Executor, ExecutorGauges, ExecutorOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The memory limit for decoding and rotating an image, in bytes.
pub(super) const MAX_MEMORY: u64 = 128 << 20;

#[derive(Clone, Copy, Debug)]
pub struct InspectorOptions {
    /// The number of threads; at least one. An image takes up to 56 MiB, a rotated one up to 160 MiB.
    pub threads: usize,
    pub queue: usize,
    pub max_wait: Duration,
    /// The part of a CPU that each thread gets even while others want it: a burst of uploads should slow down little else.
    pub share: f64,
}

impl Default for InspectorOptions {
    fn default() -> Self {
        Self { threads: 2, queue: 16, max_wait: Duration::from_secs(5), share: 0.25 }
    }
}

/// Accepts complete JPEG and PNG files: it decodes each pixel and keeps none, so that an image takes little more memory than
/// its file, however many pixels it has.
///
/// The result has no data that is not needed to show the image: no EXIF with its locations and names, XMP, comments, texts,
/// thumbnails, further frames of an animation, stray bytes, or bytes after the end. The coded pixels and the colour profile
/// stay unchanged, so that a file with nothing to strip is returned byte for byte. An image with an EXIF orientation is
/// rotated and encoded again if that takes at most 128 MiB; a larger one keeps its coded pixels and of its EXIF only the
/// orientation.
pub struct Inspector {
    executor: Executor,
}

impl Inspector {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the operating system starts no thread.
    pub fn start(options: InspectorOptions) -> io::Result<Self> {
        let executor = Executor::start(ExecutorOptions {
            name: "image",
            threads: options.threads,
            queue: options.queue,
            max_wait: options.max_wait,
            share: options.share,
        })?;
        Ok(Self { executor })
    }

    #[must_use]
    pub fn gauges(&self) -> ExecutorGauges {
        self.executor.gauges()
    }
}

#[async_trait]
impl ImageInspector for Inspector {
    async fn inspect(&self, bytes: Vec<u8>, by: Deadline) -> Result<Result<Image, Reason>, Error> {
        self.executor.run(by, move || inspect(bytes)).await
    }
}

fn inspect(bytes: Vec<u8>) -> Result<Image, Reason> {
    // The decoders are made for hostile files. If one panics nevertheless, the file is refused.
    let outcome = catch_unwind(AssertUnwindSafe(|| look(bytes)));
    let image = outcome.unwrap_or_else(|_panic| {
        tracing::error!("a decoder panicked");
        Err(Image::invalid())
    })?;
    if image.bytes.len() > MAX_IMAGE_BYTES {
        return Err(Upload::too_large("").bytes().err().unwrap_or_else(Image::invalid));
    }
    Ok(image)
}

fn look(bytes: Vec<u8>) -> Result<Image, Reason> {
    let (format, size) = if bytes.starts_with(png::MAGIC) {
        (ImageFormat::Png, png::size(&bytes))
    } else {
        (ImageFormat::Jpeg, jpeg::size(&bytes))
    };
    let (width, height) = size.ok_or_else(Image::invalid)?;
    Image::fits(width, height)?;
    let bytes = match format {
        ImageFormat::Png => {
            let file = png::strip(&bytes).ok_or_else(Image::invalid)?;
            drop(bytes);
            file.check().ok_or_else(Image::invalid)?;
            file.turned()
        }
        ImageFormat::Jpeg => {
            let file = jpeg::strip(&bytes).ok_or_else(Image::invalid)?;
            drop(bytes);
            file.turned()
        }
    };
    Ok(Image { format, bytes })
}
