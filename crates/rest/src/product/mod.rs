//! Products.

mod body;
mod query;

pub(crate) use self::body::{ProductBody, example, time};

use self::body::{ProductChange, ProductChangeUpload, ProductForm as FormBody, ProductUpload};
use self::query::ListQuery;
use crate::addresses::Addresses;
use crate::body::{FileField, Form, query as read_query};
use crate::envelope::{Answer, Done, Reply, Success};
use crate::error::{ApiError, HttpError};
use crate::extract::Call;
use crate::list::List;
use crate::openapi::error_responses::{ErrorsWithBody, ErrorsWithId, ErrorsWithQuery};
use crate::server::resource;
use actix_web::HttpRequest;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION};
use actix_web::web::{self, Data, Path, ServiceConfig};
use app::App;
use app::entity_tag::EntityTags;
use app::product::{
    BrowseProducts, CreateProduct, DeleteForm, DeleteProduct, ProductForm, ProductView, UpdateForm, UpdateProduct,
    ViewProduct,
};

/// The field that holds a product's image.
const IMAGE: FileField = FileField("image_url");

pub(crate) fn routes(config: &mut ServiceConfig) {
    let all = resource("/products", "GET, HEAD, POST").get(browse).route(web::head().to(browse)).post(create);
    let one = resource("/products/{id}", "GET, HEAD, PUT, DELETE").get(view).route(web::head().to(view));
    config.service(all).service(one.put(update).delete(delete));
}

/// What a request's header says of the versions that its client knows. Several lines of it are one list.
fn tags(request: &HttpRequest, name: HeaderName) -> EntityTags {
    let values = request.headers().get_all(name).map(|value| value.to_str().unwrap_or("unreadable"));
    EntityTags::parse(&values.collect::<Vec<_>>().join(","))
}

/// Reads what a client sends about a product.
async fn read(form: Form<FormBody>) -> Result<ProductForm, ApiError> {
    let (fields, file) = form.read_with_file(IMAGE).await?;
    fields.with_file(file).ok_or_else(|| HttpError::MalformedBody.into())
}

/// Offers a product.
///
/// Only sellers do. An image comes as a file in a multipart body, JPEG or PNG by its content, of at most 10 MiB; or as the
/// address of one elsewhere on the web.
#[utoipa::path(
    post,
    path = "/products",
    operation_id = "create_product",
    summary = "Offer a product",
    tag = "products",
    security(("bearer" = [])),
    request_body(content(
        (FormBody = "application/json"),
        (FormBody = "application/x-www-form-urlencoded"),
        (ProductUpload = "multipart/form-data"),
    )),
    responses(
        (
            status = 201,
            description = "The product is offered",
            body = Success<ProductBody>,
            headers(
                ("ETag" = String, description = "This version of the product"),
                ("Location" = String, description = "Where the product is"),
            ),
            example = json!({
                "meta": { "success": true, "message": "data created successfully" },
                "results": body::example(),
            }),
        ),
        ErrorsWithBody<CreateProduct>,
    )
)]
pub(crate) async fn create(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    form: Form<FormBody>,
) -> Result<Reply<ProductBody>, ApiError> {
    let admitted = call.admit(&app.commands.create_product)?;
    let product = addresses.product(call.run(admitted, read(form).await?).await?);
    let location = addresses.of_path(&format!("/products/{}", product.id));
    Ok(shown(Reply::created, "data created successfully", product).header(LOCATION, location))
}

/// Changes a product of one's own.
///
/// Only its seller does. A field that is absent, `null` or empty stays as it is. With `If-Match` the change is made to that version or not at all.
#[utoipa::path(
    put,
    path = "/products/{id}",
    operation_id = "update_product",
    summary = "Change a product",
    tag = "products",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The product's identifier", format = Uuid),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that the change is for"),
    ),
    request_body(content(
        (ProductChange = "application/json"),
        (ProductChange = "application/x-www-form-urlencoded"),
        (ProductChangeUpload = "multipart/form-data"),
    )),
    responses(
        (
            status = 200,
            description = "The product as it is now",
            body = Success<ProductBody>,
            headers(("ETag" = String, description = "This version of the product")),
            example = json!({
                "meta": { "success": true, "message": "data updated successfully" },
                "results": body::example(),
            }),
        ),
        ErrorsWithBody<UpdateProduct>,
    )
)]
pub(crate) async fn update(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    request: HttpRequest,
    id: Path<String>,
    form: Form<FormBody>,
) -> Result<Reply<ProductBody>, ApiError> {
    let admitted = call.admit(&app.commands.update_product)?;
    let expected = tags(&request, IF_MATCH);
    let fields = read(form).await?;
    let product = call.run(admitted, UpdateForm { id: id.into_inner(), fields, expected }).await?;
    Ok(shown(Reply::ok, "data updated successfully", addresses.product(product)))
}

