//! From a body's fields to a handler's type.

use crate::error::{EdgeError, Refusal};
use serde::de::value::{Error as ValueError, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use std::fmt;

/// Gives texts to the fields that bear their names. A field that comes twice is refused: which of the two counts is
/// where a proxy and we might disagree.
pub(super) fn bind<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Refusal> {
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
