//! What the adapters promise, against files made here, a folder, and an S3 server.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bucket;
mod corpus;
mod faults;
mod folder;
mod hostile;
mod inspection;
mod peculiar;
mod server;
mod strangers;
mod trying;
