//! The schemas of fields in the OpenAPI document, where Rust's types express less than the parser of the field checks.
//!
//! A pattern need not be the whole rule, but clients check their input by it: it matches every valid value, and no value that
//! is always invalid. All patterns mean the same in Rust, JavaScript and Python.

use utoipa::openapi::schema::{AnyOfBuilder, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, Schema, SchemaFormat, Type};

/// A line with a visible character, without control characters and direction marks.
const LINE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*\
                    [^\\s\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]\
                    [^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$";
/// The same, or nothing.
pub(crate) const LINE_OR_BLANK: &str = "^([^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*|\\s*)$";
/// Lines with a visible character.
const LINES: &str = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*\
                     [^\\s\\u0000-\\u001f\\u007f-\\u009f]\
                     [^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$";
/// The same, or nothing.
const LINES_OR_BLANK: &str = "^([^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*|\\s*)$";
/// A positive amount.
const PRICE: &str = "^([1-9][0-9]{0,12}(\\.[0-9]{1,2})?|0\\.(0[1-9]|[1-9][0-9]?))$";
/// The same, or nothing.
const PRICE_OR_BLANK: &str = "^([1-9][0-9]{0,12}(\\.[0-9]{1,2})?|0\\.(0[1-9]|[1-9][0-9]?))?$";
/// The largest amount, as a number of JSON.
const LARGEST_PRICE: f64 = 9_999_999_999_999.99;

const NAME: &str = "What it is called.";
const DESCRIPTION: &str = "What is told of it, in several lines if need be.";
const PRICE_MEANING: &str = "What one piece costs, as a string or a number: more than 0, at most 9999999999999.99, with at most two \
                             decimals, and without separators between thousands.";
const STOCK_MEANING: &str = "How many pieces there are, as a number or a string that holds one: 0 to 2147483647.";
const IMAGE_MEANING: &str = "The address of its image on the web.";
const ABSENT: &str = "Absent or empty, it stays as it is.";

pub(crate) fn person() -> Object {
    text(LINE, 1, 255, "What the owner is called.", "Ada Lovelace").build()
}

pub(crate) fn name() -> Object {
    text(LINE, 1, 255, NAME, "Oak desk").build()
}

pub(crate) fn description() -> Object {
    text(LINES, 1, 5000, DESCRIPTION, "A desk of solid oak.").build()
}

pub(crate) fn price() -> Object {
    amount([Type::String, Type::Number], PRICE).description(Some(PRICE_MEANING)).build()
}

pub(crate) fn stock() -> Object {
    count([Type::Integer, Type::String], "^[0-9]{1,9}$", 0).description(Some(STOCK_MEANING)).examples([12]).build()
}

pub(crate) fn quantity() -> Object {
    let meaning = "How many pieces, as a number or a string that holds one: 1 to 2147483647.";
    count([Type::Integer, Type::String], "^[1-9][0-9]{0,8}$", 1).description(Some(meaning)).examples([2]).build()
}

pub(crate) fn image_url() -> Schema {
    address(&format!("{IMAGE_MEANING} Absent or empty, there is none."))
}

pub(crate) fn changed_name() -> Object {
    let meaning = format!("{NAME} {ABSENT}");
    text(LINE_OR_BLANK, 0, 255, &meaning, "Oak desk").schema_type(nullable([Type::String])).build()
}

pub(crate) fn changed_description() -> Object {
    let meaning = format!("{DESCRIPTION} {ABSENT}");
    text(LINES_OR_BLANK, 0, 5000, &meaning, "A desk of solid oak.").schema_type(nullable([Type::String])).build()
}

pub(crate) fn changed_price() -> Object {
    let meaning = format!("{PRICE_MEANING} {ABSENT}");
    amount([Type::String, Type::Number, Type::Null], PRICE_OR_BLANK).description(Some(meaning)).build()
}

pub(crate) fn changed_stock() -> Object {
    let meaning = format!("{STOCK_MEANING} {ABSENT}");
    count([Type::Integer, Type::String, Type::Null], "^[0-9]{0,9}$", 0)
        .description(Some(meaning))
        .examples([12])
        .build()
}

pub(crate) fn changed_image_url() -> Schema {
    address(&format!("{IMAGE_MEANING} {ABSENT}"))
}

fn text(pattern: &str, shortest: usize, longest: usize, meaning: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .min_length(Some(shortest).filter(|shortest| *shortest > 0))
        .max_length(Some(longest))
        .description(Some(meaning))
        .examples([example])
}

fn amount<const N: usize>(types: [Type; N], pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .pattern(Some(pattern))
        .exclusive_minimum(Some(0))
        .maximum(Some(LARGEST_PRICE))
        .examples(["1250000"])
}

fn count<const N: usize>(types: [Type; N], pattern: &str, least: i32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .pattern(Some(pattern))
        .minimum(Some(least))
        .maximum(Some(i32::MAX))
}

fn nullable<const N: usize>(types: [Type; N]) -> SchemaType {
    types.into_iter().chain([Type::Null]).collect()
}

/// A URL, or nothing.
fn address(meaning: &str) -> Schema {
    let address = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("uri".to_owned())))
        .max_length(Some(255))
        .build();
    let nothing = ObjectBuilder::new().schema_type(nullable([Type::String])).max_length(Some(0)).build();
    AnyOfBuilder::new()
        .item(address)
        .item(nothing)
        .description(Some(meaning))
        .examples(["https://images.example/desk.jpg"])
        .build()
        .into()
}
