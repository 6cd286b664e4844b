//! Backup and restore: an export that is verified before it has its name, and a store that is marked
//! unusable until its verification gave nothing but good.
//!
//! Whatever stops either half-way (a full disk, a kill) leaves a file without its name, or a directory
//! with its mark. Source: audit specification §14.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ledger::export::{ExportError, ExportFile, RestoreError, Scope, restore as fill};
use ledger::verify::{Options, Report, Verdict, directory, export as verify_export};

use crate::exporting::{At, ExportingError, Reader, export};
use crate::offline::Offline;

/// The file that marks a directory as not to be served.
pub const MARK: &str = "unusable";

/// Why there is no backup, or no restored ledger.
#[derive(Debug, thiserror::Error)]
pub enum RestoringError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The directory that was to be filled is none or not empty.
    #[error("{0}: there is something already: give a new directory")]
    NotEmpty(PathBuf),
    /// The ledger that was to be exported.
    #[error("{0}")]
    Source(String),
    /// The export cannot be read.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// It was not written.
    #[error(transparent)]
    Exporting(#[from] ExportingError),
    /// The store was not filled.
    #[error("{error}; {} is marked unusable", dir.display())]
    Restore {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        error: RestoreError,
    },
}

fn failed(path: &Path) -> impl Fn(io::Error) -> RestoringError {
    let path = path.to_owned();
    move |source| RestoringError::File { path: path.clone(), source }
}

/// Where a file is written before it has its name.
fn unnamed(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Writes the export of a directory's newest static checkpoint, while a server may run over it. It has
/// its name once it is durable.
///
/// # Errors
/// [`RestoringError`]: then there is no file of that name.
pub fn export_directory(
    dir: &Path,
    scope: &Scope,
    out: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<(), RestoringError> {
    let part = write_part(dir, scope, out, progress)?;
    name_it(&part, out)
}

fn write_part(
    dir: &Path,
    scope: &Scope,
    out: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<PathBuf, RestoringError> {
    let offline = Offline::open(dir).map_err(RestoringError::Source)?;
    let state = offline.state_at(offline.head.size).map_err(RestoringError::Source)?;
    let at = At { state: &state.state, store: offline.store.as_ref(), checkpoint: &offline.checkpoint };
    let part = unnamed(out);
    let written = File::create(&part).map_err(failed(&part)).and_then(|file| {
        let mut buffered = BufWriter::with_capacity(1 << 20, file);
        export(&at, scope, &Reader::Host, &mut buffered, Some(progress))?;
        let file = buffered.into_inner().map_err(|error| failed(&part)(error.into_error()))?;
        file.sync_all().map_err(failed(&part))
    });
    if written.is_err() {
        // It has no end, so it is nothing; that it could not be removed changes nothing.
        let _ = fs::remove_file(&part);
    }
    written.map(|()| part)
}

fn name_it(part: &Path, out: &Path) -> Result<(), RestoringError> {
    fs::rename(part, out).map_err(failed(out))?;
    sync_folder(out)
}

fn sync_folder(of: &Path) -> Result<(), RestoringError> {
    let folder = match of.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

/// Writes a full export and verifies it; only a good one has its name.
///
/// # Errors
/// [`RestoringError`].
pub fn backup(
    dir: &Path,
    out: &Path,
    options: &Options,
    progress: &dyn Fn(u64, u64),
) -> Result<Report, RestoringError> {
    let part = write_part(dir, &Scope::Full, out, progress)?;
    let report = verify_export(&part, options);
    if report.verdict() == Verdict::Good {
        name_it(&part, out)?;
    }
    Ok(report)
}

/// Fills a new directory with the records of an export, all or up to `to_seq`, and verifies it. Unless
/// that gave nothing but good, the directory stays marked unusable.
///
/// # Errors
/// [`RestoringError`].
pub fn restore(
    from: &Path,
    dir: &Path,
    to_seq: Option<u64>,
    options: &Options,
    progress: &dyn Fn(u64, u64),
) -> Result<Report, RestoringError> {
    if dir.exists() && fs::read_dir(dir).map_err(failed(dir))?.next().is_some() {
        return Err(RestoringError::NotEmpty(dir.to_owned()));
    }
    let file = ExportFile::scan(from, &mut |_| {})?;
    let size = file.header().size;
    let length = to_seq.map_or(size, |seq| size.min(seq.saturating_add(1)));
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mark = dir.join(MARK);
    let reason = format!("restoring from {}: not verified yet\n", from.display());
    write_whole(&mark, reason.as_bytes())?;
    fill(&file, dir, length, progress)
        .map_err(|error| RestoringError::Restore { dir: dir.to_owned(), error })?;
    let report = directory(dir, options);
    if report.verdict() == Verdict::Good {
        fs::remove_file(&mark).map_err(failed(&mark))?;
        sync_folder(&mark)?;
    } else {
        let reason = format!("restored from {}, and its verification gave:\n{report}", from.display());
        write_whole(&mark, reason.as_bytes())?;
    }
    Ok(report)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RestoringError> {
    let mut file = File::create(path).map_err(failed(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(path))?;
    sync_folder(path)
}
