//! `pledger verify`: proven good, proven bad, or undecidable.
//!
//! Exit: 0, 1, 2, in this order. Source: audit specification §12.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::note::VerifierKey;
use ledger::policy::Policy;
use ledger::verify::{Options, ProofOptions, Report, Verdict, directory, export, proof};

use super::fail;
use super::sign::read_file;
use crate::verify::{answer, public_log};

/// Arguments of `pledger verify`.
#[derive(Args, Debug, Default)]
#[command(group = clap::ArgGroup::new("mode").required(true).args(["dir", "export", "proof", "url"]))]
pub struct VerifyArgs {
    /// A ledger's directory that no process writes to, or a copy of one; nothing in it is changed.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// An export, or `-` for standard input, which is kept in a temporary file while it is read.
    #[arg(long)]
    pub export: Option<PathBuf>,
    /// A receipt (tlog-proof), a balance proof or fork evidence, told apart by the first line.
    #[arg(long)]
    pub proof: Option<PathBuf>,
    /// A server, such as `http://127.0.0.1:8080`: what it serves under `/log/`, and nothing else.
    #[arg(long)]
    pub url: Option<String>,
    /// The log's key, as `pledger init` printed it.
    #[arg(long)]
    pub vkey: Option<String>,
    /// A tlog-policy file: then its quorum is asked for.
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// A checkpoint kept from earlier; may be repeated.
    #[arg(long = "old", conflicts_with = "proof")]
    pub old: Vec<PathBuf>,
    /// Keep the checkpoint in this file for the next `--old`, if all was proven good.
    #[arg(long, requires = "url")]
    pub save: Option<PathBuf>,
    /// The bytes that the author signed, or the envelope: is the receipt for them?
    #[arg(long, requires = "proof")]
    pub payload: Option<PathBuf>,
    /// The report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Does what was asked; gives the exit code.
pub fn execute(args: &VerifyArgs, stdout: &mut dyn Write) -> u8 {
    let report = match verify(args) {
        Ok(report) => report,
        Err(message) => return fail(2, &message),
    };
    let printed =
        if args.json { writeln!(stdout, "{}", report.to_json()) } else { write!(stdout, "{report}") };
    match printed {
        Ok(()) => report.verdict().exit_code(),
        Err(error) => fail(2, &error.to_string()),
    }
}

/// Verifies, and gives the report.
///
/// # Errors
/// What in the arguments cannot be read, for a person.
pub fn verify(args: &VerifyArgs) -> Result<Report, String> {
    let vkey = args.vkey.as_deref().map(VerifierKey::parse).transpose().map_err(|error| error.to_string())?;
    let policy = args.policy.as_ref().map(|file| read_policy(file)).transpose()?;
    let (vkey, policy) = (vkey.as_ref(), policy.as_ref());
    if let Some(file) = &args.proof {
        let payload = args.payload.as_ref().map(|file| read_file(file)).transpose()?;
        let options = ProofOptions { vkey, policy, payload: payload.as_deref() };
        return Ok(proof(&read_file(file)?, &options));
    }
    let old = args.old.iter().map(|file| Ok((file.display().to_string(), read_file(file)?)));
    let old = old.collect::<Result<Vec<_>, String>>()?;
    let progress = Progress::new("verified");
    let tell = |done, all| progress.tell(done, all);
    let options = Options { vkey, policy, old: &old, answer: Some(&answer), progress: Some(&tell) };
    if let Some(url) = &args.url {
        if vkey.is_none() && policy.is_none() {
            return Err("give the log's key: --vkey, or --policy with a line for it".to_owned());
        }
        let (report, newest) = public_log(url, &options);
        return save(args, report, newest);
    }
    if let Some(file) = &args.export {
        return verify_export(file, &options);
    }
    let dir = args.dir.as_deref().ok_or("give --dir, --export, --proof or --url")?;
    if !dir.is_dir() {
        return Err(format!("{}: no such directory", dir.display()));
    }
    Ok(directory(dir, &options))
}

fn verify_export(file: &Path, options: &Options) -> Result<Report, String> {
    if file.as_os_str() != "-" {
        if !file.is_file() {
            return Err(format!("{}: no such file", file.display()));
        }
        return Ok(export(file, options));
    }
    let mut kept = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::io::copy(&mut std::io::stdin().lock(), &mut kept).map_err(|error| error.to_string())?;
    Ok(export(kept.path(), options))
}

/// Keeps the checkpoint of a log that was proven good; a bad one would only hide the next fork.
fn save(args: &VerifyArgs, report: Report, newest: Option<String>) -> Result<Report, String> {
    if let (Some(file), Some(newest), Verdict::Good) = (&args.save, newest, report.verdict()) {
        std::fs::write(file, newest).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(report)
}

pub(super) fn read_policy(file: &Path) -> Result<Policy, String> {
    let shown = file.display();
    let text = String::from_utf8(read_file(file)?).map_err(|error| format!("{shown}: {error}"))?;
    Policy::parse(&text).map_err(|error| format!("{shown}: {error}"))
}

/// One line on a terminal, written over at each percent.
#[derive(Default)]
pub(super) struct Progress {
    percent: Cell<u64>,
    verb: &'static str,
}

impl Progress {
    /// Of what is told with this verb.
    pub(super) fn new(verb: &'static str) -> Self {
        Self { verb, ..Self::default() }
    }

    pub(super) fn tell(&self, done: u64, all: u64) {
        let percent = done.saturating_mul(100) / all.max(1);
        if percent == self.percent.replace(percent) || !std::io::stderr().is_terminal() {
            return;
        }
        let end = if done == all { "\n" } else { "" };
        eprint!("\r{} {done} of {all} records{end}", self.verb);
    }
}
