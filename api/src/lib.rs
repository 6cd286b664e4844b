//! Who may ask and act? The HTTP interface, the command line and how the parts are put together.

pub mod cli;
