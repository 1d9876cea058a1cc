//! The OpenAPI document, made from the handlers.

pub(crate) mod error_responses;

use crate::envelope::ErrorBody;
use crate::openapi::error_responses::header;
use crate::problem::Problem;
use crate::{media, midtrans, payment, product, user};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Object, OpenApi as Description, Ref, RefOr, Required, Schema, Type};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Go Commerce",
        description = "The back end of an online shop. Every answer comes in an envelope: `meta` tells how the request went, \
                       `results` what it gave. Every error is an `Error`. Who sends `Accept: application/problem+json` gets \
                       each error as an RFC 9457 `Problem` instead, with the same status, code and message.",
        license(name = "MIT", identifier = "MIT"),
        contact(name = "Go Commerce"),
    ),
    paths(
        user::register,
        user::login,
        user::view,
        product::create,
        product::update,
        product::delete,
        product::view,
        product::browse,
        media::view,
        payment::create,
        payment::browse,
        payment::view,
        payment::timeline,
        payment::watch,
        midtrans::notify,
    ),
    components(schemas(ErrorBody, Problem)),
    servers((url = "http://127.0.0.1:8081", description = "A server in development, as it is without settings")),
    tags(
        (name = "users", description = "Accounts of buyers and sellers"),
        (name = "products", description = "What sellers offer"),
        (name = "payments", description = "What buyers order, and how paying for it goes"),
    ),
    modifiers(&Bearer, &NoNulls, &BodiesByType, &NothingToChange, &CommonHeaders),
)]
struct Api;

/// The OpenAPI 3.1 description of all routes.
#[must_use]
pub fn openapi() -> Description {
    Api::openapi()
}

/// How callers tell who they are.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut Description) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("JWT".to_owned());
        bearer.description = Some("The token that logging in gives".to_owned());
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The ways in which bodies are written, and how their types are called beside that of JSON.
const WRITTEN: [(&str, Option<&str>); 3] = [
    ("application/json", None),
    ("application/x-www-form-urlencoded", Some("UrlEncoded")),
    ("multipart/form-data", Some("Multipart")),
];

/// A type of its own for each way in which a body is written: clients that are made from the description choose how to write a
/// body by its type.
struct BodiesByType;

impl Modify for BodiesByType {
    fn modify(&self, description: &mut Description) {
        let Some(components) = &mut description.components else { return };
        let items = description.paths.paths.values_mut();
        let operations = items.flat_map(|item| [&mut item.post, &mut item.put]).flatten();
        for body in operations.filter_map(|operation| operation.request_body.as_mut()) {
            let RefOr::T(body) = body else { continue };
            let mut in_json = None;
            for (media_type, suffix) in WRITTEN {
                let Some(RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. })) =
                    body.content.get_mut(media_type)
                else {
                    continue;
                };
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default().to_owned();
                let Some(suffix) = suffix else {
                    in_json = Some(name);
                    continue;
                };
                let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get(&name) else { continue };
                let schema = without_nulls(schema.clone());
                let name = if in_json.as_ref() == Some(&name) { format!("{name}{suffix}") } else { name };
                reference.ref_location = Ref::from_schema_name(&name).ref_location;
                components.schemas.insert(name, RefOr::T(Schema::Object(schema)));
            }
        }
    }
}

/// A change may come without a body: then nothing changes.
struct NothingToChange;

impl Modify for NothingToChange {
    fn modify(&self, description: &mut Description) {
        let changes = description.paths.paths.values_mut().filter_map(|item| item.put.as_mut());
        for body in changes.filter_map(|change| change.request_body.as_mut()) {
            if let RefOr::T(body) = body {
                body.required = Some(Required::False);
            }
        }
    }
}

/// The same fields where they are texts: none of them can be `null`.
fn without_nulls(mut schema: Object) -> Object {
    for property in schema.properties.values_mut() {
        match property {
            RefOr::T(Schema::Object(shape)) => remove_null(shape),
            RefOr::T(Schema::AnyOf(any)) => any.items.iter_mut().for_each(|item| {
                if let RefOr::T(Schema::Object(shape)) = item {
                    remove_null(shape);
                }
            }),
            _ => {}
        }
    }
    schema
}

fn remove_null(shape: &mut Object) {
    if let SchemaType::Array(types) = &mut shape.schema_type {
        types.retain(|kind| *kind != Type::Null);
        if let [only] = types.as_slice() {
            shape.schema_type = SchemaType::Type(only.clone());
        }
    }
}

/// A parameter that may be absent is absent: nothing in an address or a header stands for `null`.
struct NoNulls;

impl Modify for NoNulls {
    fn modify(&self, description: &mut Description) {
        let items = description.paths.paths.values_mut();
        let operations =
            items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]).flatten();
        for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
            if let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(shape))), .. }) = parameter {
                remove_null(shape);
            }
        }
    }
}

/// The headers that every request may have and every answer has.
struct CommonHeaders;

impl Modify for CommonHeaders {
    fn modify(&self, description: &mut Description) {
        let items = description.paths.paths.values_mut();
        let operations = items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]);
        for operation in operations.flatten() {
            operation.parameters.get_or_insert_default().push(RefOr::T(request_id()));
            add_to_answers(operation);
        }
    }
}

fn request_id() -> Parameter {
    let meaning = "An identifier for the request, of 1 to 64 of `A-Za-z0-9._-`; any other is replaced";
    ParameterBuilder::new()
        .name("X-Request-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(meaning))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

fn add_to_answers(operation: &mut Operation) {
    let common = [
        ("X-Request-Id", "The request's identifier"),
        ("RateLimit-Policy", "The allowance that the call draws on: `q` calls in `w` seconds"),
        ("RateLimit", "What is left of the allowance: `r` calls for the next `t` seconds"),
    ];
    for answer in operation.responses.responses.values_mut() {
        if let RefOr::T(answer) = answer {
            let headers = common.map(|(name, meaning)| (name.to_owned(), RefOr::T(header(Type::String, meaning))));
            answer.headers.extend(headers);
        }
    }
}
