//! Accounts that are registered and logged in.

use crate::shop::{LoggedIn, RegisterForm, Shop, ada};
use crate::world::World;

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
pub async fn member(world: &World, role: &str, email: &str) -> Member {
    let entered = entered(&*world.shop(), &ada().role(role).email(email)).await;
    let shop = world.shop().bearing(&format!("Bearer {}", entered.token));
    Member { id: entered.id, token: entered.token, shop }
}

/// Opens a seller's account and enters it.
pub async fn seller(world: &World) -> Member {
    member(world, "seller", "ada@example.com").await
}

/// Opens an account and enters it.
pub async fn entered(shop: &dyn Shop, form: &RegisterForm) -> LoggedIn {
    shop.register(form).await.unwrap();
    shop.login(&form.email, &form.password).await.unwrap()
}
