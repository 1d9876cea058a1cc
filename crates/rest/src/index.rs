//! The page at `/`: the running version and the addresses of its interfaces, as HTML for browsers and as JSON for programs.
//!
//! Addresses on this listener are relative, so that they work below any path of a proxy.

use crate::accept;
use crate::envelope::Reply;
use crate::middleware::Shared;
use crate::options::Options;
use crate::server::resource;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, VARY};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder, mime};
use serde::Serialize;
use std::fmt::Write;
use std::net::SocketAddr;

const STYLE: &str = include_str!("index/style.css");

/// The page runs nothing and loads its own style alone.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of a request that the format depends on.
const DEPENDS_ON: &str = "Accept, Origin";

/// The content of the page that REST itself does not know.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    /// The environment, such as `development`.
    pub environment: &'static str,
    /// The address of gRPC on this machine.
    pub grpc: SocketAddr,
    /// The address of readiness and metrics on this machine.
    pub ops: SocketAddr,
}

/// The content of the page. References are relative to it.
#[derive(Serialize)]
struct Overview {
    name: &'static str,
    version: &'static str,
    environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    docs: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openapi: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulator: Option<&'static str>,
    grpc: String,
    readiness: String,
    metrics: String,
}

impl Index {
    pub(crate) fn routes(self, config: &mut ServiceConfig) {
        let show =
            move |shared: Data<Shared>, request: HttpRequest| async move { self.show(&shared.options, &request) };
        let page = resource("/", "GET, HEAD").get(show).route(web::head().to(show));
        let style_sheet = resource("/style.css", "GET, HEAD").get(style).route(web::head().to(style));
        config.service(page).service(style_sheet);
    }

    fn show(self, options: &Options, request: &HttpRequest) -> HttpResponse {
        let overview = self.overview(options);
        if accept::is_preferred(request, mime::TEXT_HTML.as_ref()) {
            return HttpResponse::Ok()
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((VARY, DEPENDS_ON))
                .content_type(ContentType::html())
                .body(document(&overview));
        }
        Reply::ok("data retrieved successfully", overview).header(VARY, DEPENDS_ON).respond_to(request)
    }

    fn overview(self, options: &Options) -> Overview {
        Overview {
            name: "Go Commerce",
            version: env!("CARGO_PKG_VERSION"),
            environment: self.environment,
            docs: options.docs.then_some("docs"),
            openapi: options.docs.then_some("openapi.json"),
            simulator: options.simulator.is_some().then_some("simulator"),
            grpc: self.grpc.to_string(),
            readiness: format!("http://{}/readyz", self.ops),
            metrics: format!("http://{}/metrics", self.ops),
        }
    }
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).content_type(mime::TEXT_CSS_UTF_8).body(STYLE)
}

/// The page as HTML. It needs no escaping: no name of an environment and no address of a listener can hold markup.
fn document(overview: &Overview) -> String {
    let Overview { name, version, environment, docs, openapi, simulator, grpc, readiness, metrics } = overview;
    let mut rows = String::new();
    let mut row = |term: &str, text: &str| {
        let _ = write!(rows, "<dt>{term}</dt><dd>{text}</dd>");
    };
    let link = |address: &str, label: &str| format!("<a href=\"{address}\">{label}</a>");
    if let (Some(docs), Some(openapi)) = (docs, openapi) {
        let text = format!("REST, to read and to try out; for programs {}", link(openapi, "as OpenAPI"));
        row(&link(docs, "Documentation"), &text);
    }
    if let Some(simulator) = simulator {
        row(&link(simulator, "Simulator"), "in the place of a payment gateway; no money moves");
    }
    row("gRPC", &format!("<code>{grpc}</code>, for internal services"));
    row(&link(readiness, "Readiness"), "whether requests are taken, and if not, why");
    row(&link(metrics, "Metrics"), "what is counted and timed");
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"style.css\"></head><body><main><h1>{name}</h1>\
         <p>The back end of an online shop. Version {version} runs here, for <strong>{environment}</strong>.</p>\
         <dl>{rows}</dl><p class=\"note\">A program that asks this address for <code>application/json</code> is told the same as \
         JSON.</p></main></body></html>"
    )
}
