//! Products: what both protocols promise alike.

use crate::scenarios::user::entered;
use crate::shop::{Listing, Product, Protocol, Query, Shop, ada};
use crate::world::World;

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

/// Both protocols.
pub const PROTOCOLS: &[Protocol] = &Protocol::ALL;

/// Somebody who has logged in.
pub struct Member {
    /// Their account.
    pub id: String,
    /// Their access token.
    pub token: String,
    /// The shop over the protocol of the cell, as they see it.
    pub shop: Box<dyn Shop>,
}

/// Opens an account of a role and enters it.
pub(crate) async fn member(world: &World, role: &str, email: &str) -> Member {
    let entered = entered(&*world.shop(), &ada().role(role).email(email)).await;
    let shop = world.shop().bearing(&format!("Bearer {}", entered.token));
    Member { id: entered.id, token: entered.token, shop }
}

/// Opens a seller's account and enters it.
pub(crate) async fn seller(world: &World) -> Member {
    member(world, "seller", "ada@example.com").await
}

/// All products of a list, in pieces of this size.
pub(crate) async fn walk(shop: &dyn Shop, query: &Query, limit: i32) -> Vec<Product> {
    let mut found = Vec::new();
    let mut query = query.clone().limit(limit);
    loop {
        let Listing { items, next, .. } = shop.products(&query).await.unwrap();
        assert!(items.len() <= usize::try_from(limit).unwrap());
        found.extend(items);
        match next {
            Some(next) => query = query.after(&next),
            None => return found,
        }
    }
}

/// What this protocol calls the field of an image that is a file.
pub(crate) fn image_field(world: &World) -> &'static str {
    match world.protocol() {
        Protocol::Rest => "image_url",
        Protocol::Grpc => "image_bytes",
    }
}
