//! Does the whole hold? One binary, one module for each question.

mod batches;
mod breakers;
mod clocks;
mod corrections;
mod flow;
mod found;
mod governance;
mod kills;
mod laws;
mod log_client;
mod overrides;
mod readme;
mod refusals;
mod tidy;
#[cfg(test)]
mod verify;
