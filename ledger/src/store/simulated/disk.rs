//! A disk in memory that may do to unsynced bytes whatever a disk may do, by a seed.
//!
//! What is written is visible at once and lasts once synced. At a crash each sector written and not
//! synced is kept or lost by itself, in any order; each name made, moved or removed and not synced is
//! as before or as after. A sync that fails leaves bytes that can be read but will never last; a
//! sync that lies leaves them as if it had not been called.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::medium::{Access, Medium, MediumFile};

const SECTOR: usize = 512;

/// Pseudo-random numbers that depend on the seed alone (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Numbers of that seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// True in `part` of 100 cases.
    pub fn percent(&mut self, part: u64) -> bool {
        self.below(100) < part
    }
}

#[derive(Clone, Debug, Default)]
struct File {
    /// What a reader sees.
    seen: Vec<u8>,
    /// What a crash leaves at least.
    lasting: Vec<u8>,
    /// Writes since the last sync, in order.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct Inner {
    rng: Rng,
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    lasting_names: BTreeMap<String, usize>,
    /// Grows at each crash; what was opened before is dead.
    boot: u64,
    capacity: u64,
    /// Operations until the power fails.
    operations_left: Option<u64>,
    down: bool,
    fail_next_sync: bool,
    lying: bool,
    operations: u64,
}

/// The disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<Inner>>);

impl Disk {
    /// An empty disk that behaves by the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            rng: Rng::new(seed),
            files: Vec::new(),
            names: BTreeMap::new(),
            lasting_names: BTreeMap::new(),
            boot: 0,
            capacity: u64::MAX,
            operations_left: None,
            down: false,
            fail_next_sync: false,
            lying: false,
            operations: 0,
        })))
    }

    /// Another disk that holds the same now and behaves by the same seed. Handles stay with the first.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Bytes that all files hold together.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.lock().used()
    }

    /// Removes a file for good, as somebody does who tidies up.
    pub fn forget(&self, path: &str) {
        let mut disk = self.lock();
        disk.names.remove(path);
        disk.lasting_names.remove(path);
    }

    /// Bytes that fit, all files together.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// Lets the power fail before the operation after that many more: writes, syncs, and changes of
    /// names count, reading does not.
    pub fn fail_power_after(&self, operations: u64) {
        self.lock().operations_left = Some(operations);
    }

    /// Lets the next sync of a file fail.
    pub fn fail_next_sync(&self) {
        self.lock().fail_next_sync = true;
    }

    /// From now on syncs of files do nothing and say all is well; or do their work again.
    pub fn set_lying(&self, lying: bool) {
        self.lock().lying = lying;
    }

    /// Whether the power has failed and nobody has crashed yet.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.lock().down
    }

    /// Nothing that was asked for goes wrong any more: no power cut, no failing sync, no want of room.
    pub fn calm(&self) {
        let mut disk = self.lock();
        disk.operations_left = None;
        disk.down = false;
        disk.fail_next_sync = false;
        disk.lying = false;
        disk.capacity = u64::MAX;
    }

    /// Writes, syncs and changes of names so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// The power fails and comes back: what was not synced is torn, what was open is dead.
    pub fn crash(&self) {
        let mut disk = self.lock();
        disk.boot += 1;
        disk.operations_left = None;
        disk.down = false;
        disk.fail_next_sync = false;
        disk.tear_names();
        disk.tear_files();
    }

    /// Flips the bits of `mask` in a byte of a file, for good.
    ///
    /// # Panics
    /// If there is no such byte.
    pub fn flip(&self, path: &str, offset: usize, mask: u8) {
        let mut disk = self.lock();
        let file = *disk.names.get(path).expect("a file to damage");
        let file = &mut disk.files[file];
        file.seen[offset] ^= mask;
        file.lasting[offset] ^= mask;
    }

    /// Names of all files with their sizes in bytes.
    #[must_use]
    pub fn files(&self) -> Vec<(String, usize)> {
        let disk = self.lock();
        disk.names.iter().map(|(name, file)| (name.clone(), disk.files[*file].seen.len())).collect()
    }

    /// What a reader sees of a file.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.lock();
        Some(disk.files[*disk.names.get(path)?].seen.clone())
    }

    /// A number of the disk's own sequence.
    pub fn random_below(&self, bound: u64) -> u64 {
        self.lock().rng.below(bound)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Counts an operation; fails it if the power is gone.
    fn operate(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.operations_left {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => self.down = true,
            }
        }
        if self.down {
            return Err(io::Error::other("the power is gone"));
        }
        self.operations += 1;
        Ok(())
    }

    /// Each name that was not synced is as before or as after.
    fn tear_names(&mut self) {
        let names: Vec<String> = self.names.keys().chain(self.lasting_names.keys()).cloned().collect();
        for name in names {
            let (seen, lasting) = (self.names.get(&name).copied(), self.lasting_names.get(&name).copied());
            if seen == lasting {
                continue;
            }
            let kept = if self.rng.percent(50) { seen } else { lasting };
            for map in [&mut self.names, &mut self.lasting_names] {
                match kept {
                    Some(file) => drop(map.insert(name.clone(), file)),
                    None => drop(map.remove(&name)),
                }
            }
        }
    }

    /// Each sector of each write that was not synced is there or not.
    fn tear_files(&mut self) {
        let kept_percent = [0, 50, 90, 100][usize::try_from(self.rng.below(4)).unwrap_or(0)];
        for file in &mut self.files {
            for (offset, bytes) in std::mem::take(&mut file.unsynced) {
                let (mut at, end) = (offset, offset + bytes.len());
                while at < end {
                    let next = ((at / SECTOR + 1) * SECTOR).min(end);
                    if self.rng.percent(kept_percent) {
                        put(&mut file.lasting, at, &bytes[at - offset..next - offset]);
                    }
                    at = next;
                }
            }
            file.seen.clone_from(&file.lasting);
        }
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].seen.len() as u64).sum()
    }
}

