//! Reading bodies: JSON, HTML forms and multipart, each within its limits of size and time.

mod fields;
mod json;
mod multipart;
mod urlencoded;

pub(crate) use fields::text;

use crate::edge::Shared;
use crate::error::{EdgeError, Refusal};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::marker::PhantomData;

/// A body that is still to be read, whatever its kind. It waits for the call to be admitted: the time and memory for
/// it are spent on callers who may call.
pub(crate) struct Form<T> {
    request: HttpRequest,
    payload: Payload,
    fields: PhantomData<T>,
}

impl<T: DeserializeOwned + Default> Form<T> {
    /// Reads the body; an empty one has all fields empty.
    pub(crate) async fn read(self) -> Result<T, Refusal> {
        let shared = self.request.app_data::<Data<Shared>>().ok_or_else(Refusal::internal)?;
        let read = read(self.request.headers(), self.payload, shared);
        // The server itself gives a client any time for a body, once the head is there.
        let read = tokio::time::timeout(shared.options.body_timeout, read).await;
        read.map_err(|_elapsed| EdgeError::BodyTimeout)?
    }
}

impl<T: 'static> FromRequest for Form<T> {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take(), fields: PhantomData }))
    }
}

/// The kinds of body that are read.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    UrlEncoded,
    Multipart,
}

async fn read<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    payload: Payload,
    shared: &Shared,
) -> Result<T, Refusal> {
    let options = &shared.options;
    match kind(headers) {
        Ok(Some(Kind::Json)) => json::parse(&collect(headers, payload, options.max_json).await?),
        Ok(Some(Kind::UrlEncoded)) => {
            let body = collect(headers, payload, options.max_form).await?;
            fields::bind(urlencoded::fields(&body)?)
        }
        Ok(Some(Kind::Multipart)) => fields::bind(multipart::fields(headers, payload, options.max_multipart).await?),
        // What kind of body it is does not matter where there is none.
        unknown => match collect(headers, payload, options.max_json).await? {
            body if body.is_empty() => Ok(T::default()),
            _ => Err(unknown.err().unwrap_or(EdgeError::UnsupportedMediaType).into()),
        },
    }
}

fn kind(headers: &HeaderMap) -> Result<Option<Kind>, EdgeError> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(EdgeError::UnsupportedMediaType);
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().map_err(|_| EdgeError::UnsupportedMediaType)?;
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if parts.any(is_foreign_charset) {
        return Err(EdgeError::UnsupportedMediaType);
    }
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    if is("application/json") {
        Ok(Some(Kind::Json))
    } else if is("application/x-www-form-urlencoded") {
        Ok(Some(Kind::UrlEncoded))
    } else if is("multipart/form-data") {
        Ok(Some(Kind::Multipart))
    } else {
        Err(EdgeError::UnsupportedMediaType)
    }
}

/// Whether a parameter of a media type names a character set other than UTF-8.
fn is_foreign_charset(parameter: &str) -> bool {
    let Some((name, charset)) = parameter.split_once('=') else { return false };
    let charset = charset.trim_matches('"');
    name.eq_ignore_ascii_case("charset") && !["utf-8", "utf8"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8))
}

/// Whether the client announces a body larger than `limit` bytes.
fn is_announced_larger(headers: &HeaderMap, limit: usize) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    length.is_some_and(|length| length > limit)
}

async fn collect(headers: &HeaderMap, mut payload: Payload, limit: usize) -> Result<Bytes, Refusal> {
    if is_announced_larger(headers, limit) {
        return Err(EdgeError::BodyTooLarge.into());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| EdgeError::MalformedBody)?;
        if body.len() + chunk.len() > limit {
            return Err(EdgeError::BodyTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
