//! No product code: what the shop promises, as scenarios that are written once in the domain's words and run over both
//! protocols and all databases.
//!
//! A scenario is one async function in [`scenarios`]. It speaks to a [`shop::Shop`], which is either [`rest::RestShop`]
//! or [`grpc::GrpcShop`]; each of them also checks its own wire format on every call. The [`world::World`] around them is
//! the product's own server on free ports, with a database and a clock of its own. `tests/matrix.rs` runs every scenario
//! in every cell and names it `{protocol}/{database}/{context}/{scenario}`.
//!
//! Start with one scenario, for instance [`scenarios::user::registering`], and add yours to the list in [`scenarios`].
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this crate is test code: a failed step is a failed test"
)]

pub mod binary;
pub mod clock;
pub mod database;
pub mod golden;
pub mod grpc;
pub mod harness;
pub mod pictures;
pub mod private;
pub mod raw;
pub mod rest;
pub mod s3;
pub mod scenarios;
pub mod shop;
pub mod stall;
pub mod token;
pub mod world;
