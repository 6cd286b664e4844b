//! The log as its witnesses' client: whom to ask for what, and what an answer means.
//!
//! Source: audit specification §8. A quorum has to cosign *one* tree, while the log grows: so witnesses
//! are asked in rounds. A round is for the newest checkpoint there is when it begins; it ends when the
//! policy is met, or when nobody is left who could answer now, and every `refresh` an unchanged tree gets
//! a round of its own. Per witness one request is on its way at most.
//!
//! The module decides; it sends nothing, reads no clock and draws no chance: time, jitter and answers
//! come in with each call.

mod answer;
mod event;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use self::event::{Alarm, AlarmKind, Event};

use crate::checkpoint::SignedCheckpoint;
use crate::note::SignatureLine;
use crate::policy::{Party, Policy};

/// The longest between two attempts at a witness that does not answer as it should.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(60);

/// How far a witness's clock may be from ours, in seconds.
pub const TIME_OFF_MAX_SECS: u64 = 300;

/// What time it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// Time that passed since the program began, on a clock that nobody sets.
    pub passed: Duration,
    /// Time of day, in seconds since 1970.
    pub secs: u64,
}

/// What came back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// An answer in HTTP.
    Answer {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
    },
    /// None, or the request could not be made: why.
    None(String),
}

/// A request to a witness.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ask {
    /// The size that the witness is thought to have seen last: the consistency proof starts there.
    pub old: u64,
    /// What it is to cosign.
    pub checkpoint: Arc<SignedCheckpoint>,
    round: u64,
}

/// What a witness's own thread does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// Ask, and bring the answer.
    Ask(Ask),
    /// Nothing before that long, or before something is published; `None`: for as long as it takes.
    Rest(Option<Duration>),
}

/// The log's view of its witnesses under one policy.
#[derive(Debug)]
pub struct Witnesses {
    policy: Policy,
    refresh: Duration,
    peers: Vec<Peer>,
    newest: Option<Arc<SignedCheckpoint>>,
    round: Option<Round>,
    rounds: u64,
    met: Option<Cosigned>,
    halted: bool,
}

#[derive(Debug)]
struct Peer {
    is_asked: bool,
    /// The size that it saw last, as far as we know.
    confirmed: u64,
    /// The time of its last cosignature.
    time: u64,
    doing: Doing,
    failures: u32,
    /// Whether its last answer was 409, after which it was asked again at once.
    corrected: bool,
    /// The round in which it has done what it could.
    done: u64,
}

#[derive(Debug)]
enum Doing {
    Idle,
    Asked(Ask),
    Waits { until: Duration },
}

/// A checkpoint with those who cosigned it.
#[derive(Clone, Debug)]
struct Cosigned {
    checkpoint: Arc<SignedCheckpoint>,
    lines: BTreeMap<usize, (SignatureLine, u64)>,
}

#[derive(Debug)]
struct Round {
    number: u64,
    began: Duration,
    cosigned: Cosigned,
    /// Who cosigned in this round, and not only the same tree in an earlier one.
    fresh: BTreeSet<usize>,
}

impl Witnesses {
    /// Those of a policy; `is_asked` says who can and shall be asked at all.
    #[must_use]
    pub fn new(policy: Policy, refresh: Duration, is_asked: impl Fn(&Party) -> bool) -> Self {
        let peer = |party: &Party| Peer {
            is_asked: is_asked(party),
            confirmed: 0,
            time: 0,
            doing: Doing::Idle,
            failures: 0,
            corrected: false,
            done: 0,
        };
        let peers = policy.witnesses().iter().map(peer).collect();
        Self { policy, refresh, peers, newest: None, round: None, rounds: 0, met: None, halted: false }
    }

    /// Takes up a checkpoint that was cosigned before. It counts as witnessed if it meets the policy.
    pub fn resume(&mut self, checkpoint: &SignedCheckpoint) {
        let note = checkpoint.note();
        let mut lines = BTreeMap::new();
        for (place, party) in self.policy.witnesses().iter().enumerate() {
            let Ok(good) = note.verify([&party.key]) else { continue };
            if let Some((line, time)) = good.iter().find_map(|found| Some((found.line, found.time?))) {
                lines.insert(place, (note.signatures()[line].clone(), time));
                self.peers[place].confirmed = self.peers[place].confirmed.max(checkpoint.head().size);
                self.peers[place].time = time;
            }
        }
        if self.policy.check(&checkpoint.to_string()).is_ok() {
            self.met = Some(Cosigned { checkpoint: Arc::new(checkpoint.clone()), lines });
        }
    }

