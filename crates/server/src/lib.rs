//! The binary `go-commerce`: settings, wiring, life cycle, operations, command line.
//!
//! The only crate that knows all the others. No rule of the shop lives here and nothing of either protocol. Start with
//! `main.rs`, which reads as the story of the process; then [`wiring`], the one place that names adapters, and
//! [`serve`], which starts and stops what they make. Tests call [`serve::start`] too and so run the product's own life
//! cycle.

mod background;
pub mod cli;
pub mod commands;
mod common_clock;
pub mod exit;
pub mod health;
mod limits;
pub mod ops;
pub mod readiness;
mod ready_file;
pub mod seed;
pub mod serve;
mod shutdown;
mod spawner;
pub mod telemetry;
pub mod wiring;
