//! Index entries in memory: those that are nowhere else yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::digest::Digest;
use crate::fault::{Fault, is_planted};
use crate::store::segment::{DocumentPlace, FrameEntries};

/// Entries of frames, in the order of the journal.
///
/// Adding a frame costs the writer one push; whoever looks something up first sorts it in.
#[derive(Default)]
pub(crate) struct Pending {
    /// Frames, oldest first.
    frames: VecDeque<Arc<FrameEntries>>,
    /// The last that many of `frames` are not in the maps yet.
    fresh: usize,
    commands: HashMap<Digest, u64>,
    documents: HashMap<Digest, DocumentPlace>,
    entries: usize,
}

impl Pending {
    pub(crate) fn push(&mut self, frame: FrameEntries) {
        self.entries += count(&frame);
        self.frames.push_back(Arc::new(frame));
        self.fresh += 1;
    }

    /// The frames held.
    pub(crate) fn frames(&self) -> Vec<Arc<FrameEntries>> {
        self.frames.iter().cloned().collect()
    }

    /// Entries held, about 100 bytes each.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    pub(crate) fn seq_of_command(&mut self, command_id: &Digest) -> Option<u64> {
        self.sort_in();
        self.commands.get(command_id).copied()
    }

    pub(crate) fn place_of_document(&mut self, digest: &Digest) -> Option<DocumentPlace> {
        self.sort_in();
        self.documents.get(digest).copied()
    }

    /// The oldest frames, of about `entries_max` entries together; they stay.
    pub(crate) fn oldest(&self, entries_max: usize) -> Vec<Arc<FrameEntries>> {
        let mut sum = 0;
        let taken = self.frames.iter().take_while(|frame| {
            let before = sum;
            sum += count(frame);
            before < entries_max
        });
        taken.cloned().collect()
    }

    /// Lets go of that many of the oldest frames: they are elsewhere now.
    pub(crate) fn release(&mut self, frames: usize) {
        self.sort_in();
        for frame in self.frames.drain(..frames) {
            self.entries -= count(&frame);
            for id in &frame.command_ids {
                self.commands.remove(id);
            }
            for (digest, _) in &frame.documents {
                self.documents.remove(digest);
            }
        }
    }

    fn sort_in(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        for frame in self.frames.range(self.frames.len() - fresh..) {
            let first_seq = frame.first_seq + u64::from(is_planted(Fault::IndexOffByOne));
            self.commands.extend(frame.command_ids.iter().copied().zip(first_seq..));
            self.documents.extend(frame.documents.iter().copied());
        }
    }
}

fn count(frame: &FrameEntries) -> usize {
    frame.command_ids.len() + frame.documents.len() + frame.changes.bytes() / 100
}
