//! The thresholds and paces of a breaker, as a rule book gives them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Factor;
use crate::command::fields::ReadText as _;
use crate::json::Json;

/// Cycles that a count may name. More is a slip of the pen: at one cycle an hour, more than a year.
const CYCLES_MAX: u32 = 10_000;

/// The parameters of [`super::step`].
///
/// Invariant: `index_moves` do not fall and are not negative; shares lie from 0 to 1; `ramp_cycles`
/// and `calm_cycles` are at least 1, and no count is above 10,000.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Parameters {
    written: Written,
    guarded_factor: Factor,
}

/// The table as it is written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Written {
    index_moves: [Decimal; 3],
    peg_deviation: Decimal,
    min_confidence: Decimal,
    min_correlation: Decimal,
    call_share: Decimal,
    guarded_factor: Decimal,
    ramp_cycles: u32,
    calm_cycles: u32,
    withdrawal_delay_cycles: u32,
}

/// What is wrong with a table of parameters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("/breaker{pointer}: {message}")]
pub struct ParametersError {
    /// JSON Pointer into the table.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: &'static str,
}

const MEMBERS: [&str; 9] = [
    "index_moves",
    "peg_deviation",
    "min_confidence",
    "min_correlation",
    "call_share",
    "guarded_factor",
    "ramp_cycles",
    "calm_cycles",
    "withdrawal_delay_cycles",
];

impl Parameters {
    /// Reads the table `breaker` of a rule book, every leaf a text.
    ///
    /// # Errors
    /// [`ParametersError`], the first member that is wrong.
    pub fn read(table: &Json) -> Result<Self, ParametersError> {
        let members = table.as_object().ok_or_else(|| wrong("", "a table"))?;
        if let Some((name, _)) = members.iter().find(|(name, _)| !MEMBERS.contains(&name.as_str())) {
            return Err(wrong(name, "unknown; remove it or correct its name"));
        }
        let text = |name: &str| table.get(name).and_then(Json::as_str);
        let decimal = |name: &str| {
            text(name).and_then(Decimal::read_text).ok_or_else(|| wrong(name, "a decimal as text"))
        };
        let count = |name: &str| {
            let count = text(name).and_then(u64::read_text).and_then(|count| u32::try_from(count).ok());
            count.ok_or_else(|| wrong(name, "a whole number from 0 to 10000, as text"))
        };
        let written = Written {
            index_moves: read_moves(table)?,
            peg_deviation: decimal("peg_deviation")?,
            min_confidence: decimal("min_confidence")?,
            min_correlation: decimal("min_correlation")?,
            call_share: decimal("call_share")?,
            guarded_factor: decimal("guarded_factor")?,
            ramp_cycles: count("ramp_cycles")?,
            calm_cycles: count("calm_cycles")?,
            withdrawal_delay_cycles: count("withdrawal_delay_cycles")?,
        };
        written.try_into()
    }

    /// Reads them from a rule book's bytes; `None` if these are no TOML or have no table `breaker`:
    /// then nothing in them is for the ledger to judge.
    ///
    /// # Errors
    /// [`ParametersError`] if there is a table `breaker` and it is wrong.
    pub fn of_rule_book(bytes: &[u8]) -> Result<Option<Self>, ParametersError> {
        let text = std::str::from_utf8(bytes).ok();
        let book = text.and_then(|text| text.parse::<toml::Table>().ok());
        let Some(table) = book.as_ref().and_then(|book| book.get("breaker")) else { return Ok(None) };
        let leaf = |value: &toml::Value| value.as_str().map(Json::text);
        let member = |(name, value): (&String, &toml::Value)| {
            let json = match value {
                toml::Value::Array(elements) => {
                    elements.iter().map(leaf).collect::<Option<_>>().map(Json::Array)
                }
                toml::Value::String(_)
                | toml::Value::Integer(_)
                | toml::Value::Float(_)
                | toml::Value::Boolean(_)
                | toml::Value::Datetime(_)
                | toml::Value::Table(_) => leaf(value),
            };
            Ok((name.clone(), json.ok_or_else(|| wrong(name, "a text, or a list of texts"))?))
        };
        let table = table.as_table().ok_or_else(|| wrong("", "a table"))?;
        Self::read(&Json::Object(table.iter().map(member).collect::<Result<_, _>>()?)).map(Some)
    }

