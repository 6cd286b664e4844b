//! Before the first signature after a start: each witness is asked what it saw last.

use std::thread;

use ledger::checkpoint::{SignedCheckpoint, parse_decimal};
use ledger::log::LogReader;
use ledger::policy::{Party, Policy};
use ledger::state::State;
use ledger::store::StoreReader;
use ledger::witness::client::Reply;
use ledger::witness::startup::{Finding, Heard, judge};
use ledger::witness::{AddCheckpoint, origin_hash};

use super::ask::Asker;
use super::follow::read_policy;
use super::settings::WitnessSettings;

/// Asks the witnesses of the policy in force, all at once, what they saw last.
///
/// # Errors
/// Why nothing may be signed, for a person. One that does not answer is no reason: it says so in the log,
/// and its quorum will still not cosign a second history.
pub fn may_sign(
    state: &State,
    log: &LogReader,
    store: &dyn StoreReader,
    settings: &WitnessSettings,
) -> Result<(), String> {
    let Some(opened) = state.opened() else { return Ok(()) };
    let policy = read_policy(store, &opened.witness_policy);
    let Some(policy) = policy.filter(|policy| !policy.needs_no_witness()) else { return Ok(()) };
    let asker = Asker::new(settings.timeout());
    let ours = state.length();
    let asked = policy.witnesses().iter().filter_map(|party| Some((party, settings.url(party)?)));
    let asked: Vec<(&Party, String)> = asked.collect();
    let heard: Vec<Heard> = thread::scope(|scope| {
        let asking: Vec<_> = asked
            .iter()
            .map(|(_, url)| scope.spawn(|| ask(&asker, url, state.origin(), &policy, log)))
            .collect();
        let told = |thread: thread::ScopedJoinHandle<'_, Heard>| {
            thread.join().unwrap_or_else(|_| Heard::Nothing("the thread that asked panicked".to_owned()))
        };
        asking.into_iter().map(told).collect()
    });
    for ((party, _), heard) in asked.iter().zip(heard) {
        let name = &party.name;
        match judge(heard, ours, |size| log.root_of_appended(size).ok()) {
            Finding::Behind(size) => tracing::info!(witness = name, size, "a witness was asked"),
            Finding::Unknown(reason) => {
                tracing::warn!(witness = name, reason, "a witness did not say what it saw last");
            }
            Finding::Ahead(size) => return Err(format!("{name} saw {size} records, here are {ours}")),
            Finding::Differs(head) => {
                return Err(format!("{name} cosigned another tree of {} records: {}", head.size, head.root));
            }
        }
    }
    Ok(())
}

/// What it shows; or, as not every witness shows anything, what it says to the last kept checkpoint.
fn ask(asker: &Asker, url: &str, origin: &str, policy: &Policy, log: &LogReader) -> Heard {
    let keys = || policy.logs().iter().map(|party| &party.key);
    let shown = asker.get(&format!("{url}/{}/checkpoint", origin_hash(origin)));
    if let Reply::Answer { status: 200, body } = &shown
        && let Ok(note) = std::str::from_utf8(body)
        && let Ok(checkpoint) = SignedCheckpoint::open(note, origin, keys())
    {
        return Heard::Holds(checkpoint.head());
    }
    let Some(kept) = log.checkpoint() else {
        return match shown {
            Reply::Answer { status: 404, .. } => Heard::Saw(0),
            Reply::Answer { status, .. } => Heard::Nothing(format!("it answered {status}")),
            Reply::None(reason) => Heard::Nothing(reason),
        };
    };
    let old = kept.head().size;
    let request = AddCheckpoint { old, path: Vec::new(), note: kept.to_string() };
    match asker.post(&format!("{url}/add-checkpoint"), request.to_string()) {
        Reply::Answer { status: 200, .. } => Heard::Saw(old),
        Reply::Answer { status: 409, body } => {
            let size =
                std::str::from_utf8(&body).ok().and_then(|body| parse_decimal(body.strip_suffix('\n')?));
            size.map_or(Heard::Nothing("409 without a size".to_owned()), Heard::Saw)
        }
        Reply::Answer { status, .. } => Heard::Nothing(format!("it answered {status}")),
        Reply::None(reason) => Heard::Nothing(reason),
    }
}
