//! Products: sellers offer, change and withdraw them; anybody looks at them.
//!
//! One file per use case ([`create`], [`update`], [`delete`], [`view`], [`browse`]); [`model`] holds the values and the
//! entity, [`form`] what sellers send, [`listing`] what a list can be asked for, [`image`] and [`gallery`] how a product
//! comes by its image and loses it again ([`cleanup`]), [`ports`] what is needed from outside.

pub mod browse;
pub mod cleanup;
pub mod create;
pub mod delete;
pub mod form;
pub mod gallery;
pub mod image;
pub mod listing;
pub mod model;
pub mod ports;
pub mod update;
pub mod view;

pub use browse::BrowseProducts;
pub use cleanup::ImageCleanup;
pub use create::CreateProduct;
pub use delete::{DeleteForm, DeleteProduct};
pub use form::{ImageField, ProductForm};
pub use gallery::Gallery;
pub use image::{
    Image, ImageAddress, ImageFormat, ImageKey, ImageUrl, MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE, Upload,
};
pub use listing::{BrowseForm, Filter, Listing, SearchText, Sort, SortKey, SortPlace};
pub use model::{Changes, Description, Details, Owned, Picture, Price, Product, ProductId, ProductName, Stock};
pub use ports::{ImageInspector, ImageLedger, ImageStore, ProductQueries, ProductTotals, Products, Removal};
pub use update::{UpdateForm, UpdateProduct};
pub use view::{ProductView, ViewProduct};
