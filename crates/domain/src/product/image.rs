//! Images of products: uploads, image keys and image addresses.

use crate::error::{Reason, ViolationCode};
use std::fmt;
use url::Url;
use uuid::Uuid;

/// The largest accepted image, in bytes.
pub const MAX_IMAGE_BYTES: usize = 10 << 20;

/// The maximum number of pixels. The largest photos of phones with 64 megapixels have 9,248 by 6,944.
pub const MAX_IMAGE_PIXELS: u64 = 65_000_000;
/// The longest accepted side, in pixels: phones make panoramas of that length, and most graphics hardware can show them.
pub const MAX_IMAGE_SIDE: u32 = 16_384;

/// The folder of images in the store.
const FOLDER: &str = "products/";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// ISO/IEC 10918.
    Jpeg,
    /// ISO/IEC 15948.
    Png,
}

impl ImageFormat {
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// The media type (RFC 2046).
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// The key of an image in the store: `products/`, a UUID and an extension, all chosen by the shop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageKey {
    text: String,
    format: ImageFormat,
}

impl ImageKey {
    /// A key that has never been used.
    #[must_use]
    pub fn generate(format: ImageFormat) -> Self {
        Self { text: format!("{FOLDER}{}.{}", Uuid::now_v7().hyphenated(), format.extension()), format }
    }

    /// Parses the exact text of [`Self::as_str`]; returns `None` for any other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, extension) = text.strip_prefix(FOLDER)?.split_once('.')?;
        let format =
            [ImageFormat::Jpeg, ImageFormat::Png].into_iter().find(|format| format.extension() == extension)?;
        let is_canonical = Uuid::try_parse(id).is_ok_and(|uuid| uuid.hyphenated().to_string() == id);
        is_canonical.then(|| Self { text: text.to_owned(), format })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub const fn format(&self) -> ImageFormat {
        self.format
    }
}

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageAddress {
    pub url: String,
    /// Whether the URL expires, and another one replaces it before that.
    pub ends: bool,
}

/// The URL of an image outside the store: `http` or `https`, at most 255 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUrl(String);

impl ImageUrl {
    pub const MAX: usize = 255;

    /// Trims white space around the URL.
    ///
    /// # Errors
    /// If the URL is too long, has another scheme, no host, or credentials.
    pub fn parse(raw: &str) -> Result<Self, Reason> {
        let text = raw.trim();
        if text.chars().count() > Self::MAX {
            return Err(Reason::new(ViolationCode::TooLong, "maximum length for field {field} is 255 characters"));
        }
        let is_plain = !text.chars().any(|character| character.is_control() || character.is_whitespace());
        match Url::parse(text) {
            // Everybody sees the URL, and so would see the credentials in it.
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                Err(Reason::new(ViolationCode::InvalidUrl, "{field} must not have an account in it"))
            }
            Ok(url) if is_plain && matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(Self(text.to_owned()))
            }
            _ => {
                let message = "{field} must be a web address such as https://example.com/image.png";
                Err(Reason::new(ViolationCode::InvalidUrl, message))
            }
        }
    }

    /// Rebuilds a URL from storage, without checking it again.
    #[must_use]
    pub const fn restore(url: String) -> Self {
        Self(url)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An uploaded file whose content has not been checked.
pub struct Upload {
    field: &'static str,
    bytes: Option<Vec<u8>>,
    /// The permit among the uploads under way; dropped with the bytes.
    _place: Option<Box<dyn Send + Sync>>,
}

impl Upload {
    /// A complete file from this field of the protocol.
    #[must_use]
    pub const fn new(field: &'static str, bytes: Vec<u8>) -> Self {
        Self { field, bytes: Some(bytes), _place: None }
    }

    /// A file that exceeded the limit, so that the rest was not read.
    #[must_use]
    pub const fn too_large(field: &'static str) -> Self {
        Self { field, bytes: None, _place: None }
    }

    /// Holds the permit for its share of the memory until the bytes are dropped.
    #[must_use]
    pub fn holding(self, place: impl Send + Sync + 'static) -> Self {
        Self { _place: Some(Box::new(place)), ..self }
    }

    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Whether it was cut off, so that the fields after it are unknown.
    #[must_use]
    pub const fn is_cut_off(&self) -> bool {
        self.bytes.is_none()
    }

    /// Takes the bytes.
    ///
    /// # Errors
    /// If the file is too large.
    pub fn bytes(&mut self) -> Result<Vec<u8>, Reason> {
        match self.bytes.take() {
            Some(bytes) if bytes.len() <= MAX_IMAGE_BYTES => Ok(bytes),
            _ => Err(Self::too_large_reason()),
        }
    }

    /// The reason for a file that is too large.
    pub fn too_large_reason() -> Reason {
        Reason::new(ViolationCode::FileTooLarge, "file size exceeds the maximum allowed size of 10MB")
    }
}

/// An image that was decoded completely and stripped of all data that is not needed to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub format: ImageFormat,
    pub bytes: Vec<u8>,
}

