//! What a list of payments can be asked for in a query.

use domain::page::{PageForm, PageNames};
use domain::payment::BrowsePaymentsForm;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which payments, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ListQuery {
    /// The page's number, counted from one.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000, default = 1)]
    page: String,
    /// How many payments a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 100)]
    limit: String,
    /// Where the page begins, as the header `Link` of the one before tells; not together with `page`.
    #[param(value_type = Option<String>)]
    cursor: String,
    /// Only payments with this status.
    #[param(value_type = Option<String>, pattern = "^(pending|success|deny|cancel|expire|failure|refund|partial_refund|chargeback)$")]
    status: String,
}

impl From<ListQuery> for BrowsePaymentsForm {
    fn from(query: ListQuery) -> Self {
        let ListQuery { page, limit, cursor, status } = query;
        Self { status, page: PageForm { page, limit, cursor, names: PageNames::default() } }
    }
}
