//! Does the whole hold? One binary, one module for each question.

mod batches;
mod corrections;
#[cfg(test)]
mod flips;
mod flow;
mod found;
mod fuzz;
#[cfg(test)]
mod golden;
mod kills;
mod ladder;
mod laws;
mod log_client;
mod readme;
mod refusals;
mod repeats;
mod round_trips;
mod tidy;
#[cfg(test)]
mod verify;
