//! The gRPC server on a socket, with the use cases behind it on fake ports.

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
mod refusals;
mod reports;
mod shop;
mod stopping;
mod uploads;
mod watching;
