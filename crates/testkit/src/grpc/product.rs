//! Products over gRPC.

use super::{GrpcClient, read};
use crate::client::{Listing, Outcome, Product, ProductForm, Query, time_text};
use chrono::DateTime;
use domain::money::Money;
use grpc::proto::product::product_command_service_client::ProductCommandServiceClient;
use grpc::proto::product::product_query_service_client::ProductQueryServiceClient;
use grpc::proto::product::{
    CreateProductRequest, DeleteProductRequest, EmptyRequest, GetProductByIdRequest, ProductResponse,
    UpdateProductRequest,
};
use prost_types::Timestamp;

/// Checks ids, amounts and times, which other programs parse.
#[must_use]
pub fn checked(response: ProductResponse) -> Product {
    let etag = &response.etag;
    assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    with_checked_texts(response)
}

pub(super) fn snapshot(response: ProductResponse) -> Product {
    assert_eq!(response.etag, "");
    with_checked_texts(response)
}

fn with_checked_texts(response: ProductResponse) -> Product {
    for id in [&response.id, &response.user_id] {
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), *id);
    }
    assert_eq!(Money::parse(&response.price).unwrap().to_string(), response.price, "not the shortest text of a price");
    Product {
        id: response.id,
        user_id: response.user_id,
        name: response.name,
        description: response.description,
        price: response.price,
        stock: response.stock,
        image_url: response.image_url,
        created_at: text(response.created_at),
        updated_at: text(response.updated_at),
        etag: response.etag,
    }
}

pub(super) fn text(time: Option<Timestamp>) -> String {
    let time = time.unwrap();
    assert_eq!(time.nanos % 1_000, 0, "times are kept to the microsecond");
    time_text(&DateTime::from_timestamp(time.seconds, u32::try_from(time.nanos).unwrap()).unwrap())
}

#[must_use]
#[expect(deprecated, reason = "what is ignored may still be sent")]
pub fn create_message(form: &ProductForm) -> CreateProductRequest {
    let (image_filename, image_bytes) = image(form);
    CreateProductRequest {
        name: form.name.clone().unwrap_or_default(),
        user_id: String::new(),
        description: form.description.clone().unwrap_or_default(),
        price: form.price.clone().unwrap_or_default(),
        stock: form.stock.unwrap_or_default(),
        image_filename,
        image_bytes: image_bytes.into(),
    }
}

#[must_use]
#[expect(deprecated, reason = "what is ignored may still be sent")]
pub fn update_message(id: &str, form: &ProductForm, etag: &str) -> UpdateProductRequest {
    let (image_filename, image_bytes) = image(form);
    UpdateProductRequest {
        id: id.to_owned(),
        user_id: String::new(),
        name: form.name.clone(),
        description: form.description.clone(),
        price: form.price.clone(),
        stock: form.stock,
        image_filename,
        image_bytes: image_bytes.into(),
        etag: etag.to_owned(),
    }
}

fn image(form: &ProductForm) -> (String, Vec<u8>) {
    form.image.clone().map(|image| (image.name, image.bytes)).unwrap_or_default()
}

impl GrpcClient {
    fn commands(&self) -> ProductCommandServiceClient<tonic::transport::Channel> {
        ProductCommandServiceClient::new(self.channel())
    }

    fn queries(&self) -> ProductQueryServiceClient<tonic::transport::Channel> {
        ProductQueryServiceClient::new(self.channel())
    }

    fn etag(&self) -> String {
        self.expected.clone().unwrap_or_default()
    }

    pub(super) async fn create_product(&self, form: &ProductForm) -> Outcome<Product> {
        let request = self.request(create_message(form));
        read(self.commands().create_product(request).await).map(checked)
    }

    pub(super) async fn update_product(&self, id: &str, form: &ProductForm) -> Outcome<Product> {
        let request = self.request(update_message(id, form, &self.etag()));
        read(self.commands().update_product(request).await).map(checked)
    }

    pub(super) async fn delete_product(&self, id: &str) -> Outcome<()> {
        let message = DeleteProductRequest { id: id.to_owned(), etag: self.etag(), ..DeleteProductRequest::default() };
        let deleted = read(self.commands().delete_product(self.request(message)).await)?;
        assert_eq!(deleted.message, format!("product with id {id} deleted successfully"));
        Ok(())
    }

    pub(super) async fn view_product(&self, id: &str) -> Outcome<Product> {
        let request = self.request(GetProductByIdRequest { id: id.to_owned() });
        read(self.queries().get_product_by_id(request).await).map(checked)
    }

    pub(super) async fn browse_products(&self, query: &Query) -> Outcome<Listing> {
        let query = query.clone();
        let message = EmptyRequest {
            page_size: query.limit.unwrap_or_default(),
            page_token: query.cursor,
            sort: query.sort,
            q: query.q,
            seller: query.seller,
            min_price: query.min_price,
            max_price: query.max_price,
        };
        let listed = read(self.queries().get_all_products(self.request(message)).await)?;
        let items = listed.products.into_iter().map(|product| checked(product).listed()).collect();
        let next = Some(listed.next_page_token).filter(|token| !token.is_empty());
        Ok(Listing { items, total: None, next })
    }
}
