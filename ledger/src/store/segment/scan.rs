//! Opening: from header to header through all segments, then a hard look at the end.
//!
//! Headers, their links and every segment's fit are checked here; payloads of older frames are
//! checked by whoever reads them.

use std::sync::Arc;

use super::layout::{CHAIN_BYTES, FRAME_HEADER_BYTES, FrameHeader, SECTOR, SegmentHeader, is_zero};
use super::map::FrameMap;
use super::window::Window;
use super::{DIR, damaged, ordinal_of, path_of};
use crate::digest::Digest;
use crate::store::medium::{Access, Medium, failed};
use crate::store::{StoreError, segment::WHAT_TO_DO};

/// Bytes read at a time while hopping over payloads.
const HOP_STEP: usize = 4 << 10;

/// Reads all segments' headers and frames' headers. The last frame may still be a torn one.
pub(super) fn scan(medium: &Arc<dyn Medium>, origin: Digest) -> Result<FrameMap, StoreError> {
    let mut map = FrameMap::new(origin);
    scan_into(medium, &mut map)?;
    Ok(map)
}

/// The same into an empty map, which on an error holds all that stands before it.
pub(super) fn scan_into(medium: &Arc<dyn Medium>, map: &mut FrameMap) -> Result<(), StoreError> {
    let names = medium.list(DIR).map_err(failed("listing", DIR))?;
    let ordinals: Vec<u32> = names.iter().filter_map(|name| ordinal_of(name)).collect();
    for (want, ordinal) in (0..).zip(&ordinals) {
        if want != *ordinal {
            return Err(missing(want));
        }
        scan_segment(medium, *ordinal, ordinals.len(), map)?;
    }
    if ordinals.is_empty() { Err(missing(0)) } else { Ok(()) }
}

fn missing(ordinal: u32) -> StoreError {
    let reason = format!("the segment is not there; {WHAT_TO_DO}");
    StoreError::Damaged { place: path_of(ordinal), reason }
}

fn scan_segment(
    medium: &Arc<dyn Medium>,
    ordinal: u32,
    segments: usize,
    map: &mut FrameMap,
) -> Result<(), StoreError> {
    let path = path_of(ordinal);
    let file = medium.open(&path, Access::Read).and_then(|file| Window::new(file, HOP_STEP));
    let mut window = file.map_err(failed("opening", &path))?;
    let size = window.size();
    let sound = |reason: &str| damaged(&path, 0, map.end().length, reason);
    if size < SECTOR as u64 {
        return Err(sound("the segment is cut short"));
    }
    let sector = window.get(0, SECTOR).map_err(failed("reading", &path))?;
    let header = SegmentHeader::decode(sector).map_err(sound)?;
    for (holds, reason) in [
        (header.ordinal == ordinal, "the segment has another's name"),
        (header.origin == map.origin(), "the segment is of another ledger"),
        (header.size == size, "the file's size is not what its header says"),
        (header.first_seq == map.end().length, "the segment does not follow the one before it"),
        (header.previous == map.end().chain, "the segment does not follow the one before it"),
    ] {
        if !holds {
            return Err(sound(reason));
        }
    }
    map.push_segment(size, SECTOR as u64);
    while let Some((frame, chain)) = hop(&mut window, &path, map)? {
        let next = frame.next_seq().expect("checked by hop");
        map.push_frame(frame.frame_bytes(), next, chain);
    }
    let is_last = ordinal as usize + 1 == segments;
    if !is_last && window.nonzero(map.end().offset).map_err(failed("reading", &path))?.is_some() {
        return Err(at_end(&path, map, "bytes that belong to no frame"));
    }
    Ok(())
}

/// The next frame's header and stored chain value; `None` where a sector of zeros or the file's end
/// stands in its place.
fn hop(window: &mut Window, path: &str, map: &FrameMap) -> Result<Option<(FrameHeader, Digest)>, StoreError> {
    let end = map.end();
    if end.offset + SECTOR as u64 > window.size() {
        return Ok(None);
    }
    let sector = window.get(end.offset, SECTOR).map_err(failed("reading", path))?;
    if is_zero(sector) {
        return Ok(None);
    }
    let header = FrameHeader::decode(&sector[..FRAME_HEADER_BYTES])
        .ok_or_else(|| at_end(path, map, "what stands here is neither a frame nor zeros"))?;
    let room = window.size() - end.offset;
    for (holds, reason) in [
        (header.first_seq == end.length, "the frame holds other records than the next"),
        (header.previous == end.chain, "the frame does not follow the one before it"),
        (header.records > 0 && header.next_seq().is_some(), "the frame holds no record"),
        (header.frame_bytes() as u64 <= room, "the frame is longer than its segment"),
    ] {
        if !holds {
            return Err(at_end(path, map, reason));
        }
    }
    let chain = window.get(end.offset + header.chain_at() as u64, CHAIN_BYTES);
    let chain = chain.map_err(failed("reading", path))?.try_into();
    Ok(Some((header, Digest(chain.expect("the window gives as much as was asked")))))
}

pub(super) fn at_end(path: &str, map: &FrameMap, reason: &str) -> StoreError {
    damaged(path, map.end().offset, map.end().length, reason)
}
