//! Does the whole hold? One binary, one module for each question.

mod batches;
mod corrections;
mod flow;
mod found;
mod four_eyes;
mod kills;
mod ladder;
mod laws;
mod log_client;
mod policies;
mod readme;
mod reference;
mod refusals;
mod tidy;
#[cfg(test)]
mod verify;
