//! Measures the real binary on private databases under a closed loop of clients. This crate has no product code and
//! asserts nothing: it prints tables.
//!
//! The most reliable figure is the server's CPU time per request, from `/proc`: other work on the machine, the
//! clients' included, affects it far less than rates and latencies. A ratio is more reliable than a figure: the
//! product and what it is compared with, such as the [reference](mod@reference) servers, are measured in turns.
//!
//! Start with [`all`], which has one module per part of the measurement; [`server`] runs the binary, [`load`] sends
//! requests and measures, [`report`] and [`plots`] write the results. [`reads`] is a separate measurement of all
//! kinds of reads of products.
//!
//! ```text
//! scripts/bench
//! ```
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has nothing to tell"
)]

pub mod all;
pub mod ceiling;
pub mod checkout;
pub mod clients;
pub mod fair;
pub mod fixtures;
pub mod http1;
pub mod load;
pub mod login;
pub mod machine;
pub mod memory;
pub mod page;
pub mod plots;
pub mod processes;
pub mod profile;
pub mod reads;
pub mod reference;
pub mod report;
pub mod requests;
pub mod results;
mod script;
pub mod server;
mod sql;
pub mod startup;
pub mod table;
pub mod webhook;
