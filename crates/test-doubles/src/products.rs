//! The ports of products: products in memory, and an image store that a test can block.

use crate::ports::FakePorts;
use app::clock::Deadline;
use app::context::Reader;
use app::entity_tag::EntityTags;
use app::page::PageStart;
use app::product::{
    Filter, ImageInspector, ImageLedger, ImageStore, ProductListing, ProductLists, ProductQueries, ProductTotals,
    Products, Removal, Sort, SortKey, SortPosition,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::error::{Error, ErrorCode, Reason};
use domain::product::{Changes, Details, Image, ImageAddress, ImageFormat, ImageKey, Owned, Product, ProductId};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The signatures of JPEG and PNG files.
const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF];
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];

#[derive(Default)]
pub struct FakeProducts {
    pub products: Mutex<BTreeMap<ProductId, Product>>,
    /// The sizes of the stored images by key.
    pub images: Mutex<BTreeMap<String, usize>>,
    /// Held during an inspection; a test that holds it blocks every inspection.
    pub inspecting: tokio::sync::Mutex<()>,
    /// The base of image URLs; another site's by default.
    pub image_base_url: Mutex<Option<&'static str>>,
}

impl FakeProducts {
    /// The product, if its entity tag permits a change.
    fn changeable(&self, id: ProductId, expected: &EntityTags) -> Result<Product, Error> {
        let product = self.products.lock().unwrap().get(&id).cloned().ok_or(ErrorCode::ProductNotFound)?;
        if expected.permit(product.version()) { Ok(product) } else { Err(ErrorCode::ProductChanged.into()) }
    }
}

#[async_trait]
impl Products for FakePorts {
    async fn add(&self, product: &Product, _by: Deadline) -> Result<(), Error> {
        self.behave().await?;
        self.products.products.lock().unwrap().insert(product.id(), product.clone());
        Ok(())
    }

    async fn product(&self, id: ProductId, _by: Deadline) -> Result<Option<Product>, Error> {
        self.behave().await?;
        Ok(self.products.products.lock().unwrap().get(&id).cloned())
    }

