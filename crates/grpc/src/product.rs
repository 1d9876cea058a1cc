//! Products: `proto/gocommerce/product.proto` over the use cases of `app::product`.

use crate::call::{admit, admit_early, run};
use crate::proto::product::product_command_service_server::ProductCommandService;
use crate::proto::product::product_query_service_server::ProductQueryService;
use crate::proto::product::{
    CreateProductRequest, DeleteProductRequest, DeleteProductResponse, EmptyRequest, GetProductByIdRequest,
    ListProductResponse, ProductResponse, UpdateProductRequest,
};
use crate::upload::UploadPermit;
use app::App;
use app::entity_tag::{EntityTags, etag};
use app::page::{Page, PageForm, PageNames};
use app::product::{BrowseForm, DeleteForm, ImageField, ProductForm, ProductView, UpdateForm};
use chrono::{DateTime, Utc};
use domain::product::Upload;
use prost::bytes::Bytes;
use prost_types::Timestamp;
use std::sync::Arc;
use tonic::body::Body;
use tonic::{Request, Response, Status};

/// The names of the fields of a [`PageForm`] in the messages.
pub(crate) const NAMES: PageNames = PageNames { limit: "page_size", cursor: "page_token" };

pub(crate) struct ProductCommands(pub(crate) Arc<App>);

pub(crate) struct ProductQueries(pub(crate) Arc<App>);

#[tonic::async_trait]
impl ProductCommandService for ProductCommands {
    async fn create_product(
        &self,
        request: Request<CreateProductRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let call = admit(&request, &self.0.commands.create_product)?;
        let mut permit = UploadPermit::taken(&request);
        let product = run(call, create_form(request.into_inner(), &mut permit)).await?;
        Ok(Response::new(product_response(product)))
    }

    async fn update_product(
        &self,
        request: Request<UpdateProductRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let call = admit(&request, &self.0.commands.update_product)?;
        let mut permit = UploadPermit::taken(&request);
        let product = run(call, update_form(request.into_inner(), &mut permit)).await?;
        Ok(Response::new(product_response(product)))
    }

    async fn delete_product(
        &self,
        request: Request<DeleteProductRequest>,
    ) -> Result<Response<DeleteProductResponse>, Status> {
        let call = admit(&request, &self.0.commands.delete_product)?;
        let DeleteProductRequest { id, etag, .. } = request.into_inner();
        let id = run(call, DeleteForm { id, expected: EntityTags::parse(&etag) }).await?;
        Ok(Response::new(DeleteProductResponse { message: format!("product with id {id} deleted successfully") }))
    }
}

#[tonic::async_trait]
impl ProductQueryService for ProductQueries {
    async fn get_product_by_id(
        &self,
        request: Request<GetProductByIdRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let call = admit(&request, &self.0.queries.view_product)?;
        let product = run(call, request.into_inner().id).await?;
        Ok(Response::new(product_response(product)))
    }

    async fn get_all_products(&self, request: Request<EmptyRequest>) -> Result<Response<ListProductResponse>, Status> {
        let call = admit(&request, &self.0.queries.browse_products)?;
        let page = run(call, browse_form(request.into_inner())).await?;
        Ok(Response::new(list_response(page)))
    }
}

/// Admits the caller of a command before its message is read, which may be large.
pub(crate) fn gate(app: &App, request: &mut http::Request<Body>) -> Result<(), Status> {
    match request.uri().path() {
        "/product.ProductCommandService/CreateProduct" => admit_early(request, &app.commands.create_product),
        "/product.ProductCommandService/UpdateProduct" => admit_early(request, &app.commands.update_product),
        "/product.ProductCommandService/DeleteProduct" => admit_early(request, &app.commands.delete_product),
        // The service itself answers an unknown rpc.
        _ => Ok(()),
    }
}

fn create_form(message: CreateProductRequest, permit: &mut Option<UploadPermit>) -> ProductForm {
    ProductForm {
        name: message.name,
        description: message.description,
        price: message.price,
        stock: message.stock.to_string(),
        image: image(message.image_bytes, permit),
    }
}

fn update_form(message: UpdateProductRequest, permit: &mut Option<UploadPermit>) -> UpdateForm {
    UpdateForm {
        id: message.id,
        expected: EntityTags::parse(&message.etag),
        fields: ProductForm {
            name: message.name.unwrap_or_default(),
            description: message.description.unwrap_or_default(),
            price: message.price.unwrap_or_default(),
            stock: message.stock.map(|stock| stock.to_string()).unwrap_or_default(),
            image: image(message.image_bytes, permit),
        },
    }
}

/// The image, with the permit of its request. A large message without an image keeps its permit until it is answered.
fn image(bytes: Bytes, permit: &mut Option<UploadPermit>) -> ImageField {
    if bytes.is_empty() {
        return ImageField::Absent;
    }
    // The message's own memory, not a copy.
    ImageField::File(Upload::new("image_bytes", bytes.into()).holding(permit.take()))
}

fn browse_form(message: EmptyRequest) -> BrowseForm {
    let limit = if message.page_size == 0 { String::new() } else { message.page_size.to_string() };
    BrowseForm {
        q: message.q,
        seller: message.seller,
        min_price: message.min_price,
        max_price: message.max_price,
        sort: message.sort,
        page: PageForm { page: String::new(), limit, cursor: message.page_token, names: NAMES },
    }
}

fn list_response(page: Page<ProductView>) -> ListProductResponse {
    ListProductResponse {
        products: page.items.into_iter().map(product_response).collect(),
        next_page_token: page.next.unwrap_or_default(),
    }
}

pub(crate) fn product_response(product: ProductView) -> ProductResponse {
    ProductResponse {
        id: product.id.to_string(),
        user_id: product.seller.to_string(),
        name: product.name,
        description: product.description,
        price: product.price.to_string(),
        stock: product.stock,
        image_url: product.image_url,
        created_at: Some(timestamp(product.created_at)),
        updated_at: Some(timestamp(product.updated_at)),
        etag: etag(product.version),
    }
}

pub(crate) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default();
    Timestamp { seconds: time.timestamp(), nanos }
}
