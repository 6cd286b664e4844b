//! What the witnesses' threads, the handlers and the sequencer's follower share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ledger::digest::Digest;
use ledger::log::LogReader;
use ledger::witness::client::{Ask, Event, Next, Now, Witnesses};
use tokio::sync::watch;

use super::alarms;
use super::settings::WitnessSettings;
use crate::app::now;

/// Without a newly witnessed tree for that long beyond a refresh, the quorum is told to be lost.
const GRACE: Duration = Duration::from_secs(60);

/// What is known of the ledger's witnesses.
pub struct Cosigning {
    pub(super) log: LogReader,
    pub(super) settings: WitnessSettings,
    /// The ledger's directory.
    pub(super) dir: PathBuf,
    started: Instant,
    inner: Mutex<Inner>,
    changed: Condvar,
    /// The size that is witnessed.
    size: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    /// The policy in force; `None` where it asks nobody.
    asked: Option<Asked>,
    answers: BTreeMap<(String, String), u64>,
    ahead: Option<String>,
    ended: bool,
}

struct Asked {
    policy: Digest,
    /// Since when it is in force here, on the clock that nobody sets.
    since: Duration,
    witnesses: Witnesses,
}

/// How far the witnesses are behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lag {
    /// The witnessed size; 0 before the first.
    pub size: u64,
    /// How old the quorum's word for it is; `None` before the first.
    pub age_secs: Option<u64>,
    /// Whether nothing was witnessed for so long that the quorum seems lost.
    pub is_lost: bool,
    /// Whether commands are refused for it.
    pub is_stopping: bool,
}

impl Cosigning {
    /// Nobody is asked yet.
    #[must_use]
    pub fn new(log: LogReader, settings: WitnessSettings, dir: PathBuf) -> Self {
        let shown = log.kept_witnessed().map_or(0, |checkpoint| checkpoint.head().size);
        Self {
            log,
            settings,
            dir,
            started: Instant::now(),
            inner: Mutex::default(),
            changed: Condvar::new(),
            size: watch::Sender::new(shown),
        }
    }

    /// Why nothing may be signed, if a witness knows a larger tree.
    #[must_use]
    pub fn ahead(&self) -> Option<String> {
        self.lock().ahead.clone()
    }

    /// How far the witnesses are behind; `None` where nobody is asked.
    #[must_use]
    pub fn lag(&self) -> Option<Lag> {
        let now = self.now();
        let inner = self.lock();
        let asked = inner.asked.as_ref()?;
        let since = asked.witnesses.witnessed_since();
        let age_secs = since.map(|since| now.secs.saturating_sub(since));
        // What was not asked for while nobody was here to ask is no lag.
        let here = now.passed.saturating_sub(asked.since);
        let lag = age_secs.map_or(here, |age| here.min(Duration::from_secs(age)));
        Some(Lag {
            size: asked.witnesses.witnessed_size().unwrap_or(0),
            age_secs,
            is_lost: lag > self.settings.refresh() + GRACE,
            is_stopping: lag > Duration::from_secs(self.settings.stop_after_secs),
        })
    }

    /// Tells each new witnessed size.
    #[must_use]
    pub fn sizes(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }

    /// Answers so far, by witness and status.
    #[must_use]
    pub fn answers(&self) -> Vec<((String, String), u64)> {
        self.lock().answers.clone().into_iter().collect()
    }

    pub(super) fn now(&self) -> Now {
        Now { passed: self.started.elapsed(), secs: now().millis() / 1_000 }
    }

    /// Each change of what is locked is one call, so a thread that panicked elsewhere did it no harm.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a policy in force, or none.
    pub(super) fn ask(&self, asked: Option<(Digest, Witnesses)>) {
        let since = self.now().passed;
        self.lock().asked = asked.map(|(policy, witnesses)| Asked { policy, since, witnesses });
        self.changed.notify_all();
    }

    /// Does something with the witnesses of a policy, if it is still in force.
    pub(super) fn with<T>(&self, policy: &Digest, act: impl FnOnce(&mut Witnesses) -> T) -> Option<T> {
        let mut inner = self.lock();
        if inner.ended {
            return None;
        }
        let asked = inner.asked.as_mut().filter(|asked| asked.policy == *policy)?;
        Some(act(&mut asked.witnesses))
    }

    /// Waits until there is something to ask a witness, by its place in the policy; `None` once another
    /// policy is in force or the server ends.
    pub(super) fn next(&self, policy: &Digest, place: usize) -> Option<Ask> {
        let mut inner = self.lock();
        loop {
            let now = self.now();
            if inner.ended {
                return None;
            }
            let asked = inner.asked.as_mut().filter(|asked| asked.policy == *policy)?;
            let longest = match asked.witnesses.next(place, now) {
                Next::Ask(ask) => return Some(ask),
                Next::Rest(longest) => longest.unwrap_or(Duration::from_secs(3_600)),
            };
            // Woken too early it looks again, and rests again.
            let woken = self.changed.wait_timeout(inner, longest);
            inner = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Ends the threads, each at its next step.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    pub(super) fn count(&self, witness: &str, status: String) {
        *self.lock().answers.entry((witness.to_owned(), status)).or_default() += 1;
    }

    /// Acts on what an answer came to.
    pub(super) fn act_on(&self, events: Vec<Event>, request: &str) {
        for event in events {
            match event {
                Event::Witnessed(checkpoint) => {
                    let size = checkpoint.head().size;
                    match self.log.show_witnessed(Arc::clone(&checkpoint)) {
                        Ok(()) => tracing::info!(size, "witnessed"),
                        Err(error) => tracing::error!(%error, size, "the witnessed checkpoint was not kept"),
                    }
                    // What could not be shown is not said to be witnessed.
                    let shown = self.log.witnessed().map_or(0, |shown| shown.head().size);
                    self.size.send_if_modified(|known| std::mem::replace(known, shown.max(*known)) < shown);
                }
                Event::Alarm(alarm) => alarms::raise(&self.dir, &alarm, request),
                Event::Ahead { witness, size, ours } => {
                    self.halt(format!("{witness} saw {size} records, here are {ours}"));
                }
            }
        }
        self.changed.notify_all();
    }

    /// Ends signing: what was signed here would be a second history.
    pub fn halt(&self, reason: String) {
        self.log.halt_signing();
        tracing::error!(
            reason,
            "witness_ahead: nothing is signed or recorded any more; see docs/0006-witnesses.md"
        );
        self.lock().ahead.get_or_insert(reason);
    }
}
