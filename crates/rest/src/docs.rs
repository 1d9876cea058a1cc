//! The OpenAPI document, and the page that shows it.

use crate::addresses::Addresses;
use crate::error::{ApiError, HttpError};
use crate::openapi::openapi;
use crate::server::resource;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpResponse, mime};
use std::sync::{Arc, OnceLock};
use utoipa::openapi::Server;
use utoipa_swagger_ui::Config;

/// The path of the document, and its address relative to the pages that show it.
const DESCRIPTION: &str = "/openapi.json";
const FROM_PAGES: &str = "../openapi.json";
/// What finds the description for the page's script: by the address of its folder, which is not always that of the page.
const FIND: &str = "new URL(\"../openapi.json\", document.baseURI).href";
/// What clients find the operations by, relative to the description (OpenAPI 3.1.1 §4.8.5): beside it.
const BESIDE: &str = ".";

/// The script that configures the page.
const INITIALIZER: &str = "swagger-initializer.js";

/// The docs page runs its own scripts and calls its own server alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// The document's text, made at its first request: it takes memory that most servers never need.
struct Description {
    /// What clients find the operations by.
    server: String,
    text: OnceLock<Bytes>,
}

impl Description {
    /// # Errors
    /// That the document cannot be written as JSON.
    fn text(&self) -> Result<Bytes, serde_json::Error> {
        if let Some(text) = self.text.get() {
            return Ok(text.clone());
        }
        let mut description = openapi();
        description.servers = Some(vec![Server::new(&self.server)]);
        let text = description.to_json()?.into();
        Ok(self.text.get_or_init(|| text).clone())
    }
}

/// How the pages find the description.
struct Pages(Arc<Config<'static>>);

/// The document and its pages, made once for all workers.
#[derive(Clone)]
pub(crate) struct Docs {
    description: Data<Description>,
    pages: Data<Pages>,
}

impl Docs {
    /// `known_by` is the base URL that clients use, where it is configured.
    pub(crate) fn new(known_by: Option<&str>) -> Self {
        let server = known_by.unwrap_or(BESIDE).to_owned();
        Self {
            description: Data::new(Description { server, text: OnceLock::new() }),
            pages: Data::new(Pages(Arc::new(Config::from(FROM_PAGES)))),
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

async fn description(description: Data<Description>) -> Result<HttpResponse, ApiError> {
    let text = description.text().map_err(|error| {
        tracing::error!(%error, "the description cannot be made");
        ApiError::internal()
    })?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(text))
}

async fn index(addresses: Addresses, pages: Data<Pages>) -> Result<HttpResponse, ApiError> {
    page("index.html", &addresses.to_below("docs"), &pages)
}

async fn file(addresses: Addresses, name: Path<String>, pages: Data<Pages>) -> Result<HttpResponse, ApiError> {
    page(&name, &format!("./{}", addresses.to_folder()), &pages)
}

/// One of the pages' files. `folder` is the address of their folder, relative to the requested one.
fn page(name: &str, folder: &str, Pages(config): &Pages) -> Result<HttpResponse, ApiError> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(config)).map_err(|error| {
        tracing::error!(%error, "the docs page cannot be made");
        ApiError::internal()
    })?;
    let found = found.ok_or(HttpError::NotFound)?;
    let mut bytes = found.bytes.into_owned();
    if found.content_type == mime::TEXT_HTML.as_ref() {
        // The page refers to its files by relative addresses, which are wrong for `/docs` without a slash.
        let base = format!("<head><base href=\"{folder}\">");
        bytes = String::from_utf8_lossy(&bytes).replacen("<head>", &base, 1).into_bytes();
    } else if name == INITIALIZER {
        let written = format!("\"{FROM_PAGES}\"");
        bytes = String::from_utf8_lossy(&bytes).replacen(&written, FIND, 1).into_bytes();
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type(found.content_type)
        .body(bytes))
}
