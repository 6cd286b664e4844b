//! The life of a call, from issue to settlement, dispute or close-out, as a pure table.
//!
//! State and clock are separate: nothing here ticks or reads a clock, and what a time means follows
//! from the times fixed when the call was issued. Knows nothing of movements, signatures or stores:
//! `apply` asks [`step`] what a command changes, and records it.
//!
//! Source: specs/calls.md §5 and §6.

mod command;
mod id;
mod refusal;
mod state;
mod step;
mod times;
pub mod vectors;

pub use command::{CallCommand, Verb};
pub use id::call_id;
pub use refusal::CallRefusal;
pub use state::{
    Actor, CallKind, CallLeg, CallState, DisputeReason, FailReason, Reading, RejectReason, RetractReason,
};
pub use step::{Call, CallTerms, Step, step};
pub use times::CallTimes;

#[cfg(test)]
mod tests;
