//! Reads the command line, runs the command, and exits with its code.

use clap::Parser;
use server::cli::Cli;
use server::commands;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(&cli),
        Err(usage) => commands::print_usage(&usage),
    }
    .into()
}
