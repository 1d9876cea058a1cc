//! The table of contents: everything that the shop can do.

use crate::payment::{BrowsePayments, Checkout, ReceiveNotification, ViewPayment, ViewTimeline, WatchPayment};
use crate::pipeline::{CallPipeline, Handler};
use crate::product::{BrowseProducts, CreateProduct, DeleteProduct, UpdateProduct, ViewProduct};
use crate::user::{LoginUser, RegisterUser, ViewProfile};
use std::sync::Arc;

/// The whole application, built once and shared by both protocols.
pub struct App {
    /// What each call passes.
    pub pipeline: Arc<CallPipeline>,
    /// The use cases that change something.
    pub commands: Commands,
    /// The use cases that only read.
    pub queries: Queries,
}

/// The use cases that change something. A command runs to its end even if its caller has disconnected.
pub struct Commands {
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
}

/// The use cases that only read. A query ends when its caller disconnects.
pub struct Queries {
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
    /// Shows what has happened to a payment.
    pub view_timeline: Handler<ViewTimeline>,
    /// Follows a payment as it changes.
    pub watch_payment: Handler<WatchPayment>,
}
