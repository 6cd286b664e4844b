//! Torn or damaged? What the end of the last segment says about the last write.
//!
//! At most one frame is written and not yet acknowledged, in one write, over zeros, from a sector's
//! start. So what a crash leaves of it is some of its sectors, whole, among zeros, and nothing
//! after it. Everything else is damage:
//!
//! | at the end | verdict |
//! |---|---|
//! | zeros | clean |
//! | a valid header, a frame that fails, fewer sectors written than it has, zeros after it | torn |
//! | a sector of zeros, then anything but a frame's header on a sector's start | torn |
//! | a frame that fails with all its sectors written | damaged |
//! | anything after a frame that fails; a first sector neither zeros nor a header | damaged |
//!
//! Where it errs it refuses: a torn frame without its first sector whose document holds the bytes of
//! a frame's header, on a sector's start, is called damage.
//!
//! What this cannot tell apart: an *acknowledged* last frame of which whole sectors became zeros
//! later. The mark of acknowledged frames (and whoever keeps a checkpoint) knows such a frame and
//! refuses.

use super::frame::{Check, Frame, is_torn};
use super::layout::{FrameHeader, SECTOR};
use super::map::FrameMap;
use super::read::frame_bytes;
use super::scan::at_end;
use super::window::Window;
use super::{path_of, read::JournalReader};
use crate::fault::{Fault, is_planted};
use crate::store::StoreError;
use crate::store::medium::failed;

/// What was written of a frame that was never acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TornTail {
    /// File, relative to the ledger's directory.
    pub file: String,
    /// First byte that is none of a valid frame.
    pub offset: u64,
    /// Bytes up to the last that is not zero.
    pub bytes: u64,
    /// Sequence number that its first record would have had.
    pub first_seq: u64,
    /// Records it would have held, if its header says so.
    pub records: Option<u32>,
    /// Where its bytes were kept before they were cut off, relative to the ledger's directory.
    pub kept_as: Option<String>,
}

/// Checks the last frame and what follows it; takes the last frame off the map if it is torn.
pub(super) fn inspect(journal: &JournalReader) -> Result<Option<TornTail>, StoreError> {
    let (last, end) = {
        let map = journal.map();
        (map.last_of_last_segment(), map.end())
    };
    let path = path_of(end.segment);
    let mut window = journal.window(end.segment, SECTOR)?;
    let after = window.nonzero(end.offset).map_err(failed("reading", &path))?;
    let Some(at) = last else {
        return headless(&mut window, &journal.map(), after);
    };

    let bytes = frame_bytes(&mut window, at)?;
    let sound = match Frame::check(bytes, Check::Whole) {
        Ok(_) if is_planted(Fault::LastFrameLost) => Err("planted"),
        Err(_) if is_planted(Fault::TornTailAccepted) => Ok(()),
        checked => checked.map(drop),
    };
    let Err(reason) = sound else {
        return headless(&mut window, &journal.map(), after);
    };
    let header = FrameHeader::decode(bytes).expect("the scan read this header");
    let torn = is_torn(&header, bytes) || is_planted(Fault::LastFrameLost);
    journal.update(|map| map.pop_frame(header.previous));
    if after.is_some() {
        return Err(at_end(&path, &journal.map(), "a frame that fails its checks, and more after it"));
    }
    if !torn {
        return Err(at_end(&path, &journal.map(), reason));
    }
    let written = window.nonzero(at.offset).map_err(failed("reading", &path))?;
    let last_byte = written.map_or(at.offset, |(_, last)| last);
    Ok(Some(TornTail {
        file: path,
        offset: at.offset,
        bytes: last_byte - at.offset,
        first_seq: at.first_seq,
        records: Some(header.records),
        kept_as: None,
    }))
}

/// The end begins with a sector of zeros (or there is no room for one): clean, or a frame whose
/// first sector was not written.
fn headless(
    window: &mut Window,
    map: &FrameMap,
    written: Option<(u64, u64)>,
) -> Result<Option<TornTail>, StoreError> {
    let Some((first, last)) = written else { return Ok(None) };
    let end = map.end();
    let path = path_of(end.segment);
    let mut sector = end.offset + (first - end.offset) / SECTOR as u64 * SECTOR as u64;
    while sector < last {
        let room = usize::try_from(window.size() - sector).unwrap_or(SECTOR).min(SECTOR);
        let bytes = window.get(sector, room).map_err(failed("reading", &path))?;
        if FrameHeader::decode(bytes).is_some() {
            return Err(at_end(&path, map, "zeros in place of a frame, and a frame after them"));
        }
        sector += SECTOR as u64;
    }
    Ok(Some(TornTail {
        file: path,
        offset: end.offset,
        bytes: last - end.offset,
        first_seq: end.length,
        records: None,
        kept_as: None,
    }))
}
