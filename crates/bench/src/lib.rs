//! What the product costs: the real binary is started on databases of its own, and asked by a closed loop of clients. No product
//! code lives here, and nothing is asserted: it measures, and prints tables.
//!
//! The figure to trust is the server's CPU time for each request, from `/proc`: it depends far less than rates and latencies
//! do on what else the machine does, the clients included. And a ratio is worth more than a figure: what the product is compared
//! with, such as the [reference](mod@reference) servers, is asked in turns with it.
//!
//! Start with [`all`], which has one module for each part of the measurement; [`server`] runs the binary, [`load`] asks and
//! measures, [`report`] and [`plots`] tell. [`reads`] is a measurement of its own: all kinds of reads of products.
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
