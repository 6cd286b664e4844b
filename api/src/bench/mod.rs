//! Benchmarks: what a promise of speed rests on, measured beside the raw limits of the same run.
//!
//! Each figure is a text with its unit in its name (`_ms`, `_bytes`, `_per_s`), so that the JSON of a
//! run is of the ledger's own profile. A benchmark reports and never judges: no exit code depends on a
//! figure, and no test on time.
//!
//! **`pledger.bench.recovery.v1`**, one object; every value is text:
//!
//! | section | keys | |
//! |---|---|---|
//! | | `format`, `version`, `seed`, `records`, `frames`, `runs` | what was run; medians are over `runs` |
//! | `machine` | `cores`, `memory_kib`, `load_before`, `load_after` | load: mean over the last minute |
//! | `limits` | `sha256_bytes_per_s`, `fdatasync_per_s`, `read_bytes_per_s` | one core; 4 KiB each; the journal, read once |
//! | `open` | `snapshot_ms`, `snapshot_cpu_ms`, `replay_ms`, `replay_cpu_ms`, `replay_store_ms`, `replay_records_per_s`, `index_ms_per_million` | with index and snapshot; with neither; of that, opening the store; until the rebuilt index is whole. `cpu`: what all threads had of the cores |
//! | `size` | `journal_bytes`, `journal_bytes_per_record`, `snapshot_bytes`, `index_bytes` | on disk; the snapshot is in the index |
//! | `memory` | `account_bytes`, `open_movement_bytes`, `settled_movement_bytes`, `idempotency_key_bytes` | resident, each from two states of different size |
//! | `state` | `accounts`, `movements`, `open_movements`, `agree` | of the opened ledger; whether every opening gave one and the same |
//!
//! **`pledger.bench.seal.v1`**:
//!
//! | section | keys | |
//! |---|---|---|
//! | | `format`, `version`, `accounts`, `runs`, `log_records` | what was run; medians are over `runs` |
//! | `machine` | `cores`, `load_before`, `load_after` | |
//! | `limits` | `sha256_bytes_per_s` | one core |
//! | `seal` | `trees`, `largest_tree`, `seal_ms`, `seal_cpu_ms` | salts, leaves, trees and list on one core |
//! | `proof` | `bytes`, `make_ms`, `verify_ms` | of one account in the largest tree; three witnesses cosigned |
//!
//! **`pledger.bench.verify.v1`**:
//!
//! | section | keys | |
//! |---|---|---|
//! | | `format`, `version`, `seed`, `records`, `runs` | what was run; medians are over `runs` |
//! | `machine` | `cores`, `memory_kib`, `load_before`, `load_after` | |
//! | `limits` | `sha256_bytes_per_s`, `verify_strict_per_s` | one core; every core at once, over the ledger's own signatures |
//! | `verify` | `full_ms`, `full_cpu_ms`, `records_per_s`, `signatures_per_s`, `of_the_limit_percent`, `bytes_per_s`, `export_bytes`, `verdict` | of a full export, replay and every signature included |

mod book;
mod figures;
mod limits;
mod making;
pub mod memory;
pub mod recovery;
pub mod seal;
pub mod verify;

pub use book::RECORDS_MIN;
pub use figures::{Figures, Section};
