//! What an auditor takes away and leaves behind: a pack of a period with its receipts, and a signature
//! that says "replayed and balanced".
//!
//! Source: audit specification §17.

mod attestation;
mod files;
pub mod pack;
mod table;

pub use attestation::{Attestation, AttestingError, attest, key_name};
