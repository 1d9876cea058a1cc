//! What products look like in bodies.

use crate::body::{number, text};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::product::{ImageField, ProductForm as Form, ProductView, Upload};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a client tells of a product. Fields that are not listed are ignored.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct ProductForm {
    /// What it is called.
    #[schema(example = "Oak desk", min_length = 1, max_length = 255)]
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// What is told of it, in several lines if need be.
    #[schema(example = "A desk of solid oak.", min_length = 1, max_length = 5000)]
    #[serde(default, deserialize_with = "text")]
    description: String,
    /// What one piece costs, as a string or a number: more than 0, at most 9999999999999.99, with at most two decimals, and
    /// without separators between thousands.
    #[schema(example = "1250000")]
    #[serde(default, deserialize_with = "number")]
    price: String,
    /// How many pieces there are, as a number or a string that holds one: 0 to 2147483647.
    #[schema(example = 12, value_type = u32)]
    #[serde(default, deserialize_with = "number")]
    stock: String,
    /// The address of its image on the web.
    #[schema(example = "https://images.example/desk.jpg", format = "uri", max_length = 255)]
    #[serde(default, deserialize_with = "text")]
    image_url: String,
}

/// What a client tells of a product, with its image.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is only described: the reader of multipart bodies fills a `ProductForm`")]
pub(crate) struct ProductUpload {
    /// What it is called.
    #[schema(example = "Oak desk", min_length = 1, max_length = 255)]
    name: String,
    /// What is told of it, in several lines if need be.
    #[schema(example = "A desk of solid oak.", min_length = 1, max_length = 5000)]
    description: String,
    /// What one piece costs: more than 0, at most 9999999999999.99, with at most two decimals, and without separators between
    /// thousands.
    #[schema(example = "1250000")]
    price: String,
    /// How many pieces there are: 0 to 2147483647.
    #[schema(example = 12)]
    stock: u32,
    /// Its image, JPEG or PNG by content: at most 10 MiB, 16384 x 16384 and 65 million pixels.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    image_url: Vec<u8>,
}

impl ProductForm {
    /// The form with the file that came beside it; none where it says where the image is in both ways.
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

/// A time to the microsecond, which is what storage keeps: the same text at each reading.
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
