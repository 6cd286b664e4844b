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
mod laws;
mod log_client;
mod readme;
mod refusals;
mod tidy;
#[cfg(test)]
mod verify;
