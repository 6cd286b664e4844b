//! Full tiles and bundles on their way to their files.
//!
//! Making and renaming files waits for the file system's own journal, which the store's fsyncs keep
//! busy; a thread of their own lets the log's writer go on. Until a file is written, readers find
//! its bytes in memory.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::tiles::TilePath;

use super::LogError;
use super::files::Files;
use super::reader::Tiles;

/// Files that may wait, of at most 45 KiB with our leaves; then the writer waits.
const WAITING: usize = 128;

enum Job {
    Write(TilePath, Arc<Vec<u8>>),
    /// Answered with the files written so far.
    Drain(SyncSender<u64>),
}

/// The writer's end. Dropping it waits until the files are written.
pub(super) struct Spool {
    tiles: Arc<Tiles>,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<Result<(), LogError>>>,
}

impl Spool {
    pub(super) fn start(tiles: Arc<Tiles>) -> Result<Self, LogError> {
        let (jobs, receiver) = sync_channel(WAITING);
        let files = Arc::clone(&tiles);
        let thread = std::thread::Builder::new().name("log-files".to_owned());
        let thread = thread.spawn(move || write_all(&files, &receiver));
        let what = "start the thread that writes tiles".to_owned();
        let thread = thread.map_err(|source| LogError::Io { what, source })?;
        Ok(Self { tiles, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has a file written, and its bytes served meanwhile. A file that already holds them is left
    /// alone.
    pub(super) fn write(&mut self, path: TilePath, bytes: Arc<Vec<u8>>) -> Result<(), LogError> {
        self.tiles.await_file(path, Arc::clone(&bytes));
        self.send(Job::Write(path, bytes))
    }

    /// Waits until all files are written; gives how many were missing or differed since the start.
    pub(super) fn drain(&mut self) -> Result<u64, LogError> {
        let (answer, written) = sync_channel(1);
        self.send(Job::Drain(answer))?;
        written.recv().map_err(|_| self.failure())
    }

    /// # Errors
    /// Why the thread ended, once.
    pub(super) fn check(&mut self) -> Result<(), LogError> {
        match &self.thread {
            Some(thread) if !thread.is_finished() => Ok(()),
            Some(_) | None => Err(self.failure()),
        }
    }

    fn send(&mut self, job: Job) -> Result<(), LogError> {
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(self.failure()) }
    }

    fn failure(&mut self) -> LogError {
        self.jobs = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => error,
            Some(Ok(Ok(())) | Err(_)) | None => LogError::Stopped,
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.thread.is_some() {
            // A file that could not be written is made again from the records at the next opening.
            let error = self.failure();
            if !matches!(error, LogError::Stopped) {
                tracing::error!(%error, "a tile could not be written");
            }
        }
    }
}

fn write_all(tiles: &Tiles, jobs: &Receiver<Job>) -> Result<(), LogError> {
    let mut written = 0;
    for job in jobs {
        match job {
            Job::Write(path, bytes) => {
                written += u64::from(put(&tiles.files, &path.to_string(), &bytes)?);
                tiles.file_is_written(path);
            }
            Job::Drain(answer) => {
                // Who asked may have given up.
                let _ = answer.send(written);
            }
        }
    }
    Ok(())
}

/// Whether the file had to be written. Other bytes under its name are set aside, not lost: if it is
/// the records that are wrong, they are the evidence.
fn put(files: &Files, name: &str, bytes: &[u8]) -> Result<bool, LogError> {
    match files.read(name)? {
        Some(found) if found == bytes => return Ok(false),
        Some(_) => {
            tracing::warn!(file = name, "differs from the records: moved to quarantine and written again");
            files.set_aside(name)?;
        }
        None => {}
    }
    files.write(name, bytes)?;
    Ok(true)
}
