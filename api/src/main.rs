//! The one binary: reads its arguments and hands over.

use std::process::ExitCode;

use clap::Parser as _;

/// Records are made on one thread and freed on another, and a replay makes millions of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    api::cli::Cli::parse().run()
}
