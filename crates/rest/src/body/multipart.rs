//! Reading the text fields of a multipart body (RFC 7578).

use super::is_announced_larger;
use crate::error::{EdgeError, Refusal};
use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use futures_util::{StreamExt, TryStreamExt};

/// The largest text field, in bytes.
const MAX_FIELD: usize = 8 << 10;
/// The most parts of one body.
const MAX_PARTS: usize = 20;

/// The text fields' names and texts, in the order in which they came. Files are read past: nobody asks for one.
pub(super) async fn fields(
    headers: &HeaderMap,
    payload: Payload,
    limit: usize,
) -> Result<Vec<(String, String)>, Refusal> {
    if is_announced_larger(headers, limit) {
        return Err(EdgeError::BodyTooLarge.into());
    }
    let mut read = 0;
    let counted = payload.map(move |chunk| {
        let chunk = chunk?;
        read += chunk.len();
        if read > limit { Err(PayloadError::Overflow) } else { Ok(chunk) }
    });
    let mut parts = Multipart::new(headers, counted);
    let mut fields = Vec::new();
    for _ in 0..MAX_PARTS {
        let Some(mut part) = parts.try_next().await.map_err(|error| refusal(&error))? else { return Ok(fields) };
        if is_file(&part) {
            pass(&mut part).await?;
            continue;
        }
        let name = part.name().map(str::to_owned).ok_or(EdgeError::MalformedBody)?;
        fields.push((name, text(&mut part).await?));
    }
    match parts.try_next().await {
        Ok(None) => Ok(fields),
        Ok(Some(_)) => Err(EdgeError::BodyTooLarge.into()),
        Err(error) => Err(refusal(&error)),
    }
}

fn is_file(part: &Field) -> bool {
    part.content_disposition().is_some_and(|disposition| disposition.get_filename().is_some())
}

async fn pass(part: &mut Field) -> Result<(), Refusal> {
    while part.try_next().await.map_err(|error| refusal(&error))?.is_some() {}
    Ok(())
}

async fn text(part: &mut Field) -> Result<String, Refusal> {
    let mut text = Vec::new();
    while let Some(chunk) = part.try_next().await.map_err(|error| refusal(&error))? {
        if text.len() + chunk.len() > MAX_FIELD {
            return Err(EdgeError::BodyTooLarge.into());
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).map_err(|_| EdgeError::MalformedBody.into())
}

fn refusal(error: &MultipartError) -> Refusal {
    match error {
        MultipartError::Payload(PayloadError::Overflow) => EdgeError::BodyTooLarge.into(),
        _ => EdgeError::MalformedBody.into(),
    }
}
