//! Answers, each compared with what the model says.

use ledger::receipt::Receipt;
use ledger::sequencer::Outcome;

use super::clients::{Waiting, poll};
use super::life::{Arranged, Doubtful, MINUTE};
use super::machine::Running;
use super::tree::{leaf, leaves, tree_hash};
use super::{Check, Found, Run};

/// A jump ahead of the time that passed beyond which a clock is not believed: five minutes.
const JUMP_MAX: u64 = 5 * MINUTE;

/// A gap since the last record beyond which the clock of a start is not believed: seven days.
const GAP_MAX: u64 = 7 * 24 * 60 * MINUTE;

/// What the model says a command is answered.
enum Expected {
    Recorded { seq: u64 },
    Again { seq: u64 },
    Refused(&'static str),
    ClockUnsound,
}

impl Run {
    /// A step that failed answers nothing, not even a refusal. What it would have recorded.
    pub(super) fn nothing_was_answered(&mut self, waiting: Vec<Waiting>) -> Result<Doubtful, Found> {
        let (model, known) = (self.model.clone(), self.clients.recorded.len());
        for Waiting { sent, answer } in waiting {
            let line = self.clients.sent[sent].ask.told();
            let early = answer.and_then(|mut answer| poll(&mut answer));
            if let Some(Ok(outcome)) = early {
                let outcome = show(&outcome);
                return Err((
                    Check::CommitPoint,
                    format!("{line} was answered before it was durable: {outcome}"),
                ));
            }
            self.totals.one("in doubt");
            self.tell(format!("{line} → no answer"));
            self.expect(sent);
        }
        let doubtful = self.clients.recorded[known..].iter().map(|recorded| (recorded.sent, recorded.at));
        let doubtful = doubtful.collect();
        self.model = model;
        self.clients.forget_after(known);
        Ok(doubtful)
    }

    pub(super) fn compare_answers(
        &mut self,
        waiting: Vec<Waiting>,
        arranged: &Arranged,
    ) -> Result<(), Found> {
        let mut answers = Vec::new();
        for Waiting { sent, answer } in waiting {
            let outcome = match answer {
                None => None,
                Some(mut answer) => Some(match poll(&mut answer) {
                    Some(Ok(outcome)) => outcome,
                    other => return Err((Check::Answers, format!("no answer after its turn: {other:?}"))),
                }),
            };
            answers.push((sent, outcome));
        }
        if answers.iter().any(|(_, outcome)| *outcome == Some(Outcome::StorageFull)) {
            return self.compare_full(answers, arranged);
        }
        for (sent, outcome) in answers {
            let expected = self.expect(sent);
            let line = self.clients.sent[sent].ask.told();
            let shown = outcome.as_ref().map_or_else(|| "nobody waits".to_owned(), show);
            self.tell(format!("{line} → {shown}"));
            self.compare_answer(sent, &expected, outcome)?;
        }
        Ok(())
    }

    /// Without room nothing is recorded, and everybody in the batch is told so.
    fn compare_full(
        &mut self,
        answers: Vec<(usize, Option<Outcome>)>,
        arranged: &Arranged,
    ) -> Result<(), Found> {
        let (model, recorded) = (self.model.clone(), self.clients.recorded.len());
        let mut would_record = false;
        for (sent, outcome) in answers {
            would_record |= matches!(self.expect(sent), Expected::Recorded { .. });
            if !matches!(outcome, None | Some(Outcome::StorageFull)) {
                return Err((Check::Answers, "one of a batch was answered, another had no room".to_owned()));
            }
        }
        self.model = model;
        self.clients.forget_after(recorded);
        self.totals.one("batches without room");
        self.tell("→ no room, nothing recorded".to_owned());
        if would_record && arranged.is_full {
            Ok(())
        } else {
            Err((
                Check::Answers,
                "no room, and nothing was to be recorded or the disk is not full".to_owned(),
            ))
        }
    }

    /// What a command must be answered that is judged next; if it is recorded, the model takes it up.
    fn expect(&mut self, sent: usize) -> Expected {
        let Some(at) = self.time_of(sent) else { return Expected::ClockUnsound };
        if let Some(seq) = self.clients.seq_of.get(&self.clients.sent[sent].id) {
            return Expected::Again { seq: *seq };
        }
        let ask = &self.clients.sent[sent].ask;
        match self.model.judge(ask, at) {
            Err(code) => Expected::Refused(code),
            Ok(()) => {
                self.model.record(ask, self.clients.sent[sent].id, at);
                self.clients.note(sent, at, None);
                Expected::Recorded { seq: self.model.length() - 1 }
            }
        }
    }

