//! A process that appends is killed at any moment: nothing that it said was durable is missing.
//!
//! In a binary of its own: a process about to start holds what its parent has open, locks included.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::path::Path;
    use std::process::{Command, Stdio};

    use ledger::digest::Digest;
    use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore, IndexReport};
    use ledger::store::{Batch, Store, StoreReader, StoredDocument, StoredRecord, StoredSnapshot};
    use ledger::time::Timestamp;

    const ORIGIN: &str = "ledger.example/one";
    const DIR_VARIABLE: &str = "LEDGER_TO_KILL";
    const ROUNDS: usize = 12;

    fn options() -> EmbeddedOptions {
        EmbeddedOptions { segment_bytes: 16 << 10, ..EmbeddedOptions::default() }
    }

    fn batch(first_seq: u64) -> Batch {
        let bytes = first_seq.to_string().repeat(30).into_bytes();
        let document = StoredDocument { digest: Digest::of(&bytes), bytes: bytes.into() };
        let record = |seq: u64| StoredRecord {
            effects: b"[]".as_slice().into(),
            recorded_at: Timestamp::from_millis(seq).unwrap(),
            command_id: Digest::of(&seq.to_be_bytes()),
            envelope: seq.to_string().into_bytes().into(),
        };
        let records = (first_seq..=first_seq + first_seq % 3).map(record).collect();
        Batch { first_seq, documents: vec![document], records }
    }

    fn assert_complete(reader: &dyn StoreReader) {
        for read in reader.batches(0) {
            let read = read.unwrap();
            assert_eq!(read, batch(read.first_seq));
            let document = &read.documents[0];
            assert_eq!(reader.document(&document.digest).unwrap().as_ref(), Some(&document.bytes));
            for (seq, record) in (read.first_seq..).zip(&read.records) {
                assert_eq!(reader.seq_of_command(&record.command_id).unwrap(), Some(seq));
            }
        }
        let snapshot = reader.snapshot().unwrap();
        assert!(snapshot.is_none_or(|snapshot| snapshot.length <= reader.length()));
    }

    /// Not a test by itself: what [`nothing_acknowledged_is_missing`] kills.
    #[test]
    fn append_until_killed() {
        let Ok(dir) = std::env::var(DIR_VARIABLE) else { return };
        let (mut store, _) = EmbeddedStore::open(Path::new(&dir), ORIGIN, options()).unwrap();
        let mut out = std::io::stdout();
        for appended in 1_u64.. {
            let next = batch(store.reader().length());
            store.append(&next).unwrap();
            let length = store.reader().length();
            writeln!(out, "\ndurable {length}").unwrap();
            if appended % 40 == 0 {
                store.put_snapshot(&StoredSnapshot { length, bytes: vec![1; 9_000] }).unwrap();
            }
        }
    }

    #[test]
    fn nothing_acknowledged_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let created_at = Timestamp::from_millis(0).unwrap();
        EmbeddedStore::create_with(dir.path(), ORIGIN, created_at, options()).unwrap();
        for round in 0..ROUNDS {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "tests::append_until_killed", "--nocapture"])
                .env(DIR_VARIABLE, dir.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let mut durable = lines.filter_map(|line| line.strip_prefix("durable ")?.parse::<u64>().ok());
            let mut acknowledged = durable.by_ref().nth(round * 17).unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            // What it said before it died counts; the last line may be cut, and then says less.
            acknowledged = durable.fold(acknowledged, u64::max);

            let (store, report) = EmbeddedStore::open(dir.path(), ORIGIN, options()).unwrap();
            assert!(report.tail.length >= acknowledged, "round {round}: {acknowledged}, {report:?}");
            match report.index.unwrap() {
                IndexReport::Kept { .. } => {}
                IndexReport::Rebuilt { reason } => assert_eq!(reason, "it was empty", "round {round}"),
            }
            assert_complete(&*store.reader());
        }
    }
}
