//! The query of a list of products.

use app::page::{PageForm, PageNames};
use app::product::BrowseForm;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which products, in which order, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ListQuery {
    /// The page's number, counted from one, which it is where neither this nor `cursor` is given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    page: String,
    /// How many products a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 100)]
    limit: String,
    /// Where the page begins, as the header `Link` of the one before tells; not together with `page`. Empty, it is as good as
    /// absent.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]*$", max_length = 4096)]
    cursor: String,
    /// The order: `newest`, `oldest`, `price` (the cheapest first), `-price` or `name`. Empty, it is as good as absent.
    #[param(value_type = Option<String>, pattern = "^(|newest|oldest|price|-price|name)$", default = "newest")]
    sort: String,
    /// Only products whose name holds this text, to the letter but in whatever case.
    #[param(value_type = Option<String>, pattern = "^([^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*|\\s*)$", max_length = 100)]
    q: String,
    /// Only products of this account: its identifier, a UUID. Empty, it is as good as absent.
    #[param(value_type = Option<String>, pattern = "^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?$")]
    seller: String,
    /// Only products that cost this much or more: an amount of at most 9999999999999.99, with at most two decimals.
    #[param(value_type = Option<String>, pattern = "^([0-9]{1,13}(\\.[0-9]{1,2})?)?$", example = "1000")]
    min_price: String,
    /// Only products that cost this much or less; not below `min_price`.
    #[param(value_type = Option<String>, pattern = "^([0-9]{1,13}(\\.[0-9]{1,2})?)?$", example = "2500.50")]
    max_price: String,
}

impl From<ListQuery> for BrowseForm {
    fn from(query: ListQuery) -> Self {
        let ListQuery { page, limit, cursor, sort, q, seller, min_price, max_price } = query;
        let page = PageForm { page, limit, cursor, names: PageNames::default() };
        Self { q, seller, min_price, max_price, sort, page }
    }
}