fn put(into: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if into.len() < at + bytes.len() {
        into.resize(at + bytes.len(), 0);
    }
    into[at..at + bytes.len()].copy_from_slice(bytes);
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl Medium for Disk {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let disk = self.lock();
        let inside = disk.names.keys().filter(|name| parent(name) == dir);
        Ok(inside.filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect())
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Box<dyn MediumFile>> {
        let disk = self.lock();
        let file = *disk.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Handle { disk: self.clone(), file, boot: disk.boot, access }))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn MediumFile>> {
        let mut disk = self.lock();
        disk.operate()?;
        let file = disk.files.len();
        disk.files.push(File::default());
        disk.names.insert(path.to_owned(), file);
        Ok(Box::new(Handle { disk: self.clone(), file, boot: disk.boot, access: Access::Write }))
    }

    fn create_dir(&self, _dir: &str) -> io::Result<()> {
        self.lock().operate()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        let file = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        disk.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        let disk = &mut *disk;
        disk.lasting_names.retain(|name, _| parent(name) != dir);
        let inside = disk.names.iter().filter(|(name, _)| parent(name) == dir);
        disk.lasting_names.extend(inside.map(|(name, file)| (name.clone(), *file)));
        Ok(())
    }
}

struct Handle {
    disk: Disk,
    file: usize,
    boot: u64,
    access: Access,
}

impl Handle {
    fn live(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let disk = self.disk.lock();
        if disk.boot == self.boot { Ok(disk) } else { Err(io::Error::other("opened before the crash")) }
    }
}

impl MediumFile for Handle {
    fn size(&self) -> io::Result<u64> {
        Ok(self.live()?.files[self.file].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let disk = self.live()?;
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = disk.files[self.file].seen.get(from..from + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.live()?;
        assert_eq!(self.access, Access::Write, "the file was opened for reading");
        // A write that the power cuts off is half-way there; later ones are not.
        let was_down = disk.down;
        let down = disk.operate();
        if was_down {
            return down;
        }
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        let grown = (at + bytes.len()).saturating_sub(disk.files[self.file].seen.len()) as u64;
        if disk.used() + grown > disk.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = &mut disk.files[self.file];
        put(&mut file.seen, at, bytes);
        file.unsynced.push((at, bytes.to_vec()));
        down
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.live()?;
        disk.operate()?;
        let fails = std::mem::take(&mut disk.fail_next_sync);
        let lying = disk.lying;
        let file = &mut disk.files[self.file];
        if fails {
            file.unsynced.clear();
            return Err(io::Error::other("the sync failed"));
        }
        if !lying {
            for (at, bytes) in std::mem::take(&mut file.unsynced) {
                put(&mut file.lasting, at, &bytes);
            }
        }
        Ok(())
    }
}
