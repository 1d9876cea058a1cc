//! The description of the interface, for programs and for people.

use crate::error::{EdgeError, Refusal};
use crate::openapi::openapi;
use crate::server::resource;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpResponse, mime};
use std::sync::{Arc, OnceLock};
use utoipa_swagger_ui::Config;

/// Where the description is, and the pages that show it.
const DESCRIPTION: &str = "/openapi.json";
const PAGES: &str = "/docs/";

/// The docs page runs its own scripts and calls its own server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// The description's text, made when it is first asked for: making it takes memory that most servers never need.
#[derive(Default)]
struct Description(OnceLock<Bytes>);

impl Description {
    /// # Errors
    /// Where the description cannot be written as JSON.
    fn text(&self) -> Result<Bytes, serde_json::Error> {
        if let Some(text) = self.0.get() {
            return Ok(text.clone());
        }
        let text = openapi().to_json()?.into();
        Ok(self.0.get_or_init(|| text).clone())
    }
}

/// How the pages find the description.
struct Pages(Arc<Config<'static>>);

/// The description and the pages that show it, made once for all workers.
#[derive(Clone)]
pub(crate) struct Docs {
    description: Data<Description>,
    pages: Data<Pages>,
}

impl Docs {
    pub(crate) fn new() -> Self {
        Self {
            description: Data::new(Description::default()),
            pages: Data::new(Pages(Arc::new(Config::from(DESCRIPTION)))),
        }
    }

    pub(crate) fn routes(&self, config: &mut ServiceConfig) {
        config
            .app_data(self.description.clone())
            .app_data(self.pages.clone())
            .service(resource(DESCRIPTION, "GET, HEAD").get(description).route(web::head().to(description)))
            .service(resource("/docs", "GET, HEAD").get(index).route(web::head().to(index)))
            .service(resource("/docs/{file}", "GET, HEAD").get(file).route(web::head().to(file)));
    }
}

async fn description(description: Data<Description>) -> Result<HttpResponse, Refusal> {
    let text = description.text().map_err(|error| {
        tracing::error!(%error, "the description cannot be made");
        Refusal::internal()
    })?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(text))
}

async fn index(pages: Data<Pages>) -> Result<HttpResponse, Refusal> {
    page("index.html", &pages)
}

async fn file(name: Path<String>, pages: Data<Pages>) -> Result<HttpResponse, Refusal> {
    page(&name, &pages)
}

fn page(name: &str, Pages(config): &Pages) -> Result<HttpResponse, Refusal> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(config)).map_err(|error| {
        tracing::error!(%error, "the docs page cannot be made");
        Refusal::internal()
    })?;
    let found = found.ok_or(EdgeError::NotFound)?;
    let mut bytes = found.bytes.into_owned();
    if found.content_type == mime::TEXT_HTML.as_ref() {
        // The page names its files relative to itself, which would be wrong for `/docs` without a slash.
        let base = format!("<head><base href=\"{PAGES}\">");
        bytes = String::from_utf8_lossy(&bytes).replacen("<head>", &base, 1).into_bytes();
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type(found.content_type)
        .body(bytes))
}
