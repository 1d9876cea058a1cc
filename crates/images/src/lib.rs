//! Images of products: what is taken, and where it is kept.
//!
//! [`Inspector`] finds out whether bytes are an image, and strips them: `jpeg.rs` and `png.rs` take a file apart and put
//! together what is needed to show it, `icc.rs` knows colour profiles, `exif.rs` how an image is to be turned. [`Store`] keeps
//! images in a folder or in a bucket; [`Store::check`] finds out whether it can.

mod check;
mod exif;
mod fault;
mod icc;
mod inspector;
mod jpeg;
mod local;
mod png;
mod s3;
mod sign;
mod store;

pub use check::{Change, Hint, Outcome, Report, Step};
pub use inspector::{Inspector, InspectorOptions};
pub use local::LocalOptions;
pub use s3::{Checksum, S3Options};
pub use store::{Store, StoreGauges};

/// Cuts `count` bytes off the front of what is left of a file.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

/// Cuts `N` bytes off the front of what is left of a file.
fn take_chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}
