//! What the product costs: the real binary is started on a database of its own, filled by its own `seed`, and asked by a
//! closed loop of clients. No product code lives here, and nothing is asserted: it measures, and prints a table.
//!
//! The figure to trust is the server's CPU time for each request, from `/proc`: it depends far less than rates and latencies
//! do on what else the machine does, the clients included.
//!
//! Start with [`reads`], which says what is asked; [`server`] runs the binary, [`load`] asks and measures.
//!
//! ```text
//! cargo build --release -p server -p bench --features server/mysql,bench/mysql
//! scripts/with-databases target/release/bench reads
//! ```
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has nothing to tell"
)]

pub mod clients;
pub mod load;
pub mod processes;
pub mod reads;
pub mod server;
pub mod table;
