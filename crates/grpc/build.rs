//! Generates the messages, services and clients of `proto/`, without an installed `protoc`.

use prost::Message;
use std::error::Error;
use std::path::PathBuf;

/// The manual and the contract, seen from this crate's folder.
const PROTO: &str = "../../proto";

/// Under these names the files are registered in clients, beside those of all other services: hence the folder.
const FILES: [&str; 3] = ["gocommerce/payment.proto", "gocommerce/product.proto", "gocommerce/user.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO}");
    let files = protox::compile(FILES, [PROTO])?;
    let descriptor = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptor.bin");
    std::fs::write(descriptor, files.encode_to_vec())?;
    // An image is a part of the memory into which its message came, not a copy of it.
    tonic_prost_build::configure().bytes(".product").compile_fds(files)?;
    Ok(())
}
