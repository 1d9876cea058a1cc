//! The OpenAPI description, made from the handlers.

use crate::envelope::ErrorBody;
use crate::problem::Problem;
use crate::refusals::header;
use crate::{media, midtrans, payment, product, user};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Object, OpenApi as Description, RefOr, Required, Type};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Go Commerce",
        description = "The back end of an online shop. Every answer comes in an envelope: `meta` tells how the request went, \
                       `results` what it gave. Send `Accept: application/problem+json` to get errors as RFC 9457 problem \
                       details instead.",
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
    tags(
        (name = "users", description = "Accounts of buyers and sellers"),
        (name = "products", description = "What sellers offer"),
        (name = "payments", description = "What buyers order, and how paying for it goes"),
    ),
    modifiers(&Bearer, &CommonHeaders),
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
