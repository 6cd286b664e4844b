//! Does the whole hold? One binary, one module for each question.

mod audits;
mod balance_proofs;
mod batches;
mod bench;
mod breakers;
mod breaks;
#[cfg(test)]
mod clocks;
mod corrections;
mod determinism;
mod erasures;
mod exports;
#[cfg(test)]
mod flips;
mod flow;
mod found;
mod four_eyes;
mod fuzz;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod governance;
mod keys;
mod kills;
mod ladder;
mod ladders;
mod laws;
mod log_client;
#[cfg(test)]
mod overrides;
mod policies;
mod readme;
mod reads;
mod reference;
mod refusals;
mod repeats;
#[cfg(test)]
mod rotation;
mod round_trips;
mod sealing;
mod seals;
mod simulation;
mod standing;
mod tidy;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod watched;
mod webhooks;
#[cfg(test)]
mod witness;
#[cfg(test)]
mod witnessed;
