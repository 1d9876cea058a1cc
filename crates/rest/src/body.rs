//! Reading bodies: JSON, HTML forms and multipart, each within its limits of size and time.

use crate::edge::Shared;
use crate::error::{EdgeError, Refusal};
use crate::multipart;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_path_to_error::Segment;
use std::fmt;

/// A body, whatever its kind. An empty one has all fields empty.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for Form<T> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let shared = request.app_data::<Data<Shared>>().ok_or(EdgeError::Panicked)?;
            let read = read(request.headers(), payload, shared);
            let read = tokio::time::timeout(shared.options.body_timeout, read).await;
            read.map_err(|_elapsed| EdgeError::BodyTimeout)?.map(Self)
        })
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
        Ok(Some(Kind::Json)) => json(&collect(headers, payload, options.max_json).await?),
        Ok(Some(Kind::UrlEncoded)) => {
            let body = collect(headers, payload, options.max_form).await?;
            pairs(serde_urlencoded::from_bytes(&body).map_err(|_| EdgeError::MalformedBody)?)
        }
        Ok(Some(Kind::Multipart)) => pairs(multipart::fields(headers, payload, options.max_multipart).await?),
        // What kind of body it is does not matter where there is none.
        unknown => match collect(headers, payload, options.max_json).await? {
            body if body.is_empty() => Ok(T::default()),
            _ => Err(unknown.err().unwrap_or(EdgeError::UnsupportedMediaType).into()),
        },
    }
}

fn kind(headers: &HeaderMap) -> Result<Option<Kind>, EdgeError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().map_err(|_| EdgeError::UnsupportedMediaType)?;
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let charset = parts.find_map(|parameter| {
        parameter.get(..8).filter(|name| name.eq_ignore_ascii_case("charset=")).and(parameter.get(8..))
    });
    if charset.is_some_and(|charset| !charset.trim_matches('"').eq_ignore_ascii_case("utf-8")) {
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

/// Whether the client announces a body larger than `limit` bytes.
pub(crate) fn is_announced_larger(headers: &HeaderMap, limit: usize) -> bool {
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

fn json<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Refusal> {
    match body.trim_ascii_start().first() {
        None => return Ok(T::default()),
        // serde would read an array as the fields in their order.
        Some(b'{') => {}
        Some(_) => return Err(EdgeError::MalformedBody.into()),
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let is_of_wrong_type = error.inner().to_string().starts_with("invalid type");
        match error.path().iter().next() {
            Some(Segment::Map { key }) if is_of_wrong_type => Refusal::wrong_type(key.clone()),
            _ => EdgeError::MalformedBody.into(),
        }
    })?;
    deserializer.end().map_err(|_trailing| EdgeError::MalformedBody)?;
    Ok(parsed)
}

fn pairs<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Refusal> {
    let fields = MapDeserializer::<_, ValueError>::new(pairs.into_iter());
    T::deserialize(fields).map_err(|_twice| EdgeError::MalformedBody.into())
}

/// Reads a text field; `null` is as good as no field.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_string<E>(self, text: String) -> Result<String, E> {
            Ok(text)
        }

        fn visit_unit<E>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }

    deserializer.deserialize_any(Text)
}
