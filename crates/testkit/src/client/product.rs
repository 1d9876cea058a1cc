//! Products as clients send and receive them.

use std::fmt;

/// The fields of a product; a `None` is left out of the request.
#[derive(Clone, Debug, Default)]
pub struct ProductForm {
    pub name: Option<String>,
    pub description: Option<String>,
    pub price: Option<String>,
    pub stock: Option<i32>,
    pub image: Option<ImageFile>,
}

#[derive(Clone)]
pub struct ImageFile {
    /// The file name on the sender's machine.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} bytes", self.name, self.bytes.len())
    }
}

#[must_use]
pub fn teapot() -> ProductForm {
    change().name("Teapot").description("Holds a litre.\nPours without a drop.").price("199000").stock(12)
}

/// A form without any field.
#[must_use]
pub fn change() -> ProductForm {
    ProductForm::default()
}

impl ProductForm {
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    #[must_use]
    pub fn description(self, description: impl Into<String>) -> Self {
        Self { description: Some(description.into()), ..self }
    }

    #[must_use]
    pub fn price(self, price: impl Into<String>) -> Self {
        Self { price: Some(price.into()), ..self }
    }

    #[must_use]
    pub fn stock(self, stock: i32) -> Self {
        Self { stock: Some(stock), ..self }
    }

    /// The same with an image called `photo.png`.
    #[must_use]
    pub fn image(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.image_named("photo.png", bytes)
    }

    /// The same with an image, sent under any name.
    #[must_use]
    pub fn image_named(self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { image: Some(ImageFile { name: name.to_owned(), bytes: bytes.into() }), ..self }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub id: String,
    pub user_id: String,
    pub name: String,
    pub description: String,
    pub price: String,
    pub stock: i32,
    /// Empty where the product has no image.
    pub image_url: String,
    /// RFC 3339 with microseconds, over both protocols.
    pub created_at: String,
    pub updated_at: String,
    /// The entity tag. Empty in a list, where REST sends none.
    pub etag: String,
}

impl Product {
    /// The product as a list holds it.
    #[must_use]
    pub fn listed(&self) -> Self {
        Self { etag: String::new(), ..self.clone() }
    }
}

/// The parameters of a list of products; an empty one is left out of the request.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub limit: Option<i32>,
    /// The cursor that the page before ended with.
    pub cursor: String,
    pub sort: String,
    /// The text that names must contain.
    pub q: String,
    pub seller: String,
    pub min_price: String,
    pub max_price: String,
}

impl Query {
    /// The same in another order.
    #[must_use]
    pub fn sort(self, sort: &str) -> Self {
        Self { sort: sort.to_owned(), ..self }
    }

    /// The same for names that hold a text.
    #[must_use]
    pub fn q(self, q: &str) -> Self {
        Self { q: q.to_owned(), ..self }
    }

    /// The same for one seller's products.
    #[must_use]
    pub fn seller(self, seller: &str) -> Self {
        Self { seller: seller.to_owned(), ..self }
    }

    /// The same for products with a price from `min` to `max`, both inclusive.
    #[must_use]
    pub fn costing(self, min: &str, max: &str) -> Self {
        Self { min_price: min.to_owned(), max_price: max.to_owned(), ..self }
    }

    /// The same in pieces of this size.
    #[must_use]
    pub fn limit(self, limit: i32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The query for the page after a cursor.
    #[must_use]
    pub fn after(&self, cursor: &str) -> Self {
        Self { cursor: cursor.to_owned(), ..self.clone() }
    }
}

#[derive(Clone, Debug)]
pub struct Listing {
    pub items: Vec<Product>,
    /// The number of products in the whole list; `None` over gRPC.
    pub total: Option<u64>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl Listing {
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.items.iter().map(|product| product.name.as_str()).collect()
    }
}
