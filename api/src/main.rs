//! The one binary: reads its arguments and hands over.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    api::cli::Cli::parse().run()
}
