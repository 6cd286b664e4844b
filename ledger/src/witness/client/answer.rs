//! What an answer means.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Alarm, AlarmKind, Ask, BACK_OFF_MAX, Cosigned, Doing, Event, Now, Reply, TIME_OFF_MAX_SECS, Witnesses,
};
use crate::checkpoint::{SignedCheckpoint, parse_decimal};
use crate::note::{Note, SignatureLine, VerifierKey};

impl Witnesses {
    /// Takes the reply to a witness's last [`Ask`]; one that was not asked said nothing.
    ///
    /// `ours` is the size of the newest checkpoint that the log has signed by now, `jitter` any number:
    /// it spreads attempts.
    ///
    /// # Panics
    /// If there is no such witness.
    pub fn answered(&mut self, witness: usize, reply: Reply, ours: u64, now: Now, jitter: u16) -> Vec<Event> {
        let peer = &mut self.peers[witness];
        let Doing::Asked(ask) = std::mem::replace(&mut peer.doing, Doing::Idle) else { return Vec::new() };
        let events = match reply {
            Reply::Answer { status: 200, body } => self.take_lines(witness, &ask, &body, now),
            Reply::Answer { status: 409, body } => self.take_size(witness, &body, ours),
            Reply::Answer { status: 422, body } => Err(Some(AlarmKind::Refused {
                old: ask.old,
                checkpoint: Arc::clone(&ask.checkpoint),
                answer: body,
            })),
            Reply::Answer { status: status @ (403 | 404), .. } => {
                Err(Some(AlarmKind::Configuration { status }))
            }
            Reply::Answer { .. } | Reply::None(_) => Err(None),
        };
        match events {
            Ok(events) => events,
            Err(alarm) => {
                self.back_off(witness, now, jitter);
                alarm.map(|kind| self.alarm(witness, kind)).into_iter().collect()
            }
        }
    }

    fn alarm(&self, witness: usize, kind: AlarmKind) -> Event {
        Event::Alarm(Alarm { witness: self.policy.witnesses()[witness].name.clone(), kind })
    }

    /// 1, 2, 4 … 60 seconds, a quarter more or less.
    fn back_off(&mut self, witness: usize, now: Now, jitter: u16) {
        let peer = &mut self.peers[witness];
        let whole = Duration::from_secs(1 << peer.failures.min(6)).min(BACK_OFF_MAX);
        peer.failures = peer.failures.saturating_add(1);
        peer.corrected = false;
        let delay = whole * 3 / 4 + whole * u32::from(jitter) / (2 * u32::from(u16::MAX));
        peer.doing = Doing::Waits { until: now.passed + delay };
    }

    /// 409: it saw another size last.
    fn take_size(&mut self, witness: usize, body: &[u8], ours: u64) -> Result<Vec<Event>, Option<AlarmKind>> {
        let size = std::str::from_utf8(body).ok().and_then(|body| parse_decimal(body.strip_suffix('\n')?));
        let Some(size) = size else {
            let reason = "409 without the size that it saw last".to_owned();
            return Err(Some(AlarmKind::BadAnswer { reason }));
        };
        let name = &self.policy.witnesses()[witness].name;
        if size > ours {
            self.halted = true;
            return Ok(vec![Event::Ahead { witness: name.clone(), size, ours }]);
        }
        let peer = &mut self.peers[witness];
        peer.confirmed = size;
        if std::mem::replace(&mut peer.corrected, true) {
            return Err(None);
        }
        Ok(Vec::new())
    }

    /// 200: its line under our note.
    fn take_lines(
        &mut self,
        witness: usize,
        ask: &Ask,
        body: &[u8],
        now: Now,
    ) -> Result<Vec<Event>, Option<AlarmKind>> {
        let key = &self.policy.witnesses()[witness].key;
        let (line, time) = read_lines(body, ask.checkpoint.note().text(), key)
            .map_err(|reason| Some(AlarmKind::BadAnswer { reason }))?;
        let peer = &mut self.peers[witness];
        peer.confirmed = ask.checkpoint.head().size;
        (peer.failures, peer.corrected, peer.done) = (0, false, ask.round);
        let before = peer.time;
        if now.secs.abs_diff(time) > TIME_OFF_MAX_SECS {
            return Ok(vec![self.alarm(witness, AlarmKind::TimeOff { time, ours: now.secs })]);
        }
        if time < before {
            return Ok(vec![self.alarm(witness, AlarmKind::TimeFell { time, before })]);
        }
        peer.time = time;
        Ok(self.count(witness, ask, &line, time).into_iter().collect())
    }

    /// Puts a good line where it belongs: to the tree of the round, or to the one that is shown.
    fn count(&mut self, witness: usize, ask: &Ask, line: &SignatureLine, time: u64) -> Option<Event> {
        let text = ask.checkpoint.note().text();
        if let Some(round) = self.round.as_mut().filter(|round| round.cosigned.is_of(text)) {
            round.cosigned.lines.insert(witness, (line.clone(), time));
            round.fresh.insert(witness);
            let cosigned = round.cosigned.clone();
            let is_met = self.policy.is_met_by(&|place| cosigned.lines.contains_key(&place));
            return is_met.then(|| self.show(witness, cosigned));
        }
        // A late one for what is shown already.
        let mut met = self.met.clone().filter(|met| met.is_of(text))?;
        met.lines.insert(witness, (line.clone(), time));
        Some(self.show(witness, met))
    }

    /// The note with the log's lines and then the cosignatures, in the policy's order.
    fn show(&mut self, witness: usize, cosigned: Cosigned) -> Event {
        let refused = |reason: String| AlarmKind::PolicyRefuses { reason };
        let note = match cosigned.note() {
            Ok(note) => note,
            Err(reason) => return self.alarm(witness, refused(reason)),
        };
        // Judged as its readers will judge it.
        match self.policy.check(&note.to_string()) {
            Ok(_) => {
                self.met = Some(cosigned);
                Event::Witnessed(Arc::new(note))
            }
            Err(unmet) => self.alarm(witness, refused(unmet.to_string())),
        }
    }
}

impl Cosigned {
    fn is_of(&self, text: &str) -> bool {
        self.checkpoint.note().text() == text
    }

    fn note(&self) -> Result<SignedCheckpoint, String> {
        let mut bare = self.checkpoint.without_cosignatures().map_err(|error| error.to_string())?;
        for (line, _) in self.lines.values() {
            bare = bare.with_line(line.clone()).map_err(|error| error.to_string())?;
        }
        Ok(bare)
    }
}

/// The line by that key, and its time. Lines by others are nobody's business here; one by the key that it
/// did not make refuses all.
fn read_lines(body: &[u8], text: &str, key: &VerifierKey) -> Result<(SignatureLine, u64), String> {
    let body = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let lines: Result<Vec<_>, _> = body.split_inclusive('\n').map(SignatureLine::parse).collect();
    let note =
        Note::new(text, lines.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    let good = note.verify([key]).map_err(|error| error.to_string())?;
    let found = good.iter().find_map(|found| Some((found.line, found.time?)));
    let (line, time) = found.ok_or("no line has a time")?;
    Ok((note.signatures()[line].clone(), time))
}
