//! Reading JSON bodies (RFC 8259).

use crate::error::{ApiError, HttpError};
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_path_to_error::Segment;
use std::collections::HashSet;
use std::fmt;

/// Reads an object and checks all of it, unknown members included. `serde_json` limits nesting to 127 levels.
pub(super) fn parse<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    let Members(members) = serde_json::from_slice(body).map_err(|_malformed| HttpError::MalformedBody)?;
    let members = MapDeserializer::<_, serde_json::Error>::new(members.into_iter());
    serde_path_to_error::deserialize(members).map_err(|error| match error.path().iter().next() {
        Some(Segment::Map { key }) => ApiError::wrong_type(key.clone(), expected(&error.inner().to_string())),
        _ => HttpError::MalformedBody.into(),
    })
}

/// The expected type of a field, from the error of its visitor.
fn expected(mistake: &str) -> &str {
    mistake.split_once(", expected ").map_or("of another type", |(_, expected)| expected)
}

/// An object without repeated names (RFC 8259 §4): of two equal names a proxy might check one and this server use the other.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let (mut names, mut members) = (HashSet::new(), Vec::new());
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a name comes twice"));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}
