//! Thousands of power cuts by seed: what was acknowledged is there, and at most what was on its way.

use super::*;

/// One life of a journal: appends until the power fails. Returns what was acknowledged, and the
/// batch on its way.
fn live(disk: &Disk, rng: &mut Rng, acknowledged: &mut Vec<Batch>) -> Result<Option<Batch>, StoreError> {
    let (mut journal, mut marker, _) = open(disk)?;
    loop {
        let next = random_batch(rng, journal.reader().end().length);
        if journal.append(&next).is_err() {
            return Ok(Some(next));
        }
        acknowledged.push(next);
        if rng.percent(20) && marker.mark().is_err() {
            return Ok(None);
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_whenever_the_power_fails() {
    for seed in 0..2_000 {
        let disk = Disk::new(seed);
        create(&disk);
        let mut rng = Rng::new(!seed);
        let mut acknowledged = Vec::new();
        for _ in 0..4 {
            disk.fail_power_after(rng.below(40));
            let started = live(&disk, &mut rng, &mut acknowledged);
            disk.crash();
            // The power may fail while opening, too; then nothing was on its way.
            let on_its_way = started.ok().flatten();
            let (journal, _, report) = open(&disk).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            let held = batches(&journal.reader()).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            let kept = acknowledged.len();
            assert!(held.starts_with(&acknowledged), "seed {seed}: lost {kept}, {report:?}");
            if held.len() > kept {
                assert_eq!(held[kept..], on_its_way.as_slice()[..], "seed {seed}");
            }
            acknowledged = held;
        }
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    let mut lost = 0;
    for seed in 0..500 {
        let disk = Disk::new(seed);
        create(&disk);
        let mut rng = Rng::new(!seed);
        let (mut journal, _, _) = open(&disk).unwrap();
        journal.append(&random_batch(&mut rng, 0)).unwrap();
        disk.set_lying(true);
        for _ in 0..1 + rng.below(3) {
            journal.append(&random_batch(&mut rng, journal.reader().end().length)).unwrap();
        }
        let known = journal.reader().end();
        drop(journal);
        disk.set_lying(false);
        disk.crash();
        let options = JournalOptions { least_length: known.length, ..OPTIONS };
        match Journal::open(&medium(&disk), origin(), options) {
            Ok((journal, _, _)) => assert_eq!(journal.reader().end(), known, "seed {seed}"),
            Err(StoreError::Damaged { .. }) => lost += 1,
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    assert!(lost > 100, "the disk lied too seldom to show anything: {lost}");
}
