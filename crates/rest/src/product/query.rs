//! What a list of products can be asked for in a query.

use actix_web::HttpRequest;
use domain::page::{PageForm, PageNames};
use domain::product::BrowseForm;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which products, in which order, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ListQuery {
    /// The page's number, counted from one.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000, default = 1)]
    page: String,
    /// How many products a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 100)]
    limit: String,
    /// Where the page begins, as the header `Link` of the one before tells; not together with `page`.
    #[param(value_type = Option<String>)]
    cursor: String,
    /// The order: `newest`, `oldest`, `price` (the cheapest first), `-price` or `name`.
    #[param(value_type = Option<String>, pattern = "^(newest|oldest|price|-price|name)$", default = "newest")]
    sort: String,
    /// Only products whose name holds this text, to the letter but in whatever case.
    #[param(value_type = Option<String>, max_length = 100)]
    q: String,
    /// Only products of this account.
    #[param(value_type = Option<String>, format = Uuid)]
    seller: String,
    /// Only products that cost this much or more.
    #[param(value_type = Option<String>, example = "1000")]
    min_price: String,
    /// Only products that cost this much or less.
    #[param(value_type = Option<String>, example = "2500.50")]
    max_price: String,
}

impl From<ListQuery> for BrowseForm {
    fn from(query: ListQuery) -> Self {
        let ListQuery { page, limit, cursor, sort, q, seller, min_price, max_price } = query;
        let page = PageForm { page, limit, cursor, names: PageNames::default() };
        Self { q, seller, min_price, max_price, sort, page }
    }
}

/// Where the next page is (RFC 8288): the same list, from a cursor on. The reference has a query alone, so that it holds at
/// whatever address the client has found the list (RFC 3986 §5.2.2).
pub(crate) fn next_page(request: &HttpRequest, cursor: &str) -> String {
    let kept = request.query_string().split('&').filter(|pair| !pair.is_empty() && !is_place(pair));
    let cursor = format!("cursor={cursor}");
    let query = kept.chain([cursor.as_str()]).collect::<Vec<_>>().join("&");
    format!("<?{query}>; rel=\"next\"")
}

/// Whether a parameter tells where a page begins.
fn is_place(pair: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    let name = percent_decode_str(name).decode_utf8_lossy();
    name == "page" || name == "cursor"
}
