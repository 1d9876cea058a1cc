//! The table of contents: all that the shop can do.

use crate::product::{BrowseProducts, CreateProduct, DeleteProduct, UpdateProduct, ViewProduct};
use crate::use_case::{FrontDesk, Handler};
use crate::user::{LoginUser, RegisterUser, ViewProfile};
use std::sync::Arc;

/// All that the shop can do, built once and shared by both protocols.
pub struct App {
    /// What the calls share on their way in and out.
    pub desk: Arc<FrontDesk>,

    // Commands
    /// Opens an account.
    pub register_user: Handler<RegisterUser>,
    /// Trades an e-mail address and a password for an access token.
    pub login_user: Handler<LoginUser>,
    /// Offers a product.
    pub create_product: Handler<CreateProduct>,
    /// Changes a product.
    pub update_product: Handler<UpdateProduct>,
    /// Withdraws a product.
    pub delete_product: Handler<DeleteProduct>,

    // Queries
    /// Shows an account to its owner.
    pub view_profile: Handler<ViewProfile>,
    /// Shows a product to anybody.
    pub view_product: Handler<ViewProduct>,
    /// Shows a list of products to anybody.
    pub browse_products: Handler<BrowseProducts>,
}
