//! What a verification found, for people and for programs.
//!
//! Source: audit specification §12.

use std::fmt;

use crate::digest::Digest;
use crate::json::Json;
use crate::merkle::TreeHead;
use crate::time::Timestamp;
use crate::words::words;

/// The format of the JSON report.
pub const FORMAT: &str = "pledger/verify-report/v1";

words! {
    /// What can be checked; the order is that of the specification.
    pub enum CheckId {
        /// The frames of a journal or export are whole.
        Frames = "frames",
        /// Checkpoints are well formed and of this origin.
        CheckpointForm = "checkpoint_form",
        /// The log signed its checkpoints.
        LogSignature = "log_signature",
        /// Enough witnesses cosigned.
        Quorum = "quorum",
        /// When they did.
        CosignatureAge = "cosignature_age",
        /// Tiles and bundles are what the records give.
        Tiles = "tiles",
        /// The root rebuilt from the entries is the one that was signed.
        EntriesRoot = "entries_root",
        /// Each leaf is a record's.
        LeafForm = "leaf_form",
        /// Records are numbered without a gap.
        Sequence = "sequence",
        /// The recorded time never falls.
        TimeOrder = "time_order",
        /// Older checkpoints are of the same history.
        OldConsistency = "old_consistency",
        /// A leaf is in the tree.
        Inclusion = "inclusion",
        /// Each leaf commits to its envelope.
        EnvelopeDigest = "envelope_digest",
        /// Each leaf commits to its command.
        CommandId = "command_id",
        /// No command is recorded twice.
        CommandIdOnce = "command_id_once",
        /// What is stored is the one spelling of what it says.
        Canonical = "canonical",
        /// Signatures are good under the keys at that sequence.
        SignatureAtSeq = "signature_at_seq",
        /// Commands were recorded before they expired.
        Expiry = "expiry",
        /// No idempotency key was used twice while it was held.
        Idempotency = "idempotency",
        /// What needed approval had it.
        Approvals = "approvals",
        /// The rules accept each record and give the recorded effects.
        Replay = "replay",
        /// What must always hold of the state.
        Invariants = "invariants",
        /// The documents that records name are there and have their digests.
        Documents = "documents",
        /// Margin statements follow from their documents.
        MarginRecomputed = "margin_recomputed",
        /// Seals follow from the state.
        SealsRecomputed = "seals_recomputed",
        /// Overrides of rules.
        Overrides = "overrides",
        /// Kept snapshots are the replayed state.
        Snapshots = "snapshots",
        /// The journal's chain and end.
        StoreChain = "store_chain",
    }
}

words! {
    /// What a verification proves.
    pub enum Verdict {
        /// Everything that was asked for was checked and holds.
        Good = "good",
        /// Something well formed contradicts something signed or computed.
        Bad = "bad",
        /// Neither: something could not be read or is not at hand.
        Undecidable = "undecidable",
    }
}

impl Verdict {
    /// The exit code of `pledger verify`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Undecidable => 2,
        }
    }
}

words! {
    /// What became of one check.
    pub enum CheckResult {
        /// Checked, and holds.
        Pass = "pass",
        /// Proven not to hold.
        Fail = "fail",
        /// Not checked, or not to its end: the reason is given.
        NotChecked = "not_checked",
    }
}

/// What was found, and where.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Finding {
    /// The first record that it touches.
    pub first_seq: Option<u64>,
    /// What should be there.
    pub expected: Option<String>,
    /// What is.
    pub got: Option<String>,
    /// What it is about, with the rule.
    pub reason: String,
    /// What to do.
    pub help: Option<&'static str>,
}

impl Finding {
    /// A finding that names no record.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// A finding at a record.
    #[must_use]
    pub fn at(seq: u64, reason: impl Into<String>) -> Self {
        Self { first_seq: Some(seq), ..Self::new(reason) }
    }

    /// With what was expected and what was found.
    #[must_use]
    pub fn with(self, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self { expected: Some(expected.to_string()), got: Some(got.to_string()), ..self }
    }

    /// With what to do.
    #[must_use]
    pub fn help(self, help: &'static str) -> Self {
        Self { help: Some(help), ..self }
    }
}

/// One check of a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    /// Which.
    pub id: CheckId,
    /// What became of it.
    pub result: CheckResult,
    /// How many things were looked at.
    pub count: u64,
    /// What was found, or why it was not checked.
    pub finding: Option<Finding>,
    /// Whether the verdict needs it: then a check not made leaves the whole undecided.
    pub is_asked: bool,
}

/// What a balance proof shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProvenBalance {
    /// The account.
    pub account: String,
    /// Its book.
    pub book: String,
    /// Custodian, property class and asset.
    pub tree: [String; 3],
    /// Smallest units of the asset.
    pub units: u128,
    /// When the last record that the seal speaks of was recorded.
    pub as_of: Timestamp,
    /// How many records the seal speaks of.
    pub size: u64,
}

