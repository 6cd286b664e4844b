//! Earlier states, each kept for as long as a record to come speaks of it.

use std::collections::BTreeMap;

use super::applied::meant;
use crate::command::Body;
use crate::intake;
use crate::state::State;
use crate::store::{StoreError, StoreReader};

/// What the recorded effects of a margin statement or a seal hold; a hint which states will be asked for.
const EFFECTS: [&[u8]; 2] = [br#""kind":"margin_statement""#, br#""kind":"seal""#];

/// The states at sizes that later margin statements and seals name, each kept for as long as one is to
/// come.
#[derive(Default)]
pub(super) struct StatesAtSizes {
    /// How many are to come, by the size that they name.
    wanted: BTreeMap<u64, usize>,
    kept: BTreeMap<u64, State>,
}

impl StatesAtSizes {
    /// Of a journal, by the effects that it keeps.
    pub(super) fn scan(reader: &dyn StoreReader) -> Result<Self, StoreError> {
        let mut wanted = BTreeMap::new();
        for batch in reader.batches(0) {
            for stored in batch?.records {
                let holds = |effect: &[u8]| stored.effects.windows(effect.len()).any(|w| w == effect);
                if EFFECTS.iter().any(|effect| holds(effect))
                    && let Some(body) = meant(reader, &stored)
                    && let Some(size) = size_named(&body)
                {
                    *wanted.entry(size).or_default() += 1;
                }
            }
        }
        Ok(Self { wanted, kept: BTreeMap::new() })
    }

    /// Notes the size that a recorded command names, if it names one.
    pub(super) fn note(&mut self, envelope: &[u8]) {
        if names_size(envelope)
            && let Ok(recorded) = intake::take_back(envelope)
            && let Some(size) = size_named(&recorded.command.body)
        {
            *self.wanted.entry(size).or_default() += 1;
        }
    }

    pub(super) fn reached(&mut self, state: &State) {
        if self.wanted.contains_key(&state.length()) {
            self.kept.insert(state.length(), state.clone());
        }
    }

    /// The state at that size; forgotten with the last that names it.
    pub(super) fn take(&mut self, size: u64) -> Option<State> {
        let left = self.wanted.get_mut(&size)?;
        *left = left.saturating_sub(1);
        let state = self.kept.get(&size).cloned();
        if *left == 0 {
            self.wanted.remove(&size);
            self.kept.remove(&size);
        }
        state
    }
}

/// Whether an envelope may hold a command that names a size: its type stands last in the payload, so
/// the last bytes of the base64 tell.
fn names_size(envelope: &[u8]) -> bool {
    /// Characters that hold the end of the longest such payload.
    const TAIL: usize = 48;
    let end = envelope.windows(15).position(|window| window == br#"","payloadType""#);
    let Some(end) = end else { return false };
    let tail = &envelope[end.saturating_sub(TAIL)..end];
    // From the start of a group of four on, counted from the end, which is padded.
    let decoded = data_encoding::BASE64.decode(&tail[tail.len() % 4..]).unwrap_or_default();
    NAMING.iter().any(|end| decoded.ends_with(end))
}

/// How payloads of commands end that name a size.
const NAMING: [&[u8]; 2] = [br#""type":"margin.state"}"#, br#""type":"seal.put"}"#];

/// The size whose state a command speaks of.
fn size_named(body: &Body) -> Option<u64> {
    if let Body::MarginState(stated) = body {
        Some(stated.state_size)
    } else if let Body::SealPut(put) = body {
        Some(put.size)
    } else {
        None
    }
}
