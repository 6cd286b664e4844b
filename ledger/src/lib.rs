//! What happened? Signed, ordered, provable facts.

pub mod call;
pub mod csa;
pub mod decimal;
pub mod digest;
pub mod envelope;
pub mod id;
pub mod checkpoint;
pub mod cosignature;
pub mod decimal;
pub mod digest;
pub mod ed25519;
pub mod fork;
pub mod json;
pub mod key;
pub mod profile;
pub mod period;
pub mod log;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
pub mod record;
pub mod store;
pub mod tiles;
pub mod time;
pub mod valuation;
