//! What the index is asked: of memory and of sled, once they know every durable frame.

use std::sync::Arc;

use super::super::lock;
use super::super::pending::Pending;
use super::super::shelf::{Broken, Shelf};
use super::{Keeper, unavailable};
use crate::store::StoreError;
use crate::store::segment::FrameEntries;

impl Keeper {
    /// Whether every durable frame is here, or will be when the rebuilding thread is done.
    fn is_covering(&self) -> bool {
        let state = lock(&self.shared.state);
        state.shelf.is_err() || state.covered >= self.shared.journal.end().length
    }

    /// Asks memory, then sled, then, if there are frames that neither knows, the journal.
    pub(in crate::store::index) fn look_up<T>(
        &self,
        pending: impl Fn(&mut Pending) -> Option<T>,
        shelf: impl Fn(&Shelf) -> Result<Option<T>, Broken>,
    ) -> Result<Option<T>, StoreError> {
        let found = self.look_up_now(&pending, &shelf)?;
        if found.is_some() || self.is_covering() {
            return Ok(found);
        }
        self.catch_up()?;
        self.look_up_now(&pending, &shelf)
    }

    fn look_up_now<T>(
        &self,
        pending: impl Fn(&mut Pending) -> Option<T>,
        shelf: impl Fn(&Shelf) -> Result<Option<T>, Broken>,
    ) -> Result<Option<T>, StoreError> {
        let mut state = lock(&self.shared.state);
        if let Some(found) = pending(&mut state.pending) {
            return Ok(Some(found));
        }
        // An entry is in sled before it leaves memory, so asking in this order misses none.
        let open = match &state.shelf {
            Ok(open) => open.clone(),
            Err(reason) => return Err(unavailable(reason)),
        };
        drop(state);
        shelf(&open).map_err(|reason| self.distrust(&reason))
    }

    /// Asks memory and sled together, once they know every frame; what memory let go of while it was
    /// asked is in sled.
    pub(in crate::store::index) fn gather<T>(
        &self,
        ask: impl FnOnce(&[Arc<FrameEntries>], &Shelf) -> Result<T, Broken>,
    ) -> Result<T, StoreError> {
        if !self.is_covering() {
            self.catch_up()?;
        }
        let state = lock(&self.shared.state);
        let open = state.shelf.clone().map_err(|reason| unavailable(&reason))?;
        let frames = state.pending.frames();
        drop(state);
        ask(&frames, &open).map_err(|reason| self.distrust(&reason))
    }
}
