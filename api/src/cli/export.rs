//! `pledger export`, `backup` and `restore`: a ledger in one file that proves itself, and back.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::export::Scope;
use ledger::note::VerifierKey;
use ledger::policy::Policy;
use ledger::verify::{Options, Report, Verdict};

use super::fail;
use super::prove::signed_in;
use super::submit::refused;
use super::verify::{Progress, read_policy};
use crate::client::ClientError;
use crate::restoring::{self, RestoringError};
use crate::verify::answer;

/// Arguments of `pledger export`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["dir", "url"]))]
pub struct ExportArgs {
    /// A ledger's directory; a server may run over it.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A server, such as `http://127.0.0.1:8080`.
    #[arg(long, requires_all = ["party", "key"])]
    url: Option<String>,
    /// The party that asks the server.
    #[arg(long)]
    party: Option<String>,
    /// Its key file.
    #[arg(long)]
    key: Option<PathBuf>,
    /// `full`, or `party:ID`: what that party may read, and of the rest the leaves.
    #[arg(long, default_value = "full")]
    scope: String,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

/// Arguments of `pledger backup`.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The ledger's directory; a server may run over it.
    #[arg(long)]
    dir: PathBuf,
    /// The file to write: it has this name only once it was verified.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    known: Known,
}

/// Arguments of `pledger restore`.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The export.
    #[arg(long)]
    from: PathBuf,
    /// A directory that does not exist yet, or an empty one.
    #[arg(long)]
    dir: PathBuf,
    /// Restore the records up to this one alone, to look at: no checkpoint covers them, so it cannot be
    /// served.
    #[arg(long)]
    to_seq: Option<u64>,
    #[command(flatten)]
    known: Known,
}

/// What a verification rests on, and how it is told.
#[derive(Args, Debug)]
pub struct Known {
    /// The log's key, as `pledger init` printed it.
    #[arg(long)]
    vkey: Option<String>,
    /// A tlog-policy file: then its quorum is asked for.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

impl Known {
    fn read(&self) -> Result<(Option<VerifierKey>, Option<Policy>), String> {
        let vkey = self.vkey.as_deref().map(VerifierKey::parse).transpose();
        let policy = self.policy.as_deref().map(read_policy).transpose()?;
        Ok((vkey.map_err(|error| error.to_string())?, policy))
    }

    fn tell(&self, report: &Report, stdout: &mut dyn Write) -> u8 {
        let printed =
            if self.json { writeln!(stdout, "{}", report.to_json()) } else { write!(stdout, "{report}") };
        match printed {
            Ok(()) => report.verdict().exit_code(),
            Err(error) => fail(2, &error.to_string()),
        }
    }
}

/// Writes an export; gives the exit code.
pub fn export(args: &ExportArgs, stdout: &mut dyn Write) -> u8 {
    let Some(scope) = Scope::parse(&args.scope) else {
        return fail(2, &format!("{}: give full or party:ID", args.scope));
    };
    match (&args.dir, &args.url) {
        (Some(dir), _) => {
            let progress = Progress::new("exported");
            let tell = |done, all| progress.tell(done, all);
            match restoring::export_directory(dir, &scope, &args.out, &tell) {
                Ok(()) => 0,
                Err(error) => fail(2, &error.to_string()),
            }
        }
        (None, Some(url)) => {
            let (party, key) = (args.party.as_deref(), args.key.as_deref());
            fetch_to(url, party, key, &scope, &args.out, stdout).map_or_else(|code| code, |()| 0)
        }
        (None, None) => fail(2, "give --dir or --url"),
    }
}

/// Fetches an export from a server into a file, which has its name only if it is whole.
pub(super) fn fetch_to(
    url: &str,
    party: Option<&str>,
    key: Option<&Path>,
    scope: &Scope,
    out: &Path,
    stdout: &mut dyn Write,
) -> Result<(), u8> {
    let client = signed_in(url, party, key, stdout)?;
    let (status, mut body) =
        client.stream(&format!("/v1/export?scope={scope}")).map_err(|error| refused(&error, stdout))?;
    if status != 200 {
        let mut problem = Vec::new();
        body.read_to_end(&mut problem).map_err(|error| fail(6, &error.to_string()))?;
        let problem = ledger::json::read(&problem).map_err(|error| fail(6, &error.to_string()))?;
        return Err(refused(&ClientError::Problem { status, problem }, stdout));
    }
    save(&mut body, out).map_err(|message| fail(6, &message))
}

/// A stream that ends early has no end frame, so the file gets its name only if that is there.
fn save(body: &mut dyn std::io::Read, out: &Path) -> Result<(), String> {
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let told = |error: std::io::Error| format!("{}: {error}", out.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(told)?;
    std::io::copy(body, &mut file).map_err(told)?;
    file.as_file().sync_all().map_err(told)?;
    ledger::export::ExportFile::scan(file.path(), &mut |_| {})
        .map_err(|error| format!("the server's export is not whole: {error}: ask again"))?;
    file.persist(out).map(drop).map_err(|error| told(error.error))
}

/// Writes a full export and verifies it; gives the exit code.
pub fn backup(args: &BackupArgs, stdout: &mut dyn Write) -> u8 {
    verified(&args.known, "backed up", stdout, |options, progress| {
        restoring::backup(&args.dir, &args.out, options, progress)
    })
}

/// Fills a new directory from an export and verifies it; gives the exit code.
pub fn restore(args: &RestoreArgs, stdout: &mut dyn Write) -> u8 {
    verified(&args.known, "restored", stdout, |options, progress| {
        let report = restoring::restore(&args.from, &args.dir, args.to_seq, options, progress)?;
        if report.verdict() == Verdict::Good {
            eprintln!("pledger: the log's key is not in an export: put it into {}/keys", args.dir.display());
        } else {
            eprintln!("pledger: {} is marked unusable and is not served", args.dir.display());
        }
        Ok(report)
    })
}

fn verified(
    known: &Known,
    verb: &'static str,
    stdout: &mut dyn Write,
    work: impl FnOnce(&Options, &dyn Fn(u64, u64)) -> Result<Report, RestoringError>,
) -> u8 {
    let (vkey, policy) = match known.read() {
        Ok(read) => read,
        Err(message) => return fail(2, &message),
    };
    let (doing, checking) = (Progress::new(verb), Progress::new("verified"));
    let tell = |done, all| checking.tell(done, all);
    let options = Options {
        vkey: vkey.as_ref(),
        policy: policy.as_ref(),
        old: &[],
        answer: Some(&answer),
        progress: Some(&tell),
    };
    match work(&options, &|done, all| doing.tell(done, all)) {
        Ok(report) => known.tell(&report, stdout),
        Err(error) => fail(2, &error.to_string()),
    }
}
