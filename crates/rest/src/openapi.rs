//! The OpenAPI description, made from the handlers.

use crate::envelope::ErrorBody;
use crate::problem;
use crate::user;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Object, OpenApi as Description, Ref, RefOr, Response, Type};
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
    paths(user::register, user::login, user::view),
    components(schemas(ErrorBody)),
    tags((name = "users", description = "Accounts of buyers and sellers")),
    modifiers(&Bearer, &CommonAnswers),
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

/// What any route may answer, and what all answers have.
struct CommonAnswers;

const COMMON: [(&str, &str); 3] = [
    ("429", "Too many calls, or too many failed log-ins: `Retry-After` tells when to try again"),
    ("500", "A fault of the server's"),
    ("503", "The server is busy or its database is away: try again after `Retry-After`"),
];

const OF_BODIES: [(&str, &str); 3] = [
    ("408", "The body took too long to arrive"),
    ("413", "The body is too large"),
    ("415", "The body is of a kind that is not read here"),
];

impl Modify for CommonAnswers {
    fn modify(&self, description: &mut Description) {
        let items = description.paths.paths.values_mut();
        let operations = items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]);
        for operation in operations.flatten() {
            let mut common = COMMON.to_vec();
            if operation.request_body.is_some() {
                common.extend(OF_BODIES);
            }
            let answers = &mut operation.responses.responses;
            for (status, meaning) in common {
                let answer = ResponseBuilder::new().description(meaning).build();
                answers.entry(status.to_owned()).or_insert(RefOr::T(answer));
            }
            for (status, answer) in answers {
                if let RefOr::T(answer) = answer {
                    complete(status, answer);
                }
            }
        }
    }
}

fn complete(status: &str, answer: &mut Response) {
    let text = Object::with_type(Type::String);
    let id = HeaderBuilder::new().schema(Some(text)).description(Some("The request's identifier")).build();
    answer.headers.insert("X-Request-Id".to_owned(), RefOr::T(id));
    if matches!(status, "429" | "503") {
        let wait = HeaderBuilder::new().schema(Some(Object::with_type(Type::Integer)));
        let wait = wait.description(Some("Seconds to wait before trying again")).build();
        answer.headers.insert("Retry-After".to_owned(), RefOr::T(wait));
    }
    if !status.starts_with('2') {
        let error = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
        answer.content.insert("application/json".to_owned(), RefOr::T(error));
        let problem = ContentBuilder::new().schema(Some(Object::with_type(Type::Object))).build();
        answer.content.insert(problem::MEDIA_TYPE.to_owned(), RefOr::T(problem));
    }
}
