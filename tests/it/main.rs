//! Does the whole hold? One binary, one module for each question.

mod batches;
mod breakers;
mod breaks;
#[cfg(test)]
mod clocks;
mod corrections;
mod erasures;
mod flow;
mod found;
mod four_eyes;
#[cfg(test)]
mod governance;
mod keys;
mod kills;
mod ladder;
mod laws;
mod log_client;
#[cfg(test)]
mod overrides;
mod policies;
mod readme;
mod reads;
mod reference;
mod refusals;
mod seals;
mod standing;
mod tidy;
#[cfg(test)]
mod verify;
mod webhooks;
