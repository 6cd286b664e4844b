//! Does the whole hold? One binary, one module for each question.

mod batches;
mod corrections;
mod flow;
mod found;
mod four_eyes;
mod keys;
mod kills;
mod laws;
mod log_client;
mod policies;
mod readme;
mod reads;
mod refusals;
mod standing;
mod tidy;
#[cfg(test)]
mod verify;