    /// A checkpoint was signed and published.
    pub fn publish(&mut self, checkpoint: Arc<SignedCheckpoint>) {
        if self.newest.as_ref().is_none_or(|newest| newest.head().size < checkpoint.head().size) {
            self.newest = Some(checkpoint);
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether a witness knows more than we do: nobody is asked, and nothing may be signed.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// The newest checkpoint that met the policy, with the lines it had then.
    #[must_use]
    pub fn witnessed_size(&self) -> Option<u64> {
        self.met.as_ref().map(|met| met.checkpoint.head().size)
    }

    /// Since when that tree is vouched for by a quorum, in seconds since 1970.
    #[must_use]
    pub fn witnessed_since(&self) -> Option<u64> {
        let times: Vec<_> =
            self.met.as_ref()?.lines.iter().map(|(place, (_, time))| (*place, *time)).collect();
        self.policy.met_since(&times)
    }

    /// What the thread of that witness, by its place in the policy, does now.
    ///
    /// # Panics
    /// If there is no such witness.
    pub fn next(&mut self, witness: usize, now: Now) -> Next {
        if self.halted || !self.peers[witness].is_asked {
            return Next::Rest(None);
        }
        self.turn(now);
        let Some(round) = &self.round else { return Next::Rest(None) };
        let (number, checkpoint) = (round.number, Arc::clone(&round.cosigned.checkpoint));
        let until_refresh = (round.began + self.refresh).saturating_sub(now.passed);
        let peer = &mut self.peers[witness];
        match peer.doing {
            Doing::Waits { until } if until > now.passed => return Next::Rest(Some(until - now.passed)),
            Doing::Asked(_) => return Next::Rest(None),
            Doing::Waits { .. } | Doing::Idle => {}
        }
        // One that saw a later tree than this round's waits for a later round.
        if peer.done < number && peer.confirmed > checkpoint.head().size {
            peer.done = number;
        }
        if peer.done >= number {
            return Next::Rest(Some(until_refresh.max(Duration::from_millis(1))));
        }
        let ask = Ask { old: peer.confirmed, checkpoint, round: number };
        peer.doing = Doing::Asked(ask.clone());
        Next::Ask(ask)
    }

    /// Begins a round if one is due.
    fn turn(&mut self, now: Now) {
        let Some(newest) = self.newest.clone() else { return };
        let is_due = self.round.as_ref().is_none_or(|round| {
            let is_behind = round.cosigned.checkpoint.head().size < newest.head().size;
            (is_behind && (self.is_met(round) || self.is_settled(round, now)))
                || now.passed >= round.began + self.refresh
        });
        if !is_due {
            return;
        }
        self.rounds += 1;
        let same = |cosigned: &Cosigned| cosigned.checkpoint.note().text() == newest.note().text();
        let before = self.round.take().map(|round| round.cosigned).filter(|cosigned| same(cosigned));
        let before = before.or_else(|| self.met.clone().filter(|met| same(met)));
        let lines = before.map(|cosigned| cosigned.lines).unwrap_or_default();
        let cosigned = Cosigned { checkpoint: newest, lines };
        self.round = Some(Round { number: self.rounds, began: now.passed, cosigned, fresh: BTreeSet::new() });
    }

    fn is_met(&self, round: &Round) -> bool {
        self.policy.is_met_by(&|place| round.fresh.contains(&place))
    }

    /// Whether nobody is left who could answer now.
    fn is_settled(&self, round: &Round, now: Now) -> bool {
        self.peers.iter().filter(|peer| peer.is_asked).all(|peer| match &peer.doing {
            Doing::Asked(_) => false,
            Doing::Waits { until } => *until > now.passed,
            Doing::Idle => peer.done >= round.number,
        })
    }
}

#[cfg(test)]
mod tests;
