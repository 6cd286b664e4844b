//! Rule books as data: found by name or given as text, overridden by the input, hashed, and every
//! parameter with its source.

pub(crate) mod document;
pub(crate) mod harmonized;
mod library;
pub(crate) mod prepared;
mod schedule;
pub(crate) mod siloed;
mod span;
pub(crate) mod spm;
pub(crate) mod strategy;
mod tims;

pub use document::RegimeError;
pub(crate) use library::Library;

use std::collections::BTreeMap;

use ledger::digest::Digest;
use ledger::json::Json;

use crate::error::InputError;
use crate::portfolio::{Holding, Portfolio};
use crate::pricing::Pricer;
use crate::reader::{Bound, Reader};
use crate::scenario::Extreme;
use document::{Shelf, Sources};

/// A rule book by the name of a shipped one, or as the text of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RegimeRef<'a> {
    /// One that is shipped, by its id.
    Named(&'a str),
    /// The TOML text of any other.
    Text(&'a str),
}

/// The shipped rule books: id and text.
const SHIPPED: [(&str, &str); 7] = [
    ("us-reg-t", include_str!("../../regimes/us-reg-t.toml")),
    ("us-tims", include_str!("../../regimes/us-tims.toml")),
    ("us-span", include_str!("../../regimes/us-span.toml")),
    ("schedule", include_str!("../../regimes/schedule.toml")),
    ("us-siloed", include_str!("../../regimes/us-siloed.toml")),
    ("us-harmonized", include_str!("../../regimes/us-harmonized.toml")),
    ("deribit-spm", include_str!("../../regimes/deribit-spm.toml")),
];

/// One rule book, checked.
#[derive(Clone, Debug)]
pub struct Regime {
    id: String,
    version: String,
    sha256: Digest,
    assumed: usize,
    overridden: bool,
    tree: Json,
    rules: Rules,
}

/// The method and its parameters.
#[derive(Clone, Debug)]
pub(crate) enum Rules {
    Tims(tims::Tims),
    Span(span::Span),
    Schedule(schedule::Schedule),
    Siloed(siloed::Siloed),
    Harmonized(Box<harmonized::Harmonized>),
    Strategy(Box<strategy::Strategy>),
    Spm(Box<spm::Spm>),
}

impl Regime {
    /// Ids of the shipped rule books.
    pub fn shipped_ids() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(id, _)| *id)
    }

    /// Ids of the shipped rule books whose method this version computes, which is all of them: what
    /// a run without a choice runs.
    pub fn built_ids() -> impl Iterator<Item = &'static str> {
        Self::shipped_ids()
    }

    /// The text of a shipped rule book: what a ledger adopts by its digest.
    #[must_use]
    pub fn shipped_text(id: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
    }

    /// A shipped rule book, if there is one of that id.
    #[must_use]
    pub fn shipped(id: &str) -> Option<Self> {
        let text = Self::shipped_text(id)?;
        Some(Self::parse(text).expect("the shipped rule books are tested to be sound"))
    }

    /// Reads a rule book.
    ///
    /// # Errors
    /// [`RegimeError`] if a parameter is missing, unknown, out of range or without a source.
    pub fn parse(text: &str) -> Result<Self, RegimeError> {
        Self::from_tree(document::parse(text)?, false)
    }

    /// Finds or reads a rule book, with the error that a run with it would give.
    ///
    /// # Errors
    /// [`InputError`] with the code `unknown_regime` or `bad_regime`.
    pub fn open(asked: RegimeRef) -> Result<Self, InputError> {
        let mut reader = Reader::default();
        let library = Library::open(&mut reader, &[asked], &[]);
        reader.outcome()?;
        let opened = library.chosen.into_iter().next();
        Ok(opened.expect("a rule book that was not opened was noted"))
    }

    /// The same rule book with parameters replaced: each a path with `/` and a value.
    ///
    /// # Errors
    /// [`RegimeError`] if a path does not exist or the result is not sound.
    pub fn with(&self, parameters: &[(&str, Json)]) -> Result<Self, RegimeError> {
        let mut tree = self.tree.clone();
        for (path, value) in parameters {
            document::set(&mut tree, path, value.clone())
                .ok_or_else(|| RegimeError::new(format!("/{path}"), "there is no such parameter"))?;
        }
        Self::from_tree(tree, self.overridden || !parameters.is_empty())
    }

    fn from_tree(tree: Json, overridden: bool) -> Result<Self, RegimeError> {
        let shelf = Shelf::root(&tree);
        let head = shelf.open_only("regime", &["id", "version", "effective", "kind"])?;
        let (id, version) = (head.text("id")?.to_owned(), head.text("version")?.to_owned());
        head.text("effective")?;
        let sources = Sources::read(&tree)?;
        let rules = match head.text("kind")? {
            "tims" => Rules::Tims(tims::Tims::read(&shelf)?),
            "span" => Rules::Span(span::Span::read(&shelf)?),
            "schedule" => Rules::Schedule(schedule::Schedule::read(&shelf)?),
            "siloed" => Rules::Siloed(siloed::Siloed::read(&shelf)?),
            "harmonized" => Rules::Harmonized(Box::new(harmonized::Harmonized::read(&shelf, &sources)?)),
            "strategy" => Rules::Strategy(Box::new(strategy::Strategy::read(&shelf)?)),
            "spm" => Rules::Spm(Box::new(spm::Spm::read(&shelf)?)),
            _ => {
                return Err(head.error(
                    "kind",
                    "must be one of tims, span, schedule, siloed, harmonized, strategy, spm",
                ));
            }
        };
        let sha256 = Digest::of(tree.to_jcs().as_bytes());
        Ok(Self { id, version, sha256, assumed: sources.assumed(), overridden, tree, rules })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the canonical JSON of its content, replaced parameters included.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// How many of its sources say `assumed`.
    #[must_use]
    pub fn assumed(&self) -> usize {
        self.assumed
    }

    /// Whether a parameter was replaced.
    #[must_use]
    pub fn is_overridden(&self) -> bool {
        self.overridden
    }

    /// Its content as a tree.
    #[must_use]
    pub fn content(&self) -> &Json {
        &self.tree
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }
}

/// Holdings by underlying, in byte order, each list in the order of the holdings.
pub(crate) fn split_by_underlying<'p, 'h>(
    portfolio: &'p Portfolio,
    holdings: &'h [Holding],
) -> Vec<(&'p str, Vec<&'h Holding>)> {
    let mut split: BTreeMap<&str, Vec<&Holding>> = BTreeMap::new();
    for holding in holdings {
        split.entry(&portfolio.contract(holding).underlying).or_default().push(holding);
    }
    split.into_iter().collect()
}

/// How options are priced.
fn read_pricer(shelf: &Shelf) -> Result<Pricer, RegimeError> {
    let pricer = shelf.open_only("pricer", &["american", "look_ahead_days"])?;
    let look_ahead_days = pricer.decimal("look_ahead_days", Bound::NonNegative)?;
    let steps = pricer.text("american")?.strip_prefix("crr:").and_then(|steps| steps.parse::<u16>().ok());
    match steps {
        Some(steps @ 1..) => Ok(Pricer::new(steps, &look_ahead_days)),
        Some(0) | None => {
            Err(pricer.error("american", "must be crr: and the number of steps, as in crr:200"))
        }
    }
}

fn read_extreme(shelf: &Shelf) -> Result<Extreme, RegimeError> {
    let extreme = shelf.open_only("extreme", &["multiple", "cover"])?;
    Ok(Extreme { multiple: extreme.decimal("multiple", Bound::NonNegative)?, cover: extreme.share("cover")? })
}