    /// The time that a command is recorded at; `None` if the clock is not to be believed. A repetition
    /// asks no clock.
    pub(super) fn time_of(&mut self, sent: usize) -> Option<u64> {
        let (now, passed) = (self.machine.clock.shown(), self.machine.clock.passed());
        if self.clients.seq_of.contains_key(&self.clients.sent[sent].id) {
            return Some(now);
        }
        let (then, at) = self.believed?;
        if now.saturating_sub(then) > passed - at + JUMP_MAX {
            // Not even a clock that is set right is believed again in this life.
            self.believed = None;
            return None;
        }
        self.believed = Some((now, passed));
        Some(now.max(self.model.recorded_at()))
    }

    /// What a life believes that starts now: nothing, a week after the last record.
    pub(super) fn believe_from(&mut self, running: &Running) {
        let (now, passed) = (self.machine.clock.shown(), self.machine.clock.passed());
        let last = running.handle.published().state.recorded_at().map_or(now, |last| last.millis());
        self.believed = (now.saturating_sub(last) <= GAP_MAX).then_some((now, passed));
    }

    fn compare_answer(
        &mut self,
        sent: usize,
        expected: &Expected,
        got: Option<Outcome>,
    ) -> Result<(), Found> {
        let line = self.clients.sent[sent].ask.told();
        let wrong = |expected: &str, got: &Outcome| {
            Err((Check::Answers, format!("{line}: the model says {expected}, the ledger {}", show(got))))
        };
        match (expected, got) {
            (Expected::Recorded { .. }, None) => self.totals.one("accepted"),
            (Expected::Recorded { seq }, Some(Outcome::Accepted(receipt))) => {
                self.totals.one("accepted");
                self.compare_receipt(*seq, &receipt)?;
                let effects = self.model.compare_effects(&receipt.effects);
                effects.map_err(|what| (Check::Receipts, what))?;
                self.clients.keep_receipt(*seq, receipt);
            }
            (Expected::Again { seq }, Some(Outcome::Repeated(receipt))) => {
                self.totals.one("repeated");
                self.compare_receipt(*seq, &receipt)?;
                self.clients.keep_receipt(*seq, receipt);
            }
            (Expected::Refused(code), Some(Outcome::Rejected(rejection))) if rejection.code() == *code => {
                self.totals.one("refused");
                self.totals.one(code);
            }
            (Expected::ClockUnsound, Some(Outcome::ClockUnsound)) => self.totals.one("clock unsound"),
            (Expected::Again { .. } | Expected::Refused(_) | Expected::ClockUnsound, None) => {}
            (Expected::Recorded { seq }, Some(got)) => return wrong(&format!("record {seq}"), &got),
            (Expected::Again { seq }, Some(got)) => return wrong(&format!("record {seq} again"), &got),
            (Expected::Refused(code), Some(got)) => return wrong(code, &got),
            (Expected::ClockUnsound, Some(got)) => return wrong("that the clock is wrong", &got),
        }
        Ok(())
    }

    /// A receipt is of the record it says, and the same as the one that was given before.
    pub(super) fn compare_receipt(&self, seq: u64, receipt: &Receipt) -> Result<(), Found> {
        let recorded = self.clients.recorded(seq);
        let leaf = leaf(&self.clients, seq);
        let differs = |what: &str| Err((Check::Receipts, format!("the receipt of record {seq} {what}")));
        if receipt.record.to_string().as_bytes() != leaf {
            return differs("is of another record");
        }
        match &recorded.receipt {
            Some(first) if first != receipt => differs("is not the one first given"),
            Some(_) | None => Ok(()),
        }
    }

    /// What readers see after a step is the model, and the tree is that of the records.
    pub(super) fn check_step(&mut self, running: &Running) -> Result<(), Found> {
        let published = running.handle.published();
        self.model.compare(&published.state).map_err(|what| (Check::State, what))?;
        published.state.audit().map_err(|what| (Check::Audit, what))?;
        let expected = tree_hash(&leaves(&self.clients));
        let head = running.log.head();
        if (head.size, head.root) != (self.model.length(), expected) {
            let size = self.model.length();
            return Err((Check::Tree, format!("{size} records have root {expected}, the log says {head:?}")));
        }
        self.clients.heads.insert(head.size, head.root);
        Ok(())
    }
}

fn show(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(receipt) => format!("record {}", receipt.record.seq),
        Outcome::Repeated(receipt) => format!("record {} again", receipt.record.seq),
        Outcome::Rejected(rejection) => rejection.code().to_owned(),
        Outcome::StorageFull => "no room".to_owned(),
        Outcome::ClockUnsound => "the clock is wrong".to_owned(),
    }
}