/// Withdraws a product of one's own.
///
/// Nobody reads it any more. With `If-Match` that version is withdrawn or none.
#[utoipa::path(
    delete,
    path = "/products/{id}",
    operation_id = "delete_product",
    summary = "Withdraw a product",
    tag = "products",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The product's identifier", format = Uuid),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that is to be withdrawn"),
    ),
    responses(
        (
            status = 200,
            description = "The product is no more",
            body = Done,
            example = json!({ "meta": { "success": true, "message": "product successfully deleted" } }),
        ),
        ErrorsWithId<DeleteProduct>,
    )
)]
pub(crate) async fn delete(
    app: Data<App>,
    call: Call,
    request: HttpRequest,
    id: Path<String>,
) -> Result<Answer<Done>, ApiError> {
    let admitted = call.admit(&app.commands.delete_product)?;
    call.run(admitted, DeleteForm { id: id.into_inner(), expected: tags(&request, IF_MATCH) }).await?;
    Ok(Answer::done("product successfully deleted"))
}

/// Shows a product.
#[utoipa::path(
    get,
    path = "/products/{id}",
    operation_id = "view_product",
    summary = "Show a product",
    tag = "products",
    params(
        ("id" = String, Path, description = "The product's identifier", format = Uuid),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the version that the client has"),
    ),
    responses(
        (
            status = 200,
            description = "The product",
            body = Success<ProductBody>,
            headers(("ETag" = String, description = "This version of the product")),
            example = json!({
                "meta": { "success": true, "message": "data retrieved successfully" },
                "results": body::example(),
            }),
        ),
        (
            status = 304,
            description = "The product is still the one that `If-None-Match` tells of",
            headers(("ETag" = String, description = "This version of the product")),
        ),
        ErrorsWithId<ViewProduct>,
    )
)]
pub(crate) async fn view(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    request: HttpRequest,
    id: Path<String>,
) -> Result<Reply<ProductBody>, ApiError> {
    let admitted = call.admit(&app.queries.view_product)?;
    let product = call.run(admitted, id.into_inner()).await?;
    let tag = product.etag();
    let answer = if tags(&request, IF_NONE_MATCH).know(&tag) {
        Reply::not_modified().header(ETAG, tag)
    } else {
        shown(Reply::ok, "data retrieved successfully", addresses.product(product))
    };
    // A cache may store the product and has to revalidate it each time, which the tag makes cheap.
    Ok(answer.header(CACHE_CONTROL, "no-cache"))
}

/// An answer that shows a product and tells its version.
fn shown(
    reply: impl FnOnce(&'static str, ProductBody) -> Reply<ProductBody>,
    message: &'static str,
    product: ProductView,
) -> Reply<ProductBody> {
    let tag = product.etag();
    reply(message, product.into()).header(ETAG, tag)
}

/// Shows a list of products, page by page.
///
/// Pages come by number, or from a cursor on: the header `Link` has the address of the next one, which costs the same
/// however far inside the list it is, and which products that are offered meanwhile do not shift.
#[utoipa::path(
    get,
    path = "/products",
    operation_id = "browse_products",
    summary = "List products",
    tag = "products",
    params(ListQuery),
    responses(
        (
            status = 200,
            description = "The products",
            body = List<ProductBody>,
            headers(("Link" = String, description = "Where the next page is, as `<…>; rel=\"next\"`, if there is one; relative to this one's address")),
            example = json!({
                "meta": {
                    "success": true,
                    "message": "data retrieved successfully",
                    "current_page": 1,
                    "total_pages": 1,
                    "total_items": 1,
                    "items_per_page": 100,
                    "has_next_page": false,
                    "has_previous_page": false,
                },
                "results": [body::example()],
            }),
        ),
        ErrorsWithQuery<BrowseProducts>,
    )
)]
pub(crate) async fn browse(
    app: Data<App>,
    call: Call,
    addresses: Addresses,
    request: HttpRequest,
) -> Result<Answer<List<ProductBody>>, ApiError> {
    let admitted = call.admit(&app.queries.browse_products)?;
    let query: ListQuery = read_query(&request)?;
    let page = call.run(admitted, query.into()).await?;
    Ok(Answer::list(&request, "data retrieved successfully", page, |product| addresses.product(product).into()))
}
