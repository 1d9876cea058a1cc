//! Products: sellers create, update and delete them; anybody views them.
//!
//! One file per use case ([`create`], [`update`], [`delete`], [`view`], [`browse`]). [`form`] is what sellers send,
//! [`listing`] what a list can be asked for, [`images`] how an image is stored and [`cleanup`] how it is removed; [`ports`]
//! are the ports.

pub mod browse;
pub mod cleanup;
pub mod create;
pub mod delete;
pub mod form;
pub mod images;
pub mod listing;
pub mod ports;
pub mod update;
pub mod view;

pub use browse::BrowseProducts;
pub use cleanup::ImageCleanup;
pub use create::CreateProduct;
pub use delete::{DeleteForm, DeleteProduct};
pub use form::{ImageField, ProductForm};
pub use images::ProductImages;
pub use listing::{BrowseForm, Filter, ProductListing, SearchText, Sort, SortKey, SortPosition};
pub use ports::{
    ImageInspector, ImageLedger, ImageStore, ProductLists, ProductQueries, ProductTotals, Products, Removal,
};
pub use update::{UpdateForm, UpdateProduct};
pub use view::{ProductView, ViewProduct};
