//! The binary `go-commerce`: wiring, life cycle, background jobs, telemetry, command line.
//!
//! This crate alone depends on all adapters. It holds no rule of the shop and nothing of a protocol.
//!
//! Start with `main.rs`; then [`wiring`], which builds the application from the settings; then [`serve`], which starts and stops
//! it. Tests call [`serve::start`] too, so they run the product's own life cycle.

mod background;
pub mod cli;
pub mod commands;
mod common_clock;
mod connection_limit;
pub mod exit;
pub mod health;
pub mod ops;
pub mod readiness;
mod ready_file;
pub mod seed;
pub mod serve;
mod shutdown;
mod spawner;
pub mod telemetry;
pub mod wiring;
