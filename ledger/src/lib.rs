//! What happened? Signed, ordered, provable facts.

pub mod decimal;
pub mod digest;
pub mod json;
pub mod time;
