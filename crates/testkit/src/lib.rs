//! No product code: what scenarios, tests and measurements start and call.
//!
//! [`world::World`] is the product's own server on free ports, with a database and a clock of its own. A test calls it through
//! a [`client::ShopClient`], which is either [`rest::RestClient`] or [`grpc::GrpcClient`]; each of them also checks its own wire format on
//! every call. [`binary`] starts the real binary instead, [`database_server`] a database server that a test may stop and freeze.
//! [`harness`] runs scenarios for every protocol on every database.
//!
//! Start with [`world`]. What the shop promises is written in the crate `acceptance`.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this crate is test code: a failed step is a failed test"
)]

pub mod binary;
pub mod client;
pub mod clock;
pub mod database;
pub mod database_server;
pub mod golden;
pub mod grpc;
pub mod harness;
pub mod image_files;
pub mod member;
pub mod payment_fixture;
pub mod raw;
pub mod rest;
pub mod s3;
pub mod token;
pub mod world;