    async fn update(
        &self,
        owned: &Owned,
        changes: &Changes,
        expected: &EntityTags,
        now: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<Product, Error> {
        let product = self.products.changeable(owned.product().id(), expected)?;
        let (old, new) = (product.details().clone(), changes.clone());
        let details = Details {
            name: new.name.unwrap_or(old.name),
            description: new.description.unwrap_or(old.description),
            price: new.price.unwrap_or(old.price),
            stock: new.stock.unwrap_or(old.stock),
            picture: new.picture.unwrap_or(old.picture),
        };
        let (id, seller) = (product.id(), product.seller());
        let changed = Product::restore(id, seller, details, product.version().next(), product.created_at(), now);
        self.products.products.lock().unwrap().insert(id, changed.clone());
        Ok(changed)
    }

    async fn delete(
        &self,
        owned: &Owned,
        expected: &EntityTags,
        _now: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<(), Error> {
        let id = self.products.changeable(owned.product().id(), expected)?.id();
        self.products.products.lock().unwrap().remove(&id);
        Ok(())
    }
}

#[async_trait]
impl ProductQueries for FakePorts {
    async fn product(&self, id: ProductId, by: Deadline) -> Result<Option<Product>, Error> {
        Products::product(self, id, by).await
    }
}

#[async_trait]
impl ProductLists for FakePorts {
    async fn list(&self, listing: &ProductListing, _reader: Reader, _by: Deadline) -> Result<Vec<Product>, Error> {
        self.behave().await?;
        let mut products: Vec<_> = self
            .products
            .products
            .lock()
            .unwrap()
            .values()
            .filter(|product| passes(product, &listing.filter))
            .cloned()
            .collect();
        products.sort_by(|one, other| compare(&place(one, listing.sort), &place(other, listing.sort), listing.sort));
        let is_wanted = |product: &Product| match &listing.page.start {
            PageStart::After(last) => compare(&place(product, listing.sort), last, listing.sort) == Ordering::Greater,
            PageStart::Offset(_) => true,
        };
        let skipped = match listing.page.start {
            PageStart::Offset(offset) => usize::try_from(offset).unwrap(),
            PageStart::After(_) => 0,
        };
        let limit = listing.page.limit as usize + 1;
        Ok(products.into_iter().filter(is_wanted).skip(skipped).take(limit).collect())
    }

    async fn count(&self, filter: &Filter, _reader: Reader, _by: Deadline) -> Result<u64, Error> {
        let products = self.products.products.lock().unwrap();
        Ok(products.values().filter(|product| passes(product, filter)).count() as u64)
    }
}

fn passes(product: &Product, filter: &Filter) -> bool {
    let details = product.details();
    let price = details.price.money();
    filter.text.as_ref().is_none_or(|text| details.name.key().contains(text.key()))
        && filter.seller.is_none_or(|seller| product.seller() == seller)
        && filter.min_price.is_none_or(|min| price >= min)
        && filter.max_price.is_none_or(|max| price <= max)
}

fn place(product: &Product, sort: Sort) -> SortPosition {
    let key = match sort {
        Sort::Newest | Sort::Oldest => SortKey::CreatedAt(product.created_at()),
        Sort::Price | Sort::PriceDescending => SortKey::Price(product.details().price.money()),
        Sort::Name => SortKey::Name(product.details().name.key()),
    };
    SortPosition { key, id: product.id() }
}

fn compare(one: &SortPosition, other: &SortPosition, sort: Sort) -> Ordering {
    let keys = match (&one.key, &other.key) {
        (SortKey::CreatedAt(one), SortKey::CreatedAt(other)) => one.cmp(other),
        (SortKey::Price(one), SortKey::Price(other)) => one.cmp(other),
        (SortKey::Name(one), SortKey::Name(other)) => one.cmp(other),
        other => panic!("keys of different kinds: {other:?}"),
    };
    let order = keys.then(one.id.cmp(&other.id));
    if sort.is_descending() { order.reverse() } else { order }
}

#[async_trait]
impl ProductTotals for FakePorts {
    async fn total(&self, filter: &Filter, reader: Reader, by: Deadline) -> Result<u64, Error> {
        self.count(filter, reader, by).await
    }

    fn changed(&self) {}
}

#[async_trait]
impl ImageInspector for FakePorts {
    async fn inspect(&self, bytes: Vec<u8>, _by: Deadline) -> Result<Result<Image, Reason>, Error> {
        let _turn = self.products.inspecting.lock().await;
        let format = if bytes.starts_with(JPEG) {
            ImageFormat::Jpeg
        } else if bytes.starts_with(PNG) {
            ImageFormat::Png
        } else {
            return Ok(Err(Image::invalid()));
        };
        Ok(Ok(Image { format, bytes }))
    }
}

#[async_trait]
impl ImageStore for FakePorts {
    async fn put(&self, key: &ImageKey, image: Image, _by: Deadline) -> Result<(), Error> {
        self.behave().await?;
        self.products.images.lock().unwrap().insert(key.to_string(), image.bytes.len());
        Ok(())
    }

    async fn remove(&self, key: &ImageKey, _by: Deadline) -> Result<(), Error> {
        self.products.images.lock().unwrap().remove(key.as_str());
        Ok(())
    }

    async fn address(&self, key: &ImageKey) -> Result<ImageAddress, Error> {
        let base = self.products.image_base_url.lock().unwrap().unwrap_or("https://images.example");
        Ok(ImageAddress { url: format!("{base}/{key}"), ends: false })
    }
}

/// Image notes are not stored; they are tested with real parts.
#[async_trait]
impl ImageLedger for FakePorts {
    async fn record_upload(&self, _key: &ImageKey, _due: DateTime<Utc>, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    async fn abandon(&self, _key: &ImageKey, _now: DateTime<Utc>, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    async fn claim(
        &self,
        _limit: u32,
        _now: DateTime<Utc>,
        _retry_at: DateTime<Utc>,
        _by: Deadline,
    ) -> Result<Vec<Removal>, Error> {
        Ok(Vec::new())
    }

    async fn postpone(&self, _key: &ImageKey, _due: DateTime<Utc>, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    async fn forget(&self, _key: &ImageKey, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }
}
