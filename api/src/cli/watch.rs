//! `pledger watch`: keeps each checkpoint it acted on and compares each new one with them.
//!
//! Exit: 0 good, 1 the log contradicts what it signed, 2 undecidable. Source: audit specification §15.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use ledger::digest::Digest;
use ledger::note::VerifierKey;
use ledger::policy::Policy;
use ledger::verify::{Fetched, Kept, Trust, Verdict, Watched, watch};

use super::fail;
use super::verify::read_policy;
use crate::client::{Answer, Client};

/// Arguments of `pledger watch`.
#[derive(Args, Debug)]
pub struct WatchArgs {
    /// A server, such as `http://127.0.0.1:8080`.
    #[arg(long)]
    pub url: String,
    /// The log's key.
    #[arg(long, required_unless_present = "policy")]
    pub vkey: Option<String>,
    /// A tlog-policy file: then only what its quorum cosigned is acted on.
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// Where checkpoints are kept (`<size>.checkpoint`); receipts put there (`*.tlog-proof`) are looked
    /// for in each new tree, and evidence is written there (`*.fork`).
    #[arg(long)]
    pub save: PathBuf,
    /// Seconds between looks.
    #[arg(long, default_value_t = 10)]
    pub every: u64,
    /// Look once.
    #[arg(long)]
    pub once: bool,
}

/// Watches until the log contradicts itself; gives the exit code.
pub fn execute(args: &WatchArgs, stdout: &mut dyn Write) -> u8 {
    loop {
        let watched = match look(args) {
            Ok(watched) => watched,
            Err(message) => return fail(2, &message),
        };
        if let Err(error) = tell(&watched, stdout) {
            return fail(2, &error.to_string());
        }
        // Undecidable may be decided at the next look: the server may be back, the quorum met.
        if args.once || watched.verdict == Verdict::Bad {
            return watched.verdict.exit_code();
        }
        thread::sleep(Duration::from_secs(args.every.max(1)));
    }
}

/// Looks once, and keeps the new checkpoint or the evidence.
///
/// # Errors
/// What cannot be read or written on our own side, for a person.
pub fn look(args: &WatchArgs) -> Result<Watched, String> {
    let vkey = args.vkey.as_deref().map(VerifierKey::parse).transpose().map_err(|error| error.to_string())?;
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let trust = Trust { keys: keys(vkey.as_ref(), policy.as_ref())?, policy: policy.as_ref() };
    let failed = |error: io::Error| format!("{}: {error}", args.save.display());
    fs::create_dir_all(&args.save).map_err(failed)?;
    let kept = read_kept(&args.save).map_err(failed)?;
    let client = Client::new(&args.url);
    let fetch = |path: &str| match client.send("GET", &format!("/log/{path}"), None) {
        Ok(Answer { status: 200, body }) => Fetched::Bytes(body),
        Ok(Answer { status: 404, .. }) => Fetched::Missing,
        Ok(Answer { status, .. }) => Fetched::Failed(format!("/log/{path}: status {status}")),
        Err(error) => Fetched::Failed(error.to_string()),
    };
    let signed_at = |size| match client.send("GET", &format!("/v1/checkpoints/{size}"), None) {
        Ok(Answer { status: 200, body }) => String::from_utf8(body).ok(),
        Ok(_) | Err(_) => None,
    };
    let watched = watch(&fetch, &signed_at, &trust, &kept);
    for evidence in &watched.evidence {
        let text = evidence.to_string();
        let path = args.save.join(format!("{}.fork", Digest::of(text.as_bytes())));
        write(&path, &text).map_err(failed)?;
    }
    if let Some(newest) = &watched.newest {
        let path = args.save.join(format!("{}.checkpoint", newest.head().size));
        if !path.exists() {
            write(&path, &newest.to_string()).map_err(failed)?;
        }
    }
    Ok(watched)
}

/// The keys of one log: those of the policy, and the one given.
fn keys<'a>(
    vkey: Option<&'a VerifierKey>,
    policy: Option<&'a Policy>,
) -> Result<Vec<&'a VerifierKey>, String> {
    let of_policy = policy.into_iter().flat_map(Policy::logs).map(|log| &log.key);
    let mut known: Vec<&VerifierKey> = vkey.into_iter().chain(of_policy).collect();
    let first = *known.first().ok_or("the policy names no log: give --vkey")?;
    known.retain(|key| key.name() == first.name());
    Ok(known)
}

fn read_kept(folder: &Path) -> io::Result<Kept> {
    let mut kept = Kept::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let into = match path.extension().and_then(|ending| ending.to_str()) {
            Some("checkpoint") => &mut kept.checkpoints,
            Some("tlog-proof") => &mut kept.receipts,
            Some(_) | None => continue,
        };
        into.push((name, fs::read_to_string(&path)?));
    }
    kept.checkpoints.sort_unstable();
    kept.receipts.sort_unstable();
    Ok(kept)
}

/// Whole or not at all: a torn file would be undecidable for ever.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let writing = path.with_extension("writing");
    let mut file = fs::File::create(&writing)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&writing, path)
}

fn tell(watched: &Watched, stdout: &mut dyn Write) -> io::Result<()> {
    for line in &watched.told {
        writeln!(stdout, "{line}")?;
    }
    let size =
        watched.newest.as_ref().map_or_else(|| "-".to_owned(), |newest| newest.head().size.to_string());
    writeln!(stdout, "RESULT {} size={size} evidence={}", watched.verdict, watched.evidence.len())?;
    stdout.flush()
}
