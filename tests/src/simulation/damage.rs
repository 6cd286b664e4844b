//! What is done to copies: snapshots removed and damaged, journals damaged.

use ledger::store::StoreError;
use ledger::store::simulated::SimulatedStore;

use super::recovery::records;
use super::{Check, Found, Run};
use crate::world::ORIGIN;

/// Bits flipped in copies of a journal after one crash.
const FLIPS: u64 = 6;

impl Run {
    /// Copies of the machine without snapshots, or with damaged ones or a damaged journal.
    pub(super) fn check_copies(&mut self) -> Result<(), Found> {
        self.check_without_snapshots()?;
        for _ in 0..FLIPS {
            self.check_flipped_journal()?;
        }
        self.check_flipped_mark()
    }

    /// A snapshot is a cache: without it, or with one that is damaged, the ledger is the same.
    fn check_without_snapshots(&mut self) -> Result<(), Found> {
        let twin = self.machine.twin();
        let damages = self.rng.percent(60);
        for snapshot in twin.files_in("snapshots") {
            let bytes = twin.disk.read(&snapshot).map_or(0, |bytes| bytes.len() as u64);
            if damages && bytes > 0 {
                let at = usize::try_from(self.rng.below(bytes)).expect("a snapshot is small");
                twin.disk.flip(&snapshot, at, 1 << self.rng.below(8));
            } else {
                twin.disk.forget(&snapshot);
            }
        }
        self.totals.one(if damages { "snapshots damaged" } else { "snapshots removed" });
        let running =
            twin.start(self.clients.known()).map_err(|error| (Check::Snapshots, error.to_string()))?;
        let state = &running.handle.published().state;
        self.model.compare(state).map_err(|what| (Check::Snapshots, what))?;
        let (replayed, records) = (running.report.replayed, running.report.records);
        if replayed != records {
            return Err((Check::Snapshots, format!("{replayed} of {records} records were taken up again")));
        }
        Ok(())
    }

    /// A bit flipped within the frames is damage; beyond them it is at most a torn tail, and told.
    fn check_flipped_journal(&mut self) -> Result<(), Found> {
        let disk = self.machine.disk.copy();
        let segments: Vec<String> =
            self.machine.files_in("journal").into_iter().filter(|name| name.ends_with(".seg")).collect();
        let place = usize::try_from(self.rng.below(segments.len() as u64)).expect("few");
        let bytes = disk.read(&segments[place]).unwrap_or_default();
        let is_last = place + 1 == segments.len();
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // Half of the flips in the last segment go where something is written.
        let reach = if is_last && self.rng.percent(50) { written } else { bytes.len() };
        let at = usize::try_from(self.rng.below(reach as u64)).expect("a segment is small");
        disk.flip(&segments[place], at, 1 << self.rng.below(8));
        self.totals.one("bits flipped in journals");
        let opened = SimulatedStore::open(&disk, ORIGIN, self.machine.segment_bytes(), 0);
        let whereabouts = format!("byte {at} of {}", segments[place]);
        match opened {
            Err(StoreError::Damaged { .. }) => {
                self.totals.one("damage found");
                Ok(())
            }
            Err(error) => Err((Check::Damage, format!("{whereabouts}: {error}"))),
            Ok(_) if !is_last || at < written => {
                Err((Check::Damage, format!("{whereabouts} is flipped and the journal opens")))
            }
            Ok((store, report)) => {
                let reader = ledger::store::Store::reader(&store);
                let held = records(reader.as_ref()).map_err(|what| (Check::Damage, what))?;
                if report.torn.is_none() || held.len() as u64 != self.clients.known() {
                    return Err((Check::Damage, format!("{whereabouts} is flipped and nobody is told")));
                }
                self.find_acknowledged(&held)
            }
        }
    }

    /// The mark adds certainty: a damaged one is told and stops nothing, and never makes a shorter
    /// history pass.
    fn check_flipped_mark(&mut self) -> Result<(), Found> {
        let disk = self.machine.disk.copy();
        let mark = "journal/acknowledged";
        let at = usize::try_from(self.rng.below(1_024)).expect("small");
        disk.flip(mark, at, 1 << self.rng.below(8));
        let opened = SimulatedStore::open(&disk, ORIGIN, self.machine.segment_bytes(), self.clients.known());
        let (_, report) =
            opened.map_err(|error| (Check::Damage, format!("byte {at} of the mark: {error}")))?;
        if report.mark.unreadable_sectors == 0 {
            return Err((Check::Damage, format!("byte {at} of the mark is flipped and nobody is told")));
        }
        Ok(())
    }
}
