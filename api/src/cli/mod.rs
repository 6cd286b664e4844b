//! The command line: one file for each verb.
//!
//! Data on stdout, the rest on stderr. Exit: 0 done or proven good, 1 proven bad or breaks found, 2
//! usage or undecidable, 3 refused by rule or policy, 4 not found, 5 conflict, 6 unreachable.

pub mod approve;
pub mod audit;
pub mod bench;
pub mod call;
pub mod custody;
pub mod demo;
pub mod export;
pub mod init;
pub mod keys;
pub mod margin;
pub mod policy;
pub mod prove;
pub mod serve;
pub mod sign;
pub mod submit;
pub mod verify;
pub mod watch;
pub mod witness;
pub mod witness_policy;

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ledger::json::Json;

/// A collateral ledger for prime brokerage: signed orders, provable balances, explained margin.
#[derive(Parser)]
#[command(name = "pledger", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// See the whole of it work, told as a story.
    Demo(demo::DemoArgs),
    /// Make a ledger: its directory, its log key and record 0.
    Init(init::InitArgs),
    /// Serve a ledger over HTTP on loopback.
    Serve(serve::ServeArgs),
    /// Make and show key files.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Sign a command: read it, then sign exactly those bytes.
    Sign(sign::SignArgs),
    /// Send a signed command to a server.
    Submit(submit::SubmitArgs),
    /// Approve a command that waits for you.
    Approve(approve::ApproveArgs),
    /// Refuse it: that ends it.
    Refuse(approve::ApproveArgs),
    /// What a policy says.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// What margin is required, explained.
    #[command(subcommand)]
    Margin(margin::MarginCommand),
    /// What is due under an agreement.
    #[command(subcommand)]
    Call(call::CallCommand),
    /// What custodians state, against the ledger.
    #[command(subcommand)]
    Custody(custody::CustodyCommand),
    /// Prove a balance: write the offline proof of an account in a seal.
    Prove(prove::ProveArgs),
    /// Sign what was replayed, or write the pack of a period.
    Audit(audit::AuditArgs),
    /// Write the ledger, or what a party may read of it, into one file that proves itself.
    Export(export::ExportArgs),
    /// Write a full export and verify it.
    Backup(export::BackupArgs),
    /// Fill a new directory from an export and verify it.
    Restore(export::RestoreArgs),
    /// Prove a ledger, an export or a proof good or bad.
    Verify(verify::VerifyArgs),
    /// Keep each checkpoint of a log that was acted on, and compare each new one with them.
    Watch(watch::WatchArgs),
    /// Serve a witness: it cosigns what extends all that it has seen of a log.
    Witness(witness::WitnessArgs),
    /// What a quorum of witnesses protects from.
    #[command(subcommand)]
    WitnessPolicy(witness_policy::WitnessPolicyCommand),
    /// Measure, beside what the machine gives at best.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

impl Cli {
    /// Does what was asked.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let mut stdout = io::stdout().lock();
        let code = match self.verb {
            Verb::Demo(args) => demo::execute(&args, &mut stdout),
            Verb::Init(args) => init::execute(&args, &mut stdout),
            Verb::Serve(args) => serve::execute(&args, &mut stdout),
            Verb::Keys(command) => keys::execute(&command, &mut stdout),
            Verb::Sign(args) => sign::execute(&args, &mut stdout),
            Verb::Submit(args) => submit::execute(&args, &mut stdout),
            Verb::Approve(args) => approve::execute(&args, "approval.give", &mut stdout),
            Verb::Refuse(args) => approve::execute(&args, "approval.refuse", &mut stdout),
            Verb::Policy(command) => policy::execute(&command, &mut stdout),
            Verb::Margin(command) => margin::execute(&command, &mut stdout),
            Verb::Call(command) => call::execute(&command, &mut stdout),
            Verb::Custody(command) => custody::execute(command, &mut stdout),
            Verb::Prove(args) => prove::execute(&args, &mut stdout),
            Verb::Audit(args) => audit::execute(&args, &mut stdout),
            Verb::Export(args) => export::export(&args, &mut stdout),
            Verb::Backup(args) => export::backup(&args, &mut stdout),
            Verb::Restore(args) => export::restore(&args, &mut stdout),
            Verb::Verify(args) => verify::execute(&args, &mut stdout),
            Verb::Watch(args) => watch::execute(&args, &mut stdout),
            Verb::Witness(args) => witness::execute(&args, &mut stdout),
            Verb::WitnessPolicy(command) => witness_policy::execute(&command, &mut stdout),
            Verb::Bench(command) => bench::execute(&command, &mut stdout),
        };
        ExitCode::from(code)
    }
}

/// The most bytes of an input file: more is refused, not read.
const INPUT_MAX: u64 = 64 << 20;

/// A file's bytes, bounded.
///
/// # Errors
/// Whatever reading it gives, and a file that is too large, with its name.
fn read_input(path: &Path) -> io::Result<Vec<u8>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(INPUT_MAX + 1).read_to_end(&mut bytes)).map_err(named)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= INPUT_MAX) {
        return Ok(bytes);
    }
    Err(named(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {INPUT_MAX} bytes"))))
}

/// Says on stderr what went wrong, and gives the exit code back.
fn fail(code: u8, message: &str) -> u8 {
    eprintln!("pledger: {message}");
    code
}

/// Prints JSON on a line; a closed pipe is the reader's choice, not ours.
fn print(stdout: &mut dyn Write, json: &Json) -> u8 {
    match writeln!(stdout, "{json}") {
        Ok(()) => 0,
        Err(error) => fail(2, &error.to_string()),
    }
}
