//! What is required? Positions, market and rule books in; explained figures out.
//!
//! Pure: no clock, no file, no socket, no state. Everything a figure depends on is in its inputs
//! and named by digest in its output. Knows nothing of the ledger but its plain types, and nothing
//! of who asks.

pub mod classification;
mod contract;
pub mod error;
mod input;
pub mod instrument;
mod market;
mod money;
mod portfolio;
mod position;
mod pricing;
mod reader;
mod risk_array;
mod scenario;
mod underlier;

mod addons;
mod assessment;
mod buffers;
pub mod explain;
mod offsets;
mod pool;
pub mod regime;

mod backtest;
mod compare;
mod page;
mod price;
mod run;
mod table;
pub mod vectors;
mod what_if;

pub use backtest::{Backtest, History, backtest, backtest_tree, coverage_tree};
pub use compare::{Comparison, compare, compare_tree};
pub use error::{Code, Failure, InputError, Part};
pub use input::{INPUT_SCHEMA, compose};
pub use money::{Currency, Figure, Overflow};
pub use price::{price, price_tree};
pub use regime::{Regime, RegimeError, RegimeRef};
pub use run::{AccountResult, RegimeResult, RunResult, run, run_tree};

/// Which engine made a figure. A change of any rule is a new version, so that a figure once
/// stated can be made again.
pub const ENGINE: &str = "pledger-margin/1";