    /// Falls of the index at which it is guarded, without credit, and halted.
    #[must_use]
    pub fn index_moves(&self) -> [Decimal; 3] {
        self.written.index_moves
    }

    /// The deviation of a stablecoin above which it is guarded; above twice it, without credit.
    #[must_use]
    pub fn peg_deviation(&self) -> Decimal {
        self.written.peg_deviation
    }

    /// The confidence below which it is without credit.
    #[must_use]
    pub fn min_confidence(&self) -> Decimal {
        self.written.min_confidence
    }

    /// The correlation below which it is guarded.
    #[must_use]
    pub fn min_correlation(&self) -> Decimal {
        self.written.min_correlation
    }

    /// The share of calls above which it is guarded; above three times it, without credit.
    #[must_use]
    pub fn call_share(&self) -> Decimal {
        self.written.call_share
    }

    /// What is left of the credit in the end, while it is guarded.
    #[must_use]
    pub fn guarded_factor(&self) -> Factor {
        self.guarded_factor
    }

    /// Cycles over which all of the credit goes or comes back.
    #[must_use]
    pub fn ramp_cycles(&self) -> u32 {
        self.written.ramp_cycles
    }

    /// Calm cycles in a row before the level falls by one.
    #[must_use]
    pub fn calm_cycles(&self) -> u32 {
        self.written.calm_cycles
    }

    /// Cycles that a withdrawal waits while withdrawals are delayed.
    #[must_use]
    pub fn withdrawal_delay_cycles(&self) -> u32 {
        self.written.withdrawal_delay_cycles
    }
}

impl TryFrom<Written> for Parameters {
    type Error = ParametersError;

    fn try_from(written: Written) -> Result<Self, ParametersError> {
        let moves = &written.index_moves;
        if moves[0].is_sign_negative() || !moves.is_sorted() {
            return Err(wrong("index_moves", "three decimals of zero or more that do not fall"));
        }
        for (name, share) in [
            ("peg_deviation", written.peg_deviation),
            ("min_confidence", written.min_confidence),
            ("min_correlation", written.min_correlation),
            ("call_share", written.call_share),
        ] {
            if share.is_sign_negative() || share > Decimal::ONE {
                return Err(wrong(name, "a share from 0 to 1"));
            }
        }
        for (name, count, least) in [
            ("ramp_cycles", written.ramp_cycles, 1),
            ("calm_cycles", written.calm_cycles, 1),
            ("withdrawal_delay_cycles", written.withdrawal_delay_cycles, 0),
        ] {
            if !(least..=CYCLES_MAX).contains(&count) {
                return Err(wrong(name, "a count of cycles: at most 10000, a pace at least 1"));
            }
        }
        let guarded_factor = Factor::parse(&written.guarded_factor.normalize().to_string());
        let guarded_factor = guarded_factor
            .ok_or_else(|| wrong("guarded_factor", "a share from 0 to 1 of at most eight decimals"))?;
        Ok(Self { written, guarded_factor })
    }
}

impl From<Parameters> for Written {
    fn from(parameters: Parameters) -> Self {
        parameters.written
    }
}

fn read_moves(table: &Json) -> Result<[Decimal; 3], ParametersError> {
    let moves = table.get("index_moves").and_then(Json::as_array);
    let moves = moves.and_then(|moves| {
        moves.iter().map(|one| Decimal::read_text(one.as_str()?)).collect::<Option<Vec<_>>>()
    });
    moves
        .and_then(|moves| moves.try_into().ok())
        .ok_or_else(|| wrong("index_moves", "a list of three decimals as text"))
}

fn wrong(name: &str, message: &'static str) -> ParametersError {
    let pointer = if name.is_empty() { String::new() } else { format!("/{name}") };
    ParametersError { pointer, message }
}
