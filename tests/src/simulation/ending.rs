//! The last act: what no ledger survives must at least be found.

use ledger::store::StoreReader;

use super::life::Arranged;
use super::machine::Running;
use super::{Check, Found, Run};

impl Run {
    /// Nothing more, a disk that lied, or a bit that rots under a running ledger.
    pub(super) fn end(&mut self, running: Running) -> Result<(), Found> {
        match self.rng.below(3) {
            0 => Ok(()),
            1 => self.end_with_a_lie(running),
            _ => self.end_with_rot(running),
        }
    }

    /// A disk says that it synced and did not; then the power fails. Everything is there all the same,
    /// or the ledger refuses to open.
    fn end_with_a_lie(&mut self, mut running: Running) -> Result<(), Found> {
        self.tell("the disk lies about syncs".to_owned());
        self.totals.one("lying disks");
        self.machine.disk.set_lying(true);
        let mut arranged = Arranged::default();
        for _ in 0..3 {
            let waiting = self.some_requests(&running)?;
            self.step(&mut running, waiting, &mut arranged)?;
        }
        drop(running);
        self.machine.lose_power(&mut self.rng);
        match self.machine.start(self.clients.known()) {
            Ok(running) => {
                self.believe_from(&running);
                self.reconcile(&running, &[])
            }
            Err(error) => {
                self.tell(format!("it does not open: {error}"));
                self.totals.one("lies found");
                Ok(())
            }
        }
    }

    /// A bit flips in what is durable while the ledger runs: what is read is what was written, or an
    /// error.
    fn end_with_rot(&mut self, running: Running) -> Result<(), Found> {
        let segments = self.machine.files_in("journal");
        let segments: Vec<_> = segments.into_iter().filter(|name| name.ends_with(".seg")).collect();
        let segment = &segments[usize::try_from(self.rng.below(segments.len() as u64)).expect("few")];
        let bytes = self.machine.disk.read(segment).unwrap_or_default();
        let written = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        let at = usize::try_from(self.rng.below(written as u64 + 1)).expect("a segment is small");
        self.machine.disk.flip(segment, at, 1 << self.rng.below(8));
        self.tell(format!("byte {at} of {segment} rots"));
        self.totals.one("bits rotted under a running ledger");
        let reader = running.handle.store();
        let mut refused = 0;
        for seq in 0..self.clients.known() {
            refused += u64::from(self.read_back(reader.as_ref(), seq)?);
        }
        for digest in &self.clients.documents {
            let found = reader.document(digest);
            if found.is_ok_and(|held| held.is_some_and(|bytes| ledger::digest::Digest::of(&bytes) != *digest))
            {
                return Err((Check::Damage, format!("document {digest} is served with other bytes")));
            }
        }
        self.totals.add("records refused for rot", refused);
        Ok(())
    }

    /// Whether reading a record is refused; if not, it is what was acknowledged.
    fn read_back(&self, reader: &dyn StoreReader, seq: u64) -> Result<bool, Found> {
        let Ok(read) = reader.record(seq) else { return Ok(true) };
        let recorded = self.clients.recorded(seq);
        let sent = &self.clients.sent[recorded.sent];
        let effects = recorded.receipt.as_ref().map(|receipt| &receipt.effects);
        let same = read.is_some_and(|stored| {
            stored.command_id == sent.id
                && stored.recorded_at.millis() == recorded.at
                && *stored.envelope == *sent.envelope.as_bytes()
                && effects.is_none_or(|effects| *effects == stored.effects)
        });
        if same {
            Ok(false)
        } else {
            Err((Check::Damage, format!("record {seq} is served with other bytes")))
        }
    }
}
