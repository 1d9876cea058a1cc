//! The gRPC server as its clients meet it: on a socket, with a shop behind it whose ports do as each test says.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed step is a failed test")]

mod abuse;
mod client;
mod deadlines;
mod documented_errors;
mod errors;
mod goods;
mod health;
mod lists;
mod messages;
mod payments;
mod products;
mod proxies;
mod reflection;
mod reports;
mod shop;
mod stopping;
mod uploads;
mod watching;
