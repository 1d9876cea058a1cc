//! The table of contents: everything that the shop can do.

use crate::payment::{BrowsePayments, Checkout, ReceiveNotification, ViewPayment, ViewTimeline, WatchPayment};
use crate::pipeline::{CallPipeline, Handler};
use crate::product::{BrowseProducts, CreateProduct, DeleteProduct, UpdateProduct, ViewProduct};
use crate::user::{LoginUser, RegisterUser, ViewProfile};
use std::sync::Arc;

/// The whole application, built once and shared by both protocols.
pub struct App {
    pub pipeline: Arc<CallPipeline>,
    pub commands: Commands,
    pub queries: Queries,
}

/// The use cases that change something. A command runs to its end even if its caller has disconnected.
pub struct Commands {
    pub register_user: Handler<RegisterUser>,
    pub login_user: Handler<LoginUser>,
    pub create_product: Handler<CreateProduct>,
    pub update_product: Handler<UpdateProduct>,
    pub delete_product: Handler<DeleteProduct>,
    pub checkout: Handler<Checkout>,
    pub receive_notification: Handler<ReceiveNotification>,
}

/// The use cases that only read. A query ends when its caller disconnects.
pub struct Queries {
    pub view_profile: Handler<ViewProfile>,
    pub view_product: Handler<ViewProduct>,
    pub browse_products: Handler<BrowseProducts>,
    pub view_payment: Handler<ViewPayment>,
    pub browse_payments: Handler<BrowsePayments>,
    pub view_timeline: Handler<ViewTimeline>,
    pub watch_payment: Handler<WatchPayment>,
}
