//! Does the whole hold? One binary, one module for each question.

mod batches;
mod breakers;
#[cfg(test)]
mod clocks;
mod corrections;
mod flow;
mod found;
#[cfg(test)]
mod governance;
mod kills;
mod laws;
mod log_client;
#[cfg(test)]
mod overrides;
mod readme;
mod refusals;
mod tidy;
#[cfg(test)]
mod verify;
