//! The table of contents: all that the shop can do.

use crate::payment::{BrowsePayments, Checkout, ReceiveNotification, ViewPayment, ViewTimeline, WatchPayment};
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
    /// Orders a product.
    pub checkout: Handler<Checkout>,
    /// Takes a notification from the payment gateway.
    pub receive_notification: Handler<ReceiveNotification>,

    // Queries
    /// Shows an account to its owner.
    pub view_profile: Handler<ViewProfile>,
    /// Shows a product to anybody.
    pub view_product: Handler<ViewProduct>,
    /// Shows a list of products to anybody.
    pub browse_products: Handler<BrowseProducts>,
    /// Shows a payment to its buyer or its seller.
    pub view_payment: Handler<ViewPayment>,
    /// Shows buyers their purchases and sellers their sales.
    pub browse_payments: Handler<BrowsePayments>,
    /// Tells a payment's story.
    pub view_timeline: Handler<ViewTimeline>,
    /// Lets a payment be watched.
    pub watch_payment: Handler<WatchPayment>,
}
