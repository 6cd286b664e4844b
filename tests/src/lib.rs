//! Does the whole hold? The harness that the tests of this package share.
//!
//! - [`scribe`] turns one line of text into a signed command, as a party's own program would.
//! - [`driver`] is a ledger in memory with a clock that tests set: sealed in, judged, recorded.
//! - [`served`] is a real ledger in a temporary directory, served over HTTP in this process.
//! - [`process`] is the real `pledger` binary, which can be killed and started again.
//! - [`fuzz`] is every parser of foreign bytes, with what must hold of it.
//! - [`world`] is the cast and the stage that flows play on.

pub mod driver;
pub mod fuzz;
pub mod http;
pub mod model;
pub mod process;
pub mod scribe;
pub mod served;
pub mod simulation;
pub mod witnessing;
pub mod world;
