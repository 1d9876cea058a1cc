//! Products as clients see them.

use std::fmt;

/// What a seller sends about a product; what is `None` is left out of the request.
#[derive(Clone, Debug, Default)]
pub struct ProductForm {
    /// What it is called.
    pub name: Option<String>,
    /// What is told of it.
    pub description: Option<String>,
    /// What one piece costs.
    pub price: Option<String>,
    /// How many pieces there are.
    pub stock: Option<i32>,
    /// How it looks.
    pub image: Option<ImageFile>,
}

/// A file that a seller sends as a product's image.
#[derive(Clone)]
pub struct ImageFile {
    /// What the sender's machine calls it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} bytes", self.name, self.bytes.len())
    }
}

/// A form that is right in every field and has no image.
#[must_use]
pub fn teapot() -> ProductForm {
    change().name("Teapot").description("Holds a litre.\nPours without a drop.").price("199000").stock(12)
}

/// A form that says nothing yet.
#[must_use]
pub fn change() -> ProductForm {
    ProductForm::default()
}

impl ProductForm {
    /// The same with another name.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same with another description.
    #[must_use]
    pub fn description(self, description: impl Into<String>) -> Self {
        Self { description: Some(description.into()), ..self }
    }

    /// The same with another price.
    #[must_use]
    pub fn price(self, price: impl Into<String>) -> Self {
        Self { price: Some(price.into()), ..self }
    }

    /// The same with another stock.
    #[must_use]
    pub fn stock(self, stock: i32) -> Self {
        Self { stock: Some(stock), ..self }
    }

    /// The same with an image, sent under an ordinary name.
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

/// What anybody sees of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Identifies the product.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is called.
    pub name: String,
    /// What is told of it.
    pub description: String,
    /// What one piece costs.
    pub price: String,
    /// How many pieces there are.
    pub stock: i32,
    /// Where its image is; empty where it has none.
    pub image_url: String,
    /// When it was first offered: RFC 3339 with microseconds, whatever the protocol.
    pub created_at: String,
    /// When it was last changed, likewise.
    pub updated_at: String,
    /// Its entity tag. Empty in a list: REST tells it there for no product.
    pub etag: String,
}

impl Product {
    /// The product as a list tells it.
    #[must_use]
    pub fn listed(&self) -> Self {
        Self { etag: String::new(), ..self.clone() }
    }
}

/// What a client asks of a list of products; what is empty is left out of the request.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// How many products a piece has.
    pub limit: Option<i32>,
    /// The end of the piece before.
    pub cursor: String,
    /// In which order.
    pub sort: String,
    /// What names are to hold.
    pub q: String,
    /// Whose products.
    pub seller: String,
    /// What they cost at least.
    pub min_price: String,
    /// What they cost at most.
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

    /// The same for products that cost this much or more, and that much or less.
    #[must_use]
    pub fn costing(self, min: &str, max: &str) -> Self {
        Self { min_price: min.to_owned(), max_price: max.to_owned(), ..self }
    }

    /// The same in pieces of this size.
    #[must_use]
    pub fn limit(self, limit: i32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The piece behind a cursor.
    #[must_use]
    pub fn after(&self, cursor: &str) -> Self {
        Self { cursor: cursor.to_owned(), ..self.clone() }
    }
}

/// A piece of a list of products.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The products.
    pub items: Vec<Product>,
    /// How many products the whole list has; gRPC does not tell.
    pub total: Option<u64>,
    /// The cursor behind the last of them, where more follow.
    pub next: Option<String>,
}

impl Listing {
    /// What the products are called, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.items.iter().map(|product| product.name.as_str()).collect()
    }
}
