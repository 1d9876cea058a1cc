//! No product code: what the shop promises, as scenarios that are written once and run over both protocols and all databases.
//!
//! A scenario is one async function in [`scenarios`]. It calls the shop through a client of either protocol; clients, servers
//! and databases are in the crate `testkit`. `tests/matrix.rs` runs every scenario on every database over every protocol and
//! names it `{protocol}/{database}/{context}/{scenario}`.
//!
//! Start with one scenario, for instance [`scenarios::user::registering`], and add yours to the list in [`scenarios`].
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this crate is test code: a failed step is a failed test"
)]

pub mod scenarios;
