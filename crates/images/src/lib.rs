//! Images of products: inspection and storage.
//!
//! [`Inspector`] validates and strips images: `jpeg.rs` and `png.rs` parse a file and rebuild it from the parts that are
//! needed to show it, `icc.rs` checks colour profiles, `exif.rs` writes the orientation. [`Store`] stores images in a folder
//! or a bucket; [`Store::check`] tests the store.

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

/// Takes `count` bytes from the front of a slice.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

/// Takes `N` bytes from the front of a slice.
fn take_chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}
