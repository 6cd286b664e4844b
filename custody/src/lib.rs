//! What is really there: custodians' evidence against the ledger.
//!
//! Statements are read strictly into one typed form, compared with what the ledger says, and the
//! differences get names and deadlines. The crate knows the ledger's plain types only: no state,
//! no clock, no file, no socket; bytes and instants come in as arguments.

pub mod coverage;
pub mod day;
pub mod label;
pub mod quantity;
pub mod reconcile;
pub mod refusal;
pub mod reserves;
mod shape;
pub mod sla;
pub mod statement;
pub mod vectors;

pub use reconcile::{LedgerExtract, ReconcileError, Reconciliation, reconcile};
pub use refusal::{Refusal, RefusalCode};
pub use statement::Statement;
