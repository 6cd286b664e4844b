//! The credit support arithmetic: from an agreement, an exposure and what is posted to one explained
//! amount.
//!
//! An agreement is data with one door ([`Agreement::read`]); [`compute`] is pure, exact and free of
//! JSON, so that `apply`, the command line and the counterparty reach the same digits. Reading the
//! command line's input and printing its answer stand on top ([`compute_json`]). Nothing here knows
//! what is *required*: exposure and margin come in as figures.
//!
//! Source: specs/calls.md §1, §2 and §4.

mod agreement;
mod amount;
mod calendar;
mod clock;
mod counting;
mod error;
mod explain;
mod figures;
mod input;
mod input_lists;
mod interest;
mod lint;
mod output;
mod read;
mod read_schedule;
pub(crate) mod reader;
mod rounding;

pub use agreement::{
    Agreement, Flavour, IaTreatment, ImApproach, InFlight, Reuse, Terms, Threshold, ValuationAgent,
};
pub use amount::{Action, Computation, ComputeError, Leg, Reason, compute};
pub use calendar::{Calendar, CalendarOutOfRange};
pub use clock::{
    BusinessDayClock, CalendarTerm, Calendars, Clock, ClockError, ContinuousClock, Deadlines, DisputeDays,
};
pub use counting::{ItemReason, ItemResult, held_value};
pub use error::{TermsCode, TermsError};
pub use explain::{ExplainNode, Figure, Op, Origin, Source};
pub use figures::{Disputed, Figures, MarginFigure};
pub use input::{ComputeInput, compute_json, file_cite};
pub use interest::{RateTerms, effective_rate};
pub use lint::{Warning, lint};
pub use output::{computation_json, computation_table, error_json};
pub use rounding::{Multiple, Rounding, RoundingMode};

pub(crate) use amount::due;
pub(crate) use clock::read_clock;
pub(crate) use error::{Faults, Section};

#[cfg(test)]
mod tests;
