//! Which keys sign a checkpoint: the one in force at its size, and for thirty days the one before it.
//!
//! Both are functions of the log alone, as a replay's are: an announced key signs from its size on, and
//! the thirty days are counted in recorded time, from the record that made that size. Source: audit
//! specification §16.

use crate::log::{LogError, LogWriter};
use crate::state::{Opened, State};
use crate::store::{StoreError, StoreReader};
use crate::time::Timestamp;

/// How long the key before signs beside the new one, in milliseconds: 30 days.
const OVERLAP_MS: u64 = 30 * 86_400_000;

/// The key in force at a size, as a vkey: of those announced for it the one recorded last, else record 0's.
#[must_use]
pub fn in_force(opened: &Opened, size: u64) -> &str {
    let announced = opened.log_keys.iter().filter(|key| key.from_size <= size);
    announced.max_by_key(|key| key.seq).map_or(&opened.log_vkey, |key| &key.vkey)
}

/// The vkeys whose lines stand on a checkpoint of `size` records, the last of which has the time
/// `recorded_at`; the one in force first. `time_of` gives a record's time.
///
/// # Errors
/// What `time_of` gives.
pub fn signing<E>(
    opened: &Opened,
    size: u64,
    recorded_at: Timestamp,
    time_of: impl Fn(u64) -> Result<Timestamp, E>,
) -> Result<Vec<&str>, E> {
    let mut sizes: Vec<u64> = opened.log_keys.iter().map(|key| key.from_size).collect();
    sizes.retain(|from| *from <= size);
    sizes.sort_unstable();
    let mut before = in_force(opened, 0);
    let mut keys = Vec::new();
    for from in sizes {
        let key = in_force(opened, from);
        if key == before {
            continue;
        }
        // The record `from - 1` made the size `from`.
        let since = time_of(from.saturating_sub(1))?;
        if recorded_at.millis_since(since).is_none_or(|passed| passed <= OVERLAP_MS) {
            keys.push(before);
        }
        before = key;
    }
    keys.push(before);
    keys.reverse();
    keys.dedup();
    Ok(keys)
}

/// Has the log's next checkpoint signed by the keys of the state's size.
///
/// # Errors
/// [`LogError::NoLogKey`] if none of them is at hand; [`LogError::Io`] if a record's time cannot be read.
pub fn take_up(log: &mut LogWriter, state: &State, reader: &dyn StoreReader) -> Result<(), LogError> {
    let Some((opened, recorded_at)) = state.opened().zip(state.recorded_at()) else { return Ok(()) };
    if opened.log_keys.is_empty() {
        return Ok(());
    }
    let unread = |error: StoreError| LogError::Io {
        what: "tell since when a log key signs".to_owned(),
        source: std::io::Error::other(error),
    };
    let keys = signing(opened, state.length(), recorded_at, |seq| {
        let missing = || StoreError::Damaged {
            place: format!("record {seq}"),
            reason: "the journal does not hold it".to_owned(),
        };
        Ok::<_, StoreError>(reader.record(seq)?.ok_or_else(missing)?.recorded_at)
    });
    log.sign_by(&keys.map_err(unread)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::id::PartyId;
    use crate::state::LogKey;

    const DAY: u64 = 86_400_000;

    /// Record 0's key `a`, and announced ones: vkey, size from which, announcing record.
    fn opened(announced: &[(&str, u64, u64)]) -> Opened {
        let key = |(vkey, from_size, seq): &(&str, u64, u64)| LogKey {
            vkey: (*vkey).to_owned(),
            from_size: *from_size,
            seq: *seq,
        };
        Opened {
            operator: PartyId::parse("pb").unwrap(),
            log_vkey: "a".to_owned(),
            log_keys: announced.iter().map(key).collect(),
            witness_policy: Digest::of(b""),
            rules: 1,
            rules_changes: vec![],
            clock_confirmed: None,
            closed: None,
            sandbox: false,
        }
    }

    /// One record a day.
    fn time(seq: u64) -> Timestamp {
        Timestamp::from_millis(seq * DAY).unwrap()
    }

    #[test]
    fn one_key_signs_then_both_then_the_new_one() {
        for (announced, size, want) in [
            (&[][..], 7, &["a"][..]),
            (&[("b", 10, 5)], 9, &["a"]),
            (&[("b", 10, 5)], 10, &["b", "a"]),
            // Record 9 was of day 9; record 39 is of the thirtieth day after it.
            (&[("b", 10, 5)], 40, &["b", "a"]),
            (&[("b", 10, 5)], 41, &["b"]),
            // A third before the second is a month old: all three have lines.
            (&[("b", 10, 5), ("c", 20, 12)], 20, &["c", "b", "a"]),
            (&[("b", 10, 5), ("c", 20, 12)], 45, &["c", "b"]),
            (&[("b", 10, 5), ("c", 20, 12)], 51, &["c"]),
            // Announced later for an earlier size: the later word holds from there on.
            (&[("b", 20, 5), ("c", 10, 6)], 25, &["c", "a"]),
            // Back to nothing new.
            (&[("b", 10, 5), ("b2", 10, 6)], 10, &["b2", "a"]),
        ] {
            let opened = opened(announced);
            let signing = signing(&opened, size, time(size - 1), |seq| Ok::<_, ()>(time(seq)));
            assert_eq!(signing.as_deref(), Ok(want), "{announced:?} at {size}");
            assert_eq!(in_force(&opened, size), want[0]);
        }
    }
}
