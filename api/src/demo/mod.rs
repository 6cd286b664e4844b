//! `pledger demo`: the main job from the first key to the last proof, on a ledger of its own.
//!
//! It starts the real server on a free loopback port and uses only the public HTTP interface, with one
//! key for each party. Nothing in it is a mock; only the story is made up.

mod book;
mod cast;
mod custody_day;
mod facts;
mod margin_day;
mod setting;
mod story;
mod telling;

pub use story::{DemoError, Figures, ORIGIN, found, play};
pub use telling::{Telling, grouped};
