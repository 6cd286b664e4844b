//! The command line: one file for each verb.
//!
//! Data on stdout, the rest on stderr. Exit: 0 done or proven good, 1 proven bad or breaks found, 2
//! usage or undecidable, 3 refused by rule or policy, 4 not found, 5 conflict, 6 unreachable.

pub mod call;
pub mod custody;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A collateral ledger for prime brokerage: signed orders, provable balances, explained margin.
#[derive(Parser)]
#[command(name = "pledger", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// What is due under an agreement.
    #[command(subcommand)]
    Call(call::CallCommand),
    /// What custodians state, against the ledger.
    #[command(subcommand)]
    Custody(custody::CustodyCommand),
}

impl Cli {
    /// Does what was asked.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let mut stdout = io::stdout().lock();
        let code = match self.verb {
            Verb::Call(command) => call::execute(&command, &mut stdout),
            Verb::Custody(command) => custody::execute(command, &mut stdout),
        };
        ExitCode::from(code)
    }
}
//! The command line, one file per verb.

pub mod margin;
