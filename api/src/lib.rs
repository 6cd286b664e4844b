//! Who may ask and act? HTTP, command line, configuration, and how the other crates are put together.
//!
//! The only crate with handlers and status codes. Nothing here decides what a command changes: that is
//! `ledger::apply`, and there is no way around it.

pub mod app;
pub mod auditing;
pub mod balance;
pub mod bench;
pub mod cli;
pub mod client;
pub mod cosigning;
pub mod demo;
pub mod exporting;
pub mod handlers;
pub mod home;
pub mod margin_statement;
pub mod may;
pub mod offline;
pub mod problem;
pub mod reading;
pub mod restoring;
pub mod routes;
mod scope;
pub mod sealing;
pub mod server;
pub mod serving;
pub mod session;
pub mod verify;
pub mod witness;
