//! Pages of another adapter, which REST's listener serves behind REST's middleware.

use crate::error::{ApiError, HttpError};
use crate::middleware::RequestInfo;
use crate::server::resource;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// Answers a request. The number is that of the slashes that were removed from the end of the request's path: relative
/// addresses in the answer depend on it. `None` gets the answer of an unknown route.
pub type PageHandler = Arc<dyn Fn(&HttpRequest, usize) -> Option<HttpResponse> + Send + Sync>;

/// One resource of such pages.
#[derive(Clone)]
pub struct Page {
    /// The pattern of its path.
    pub path: &'static str,
    /// The methods that it allows, as in the header `Allow`.
    pub methods: &'static str,
    pub handler: PageHandler,
}

impl Page {
    pub(crate) fn route(&self, config: &mut ServiceConfig) {
        let handler = Arc::clone(&self.handler);
        let answer = move |request: HttpRequest| {
            let slashes = RequestInfo::of(&request).map_or(0, |info| info.slashes);
            let response = handler(&request, slashes).ok_or_else(|| ApiError::from(HttpError::NotFound));
            std::future::ready(response)
        };
        let methods = self.methods.split(", ").filter_map(|name| Method::from_bytes(name.as_bytes()).ok());
        let page = methods
            .fold(resource(self.path, self.methods), |page, method| page.route(web::method(method).to(answer.clone())));
        config.service(page);
    }
}
