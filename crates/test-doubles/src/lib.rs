//! Doubles of the ports, for the tests of the protocols' wire formats.
//!
//! A test decides what the storage does, such as to hang or to fail, which a real database does not do on demand.
//! The shop's promises are tested with real parts, in `acceptance`. No product code may use this crate.
//!
//! Start with [`FakePorts`], which implements all ports; [`FakeProducts`] and [`FakePayments`] hold its products
//! and payments. [`app`] builds the application on them. [`Proxy`] is a reverse proxy before a server.

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
    FakePorts, OTHER_SELLER, OTHER_SELLER_TOKEN, OWNER, PANIC_TOKEN, RETRY_AFTER, RequestRecord, SECRET, SELLER,
    SELLER_TOKEN, StorageBehavior, TOKEN,
};
pub use products::FakeProducts;
pub use proxy::Proxy;
