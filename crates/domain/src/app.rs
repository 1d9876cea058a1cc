//! The table of contents: all that the shop can do.

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

    // Queries
    /// Shows an account to its owner.
    pub view_profile: Handler<ViewProfile>,
}
