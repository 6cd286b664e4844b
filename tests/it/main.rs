//! Does the whole hold? One binary, one module for each question.

mod batches;
mod breaks;
mod corrections;
mod erasures;
mod flow;
mod found;
mod kills;
mod laws;
mod log_client;
mod readme;
mod refusals;
mod seals;
mod tidy;
#[cfg(test)]
mod verify;
mod webhooks;
