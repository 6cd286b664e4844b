//! The parameters of `us-harmonized`, each checked where it is read.

use std::collections::BTreeMap;

use ledger::breaker::Parameters;
use ledger::decimal::Exact;

use crate::addons::Addons;
use crate::buffers::Buffers;
use crate::contract::Contract;
use crate::instrument::Kind;
use crate::offsets::Level;
use crate::pricing::Pricer;
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf, Sources};
use crate::regime::{read_extreme, read_pricer};
use crate::scenario::{Extreme, VolRule};

/// The parameters of the rule book.
#[derive(Clone, Debug)]
pub(crate) struct Harmonized {
    pub(crate) pricer: Pricer,
    pub(crate) extreme: Extreme,
    /// What becomes of volatilities, up and down.
    pub(crate) vols: [VolRule; 2],
    pub(crate) levels: Levels,
    pub(crate) floor: Floor,
    pub(crate) buffers: Buffers,
    pub(crate) addons: Addons,
    pub(crate) breaker: Parameters,
    ranges: BTreeMap<String, Range>,
    haircuts: BTreeMap<String, Exact>,
}

/// The three levels of the tree above an underlying.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    pub(crate) root: Level,
    pub(crate) class: Level,
    pub(crate) group: Level,
}

/// The least for contracts of some kinds and classes.
#[derive(Clone, Debug)]
pub(crate) struct Floor {
    pub(crate) per_contract: Exact,
    kinds: Vec<Kind>,
    risk_classes: Vec<String>,
}

impl Floor {
    pub(crate) fn covers(&self, contract: &Contract) -> bool {
        self.kinds.contains(&contract.kind) && self.risk_classes.contains(&contract.risk_class)
    }
}

/// How far one risk class may move, and where it stands in the tree.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    pub(crate) range: Exact,
    pub(crate) stress: Exact,
    pub(crate) group: String,
    pub(crate) class: String,
    /// Which of its parameters rest on judgement.
    pub(crate) assumed: Vec<String>,
}

impl Harmonized {
    pub(crate) fn read(shelf: &Shelf, sources: &Sources) -> Result<Self, RegimeError> {
        shelf.only(&[
            "regime",
            "source",
            "pricer",
            "extreme",
            "vol",
            "theta",
            "cap",
            "comove",
            "floor",
            "apc",
            "contagion",
            "haircut",
            "addon",
            "breaker",
            "range",
        ])?;
        // What a class may give to another under its caps is state of the pool; a rule book without
        // the cap is not whole.
        shelf.open_only("contagion", &["cap"])?.share("cap")?;
        let floor = shelf.open_only("floor", &["per_contract", "kinds", "risk_classes"])?;
        let haircut = shelf.open("haircut")?;
        let haircuts = haircut.keys().map(|class| Ok((class.to_owned(), haircut.share(class)?)));
        let table = shelf.open("range")?;
        let ranges = table.keys().map(|class| Ok((class.to_owned(), read_range(&table, sources, class)?)));
        Ok(Self {
            pricer: read_pricer(shelf)?,
            extreme: read_extreme(shelf)?,
            vols: read_vols(shelf)?,
            levels: Levels {
                root: read_level(shelf, "root")?,
                class: read_level(shelf, "class")?,
                group: read_level(shelf, "group")?,
            },
            floor: Floor {
                per_contract: floor.decimal("per_contract", Bound::NonNegative)?,
                kinds: floor.kinds("kinds")?,
                risk_classes: floor.texts("risk_classes")?,
            },
            buffers: Buffers::read(shelf)?,
            addons: Addons::read(shelf)?,
            breaker: read_breaker(shelf)?,
            ranges: ranges.collect::<Result<_, RegimeError>>()?,
            haircuts: haircuts.collect::<Result<_, RegimeError>>()?,
        })
    }

    pub(crate) fn range(&self, risk_class: &str) -> Option<&Range> {
        self.ranges.get(risk_class)
    }

    /// Each risk class with its range.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (&str, &Range)> {
        self.ranges.iter().map(|(class, range)| (class.as_str(), range))
    }

    /// The haircut of a risk class as collateral; `None` means it is not eligible.
    pub(crate) fn haircut(&self, risk_class: &str) -> Option<&Exact> {
        self.haircuts.get(risk_class)
    }
}

fn read_level(shelf: &Shelf, level: &str) -> Result<Level, RegimeError> {
    const LEVELS: [&str; 3] = ["root", "class", "group"];
    Ok(Level {
        theta: shelf.open_only("theta", &LEVELS)?.share(level)?,
        cap: shelf.open_only("cap", &LEVELS)?.share(level)?,
        comove_both: shelf.open_only("comove", &LEVELS)?.word(level, &[("both", true), ("same", false)])?,
    })
}

fn read_range(table: &Shelf, sources: &Sources, class: &str) -> Result<Range, RegimeError> {
    const KNOWN: [&str; 4] = ["range", "stress", "group", "class"];
    let shelf = table.open_only(class, &KNOWN)?;
    let paths = KNOWN.map(|key| format!("range.{class}.{key}"));
    Ok(Range {
        range: shelf.decimal("range", Bound::NonNegative)?,
        stress: shelf.decimal("stress", Bound::NonNegative)?,
        group: shelf.text("group")?.to_owned(),
        class: shelf.text("class")?.to_owned(),
        assumed: paths.into_iter().filter(|path| sources.is_assumed(path)).collect(),
    })
}

/// What becomes of volatilities, up and down, each by a share of itself.
fn read_vols(shelf: &Shelf) -> Result<[VolRule; 2], RegimeError> {
    let vol = shelf.open_only("vol", &["up", "down"])?;
    let (up, down) = (vol.decimal("up", Bound::NonNegative)?, vol.share("down")?);
    Ok([up, -down].map(|by| VolRule::by_share(&by)))
}

/// The breaker's parameters, through the door by which the ledger reads them.
fn read_breaker(shelf: &Shelf) -> Result<Parameters, RegimeError> {
    let table = shelf.open("breaker")?;
    Parameters::read(table.json())
        .map_err(|error| RegimeError::new(format!("/breaker{}", error.pointer), error.message))
}
