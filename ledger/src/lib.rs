//! What happened? Signed, ordered, provable facts.

pub mod call;
pub mod csa;
pub mod decimal;
pub mod digest;
pub mod envelope;
pub mod id;
pub mod json;
pub mod key;
pub mod profile;
pub mod period;
pub mod merkle;
pub mod record;
pub mod store;
pub mod tiles;
pub mod time;
pub mod valuation;
