//! One life: requests, faults, steps, answers.

use ledger::sequencer::Step;

use super::clients::{Sent, Waiting, poll};
use super::machine::Running;
use super::{Check, Found, Run};
use crate::model::{Ask, Deed};

pub(super) const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// What a batch without an answer would record, and when.
pub(super) type Doubtful = Vec<(usize, u64)>;

/// What may go wrong in this life, because it was arranged.
#[derive(Default)]
pub(super) struct Arranged {
    pub(super) may_stop: bool,
    pub(super) is_full: bool,
}

impl Run {
    /// Parties, assets and accounts, some in one batch.
    pub(super) fn set_the_stage(&mut self, running: &mut Running) -> Result<(), Found> {
        let vkey = self.machine.log_vkey();
        let now = self.machine.clock.shown();
        let mut arranged = Arranged::default();
        for ask in self.workload.stage(&vkey, now) {
            let waiting = self.send_new(running, ask)?;
            self.step(running, waiting.into_iter().collect(), &mut arranged)?;
        }
        Ok(())
    }

    /// Lives until the machine crashes or the ledger is stopped, and opens it again.
    pub(super) fn live(&mut self, mut running: Running) -> Result<Running, Found> {
        let mut arranged = Arranged::default();
        if self.rng.percent(70) {
            self.machine.disk.fail_power_after(self.rng.below(self.steps_max));
            arranged.may_stop = true;
        }
        let steps = 5 + self.rng.below(self.steps_max);
        for _ in 0..steps {
            self.arrange(&mut arranged);
            let waiting = self.some_requests(&running)?;
            if let Some(doubtful) = self.step(&mut running, waiting, &mut arranged)? {
                drop(running);
                return self.after_a_stop(&doubtful);
            }
            self.check_step(&running)?;
            if self.believed.is_none() && self.rng.percent(50) {
                break;
            }
        }
        self.leave(running)
    }

    /// Nothing is on its way: the process is killed, the power goes, or it is asked to stop.
    fn leave(&mut self, running: Running) -> Result<Running, Found> {
        if self.rng.percent(30) {
            self.tell("asked to stop".to_owned());
            self.totals.one("clean stops");
            let Running { sequencer, handle, .. } = running;
            let stop = async move { handle.stop().await };
            poll(&mut Box::pin(stop)).ok_or((Check::Service, "the queue is full".to_owned()))?;
            // With the power already cut, its last snapshot is lost; it stops all the same.
            sequencer.run().map_err(|error| (Check::Service, format!("while stopping: {error}")))?;
        } else {
            drop(running);
        }
        self.after_a_stop(&[])
    }

    /// The process is gone; perhaps the power too.
    fn after_a_stop(&mut self, doubtful: &[(usize, u64)]) -> Result<Running, Found> {
        let power_is_cut = self.machine.disk.is_down();
        if power_is_cut || self.rng.percent(70) {
            self.tell("the power fails".to_owned());
            self.totals.one("power cuts");
            self.machine.lose_power(&mut self.rng);
        } else {
            self.tell("the process is started again".to_owned());
            self.totals.one("restarts");
            self.machine.disk.calm();
        }
        if self.rng.percent(20) && self.machine.rot_tile(&mut self.rng) {
            self.tell("a tile rots".to_owned());
            self.totals.one("tiles rotted");
        }
        let running = self.recover()?;
        self.reconcile(&running, doubtful)?;
        Ok(running)
    }

    /// Time passes, clocks are set, disks fill, syncs fail.
    fn arrange(&mut self, arranged: &mut Arranged) {
        let clock = self.machine.clock.clone();
        match self.rng.below(100) {
            0..=5 => clock.wait(self.rng.below(2 * HOUR)),
            6 => clock.wait(self.rng.below(72 * HOUR)),
            7..=10 => clock.set(clock.shown().saturating_sub(self.rng.below(5 * MINUTE))),
            11 => clock.set(clock.shown().saturating_sub(self.rng.below(HOUR))),
            12 => clock.set(clock.shown() + self.rng.below(10 * MINUTE)),
            // Somebody notices that it is ahead.
            13..=40 => clock.set(clock.shown().min(super::START + clock.passed())),
            _ => clock.wait(self.rng.below(2_000)),
        }
        if self.rng.percent(1) {
            self.tell("the next sync fails".to_owned());
            self.totals.one("failed syncs");
            self.machine.disk.fail_next_sync();
            arranged.may_stop = true;
        }
        if arranged.is_full && self.rng.percent(40) {
            self.tell("there is room again".to_owned());
            self.machine.disk.set_capacity(u64::MAX);
            arranged.is_full = false;
        } else if !arranged.is_full && self.rng.percent(4) {
            self.tell("the disk is full".to_owned());
            self.totals.one("full disks");
            self.machine.disk.set_capacity(self.machine.disk.used() + self.rng.below(600));
            arranged.is_full = true;
        }
    }

