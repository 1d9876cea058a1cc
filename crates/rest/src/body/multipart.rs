//! Reading multipart bodies (RFC 7578): text fields, and one file where the route takes one.

use super::is_announced_larger;
use super::part::{self, Content, Head};
use crate::error::{ApiError, HttpError};
use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use domain::error::Error;
use domain::product::{MAX_IMAGE_BYTES, Upload};
use futures_util::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest text field, in bytes: the longest description, in the widest characters, and some white space around it.
const MAX_FIELD: usize = 24 << 10;
/// The limit of parts in one body.
const MAX_PARTS: usize = 20;
/// The expected type of a file's field.
const A_FILE: &str = "an image with a file name or a type such as image/png, or the address of one as text";
/// The time after which a client may retry when no permit was free.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The field with a route's file.
#[derive(Clone, Copy)]
pub(crate) struct FileField(pub(crate) &'static str);

#[derive(Default)]
pub(super) struct Parts {
    /// The names and values of the text fields, in their order.
    pub(super) fields: Vec<(String, String)>,
    pub(super) file: Option<Upload>,
}

/// Reads a body. A file that is too large is dropped and ends the body; the use case returns the error. Files in other fields
/// are skipped.
pub(super) async fn read(
    headers: &HeaderMap,
    payload: Payload,
    limit: usize,
    wanted: Option<FileField>,
    permits: &Arc<Semaphore>,
) -> Result<Parts, ApiError> {
    if is_announced_larger(headers, limit) {
        return wanted.map(cut_off).ok_or_else(|| HttpError::BodyTooLarge.into());
    }
    let mut read = 0;
    let counted = payload.map(move |chunk| {
        let chunk = chunk?;
        read += chunk.len();
        if read > limit { Err(PayloadError::Overflow) } else { Ok(chunk) }
    });
    let framing = part::framing(headers).ok_or(HttpError::MalformedBody)?;
    let mut reader = Reader { parts: Multipart::new(&framing, counted), expected: announced(headers), wanted, permits };
    match reader.read().await {
        Err(Stop::FileTooLarge(field)) => Ok(cut_off(field)),
        Err(Stop::Refused(error)) => Err(error),
        Ok(parts) => Ok(parts),
    }
}

/// A body whose file is too large. Its other parts are unknown.
fn cut_off(FileField(field): FileField) -> Parts {
    Parts { fields: Vec::new(), file: Some(Upload::too_large(field)) }
}

fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

/// The reason for which reading stops before the end of the body.
enum Stop {
    FileTooLarge(FileField),
    Refused(ApiError),
}

impl<E: Into<ApiError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        match error {
            MultipartError::Payload(PayloadError::Overflow) => HttpError::BodyTooLarge.into(),
            _ => HttpError::MalformedBody.into(),
        }
    }
}

struct Reader<'a> {
    parts: Multipart,
    /// The length of the body, where its client announces it.
    expected: usize,
    wanted: Option<FileField>,
    permits: &'a Arc<Semaphore>,
}

impl Reader<'_> {
    async fn read(&mut self) -> Result<Parts, Stop> {
        let mut read = Parts::default();
        for _ in 0..MAX_PARTS {
            let Some(mut part) = self.parts.try_next().await? else { return Ok(read) };
            let head = Head::read(part.headers()).ok_or(HttpError::MalformedBody)?;
            let field = self.wanted.filter(|field| head.name == field.0);
            match (field, is_file(&head, field.is_some())) {
                (Some(field), true) => {
                    head.refuse_coded()?;
                    let file = self.file(&mut part, field, head.file_name).await?;
                    if file.is_some() && read.file.is_some() {
                        return Err(HttpError::MalformedBody.into());
                    }
                    read.file = file.or(read.file);
                }
                (Some(_), false) => {
                    head.refuse_coded()?;
                    let text =
                        text(&mut part).await?.map_err(|_no_text| ApiError::wrong_type(head.name.clone(), A_FILE))?;
                    read.fields.push((head.name, text));
                }
                (None, true) => pass(&mut part).await?,
                (None, false) => {
                    head.refuse_coded()?;
                    read.fields.push((head.name, text(&mut part).await?.map_err(HttpError::from)?));
                }
            }
        }
        match self.parts.try_next().await? {
            None => Ok(read),
            Some(_) => Err(HttpError::BodyTooLarge.into()),
        }
    }

    /// Reads a file into memory, which takes a permit.
    async fn file(&self, part: &mut Field, field: FileField, name: Option<bool>) -> Result<Option<Upload>, Stop> {
        let permit = Arc::clone(self.permits).try_acquire_owned().map_err(|_full| Error::overloaded(RETRY_AFTER))?;
        let mut bytes = Vec::with_capacity(self.expected.min(MAX_IMAGE_BYTES));
        let mut is_too_large = false;
        loop {
            let chunk = match part.try_next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(MultipartError::Payload(PayloadError::Overflow)) => return Err(Stop::FileTooLarge(field)),
                Err(error) => return Err(error.into()),
            };
            if bytes.len() + chunk.len() > MAX_IMAGE_BYTES {
                // The rest is skipped within the limit of the body: most clients read the answer only after they have sent it.
                is_too_large = true;
                bytes = Vec::new();
            }
            if !is_too_large {
                bytes.extend_from_slice(&chunk);
            }
        }
        if is_too_large {
            return Err(Stop::FileTooLarge(field));
        }
        // Browsers send a field without a chosen file like this.
        if bytes.is_empty() && name != Some(true) {
            return Ok(None);
        }
        Ok(Some(Upload::new(field.0, bytes).holding(permit)))
    }
}

/// Whether a part is a file: it has a file name, which RFC 7578 §4.2 does not require, or else a content type of a file.
/// `application/octet-stream` is a file in a file's field; elsewhere some clients use it for texts.
fn is_file(head: &Head, is_wanted: bool) -> bool {
    head.file_name.is_some() || head.content == Content::Image || (is_wanted && head.content == Content::Bytes)
}

async fn pass(part: &mut Field) -> Result<(), ApiError> {
    while part.try_next().await?.is_some() {}
    Ok(())
}

/// The reason for which a part is not text.
enum NoText {
    TooLong,
    NotUtf8,
}

impl From<NoText> for HttpError {
    fn from(why: NoText) -> Self {
        match why {
            NoText::TooLong => Self::BodyTooLarge,
            NoText::NotUtf8 => Self::MalformedBody,
        }
    }
}

/// Reads a text. It stops at a text that is too long.
async fn text(part: &mut Field) -> Result<Result<String, NoText>, ApiError> {
    let mut text = Vec::new();
    while let Some(chunk) = part.try_next().await? {
        if text.len() + chunk.len() > MAX_FIELD {
            return Ok(Err(NoText::TooLong));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(text).map_err(|_| NoText::NotUtf8))
}
