//! `pledger audit`: the auditor's signature over what it replayed, and the pack of a period.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ledger::export::Scope;
use ledger::id::PartyId;
use ledger::note::VerifierKey;
use ledger::verify::Options;

use super::export::fetch_to;
use super::verify::{Progress, read_policy};
use super::{fail, print};
use crate::app::now;
use crate::auditing::pack::{self, Period};
use crate::auditing::{AttestingError, attest};
use crate::home::read_key;
use crate::offline::Offline;
use crate::session::Principal;
use crate::verify::answer;

/// Arguments of `pledger audit`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    #[command(subcommand)]
    what: Option<AuditCommand>,
    #[command(flatten)]
    attesting: Option<AttestArgs>,
}

/// Another thing that an auditor does.
#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Write the pack of a period: balances, movements, exceptions, overrides, breaks, with receipts.
    Pack(PackArgs),
}

/// Verify an export and sign its checkpoint: the body of `attestation.put` is printed.
#[derive(Args, Debug)]
pub struct AttestArgs {
    /// The full export.
    #[arg(long)]
    export: PathBuf,
    /// The auditor's key for this and nothing else.
    #[arg(long)]
    key: PathBuf,
    /// The auditor: its key is called `<auditor>/pledger-replay`.
    #[arg(long)]
    auditor: String,
    /// The attestation's id.
    #[arg(long)]
    id: String,
    /// Write the verification's report to this file: upload it with the command.
    #[arg(long)]
    report: PathBuf,
    /// The log's key, as it was told on another way.
    #[arg(long)]
    vkey: Option<String>,
    /// A tlog-policy file: then its quorum is asked for.
    #[arg(long)]
    policy: Option<PathBuf>,
}

/// Arguments of `pledger audit pack`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["dir", "url", "export"]))]
pub struct PackArgs {
    /// The first day, `YYYY-MM-DD`, from midnight UTC.
    #[arg(long)]
    from: String,
    /// The last day.
    #[arg(long)]
    to: String,
    /// A ledger's directory; a server may run over it.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A server, asked for a full export by an auditor of the whole.
    #[arg(long, requires_all = ["party", "key"])]
    url: Option<String>,
    /// A full export.
    #[arg(long)]
    export: Option<PathBuf>,
    /// The auditor it is for: nothing outside its scope goes in.
    #[arg(long)]
    party: Option<String>,
    /// Its key file, for a server.
    #[arg(long)]
    key: Option<PathBuf>,
    /// The directory to make.
    #[arg(long)]
    out: PathBuf,
}

/// Does what was asked; gives the exit code.
pub fn execute(args: &AuditArgs, stdout: &mut dyn Write) -> u8 {
    match (&args.what, &args.attesting) {
        (Some(AuditCommand::Pack(args)), _) => pack(args, stdout),
        (None, Some(args)) => attesting(args, stdout),
        (None, None) => fail(2, "give --export, or the verb pack"),
    }
}

fn attesting(args: &AttestArgs, stdout: &mut dyn Write) -> u8 {
    let read = || -> Result<_, String> {
        let key = read_key(&args.key).map_err(|error| error.to_string())?;
        let vkey = args.vkey.as_deref().map(VerifierKey::parse).transpose();
        let policy = args.policy.as_deref().map(read_policy).transpose()?;
        Ok((key, vkey.map_err(|error| error.to_string())?, policy))
    };
    let (key, vkey, policy) = match read() {
        Ok(read) => read,
        Err(message) => return fail(2, &message),
    };
    let progress = Progress::new("verified");
    let tell = |done, all| progress.tell(done, all);
    let options = Options {
        vkey: vkey.as_ref(),
        policy: policy.as_ref(),
        old: &[],
        answer: Some(&answer),
        progress: Some(&tell),
    };
    match attest(&args.export, &args.auditor, &key, &args.id, &options, now()) {
        Ok(attested) => {
            if let Err(error) = std::fs::write(&args.report, &attested.report) {
                return fail(2, &format!("{}: {error}", args.report.display()));
            }
            eprintln!("pledger: signed as {}", attested.vkey);
            print(stdout, &attested.body)
        }
        Err(AttestingError::NotGood { report }) => {
            eprint!("{report}");
            fail(report.verdict().exit_code().max(1), "nothing is signed")
        }
        Err(error @ (AttestingError::Name(_) | AttestingError::Export(_))) => fail(2, &error.to_string()),
    }
}

fn pack(args: &PackArgs, stdout: &mut dyn Write) -> u8 {
    let fetched = tempfile::tempdir();
    let fetched = match &fetched {
        Ok(folder) => folder.path().join("export"),
        Err(error) => return fail(2, &error.to_string()),
    };
    if let Some(url) = &args.url {
        let asked = fetch_to(url, args.party.as_deref(), args.key.as_deref(), &Scope::Full, &fetched, stdout);
        if let Err(code) = asked {
            return code;
        }
    }
    match write_pack(args, &fetched) {
        Ok(manifest) => print(stdout, &manifest),
        Err(message) => fail(2, &message),
    }
}

fn write_pack(args: &PackArgs, fetched: &Path) -> Result<ledger::json::Json, String> {
    let offline = match (&args.dir, &args.export) {
        (Some(dir), _) => Offline::open(dir)?,
        (None, Some(file)) => Offline::of_export(file)?,
        (None, None) => Offline::of_export(fetched)?,
    };
    let eyes = args.party.as_deref().map(|party| {
        let party = PartyId::parse(party).map_err(|error| error.to_string())?;
        let [newest] = offline.states([offline.head.size])?;
        let known = newest.party(&party).ok_or_else(|| format!("there is no party {party}"))?;
        Ok::<_, String>(Principal { role: known.role, party })
    });
    let eyes = eyes.transpose()?;
    let period = Period { from: args.from.clone(), to: args.to.clone() };
    pack::write(&offline, &period, eyes.as_ref(), &args.out)
}
