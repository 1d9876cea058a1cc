//! Products over both protocols.

use testkit::client::{Listing, Product, Protocol, Query, ShopClient};
use testkit::world::World;

pub mod browsing;
pub mod changing;
pub mod image_ends;
pub mod images;
pub mod offering;
pub mod owning;
pub mod rate_limit;
pub mod s3;
pub mod searching;
pub mod storage;
pub mod uploads;
pub mod values;
pub mod versions;
pub mod withdrawing;

pub const PROTOCOLS: &[Protocol] = &Protocol::ALL;

/// All products of a list, read in pages of this size.
pub(crate) async fn walk(client: &dyn ShopClient, query: &Query, limit: i32) -> Vec<Product> {
    let mut found = Vec::new();
    let mut query = query.clone().limit(limit);
    loop {
        let Listing { items, next, .. } = client.products(&query).await.unwrap();
        assert!(items.len() <= usize::try_from(limit).unwrap());
        found.extend(items);
        match next {
            Some(next) => query = query.after(&next),
            None => return found,
        }
    }
}

/// The name of the image's field in this protocol.
pub(crate) fn image_field(world: &World) -> &'static str {
    match world.protocol() {
        Protocol::Rest => "image_url",
        Protocol::Grpc => "image_bytes",
    }
}
