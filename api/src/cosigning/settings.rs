//! How a ledger asks its witnesses: the table `[witness]` of `pledger serve --config`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ledger::policy::Party;
use serde::Deserialize;

/// How witnesses are asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WitnessSettings {
    /// Without a quorum for longer, no commands are taken.
    pub stop_after_secs: u64,
    /// How often an unchanged tree is witnessed again.
    pub refresh_secs: u64,
    /// How long a witness may take to answer.
    pub timeout_secs: u64,
    /// Where witnesses are reached, by their names in the policy, instead of where it says.
    pub urls: BTreeMap<String, String>,
    /// Witnesses that are not asked, by their names in the policy.
    pub ignored: Vec<String>,
}

impl Default for WitnessSettings {
    fn default() -> Self {
        Self {
            stop_after_secs: 15 * 60,
            refresh_secs: 10 * 60,
            timeout_secs: 5,
            urls: BTreeMap::new(),
            ignored: Vec::new(),
        }
    }
}

impl WitnessSettings {
    /// Where a witness is reached; `None` if it is not to be asked, or cannot be.
    #[must_use]
    pub fn url(&self, witness: &Party) -> Option<String> {
        if self.ignored.contains(&witness.name) {
            return None;
        }
        let url = self.urls.get(&witness.name).or(witness.url.as_ref())?;
        // This program speaks no TLS: it leaves that to whoever stands before it, on both sides.
        url.starts_with("http://").then(|| url.trim_end_matches('/').to_owned())
    }

    /// How often an unchanged tree is witnessed again.
    #[must_use]
    pub fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_secs.max(1))
    }

    /// How long a witness may take to answer.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs.max(1))
    }
}

/// The configuration of `pledger serve`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSettings {
    /// Its witnesses.
    pub witness: WitnessSettings,
}

impl ServeSettings {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        toml::from_str(&text).map_err(|error| failed(&error))
    }
}
