//! `pledger bench`: figures beside the machine's limits. They never decide the exit code.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{fail, print};
use crate::bench::Figures;
use crate::bench::memory::{Kind, resident_with};
use crate::bench::recovery::{Options, run};
use crate::bench::{seal, verify};

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// How fast a ledger opens, with its index and snapshot and with its journal alone.
    Recovery(RecoveryArgs),
    /// How fast an export is verified, beside raw signatures and hashes.
    Verify(RecoveryArgs),
    /// How long a seal takes, and what a balance proof costs.
    Seal(SealArgs),
    /// The resident KiB of a state with so many objects: run by `recovery`.
    #[command(hide = true)]
    StateMemory {
        /// Of what.
        #[arg(long)]
        of: Kind,
        /// How many.
        #[arg(long)]
        objects: u64,
    },
}

/// Arguments of `pledger bench seal`.
#[derive(Args, Clone, Debug)]
pub struct SealArgs {
    /// Accounts that are sealed.
    #[arg(long, default_value_t = 100_000)]
    pub accounts: u64,
    /// Seals and proofs; figures are their medians.
    #[arg(long, default_value_t = 5)]
    pub runs: u32,
    /// Records of the log that the seal stands in.
    #[arg(long, default_value_t = 1 << 20)]
    pub log_records: u64,
    /// The figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pledger bench recovery` and `bench verify`.
#[derive(Args, Clone, Debug)]
pub struct RecoveryArgs {
    /// Records of the ledger that is opened.
    #[arg(long, default_value_t = 1_000_000)]
    pub records: u64,
    /// Openings of each kind; figures are their medians.
    #[arg(long, default_value_t = 5)]
    pub runs: u32,
    /// What the ledger is made from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Make the ledger there and keep it; one that an earlier run made there is used again.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// The figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Does what was asked; gives the exit code.
pub fn execute(command: &BenchCommand, stdout: &mut dyn Write) -> u8 {
    match command {
        BenchCommand::Recovery(args) => tell(recovery(args), args.json, stdout),
        BenchCommand::Verify(args) => tell(verifying(args), args.json, stdout),
        BenchCommand::Seal(args) => {
            let SealArgs { accounts, runs, log_records, json } = *args;
            tell(seal::run(&seal::Options { accounts, runs, log_records }), json, stdout)
        }
        BenchCommand::StateMemory { of, objects } => match resident_with(*of, *objects) {
            Ok(resident) => {
                written(writeln!(stdout, "{}", resident.map_or_else(String::new, |kib| kib.to_string())))
            }
            Err(message) => fail(2, &message),
        },
    }
}

fn tell(figures: Result<Figures, String>, is_json: bool, stdout: &mut dyn Write) -> u8 {
    match figures {
        Ok(figures) if is_json => print(stdout, &figures.to_json()),
        Ok(figures) => written(write!(stdout, "{figures}")),
        Err(message) => fail(2, &message),
    }
}

fn written(written: std::io::Result<()>) -> u8 {
    written.map_or_else(|error| fail(2, &error.to_string()), |()| 0)
}

fn verifying(args: &RecoveryArgs) -> Result<Figures, String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dir = args.dir.clone().unwrap_or_else(|| scratch.path().to_owned());
    let RecoveryArgs { records, runs, seed, .. } = *args;
    verify::run(&verify::Options { records, seed, runs, dir })
}

fn recovery(args: &RecoveryArgs) -> Result<Figures, String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dir = args.dir.clone().unwrap_or_else(|| scratch.path().join("ledger"));
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let RecoveryArgs { records, runs, seed, .. } = *args;
    run(&Options { records, seed, runs, dir, program })
}
