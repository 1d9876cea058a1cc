//! Accounts that are registered and logged in.

use crate::client::{LoggedIn, RegisterForm, ShopClient, ada};
use crate::world::World;

/// Somebody who has logged in.
pub struct Member {
    /// Their account.
    pub id: String,
    /// Their access token.
    pub token: String,
    /// The shop over the protocol of the cell, as they see it.
    pub client: Box<dyn ShopClient>,
}

/// Opens an account of a role and enters it.
pub async fn member(world: &World, role: &str, email: &str) -> Member {
    let logged_in = register_and_log_in(&*world.client(), &ada().role(role).email(email)).await;
    let client = world.client().with_authorization(&format!("Bearer {}", logged_in.token));
    Member { id: logged_in.id, token: logged_in.token, client }
}

/// Opens a seller's account and enters it.
pub async fn seller(world: &World) -> Member {
    member(world, "seller", "ada@example.com").await
}

/// Opens an account and enters it.
pub async fn register_and_log_in(client: &dyn ShopClient, form: &RegisterForm) -> LoggedIn {
    client.register(form).await.unwrap();
    client.login(&form.email, &form.password).await.unwrap()
}
