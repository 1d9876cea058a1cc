//! No product code: servers, clients and fixtures for scenarios, tests and measurements.
//!
//! [`world::World`] runs the product's server on free ports with its own database and clock. A test calls the
//! server through a [`client::ShopClient`], which is a [`rest::RestClient`] or a [`grpc::GrpcClient`]; both check
//! their wire format on every call. [`binary`] starts the real binary, [`database_server`] a database server that a
//! test may stop and freeze, [`small_disk`] a file system that it may fill. [`harness`] runs scenarios over every protocol on every database.
//!
//! Start with [`world`]. The scenarios are in the crate `acceptance`.
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
pub mod small_disk;
pub mod token;
pub mod world;
