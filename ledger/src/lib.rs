//! What happened? Signed, ordered, provable facts.

pub mod decimal;
pub mod digest;
pub mod json;
pub mod record;
pub mod store;
pub mod time;
