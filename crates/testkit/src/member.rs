//! Accounts that are registered and logged in.

use crate::client::{LoggedIn, RegisterForm, ShopClient, ada};
use crate::world::World;

/// A user who has logged in, with a client that sends the token.
pub struct Member {
    pub id: String,
    pub token: String,
    pub client: Box<dyn ShopClient>,
}

/// Registers a user with a role and logs in.
pub async fn member(world: &World, role: &str, email: &str) -> Member {
    let logged_in = register_and_log_in(&*world.client(), &ada().role(role).email(email)).await;
    let client = world.client().with_authorization(&format!("Bearer {}", logged_in.token));
    Member { id: logged_in.id, token: logged_in.token, client }
}

/// Registers the seller Ada and logs in.
pub async fn seller(world: &World) -> Member {
    member(world, "seller", "ada@example.com").await
}

pub async fn register_and_log_in(client: &dyn ShopClient, form: &RegisterForm) -> LoggedIn {
    client.register(form).await.unwrap();
    client.login(&form.email, &form.password).await.unwrap()
}
