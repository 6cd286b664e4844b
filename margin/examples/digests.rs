//! Prints the digest of each answer to each vectors file that it is given.
//!
//! Built anew with other optimisations and for another processor, it must print the same: no figure
//! depends on how the program was compiled. `tests/it/determinism.rs` does so.

#![allow(clippy::disallowed_methods, reason = "a program beside the library, which reads files")]

use ledger::digest::Digest;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        for (name, answer) in margin::vectors::answers(&std::fs::read(path)?)? {
            println!("{name} {}", Digest::of(answer.to_jcs().as_bytes()));
        }
    }
    Ok(())
}
