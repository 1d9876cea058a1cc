//! A product, its image and the values of its fields.

pub mod image;
pub mod model;

pub use image::{
    Image, ImageAddress, ImageFormat, ImageKey, ImageUrl, MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE, Upload,
};
pub use model::{Changes, Description, Details, Owned, Picture, Price, Product, ProductId, ProductName, Stock};
