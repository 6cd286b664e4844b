//! `pledger demo`: the main job, told as a story, on a ledger of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::json::Json;
use ledger::verify::CheckResult;

use super::fail;
use super::serve::StopSignal;
use crate::demo::{DemoError, Figures, Telling, found, play};
use crate::serving::Serving;
use crate::verify;

/// Arguments of `pledger demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Keep the ledger in this directory, which must be empty or not there.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print the figures alone, as JSON.
    #[arg(long)]
    json: bool,
    /// Leave the server running at the end and print its address.
    #[arg(long)]
    serve: bool,
}

/// Plays the demo; gives the exit code.
pub fn execute(args: &DemoArgs, stdout: &mut dyn Write) -> u8 {
    match run(args, stdout) {
        Ok(figures) if figures.verify == "good" && figures.tampered == "bad" => 0,
        Ok(_) => fail(1, "the verification did not say what the story needs"),
        Err(error) => fail(2, &error.to_string()),
    }
}

fn run(args: &DemoArgs, stdout: &mut dyn Write) -> Result<Figures, DemoError> {
    if let Some(dir) = args.dir.as_ref().filter(|dir| dir.exists())
        && fs::read_dir(dir)?.next().is_some()
    {
        let what = format!("{}: not an empty directory: choose another", dir.display());
        return Err(DemoError::Setting(what));
    }
    let scratch = tempfile::tempdir()?;
    let dir = args.dir.clone().unwrap_or_else(|| scratch.path().join("ledger"));
    let copy = scratch.path().join("tampered");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = {
        let mut tell = if args.json { Telling::silent() } else { Telling::to(&mut *stdout) };
        tell.line("Pledger: one hybrid book, four parties, real closing prices of August 2024.")?;
        found(&dir)?;
        let mut figures = served(&runtime, &dir, |url| play(&dir, url, &mut tell))?;
        audit(&dir, &copy, &mut figures, &mut tell)?;
        figures
    };
    if args.json {
        writeln!(stdout, "{}", figures_json(&figures))?;
    } else if args.dir.is_some() {
        writeln!(stdout, "\nThe ledger, its log and everybody's keys are in {}.", dir.display())?;
    }
    if args.serve {
        let serving = runtime.block_on(Serving::open(&dir, loopback(), &[]))?;
        let stop = runtime.block_on(async { StopSignal::new() })?;
        writeln!(stdout, "{}", serving.url())?;
        stdout.flush()?;
        runtime.block_on(serving.run(stop.received()))?;
    }
    Ok(figures)
}

fn loopback() -> std::net::SocketAddr {
    (std::net::Ipv4Addr::LOCALHOST, 0).into()
}

/// Runs the server on a free loopback port while `ask` talks to it, and stops it in good order.
fn served<T>(
    runtime: &tokio::runtime::Runtime,
    dir: &Path,
    ask: impl FnOnce(&str) -> Result<T, DemoError>,
) -> Result<T, DemoError> {
    let serving = runtime.block_on(Serving::open(dir, loopback(), &[]))?;
    let url = serving.url();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = runtime.spawn(serving.run(async {
        // Dropped or sent: either way it is time to stop.
        let _ = stopped.await;
    }));
    let answer = ask(&url);
    drop(stop);
    let ended = runtime.block_on(server).map_err(|error| DemoError::Unexpected(error.to_string()))?;
    ended?;
    answer
}

/// The auditor verifies the directory, then a copy in which one bit was flipped.
fn audit(dir: &Path, copy: &Path, figures: &mut Figures, tell: &mut Telling) -> Result<(), DemoError> {
    tell.chapter("The auditor")?;
    let report = verify::directory(dir);
    figures.verify = report.verdict().to_string();
    tell.line("From the directory alone: every command replayed, every signature checked at its sequence,")?;
    tell.line("every document, tile and checkpoint compared, both margin statements computed again.")?;
    for check in report.checks.iter().filter(|check| check.count > 0) {
        tell.line(&format!("  {:<22} {:<12} {:>5}", check.id.as_str(), check.result.as_str(), check.count))?;
    }
    tell.line(&format!("=> proven {}", figures.verify))?;

    copy_tree(dir, copy)?;
    tamper(copy)?;
    let report = verify::directory(copy);
    figures.tampered = report.verdict().to_string();
    tell.line("\nThen a copy in which one bit of one byte was flipped:")?;
    let found = report.checks.iter().filter(|check| check.result == CheckResult::Fail);
    for finding in found.filter_map(|check| check.finding.as_ref()) {
        let at = finding.first_seq.map_or_else(String::new, |seq| format!("record {seq}: "));
        tell.line(&format!("  {at}{}", finding.reason))?;
    }
    tell.line(&format!("=> proven {}", figures.tampered))?;
    Ok(())
}

/// Flips one bit of a byte in the middle of the journal's records.
fn tamper(dir: &Path) -> Result<(), DemoError> {
    let journal = dir.join("journal").join("0000000000.seg");
    let mut bytes = fs::read(&journal)?;
    let needle = b"\"payload\":\"";
    let places: Vec<usize> = bytes
        .windows(needle.len())
        .enumerate()
        .filter(|(_, found)| found == needle)
        .map(|(at, _)| at)
        .collect();
    let middle = places.get(places.len() / 2).copied();
    let middle = middle.ok_or_else(|| DemoError::Unexpected("the journal holds no record".to_owned()))?;
    bytes[middle + needle.len() + 40] ^= 0x01;
    Ok(fs::write(&journal, bytes)?)
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn figures_json(figures: &Figures) -> Json {
    let text = |text: &String| Json::text(text);
    Json::object([
        ("origin", text(&figures.origin)),
        ("records", text(&figures.records)),
        ("root", text(&figures.root)),
        (
            "margin",
            Json::object([("siloed", text(&figures.siloed)), ("harmonized", text(&figures.harmonized))]),
        ),
        (
            "call",
            Json::object([("amount", text(&figures.call_amount)), ("status", text(&figures.call_status))]),
        ),
        ("withdrawal", Json::object([("code", text(&figures.withdrawal_code))])),
        ("breaks", text(&figures.breaks)),
        ("verify", text(&figures.verify)),
        ("tampered", text(&figures.tampered)),
    ])
}