    /// A few clients send something, new or again.
    pub(super) fn some_requests(&mut self, running: &Running) -> Result<Vec<Waiting>, Found> {
        let mut waiting = Vec::new();
        let many = if self.rng.percent(10) { 16 } else { self.crowd };
        for _ in 0..1 + self.rng.below(many) {
            let sent = if self.rng.percent(15) { self.some_sent() } else { None };
            let now = self.machine.clock.shown();
            let next = match sent {
                Some(sent) => self.send(running, sent)?,
                None => {
                    let mut ask = self.next_ask(now);
                    self.perhaps_reuse_a_key(&mut ask);
                    self.send_new(running, ask)?
                }
            };
            waiting.extend(next);
            self.say_at_once(running, &mut waiting)?;
        }
        // The order of the queue is the order of arrival; twins arrive together.
        if self.rng.percent(10)
            && let Some(sent) = waiting.last().map(|last| last.sent)
        {
            waiting.extend(self.send(running, sent)?);
        }
        // Somebody stays to be told if there was no room: nothing else says so.
        if self.rng.percent(5)
            && let [_, .., last] = &mut waiting[..]
        {
            self.totals.one("clients gone");
            last.answer = None;
        }
        Ok(waiting)
    }

    fn next_ask(&mut self, now: u64) -> Ask {
        if self.rng.percent(18) {
            let (awaiting, ever) = (self.model.awaiting(), self.model.ever_held());
            let from = if self.rng.percent(10) { ever } else { awaiting };
            if !from.is_empty() {
                let place = usize::try_from(self.rng.below(from.len() as u64)).expect("few");
                return self.workload.say(&self.model, from[place], now);
            }
        }
        self.workload.next(&self.model, now)
    }

    /// Approvals that arrive with the command they approve: whoever made it has told its id.
    fn say_at_once(&mut self, running: &Running, waiting: &mut Vec<Waiting>) -> Result<(), Found> {
        let Some(last) = waiting.last() else { return Ok(()) };
        let Sent { ask, id, .. } = &self.clients.sent[last.sent];
        let may_wait = matches!(
            ask.deed,
            Deed::SetPolicy { .. } | Deed::Batch { .. } | Deed::Reclassify { .. } | Deed::DefineAsset { .. }
        );
        let id = *id;
        while may_wait && self.rng.percent(45) {
            let now = self.machine.clock.shown();
            let ask = self.workload.say(&self.model, id, now);
            waiting.extend(self.send_new(running, ask)?);
        }
        Ok(())
    }

    /// Something sent before: recorded, refused, or never answered.
    fn some_sent(&mut self) -> Option<usize> {
        let sent = self.clients.sent.len() as u64;
        let recent = if self.rng.percent(60) { sent.min(12) } else { sent };
        usize::try_from(sent - 1 - self.rng.below(recent.max(1))).ok()
    }

    fn perhaps_reuse_a_key(&mut self, ask: &mut Ask) {
        if self.rng.percent(4)
            && let Some(sent) = self.some_sent()
        {
            let other = &self.clients.sent[sent].ask;
            if other.author == ask.author {
                ask.idempotency_key.clone_from(&other.idempotency_key);
            }
        }
    }

    pub(super) fn send_new(&mut self, running: &Running, ask: Ask) -> Result<Option<Waiting>, Found> {
        let sent = self.clients.sign(ask, self.machine.clock.shown());
        self.send(running, sent)
    }

    /// At the door only signatures by keys that the published state has ever known come through.
    fn send(&mut self, running: &Running, sent: usize) -> Result<Option<Waiting>, Found> {
        self.totals.one("commands");
        let ask = &self.clients.sent[sent].ask;
        let passes = self.model.length() == 0 || self.model.ever_had(&ask.author, &ask.signer);
        let line = ask.told();
        match (self.clients.send(&running.handle, sent), passes) {
            (Ok(answer), true) => Ok(Some(Waiting { sent, answer: Some(answer) })),
            (Err(_), false) => {
                self.totals.one("refused at the door");
                self.tell(format!("{line} → refused at the door"));
                Ok(None)
            }
            (Err(error), true) => Err((Check::Answers, format!("{line}: {error}"))),
            (Ok(_), false) => Err((Check::Answers, format!("{line}: no key of the author signed it"))),
        }
    }

    /// Gives the sequencer its turn. What was on its way when it stopped, if it did.
    pub(super) fn step(
        &mut self,
        running: &mut Running,
        waiting: Vec<Waiting>,
        arranged: &mut Arranged,
    ) -> Result<Option<Doubtful>, Found> {
        let stepped = running.sequencer.step();
        self.machine.note_synced();
        match stepped {
            Ok(Step::Worked) => self.compare_answers(waiting, arranged).map(|()| None),
            Ok(Step::Idle) if waiting.is_empty() => Ok(None),
            Ok(step @ (Step::Idle | Step::Ended)) => {
                Err((Check::Service, format!("{} commands wait and it is {step:?}", waiting.len())))
            }
            Err(error) => {
                self.tell(format!("it stops: {error}"));
                self.totals.one("stops");
                if !arranged.may_stop {
                    return Err((Check::Service, format!("it stopped, and nothing was wrong: {error}")));
                }
                self.nothing_was_answered(waiting).map(Some)
            }
        }
    }
}
