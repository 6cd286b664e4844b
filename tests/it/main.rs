//! Does the whole hold? One binary, one module for each question.

mod batches;
mod corrections;
mod flow;
mod found;
mod kills;
mod laws;
mod log_client;
mod policies;
mod readme;
mod refusals;
mod simulation;
mod tidy;
#[cfg(test)]
mod verify;