impl ProvenBalance {
    fn members(&self) -> [(&'static str, String); 8] {
        let [custodian, class, asset] = self.tree.clone();
        [
            ("account", self.account.clone()),
            ("book", self.book.clone()),
            ("amount", self.units.to_string()),
            ("asset", asset),
            ("class", class),
            ("custodian", custodian),
            ("as_of", self.as_of.to_string()),
            ("size", self.size.to_string()),
        ]
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The ledger's origin, where one could be read.
    pub origin: Option<String>,
    /// The tree that was checked.
    pub head: Option<TreeHead>,
    /// Digest of the newest checkpoint's note.
    pub checkpoint: Option<Digest>,
    /// Who cosigned it.
    pub cosigned_by: Vec<String>,
    /// Recorded times of the first record and the last.
    pub recorded_at: Option<(Timestamp, Timestamp)>,
    /// The balance that a balance proof is about.
    pub balance: Option<ProvenBalance>,
    /// Every check, in the order of the specification.
    pub checks: Vec<Check>,
}

impl Report {
    /// One failed check proves it bad, whatever else is undecided.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.checks.iter().any(|check| check.result == CheckResult::Fail) {
            Verdict::Bad
        } else if self.checks.iter().any(|check| check.result == CheckResult::NotChecked && check.is_asked) {
            Verdict::Undecidable
        } else {
            Verdict::Good
        }
    }

    /// The check of that id.
    #[must_use]
    pub fn check(&self, id: CheckId) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// The report as JSON: strings, arrays and objects only.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let text = |name: &'static str, value: String| (name, Json::text(value));
        let mut members = vec![text("format", FORMAT.to_owned()), text("result", self.verdict().to_string())];
        members.extend(self.origin.clone().map(|origin| text("origin", origin)));
        if let Some(head) = self.head {
            members.push(text("size", head.size.to_string()));
            members.push(text("root", head.root.to_string()));
        }
        members.extend(self.checkpoint.map(|digest| text("checkpoint", digest.to_string())));
        members.push(("cosigned_by", Json::array(self.cosigned_by.iter().map(Json::text))));
        if let Some((first, last)) = self.recorded_at {
            let range = [text("first", first.to_string()), text("last", last.to_string())];
            members.push(("recorded_at", Json::object(range)));
        }
        if let Some(balance) = &self.balance {
            let told = balance.members().into_iter().map(|(name, told)| (name, Json::text(told)));
            members.push(("balance", Json::object(told)));
        }
        members.push(("checks", Json::array(self.checks.iter().map(Check::to_json))));
        Json::object(members)
    }
}

impl Check {
    fn to_json(&self) -> Json {
        let mut members = vec![
            ("id", Json::text(self.id.as_str())),
            ("result", Json::text(self.result.as_str())),
            ("count", Json::text(self.count.to_string())),
        ];
        if let Some(Finding { first_seq, expected, got, reason, help }) = &self.finding {
            let more = [
                ("first_seq", first_seq.map(|seq| seq.to_string())),
                ("expected", expected.clone()),
                ("got", got.clone()),
                ("reason", Some(reason.clone())),
                ("help", help.map(str::to_owned)),
            ];
            members.extend(more.into_iter().filter_map(|(name, value)| Some((name, Json::text(value?)))));
        }
        Json::object(members)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some((first, last)) = self.recorded_at {
            writeln!(f, "recorded from {first} to {last}")?;
        }
        if let Some(checkpoint) = self.checkpoint {
            writeln!(f, "newest checkpoint {checkpoint}")?;
        }
        if !self.cosigned_by.is_empty() {
            writeln!(f, "cosigned by {}", self.cosigned_by.join(", "))?;
        }
        if let Some(balance) = &self.balance {
            let told = balance.members().map(|(name, told)| format!("{name} {told}"));
            writeln!(f, "{}", told.join(", "))?;
        }
        self.checks.iter().try_for_each(|check| check.fmt(f))?;
        let shown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let origin = shown(self.origin.clone());
        let size = shown(self.head.map(|head| head.size.to_string()));
        let root = shown(self.head.map(|head| head.root.to_string()));
        writeln!(f, "RESULT {} origin={origin} size={size} root={root}", self.verdict())
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { id, result, count, finding, .. } = self;
        write!(f, "{:<11}  {:<18}", result.as_str(), id.as_str())?;
        if *count > 0 {
            write!(f, "  {count}")?;
        }
        let Some(Finding { first_seq, expected, got, reason, help }) = finding else { return writeln!(f) };
        let place = first_seq.map_or_else(String::new, |seq| format!("record {seq}: "));
        writeln!(f, "  {place}{reason}")?;
        for (name, text) in [("expected", expected), ("got", got)] {
            if let Some(text) = text {
                writeln!(f, "             {name:<8} {text}")?;
            }
        }
        help.map_or(Ok(()), |help| writeln!(f, "             help     {help}"))
    }
}
