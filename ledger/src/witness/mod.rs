//! What a witness decides, and what the log makes of its witnesses' answers.
//!
//! Source: C2SP tlog-witness v1.0.0, with the status codes of its text of July 2026; audit specification
//! §§8, 9 and 13. Nothing here reads a clock, a file or a socket: [`decide`] is a function of what the
//! witness remembers and of a request, and [`client::Witnesses`] of what was published and answered. The
//! servers and threads around them are `api`'s.

pub mod client;
mod decision;
mod memory;
mod request;
pub mod startup;

pub use self::decision::{Accepted, Refusal, TrustedLog, TrustedLogError, decide};
pub use self::memory::{Memory, MemoryError, Seen};
pub use self::request::{AddCheckpoint, RequestError};

use data_encoding::HEXLOWER;

use crate::digest::Digest;

/// The name under which a witness shows what it last cosigned of a log: `H(origin)` in lower-case hex.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    HEXLOWER.encode(Digest::of(origin.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests;
