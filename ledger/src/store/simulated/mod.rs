//! x
mod disk;
pub use disk::{Disk, Rng};
