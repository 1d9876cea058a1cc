//! The deserialization of a body's fields into a handler's type.

use crate::error::{ApiError, HttpError};
use domain::decimal;
use serde::Deserialize;
use serde::de::value::{Error as ValueError, MapAccessDeserializer, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Number;
use std::fmt;

/// Deserializes text fields by their names. A repeated field is refused: a proxy might use the other value.
pub(super) fn bind<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, ApiError> {
    let fields = MapDeserializer::<_, ValueError>::new(pairs.into_iter());
    T::deserialize(fields).map_err(|_twice| HttpError::MalformedBody.into())
}

/// Reads a text field. `null` counts as an absent field.
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

/// Reads a number as decimal text, so that no conversion to a double changes it. JSON has many spellings of one number:
/// `1E+3`, `1000.0` and `1000` are the same. A string stays as it is, and `null` counts as an absent field.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl<'de> Visitor<'de> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or a string that holds one")
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

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_u128<E>(self, number: u128) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i128<E>(self, number: i128) -> Result<String, E> {
            Ok(number.to_string())
        }

        /// A double only comes where its text is the number's own.
        fn visit_f64<E>(self, number: f64) -> Result<String, E> {
            Ok(Number::from_f64(number).map(|number| plain(&number)).unwrap_or_default())
        }

        /// Any other number comes as a map that only `serde_json` knows to read (its feature `arbitrary_precision`).
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<String, A::Error> {
            Number::deserialize(MapAccessDeserializer::new(map)).map(|number| plain(&number))
        }
    }

    deserializer.deserialize_any(Text)
}

/// The decimal spelling of a number. A number that is far too large or too precise stays as it is, and is refused like any
/// text that is not a number.
fn plain(number: &Number) -> String {
    let written = number.to_string();
    decimal::plain(&written).unwrap_or(written)
}
