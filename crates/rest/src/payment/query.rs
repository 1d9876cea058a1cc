//! The query of a list of payments.

use app::page::{PageForm, PageNames};
use app::payment::BrowsePaymentsForm;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which payments, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ListQuery {
    /// The page's number, counted from one, which it is where neither this nor `cursor` is given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    page: String,
    /// How many payments a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 100)]
    limit: String,
    /// Where the page begins, as the header `Link` of the one before tells; not together with `page`. Empty, it is as good as
    /// absent.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]*$", max_length = 4096)]
    cursor: String,
    /// Only payments with this status: `pending`, `success`, `deny`, `cancel`, `expire`, `failure`, `refund`, `partial_refund` or
    /// `chargeback`. Empty, it is as good as absent.
    #[param(value_type = Option<String>, pattern = "^(|pending|success|deny|cancel|expire|failure|refund|partial_refund|chargeback)$")]
    status: String,
}

impl From<ListQuery> for BrowsePaymentsForm {
    fn from(query: ListQuery) -> Self {
        let ListQuery { page, limit, cursor, status } = query;
        Self { status, page: PageForm { page, limit, cursor, names: PageNames::default() } }
    }
}
