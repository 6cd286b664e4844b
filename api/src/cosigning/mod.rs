//! The log's side of its witnesses: who is asked, by threads of their own, and what follows.
//!
//! What is asked and what an answer means is `ledger::witness::client`. Nothing here is on a command's
//! way: the sequencer signs and publishes without knowing of witnesses, and is stopped by one thing
//! alone, that one of them knows a larger tree than ours. Source: audit specification §§8 and 13.

mod alarms;
mod ask;
mod follow;
mod peer;
pub mod settings;
mod standing;
mod startup;

pub use self::follow::Follower;
pub use self::standing::{Cosigning, Lag};
pub use self::startup::may_sign;
