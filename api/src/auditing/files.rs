//! The files of a pack: each is durable before the pack has its name.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ledger::digest::Digest;
use ledger::json::Json;

/// The files of a pack on their way.
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    /// Makes the folder; what an earlier attempt left has no name and is nobody's.
    pub(super) fn begin(root: &Path) -> Result<Self, String> {
        if root.exists() {
            fs::remove_dir_all(root).map_err(|error| format!("{}: {error}", root.display()))?;
        }
        let receipts = root.join("receipts");
        fs::create_dir_all(&receipts).map_err(|error| format!("{}: {error}", receipts.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Writes a file durably and gives its line of the manifest.
    pub(super) fn write(&self, name: &str, bytes: &[u8], rows: Option<usize>) -> Result<Json, String> {
        let path = self.root.join(name);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|error: io::Error| format!("{}: {error}", path.display()))?;
        let mut members = vec![
            ("name", Json::text(name)),
            ("sha256", Json::text(Digest::of(bytes).to_string())),
            ("bytes", Json::text(bytes.len().to_string())),
        ];
        members.extend(rows.map(|rows| ("rows", Json::text(rows.to_string()))));
        Ok(Json::object(members))
    }
}
