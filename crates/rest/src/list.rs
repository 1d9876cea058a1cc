//! The answers with a page of a list.

use crate::envelope::Answer;
use actix_web::HttpRequest;
use actix_web::http::header::LINK;
use app::page::Page;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use utoipa::ToSchema;

/// What a list says of itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListMeta {
    /// Always `true`.
    success: bool,
    /// What was done, for people.
    message: &'static str,
    /// The number of this page, counted from one.
    current_page: u64,
    /// How many pages of this size there are.
    total_pages: u64,
    /// How many items there are. A large number may be a few seconds old.
    total_items: u64,
    /// How many items a page has.
    items_per_page: u32,
    /// Whether items follow; the header `Link` then tells where.
    has_next_page: bool,
    /// Whether items come before.
    has_previous_page: bool,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<R> {
    meta: ListMeta,
    results: Vec<R>,
}

impl<R> Answer<List<R>> {
    /// A page of a list, with the address of the next page in the header `Link`. `shown` makes the body of one item.
    pub(crate) fn list<T>(request: &HttpRequest, message: &'static str, page: Page<T>, shown: impl Fn(T) -> R) -> Self {
        let meta = ListMeta {
            success: true,
            message,
            current_page: page.number(),
            total_pages: page.count(),
            total_items: page.total,
            items_per_page: page.limit,
            has_next_page: page.next.is_some(),
            has_previous_page: page.has_previous(),
        };
        let answer = Self::new(List { meta, results: page.items.into_iter().map(shown).collect() });
        match page.next {
            Some(cursor) => answer.header(LINK, next_page(request, &cursor)),
            None => answer,
        }
    }
}

/// The link to the next page (RFC 8288): the same list, from a cursor on. The reference has a query alone, so that it holds
/// at any address of the list (RFC 3986 §5.2.2).
fn next_page(request: &HttpRequest, cursor: &str) -> String {
    let kept = request.query_string().split('&').filter(|pair| !pair.is_empty() && !is_start(pair));
    let cursor = format!("cursor={cursor}");
    let query = kept.chain([cursor.as_str()]).collect::<Vec<_>>().join("&");
    format!("<?{query}>; rel=\"next\"")
}

/// Whether a parameter names the start of a page.
fn is_start(pair: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    let name = percent_decode_str(name).decode_utf8_lossy();
    name == "page" || name == "cursor"
}