impl Image {
    /// The reason for bytes that are not a supported image.
    #[must_use]
    pub fn invalid() -> Reason {
        let message = "invalid image file format. supported formats: .jpg, .jpeg, .png";
        Reason::new(ViolationCode::InvalidImage, message)
    }

    /// Checks the size. Whoever shows an image decodes it, and a small file can decode to a large image.
    ///
    /// # Errors
    /// If the image has too many pixels or too long a side.
    pub fn fits(width: u32, height: u32) -> Result<(), Reason> {
        let pixels = u64::from(width) * u64::from(height);
        let message = if pixels > MAX_IMAGE_PIXELS {
            // Rounded up, so that the message never shows the limit itself.
            let tenths = pixels.div_ceil(100_000);
            let (whole, part) = (tenths / 10, tenths % 10);
            let part = if part > 0 { format!(".{part}") } else { String::new() };
            let most = MAX_IMAGE_PIXELS / 1_000_000;
            format!("image has {whole}{part} megapixels ({width} × {height}); at most {most} are taken")
        } else if width.max(height) > MAX_IMAGE_SIDE {
            format!("image is {width} × {height} pixels; at most {MAX_IMAGE_SIDE} on a side are taken")
        } else {
            return Ok(());
        };
        Err(Reason::new(ViolationCode::ImageTooLarge, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_reads_back_to_the_letter() {
        let key = ImageKey::generate(ImageFormat::Png);
        assert_eq!(ImageKey::parse(key.as_str()), Some(key));
    }

    #[test]
    fn no_other_text_is_a_place() {
        let id = "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b";
        assert!(ImageKey::parse(&format!("products/{id}.jpg")).is_some());
        for text in [
            format!("{id}.jpg"),
            format!("products/{id}.svg"),
            format!("products/{id}"),
            format!("products/{}.jpg", id.to_uppercase()),
            format!("products/{}.jpg", id.replace('-', "")),
            format!("products/../products/{id}.jpg"),
            format!("products/{id}.jpg/"),
            format!("/products/{id}.jpg"),
            "products/../../etc/passwd".to_owned(),
            String::new(),
        ] {
            assert_eq!(ImageKey::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn an_image_that_is_too_large_is_told_its_size_and_the_limit() {
        for (width, height) in [(8_064, 6_048), (9_248, 6_944), (12_000, 2_000), (16_384, 3_967), (1, 16_384)] {
            assert_eq!(Image::fits(width, height), Ok(()), "{width} × {height}");
        }
        for (width, height, told) in [
            (12_000, 9_000, "image has 108 megapixels (12000 × 9000); at most 65 are taken"),
            (65_000_001, 1, "image has 65.1 megapixels (65000001 × 1); at most 65 are taken"),
            (
                u32::MAX,
                u32::MAX,
                "image has 18446744065119.7 megapixels (4294967295 × 4294967295); at most 65 are taken",
            ),
            (16_385, 100, "image is 16385 × 100 pixels; at most 16384 on a side are taken"),
            (1, 20_000, "image is 1 × 20000 pixels; at most 16384 on a side are taken"),
        ] {
            let refused = Image::fits(width, height).unwrap_err();
            assert_eq!(refused.code(), ViolationCode::ImageTooLarge);
            assert_eq!(refused, Reason::new(ViolationCode::ImageTooLarge, told));
        }
    }

    #[test]
    fn an_address_is_one_that_a_browser_would_load() {
        for address in ["https://example.com/a.png", "http://example.com:8080/a?b=c#d", "https://münchen.example/ä.png"]
        {
            assert_eq!(ImageUrl::parse(address).unwrap().as_str(), address);
        }
        for other in [
            "javascript:alert(1)",
            "data:image/png;base64,AA==",
            "/a.png",
            "file:///etc/passwd",
            "https://",
            "a b",
            "https://ada:secret@example.com/a.png",
            "https://ada@example.com/a.png",
        ] {
            assert_eq!(ImageUrl::parse(other).unwrap_err().code(), ViolationCode::InvalidUrl, "{other}");
        }
        let long = format!("https://example.com/{}", "a".repeat(255));
        assert_eq!(ImageUrl::parse(&long).unwrap_err().code(), ViolationCode::TooLong);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text_is_an_address_or_none(raw in prop_oneof![any::<String>(), "https?://[\\PC]{0,300}", "[a-z:/?#@%.\\[\\]0-9]{0,40}"]) {
            if let Ok(address) = ImageUrl::parse(&raw) {
                prop_assert!(address.as_str().chars().count() <= ImageUrl::MAX);
                prop_assert_eq!(ImageUrl::parse(address.as_str()).unwrap(), address);
            }
            let _ = ImageKey::parse(&raw);
        }
    }
}
