//! Reading bodies: JSON, HTML forms and multipart, each within its limits of size and time.

mod fields;
mod json;
mod multipart;
mod part;
mod urlencoded;

pub(crate) use fields::{number, text};
pub(crate) use multipart::FileField;

use crate::error::{ApiError, HttpError};
use crate::middleware::Shared;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use domain::product::Upload;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::time::Duration;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body of any kind that is not read yet. It is read after the call's admission, so that refused callers cost neither time
/// nor memory.
pub(crate) struct Form<T> {
    request: HttpRequest,
    payload: Payload,
    fields: PhantomData<T>,
}

impl<T: DeserializeOwned + Default> Form<T> {
    /// Reads the body. An empty body has empty fields.
    pub(crate) async fn read(self) -> Result<T, ApiError> {
        let shared = self.request.app_data::<Data<Shared>>().ok_or_else(ApiError::internal)?;
        let read = read(self.request.headers(), self.payload, shared, None);
        let (fields, _no_file) = in_time(shared.options.body_timeout, read).await?;
        Ok(fields)
    }

    /// Reads a body that may have a file in the field of this name.
    pub(crate) async fn read_with_file(self, field: FileField) -> Result<(T, Option<Upload>), ApiError> {
        let shared = self.request.app_data::<Data<Shared>>().ok_or_else(ApiError::internal)?;
        let headers = self.request.headers();
        let time = match kind(headers) {
            Ok(Some(Kind::Multipart)) => shared.options.upload_timeout,
            _ => shared.options.body_timeout,
        };
        in_time(time, read(headers, self.payload, shared, Some(field))).await
    }
}

/// Limits the time for a body: the framework limits that of the head alone.
async fn in_time<T>(time: Duration, read: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::time::timeout(time, read).await.map_err(|_elapsed| HttpError::BodyTimeout)?
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
    file: Option<FileField>,
) -> Result<(T, Option<Upload>), ApiError> {
    let options = &shared.options;
    let fields = match kind(headers) {
        Ok(Some(Kind::Json)) => json::parse(unmarked(&collect(headers, payload, options.max_json).await?))?,
        Ok(Some(Kind::UrlEncoded)) => {
            let body = collect(headers, payload, options.max_form).await?;
            fields::bind(urlencoded::fields(unmarked(&body))?)?
        }
        Ok(Some(Kind::Multipart)) => {
            let parts = multipart::read(headers, payload, options.max_multipart, file, &options.uploads).await?;
            return Ok((fields::bind(parts.fields)?, parts.file));
        }
        // An empty body may have any type.
        unknown => match collect(headers, payload, options.max_json).await? {
            body if unmarked(&body).is_empty() => T::default(),
            _ => return Err(unknown.err().unwrap_or(HttpError::UnsupportedMediaType).into()),
        },
    };
    Ok((fields, None))
}

/// Reads a body of any kind, of at most `limit` bytes.
pub(crate) async fn raw(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let shared = request.app_data::<Data<Shared>>().ok_or_else(ApiError::internal)?;
    in_time(shared.options.body_timeout, collect(request.headers(), payload, limit)).await
}

/// Removes the byte order mark that some programs write before UTF-8, which RFC 8259 §8.1 allows. A second mark is text, and
/// so malformed.
pub(crate) fn unmarked(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

/// The parameters of a request's query. Unknown ones are ignored.
pub(crate) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let parameters = urlencoded::fields(request.query_string().as_bytes()).map_err(|_| HttpError::MalformedQuery)?;
    fields::bind(parameters).map_err(|_twice| HttpError::MalformedQuery.into())
}

fn kind(headers: &HeaderMap) -> Result<Option<Kind>, HttpError> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(HttpError::UnsupportedMediaType);
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().map_err(|_| HttpError::UnsupportedMediaType)?;
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if parts.any(is_foreign_charset) {
        return Err(HttpError::UnsupportedMediaType);
    }
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    if is("application/json") {
        Ok(Some(Kind::Json))
    } else if is("application/x-www-form-urlencoded") {
        Ok(Some(Kind::UrlEncoded))
    } else if is("multipart/form-data") {
        Ok(Some(Kind::Multipart))
    } else {
        Err(HttpError::UnsupportedMediaType)
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

async fn collect(headers: &HeaderMap, mut payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    if is_announced_larger(headers, limit) {
        return Err(HttpError::BodyTooLarge.into());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| HttpError::MalformedBody)?;
        if body.len() + chunk.len() > limit {
            return Err(HttpError::BodyTooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
