//! The REST server as its clients meet it: on a socket, with a shop behind it whose ports do as each test says.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a failed step is a failed test")]

mod accounts;
mod bodies;
mod client;
mod cors;
mod docs;
mod envelopes;
mod errors;
mod faults;
mod headers;
mod index;
mod keys;
mod limits;
mod media;
mod midtrans;
mod multipart;
mod orders;
mod payments;
mod prefix;
mod problems;
mod products;
mod refusals;
mod reports;
mod routes;
mod shop;
mod slow;
mod smuggling;
mod stopping;
mod uploads;
mod watching;
