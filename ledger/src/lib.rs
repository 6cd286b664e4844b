//! What happened? Signed, ordered, provable facts.
//!
//! The crate knows nothing of what margin is required, of custodians' formats, of HTTP or of
//! configuration. It has no clock but the sequencer's, no async but at the sequencer's door, and one
//! transition function, [`apply`].
//!
//! In reading order: texts and numbers (`json`, `base64`, `decimal`, `time`, `digest`, `id`), what is signed
//! (`key`, `envelope`, `profile`, `command`, `intake`), what is known (`state` and the objects in it),
//! what may happen (`apply`, `rejection`, with `valuation`, `csa`, `call` and `breaker` for collateral), how it
//! becomes history (`sequencer`, `store`, `record`, `receipt`, `snapshot`), and how history is proven
//! (`merkle`, `tiles`, `note`, `checkpoint`, `log`, `proof`, `seal`, `verify`), also to those who
//! trust nobody alone (`policy`, `witness`, `fork`).
//! (`merkle`, `tiles`, `note`, `checkpoint`, `log`, `proof`, `seal`, `verify`, `export`).

pub mod account;
pub mod address;
pub mod agreement;
pub mod amount;
pub mod apply;
pub mod approval;
pub mod asset;
pub mod base64;
pub mod break_record;
pub mod breaker;
pub mod call;
pub mod call_record;
pub mod chain;
pub mod checkpoint;
pub mod command;
pub mod cosignature;
pub mod csa;
pub mod decimal;
pub mod digest;
pub mod envelope;
pub mod evidence;
pub mod export;
pub mod fault;
pub mod fork;
pub mod history;
pub mod id;
pub mod intake;
pub mod json;
pub mod key;
pub mod log;
pub mod log_keys;
pub mod market;
pub mod merkle;
pub mod movement;
pub mod note;
pub mod opening;
pub mod overrides;
pub mod party;
pub mod past;
pub mod period;
pub mod policy;
pub mod pool;
pub mod profile;
pub mod proof;
pub mod receipt;
pub mod record;
pub mod rejection;
pub mod replay;
pub mod seal;
pub mod seal_record;
pub mod sequencer;
pub mod snapshot;
pub mod state;
pub mod store;
pub mod tiles;
pub mod time;
pub mod valuation;
pub mod verify;
pub mod webhook;
pub mod witness;

mod touched;
mod watch;
mod words;
