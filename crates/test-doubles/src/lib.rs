//! Doubles of the core's ports, for the tests of what stands before them: each protocol's own wire.
//!
//! They let a test say what the storage does, such as to hang or to fail, which a real database would not do on demand. What
//! the shop promises is not tested with them but with real parts, in `acceptance`. Nothing that is shipped may use this
//! crate.
//!
//! Start with [`FakePorts`], which plays the ports of accounts and all that calls share; [`FakeProducts`] plays those of products,
//! [`FakePayments`] those of payments; [`app`] puts the application together. [`Proxy`] stands between a client and the wire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a double that breaks fails its test")]

mod accounts;
mod app;
mod payments;
mod ports;
mod products;
mod proxy;

pub use app::{TestRuntime, app};
pub use payments::{FakePayments, GatewayBehavior, SIGNATURE};
pub use ports::{
    FakePorts, OTHER_SELLER, OTHER_SELLER_TOKEN, OWNER, PANIC_TOKEN, RETRY_AFTER, Report, SECRET, SELLER, SELLER_TOKEN,
    StorageBehavior, TOKEN,
};
pub use products::FakeProducts;
pub use proxy::Proxy;
