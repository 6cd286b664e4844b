//! The one integration binary: what only the whole tree can show.

mod log_client;
mod tidy;
mod verify;
