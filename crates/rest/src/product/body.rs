//! The bodies of products.

use crate::body::{number, text};
use crate::shapes;
use app::product::{ImageField, ProductForm as Form, ProductView};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::product::Upload;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A product to be offered. Fields that are not listed are ignored.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "Oak desk",
    "description": "A desk of solid oak.",
    "price": "1250000",
    "stock": 12,
    "image_url": "https://images.example/desk.jpg",
}))]
pub(crate) struct ProductForm {
    #[schema(schema_with = shapes::name, required)]
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[schema(schema_with = shapes::description, required)]
    #[serde(default, deserialize_with = "text")]
    description: String,
    #[schema(schema_with = shapes::price, required)]
    #[serde(default, deserialize_with = "number")]
    price: String,
    #[schema(schema_with = shapes::stock, required)]
    #[serde(default, deserialize_with = "number")]
    stock: String,
    #[schema(schema_with = shapes::image_url, required = false)]
    #[serde(default, deserialize_with = "text")]
    image_url: String,
}

/// What is to change about a product. Fields that are not listed are ignored.
#[derive(ToSchema)]
#[schema(example = json!({ "price": "1300000" }))]
#[expect(dead_code, reason = "it is only described: a change is read into a `ProductForm`")]
pub(crate) struct ProductChange {
    #[schema(schema_with = shapes::changed_name, required = false)]
    name: String,
    #[schema(schema_with = shapes::changed_description, required = false)]
    description: String,
    #[schema(schema_with = shapes::changed_price, required = false)]
    price: String,
    #[schema(schema_with = shapes::changed_stock, required = false)]
    stock: String,
    #[schema(schema_with = shapes::changed_image_url, required = false)]
    image_url: String,
}

/// A product to be offered, with its image.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "Oak desk",
    "description": "A desk of solid oak.",
    "price": "1250000",
    "stock": 12,
}))]
#[expect(dead_code, reason = "it is only described: the reader of multipart bodies fills a `ProductForm`")]
pub(crate) struct ProductUpload {
    #[schema(schema_with = shapes::name)]
    name: String,
    #[schema(schema_with = shapes::description)]
    description: String,
    #[schema(schema_with = shapes::price)]
    price: String,
    #[schema(schema_with = shapes::stock)]
    stock: String,
    /// Its image, JPEG or PNG by content: at most 10 MiB, 16384 x 16384 and 65 million pixels. Absent, there is none. In its
    /// place, the field may hold the address of an image on the web, as text without a file name.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream", required = false)]
    image_url: Vec<u8>,
}

/// What is to change about a product, with a new image or without.
#[derive(ToSchema)]
#[schema(example = json!({ "price": "1300000" }))]
#[expect(dead_code, reason = "it is only described: the reader of multipart bodies fills a `ProductForm`")]
pub(crate) struct ProductChangeUpload {
    #[schema(schema_with = shapes::changed_name, required = false)]
    name: String,
    #[schema(schema_with = shapes::changed_description, required = false)]
    description: String,
    #[schema(schema_with = shapes::changed_price, required = false)]
    price: String,
    #[schema(schema_with = shapes::changed_stock, required = false)]
    stock: String,
    /// Its new image, JPEG or PNG by content: at most 10 MiB, 16384 x 16384 and 65 million pixels. Absent, the image stays as it
    /// is. In its place, the field may hold the address of an image on the web, as text without a file name.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream", required = false)]
    image_url: Vec<u8>,
}

impl ProductForm {
    /// The form with its file. None where the field holds both a file and an address.
    pub(super) fn with_file(self, file: Option<Upload>) -> Option<Form> {
        let Self { name, description, price, stock, image_url } = self;
        let image = match (file, image_url.trim()) {
            (None, "") => ImageField::Absent,
            (None, _) => ImageField::Url(image_url),
            (Some(file), "") => ImageField::File(file),
            (Some(_), _) => return None,
        };
        Some(Form { name, description, price, stock, image })
    }
}

/// A product, as anybody sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Product)]
pub(crate) struct ProductBody {
    /// The product's identifier.
    #[schema(format = Uuid)]
    id: String,
    /// Whose it is: an account's identifier.
    #[schema(format = Uuid)]
    user_id: String,
    /// What it is called.
    name: String,
    /// What is told of it.
    description: String,
    /// What one piece costs, as a decimal number without zeros at its end.
    price: String,
    /// How many pieces there are.
    stock: i32,
    /// Where to find its image on the web; empty for none.
    image_url: String,
    /// When it was first offered, in UTC.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed, in UTC.
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<ProductView> for ProductBody {
    fn from(product: ProductView) -> Self {
        Self {
            id: product.id.to_string(),
            user_id: product.seller.to_string(),
            name: product.name,
            description: product.description,
            price: product.price.to_string(),
            stock: product.stock,
            image_url: product.image_url,
            created_at: time(product.created_at),
            updated_at: time(product.updated_at),
        }
    }
}

/// A time to the microsecond, the precision of the databases, so that each answer has the same text.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A product for the description.
pub(crate) fn example() -> serde_json::Value {
    serde_json::json!({
        "id": "0198c5f0-7a3e-7c1d-9f00-2b6a5d1e4c3b",
        "user_id": "0198c5f0-1c2d-7b3a-8e00-5d1e4c3b2b6a",
        "name": "Oak desk",
        "description": "A desk of solid oak.",
        "price": "1250000",
        "stock": 12,
        "image_url": "https://shop.example/media/products/0198c5f0-7a3f-7d00-a100-4c3b2b6a5d1e.jpg",
        "created_at": "2026-01-31T09:26:53.589793Z",
        "updated_at": "2026-01-31T09:26:53.589793Z",
    })
}
