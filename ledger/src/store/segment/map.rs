//! Which frame holds a record: eight bytes of memory a frame.

use crate::digest::Digest;

/// Where the journal ends: what was durable when it was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct End {
    /// Records.
    pub(crate) length: u64,
    /// Chain value of the last frame; the origin's hash if there is none.
    pub(crate) chain: Digest,
    /// Segment that the next frame goes to, if it fits.
    pub(crate) segment: u32,
    /// Byte after the last frame there.
    pub(crate) offset: u64,
}

/// A frame's place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct At {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) first_seq: u64,
}

#[derive(Debug)]
struct Segment {
    first_seq: u64,
    size: u64,
    /// First record (counted from the segment's first) and byte of each frame.
    frames: Vec<(u32, u32)>,
}

/// The journal's segments and frames, and its end.
#[derive(Debug)]
pub(crate) struct FrameMap {
    origin: Digest,
    segments: Vec<Segment>,
    end: End,
}

impl FrameMap {
    /// Of a journal that has no segment yet.
    pub(crate) fn new(origin: Digest) -> Self {
        let end = End { length: 0, chain: origin, segment: 0, offset: 0 };
        Self { origin, segments: Vec::new(), end }
    }

    /// SHA-256 of the ledger's origin: the chain value before the first frame.
    pub(crate) fn origin(&self) -> Digest {
        self.origin
    }

    pub(crate) fn end(&self) -> End {
        self.end
    }

    pub(crate) fn segments(&self) -> u32 {
        u32::try_from(self.segments.len()).expect("ordinals are 32 bits wide")
    }

    pub(crate) fn frames(&self) -> u64 {
        self.segments.iter().map(|segment| segment.frames.len() as u64).sum()
    }

    /// Bytes of the segments up to the end.
    pub(crate) fn bytes(&self) -> u64 {
        let before = self.segments.iter().rev().skip(1).map(|segment| segment.size);
        before.sum::<u64>() + self.end.offset
    }

    /// Adds an empty segment of `size` bytes whose frames begin at `offset`.
    pub(crate) fn push_segment(&mut self, size: u64, offset: u64) {
        self.end.segment = self.segments();
        self.end.offset = offset;
        self.segments.push(Segment { first_seq: self.end.length, size, frames: Vec::new() });
    }

    /// Adds a frame at the end.
    pub(crate) fn push_frame(&mut self, frame_bytes: usize, next_seq: u64, chain: Digest) {
        let segment = self.segments.last_mut().expect("a frame is in a segment");
        let from_first = self.end.length - segment.first_seq;
        let place = (u32::try_from(from_first), u32::try_from(self.end.offset));
        let (Ok(from_first), Ok(offset)) = place else {
            panic!("a segment is shorter than 4 GiB");
        };
        segment.frames.push((from_first, offset));
        self.end.length = next_seq;
        self.end.chain = chain;
        self.end.offset += frame_bytes as u64;
    }

    /// Takes the last frame away again: it was none. `chain` is the one before it.
    pub(crate) fn pop_frame(&mut self, chain: Digest) {
        let segment = self.segments.last_mut().expect("a frame is in a segment");
        let (from_first, offset) = segment.frames.pop().expect("there is a frame to take away");
        self.end.length = segment.first_seq + u64::from(from_first);
        self.end.chain = chain;
        self.end.offset = u64::from(offset);
    }

    /// The frame that holds the record; `None` at or beyond the end.
    pub(crate) fn locate(&self, seq: u64) -> Option<At> {
        if seq >= self.end.length {
            return None;
        }
        let after = self.segments.partition_point(|segment| segment.first_seq <= seq);
        let ordinal = after.checked_sub(1)?;
        let segment = &self.segments[ordinal];
        let from_first = seq - segment.first_seq;
        let after = segment.frames.partition_point(|(first, _)| u64::from(*first) <= from_first);
        let (first, offset) = *segment.frames.get(after.checked_sub(1)?)?;
        Some(At {
            segment: u32::try_from(ordinal).ok()?,
            offset: u64::from(offset),
            first_seq: segment.first_seq + u64::from(first),
        })
    }

    /// The last frame of the last segment, if it has one.
    pub(crate) fn last_of_last_segment(&self) -> Option<At> {
        let segment = self.segments.last()?;
        let (first, offset) = *segment.frames.last()?;
        let first_seq = segment.first_seq + u64::from(first);
        Some(At { segment: self.end.segment, offset: u64::from(offset), first_seq })
    }

    /// Size in bytes of a segment.
    pub(crate) fn size(&self, segment: u32) -> Option<u64> {
        Some(self.segments.get(segment as usize)?.size)
    }
}
