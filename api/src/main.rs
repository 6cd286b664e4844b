//! The `pledger` program.

use std::io;
use std::process::ExitCode;

use api::cli::custody::{self, CustodyCommand};
use clap::{Parser, Subcommand};

/// A collateral ledger.
#[derive(Parser)]
#[command(name = "pledger")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// What custodians state, against the ledger.
    #[command(subcommand)]
    Custody(CustodyCommand),
}

fn main() -> ExitCode {
    match Cli::parse().verb {
        Verb::Custody(command) => ExitCode::from(custody::execute(command, &mut io::stdout().lock())),
    }
}
