//! Whether the index in the directory can be believed, and what becomes of one that cannot.

use std::fs;
use std::path::Path;

use super::shelf::{Broken, Shelf, Watermark};
use crate::store::StoreError;
use crate::store::medium::{Files, read_whole, write_whole};
use crate::store::segment::{JournalReader, QUARANTINE_DIR};

pub(super) const DIR: &str = "index";

/// Says who last had the index open: `clean`, or the machine's boot that it was opened in. After an
/// end without close in another boot, sled may have lost anything.
const STATE_FILE: &str = "index.state";
pub(super) const CLEAN: &str = "clean";

/// The index in `root`, or why it cannot be believed.
pub(super) fn open_believable(
    root: &Path,
    journal: &JournalReader,
) -> Result<Result<(Shelf, Watermark), Broken>, StoreError> {
    let (shelf, watermark) = match Shelf::open(&root.join(DIR), journal.origin()) {
        Ok(opened) => opened,
        Err(reason) => return Ok(Err(reason)),
    };
    if journal.chain_after(watermark.length)? != Some(watermark.chain) {
        return Ok(Err(format!("it covers {} records of another journal", watermark.length)));
    }
    let state = read_whole(&Files::new(root), STATE_FILE).unwrap_or_default();
    let state = String::from_utf8_lossy(&state);
    if state.trim_end() == CLEAN || state.trim_end() == boot_id() {
        return Ok(Ok((shelf, watermark)));
    }
    Ok(match shelf.is_whole(&watermark) {
        Ok(true) => Ok((shelf, watermark)),
        Ok(false) => Err("entries were lost when the machine stopped".into()),
        Err(reason) => Err(reason),
    })
}

/// Names this run of the machine; a text that no other run has said if there is no way to know.
pub(super) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if id.is_empty() { "unknown".into() } else { format!("boot {}", id.trim()) }
}

pub(super) fn note_state(root: &Path, state: &str) {
    let noted = write_whole(&Files::new(root), ".", STATE_FILE, format!("{state}\n").as_bytes());
    if let Err(error) = noted {
        tracing::warn!(%error, "could not note who has the index open");
        // Without the note the index is summed up at the next opening.
        let _ = fs::remove_file(root.join(STATE_FILE));
    }
}

/// Moves the index to quarantine and begins a new one.
pub(super) fn replace(
    root: &Path,
    journal: &JournalReader,
    reason: &str,
) -> Result<(Shelf, Watermark), Broken> {
    tracing::warn!(reason, "the index is set aside and rebuilt from the journal");
    set_aside(root, reason).map_err(|error| format!("it cannot be set aside: {error}"))?;
    Shelf::open(&root.join(DIR), journal.origin())
}

fn set_aside(root: &Path, reason: &str) -> std::io::Result<()> {
    let index = root.join(DIR);
    if !index.exists() {
        return Ok(());
    }
    let quarantine = root.join(QUARANTINE_DIR);
    fs::create_dir_all(&quarantine)?;
    let free = (0_u32..).map(|number| format!("index-{number}")).find(|name| !quarantine.join(name).exists());
    let name = free.ok_or_else(|| std::io::Error::other("no name is free"))?;
    fs::rename(&index, quarantine.join(&name))?;
    fs::write(quarantine.join(format!("{name}.reason")), format!("{reason}\n"))
}
