//! Finds out whether bytes are an image, on threads of its own.

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

/// What decoding an image and turning it may take, in bytes.
pub(super) const MAX_MEMORY: u64 = 128 << 20;

#[derive(Clone, Copy, Debug)]
pub struct InspectorOptions {
    /// How many images are looked at at once; at least one. Each takes up to 56 MiB, one that is turned up to 160 MiB.
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

/// Takes JPEG and PNG files that are whole: each coded pixel is gone through, and none is kept, so that an image takes little
/// more memory than its file, however many pixels it has.
///
/// What it gives back is stripped of everything that is not needed to show the image: EXIF with its places and names, XMP,
/// comments, texts, thumbnails, further frames of an animation, stray bytes, and whatever stands behind the end. The coded
/// pixels and the colour profile stay as they came, so that a file with nothing to strip comes back to the byte. An image that
/// EXIF says is to be turned is turned and coded anew, where that takes at most 128 MiB; a larger one keeps its coded pixels,
/// and of its EXIF the one mark that says how to turn it.
pub struct Inspector {
    executor: Executor,
}

impl Inspector {
    /// Starts the threads.
    ///
    /// # Errors
    /// That the operating system gives no thread.
    pub fn start(options: InspectorOptions) -> io::Result<Self> {
        let executor = Executor::start(ExecutorOptions {
            name: "image",
            threads: options.threads,
            queue: options.queue,
            max_wait: options.max_wait,
            nice: options.nice,
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
    // The decoders are made for hostile files; should one fall for one all the same, the file is to blame, not the server.
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
