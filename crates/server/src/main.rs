//! The process's story: read the command line, do what it says, tell by the exit code how that went.

use clap::Parser;
use server::cli::Cli;
use server::commands;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(&cli),
        Err(usage) => commands::tell_usage(&usage),
    }
    .into()
}
