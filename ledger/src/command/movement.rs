//! Movements of collateral between accounts.

use super::address::AddressText;
use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, QuantityText, ReadText};
use crate::account::PropertyClass;
use crate::digest::Digest;
use crate::id::{AccountId, AssetId, CallId, MovementId};
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// How a movement takes effect.
    pub enum MovementMode {
        /// At once, all or nothing.
        Immediate = "immediate",
        /// Reserved now; settled or voided later.
        TwoPhase = "two_phase",
    }
}

/// One debit–credit pair as written; the asset gives the amount its scale.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostingText {
    /// Where it goes out.
    pub from: AccountId,
    /// Where it comes in.
    pub to: AccountId,
    /// The one asset of both.
    pub asset: AssetId,
    /// How much.
    pub amount: QuantityText,
}

impl PostingText {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let from: Option<AccountId> = fields.parsed("from");
        // A posting to itself moves nothing and would still be told as a movement.
        let to = fields.required("to", "the id of another account than `from`", |value| {
            let to = AccountId::parse(value.as_str()?).ok()?;
            (from.as_ref() != Some(&to)).then_some(to)
        });
        let asset = fields.parsed("asset");
        let amount = fields.parsed("amount");
        Some(Self { from: from?, to: to?, asset: asset?, amount: amount? })
    }
}

/// `movement.instruct`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementInstruct {
    /// The movement.
    pub movement: MovementId,
    /// How it takes effect.
    pub mode: MovementMode,
    /// One to eight, all or nothing.
    pub postings: Vec<PostingText>,
    /// From this instant on a pending movement can no longer settle.
    pub expires: Option<Timestamp>,
    /// The call it serves.
    pub call: Option<CallId>,
    /// The address that what leaves the custodians' books is sent to; then it is on the owner's
    /// allow-list and active.
    pub destination: Option<AddressText>,
}

impl Ask for MovementInstruct {
    fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let mode = fields.parsed("mode");
        let postings = fields.each("postings", 1..=8, PostingText::read);
        let expires = fields.parsed_optional("expires");
        let call = fields.parsed_optional("call");
        let destination = fields.parsed_optional("destination");
        Some(Self {
            movement: movement?,
            mode: mode?,
            postings: postings?,
            expires: expires?,
            call: call?,
            destination: destination?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        Concern::postings(&self.postings)
    }
}

/// `movement.settle`: whole, or the part that has arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementSettle {
    /// The movement.
    pub movement: MovementId,
    /// How much of each posting, in their order; all that remains if it is not said.
    pub amounts: Option<Vec<QuantityText>>,
    /// The custodian's evidence.
    pub evidence: Digest,
}

impl Ask for MovementSettle {
    fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let amounts = fields.optional("amounts", "one quantity for each posting, in their order", |value| {
            value.as_array()?.iter().map(|amount| QuantityText::read_text(amount.as_str()?)).collect()
        });
        let evidence = fields.parsed("evidence");
        Some(Self { movement: movement?, amounts: amounts?, evidence: evidence? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Movement(self.movement.clone())]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/evidence", self.evidence)]
    }
}

/// `movement.reverse`: a new movement that undoes a settled one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementReverse {
    /// The new movement.
    pub movement: MovementId,
    /// The one it undoes.
    pub reverses: MovementId,
    /// Why.
    pub reason: String,
}

impl Ask for MovementReverse {
    fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let reverses = fields.parsed("reverses");
        let reason = fields.text("reason");
        Some(Self { movement: movement?, reverses: reverses?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Movement(self.reverses.clone())]
    }
}

/// `movement.reclassify`: from one customer-property class to another, both named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementReclassify {
    /// The movement.
    pub movement: MovementId,
    /// Its postings.
    pub postings: Vec<PostingText>,
    /// The class it leaves.
    pub from_class: PropertyClass,
    /// The class it joins.
    pub to_class: PropertyClass,
    /// Why.
    pub reason: String,
    /// The rule or agreement that allows it.
    pub basis: String,
}

impl Ask for MovementReclassify {
    fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let postings = fields.each("postings", 1..=8, PostingText::read);
        let from_class = fields.parsed("from_class");
        let to_class = fields.parsed("to_class");
        let reason = fields.text("reason");
        let basis = fields.text("basis");
        Some(Self {
            movement: movement?,
            postings: postings?,
            from_class: from_class?,
            to_class: to_class?,
            reason: reason?,
            basis: basis?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        Concern::postings(&self.postings)
    }
}

/// What a batch moves of one asset in all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssetTotal {
    /// The asset.
    pub asset: AssetId,
    /// How much.
    pub amount: QuantityText,
}

/// `movement.batch`: up to 8,190 postings in a document, all or nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementBatch {
    /// The movement.
    pub movement: MovementId,
    /// The document: one posting a line.
    pub document: Digest,
    /// How many lines it has.
    pub count: u64,
    /// What it moves of each asset.
    pub totals: Vec<AssetTotal>,
}

impl Ask for MovementBatch {
    fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let document = fields.parsed("document");
        let count = fields.parsed("count");
        let totals = fields.each("totals", 1..=64, |fields| {
            let asset = fields.parsed("asset");
            let amount = fields.parsed("amount");
            Some(AssetTotal { asset: asset?, amount: amount? })
        });
        Some(Self { movement: movement?, document: document?, count: count?, totals: totals? })
    }

    /// It tells many parties' business at once: nobody reads it whole.
    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/document", self.document)]
    }
}

/// The most postings of a batch.
pub const BATCH_POSTINGS_MAX: usize = 8_190;

/// Reads a batch's document: each line the canonical form of `{amount, asset, from, to}` and its line
/// feed.
///
/// # Errors
/// The first line that is none, and what it should be.
///
/// ```
/// let line = r#"{"amount":"1","asset":"BTC","from":"a","to":"b"}"#;
/// assert_eq!(ledger::command::read_batch(format!("{line}\n").as_bytes()).unwrap().len(), 1);
/// assert!(ledger::command::read_batch(line.as_bytes()).is_err(), "no line feed");
/// ```
pub fn read_batch(document: &[u8]) -> Result<Vec<PostingText>, String> {
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    let lines = text.strip_suffix('\n').ok_or("the last line has no line feed")?;
    let mut postings = Vec::new();
    for (place, line) in lines.split('\n').enumerate() {
        if place == BATCH_POSTINGS_MAX {
            return Err(format!("more than {BATCH_POSTINGS_MAX} postings"));
        }
        let number = place + 1;
        let tree =
            crate::profile::read(line.as_bytes()).map_err(|error| format!("line {number}: {error}"))?;
        let mut fields = Fields::of(&tree);
        let posting = PostingText::read(&mut fields);
        let posting = fields.finish(posting).map_err(|errors| {
            let first = errors.first().map_or_else(String::new, ToString::to_string);
            format!("line {number}: {first}")
        })?;
        postings.push(posting);
    }
    Ok(postings)
}

/// `movement.void`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementVoid {
    /// The movement.
    pub movement: MovementId,
    /// Why.
    pub reason: String,
}

impl Ask for MovementVoid {
    fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let reason = fields.text("reason");
        Some(Self { movement: movement?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Movement(self.movement.clone())]
    }
}

impl ReadText for MovementMode {
    const HELP: &'static str = "immediate or two_phase";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
