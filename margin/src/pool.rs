//! The pool that the account's credit depends on: where its circuit breaker stands and what was seen.
//!
//! The step itself is `ledger::breaker`'s, which the ledger judges by; a run only takes it.

use ledger::breaker::{BreakerState, Effects, Factor, Level, Parameters, Signal, Signals, Step, step};
use ledger::json::Json;

use crate::error::Code;
use crate::reader::{Bound, Fields, Node, Reader};

/// A pool before its step.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    state: BreakerState,
    signals: Signals,
}

impl Pool {
    /// Reads the input's `pool`; `None` means that a mistake was noted.
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Self> {
        let fields = reader.fields(node, &["state", "signals"])?;
        let state = reader.need(&fields, "state").and_then(|node| read_state(reader, node));
        let signals = reader.need(&fields, "signals").and_then(|node| read_signals(reader, node));
        Some(Self { state: state?, signals: signals? })
    }

    /// The step of this cycle.
    pub(crate) fn step(&self, rules: &Parameters) -> Step {
        step(&self.state, &self.signals, rules)
    }
}

fn read_state(reader: &mut Reader, node: &Node) -> Option<BreakerState> {
    let fields = reader.fields(node, &["level", "theta_factor", "calm"])?;
    let words: Vec<_> = Level::ALL.iter().map(|level| (level.as_str(), *level)).collect();
    let level = reader.need(&fields, "level").and_then(|node| reader.word(node, &words));
    let factor = "must be a decimal from 0 to 1 with at most eight decimals, in a text";
    let theta_factor = read_text(reader, &fields, "theta_factor", factor, Factor::parse);
    let count = |text: &str| text.parse().ok().filter(|calm: &u32| calm.to_string() == text);
    let calm = read_text(reader, &fields, "calm", "must be a whole number in a text", count);
    Some(BreakerState { level: level?, theta_factor: theta_factor?, calm: calm? })
}

fn read_text<T>(
    reader: &mut Reader,
    fields: &Fields,
    name: &str,
    help: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let node = reader.need(fields, name)?;
    let value = node.json.as_str().and_then(read);
    if value.is_none() {
        reader.note(Code::BadField, &node.spot, help);
    }
    value
}

fn read_signals(reader: &mut Reader, node: &Node) -> Option<Signals> {
    let names: Vec<_> = Signal::ALL.iter().map(|signal| signal.as_str()).collect();
    let fields = reader.fields(node, &names)?;
    let mut sound = true;
    for name in &names {
        let number = reader.need(&fields, name).and_then(|node| reader.decimal(node, Bound::Any));
        sound &= number.is_some();
    }
    if !sound {
        return None;
    }
    let text = |signal: Signal| fields.get(signal.as_str()).and_then(|node| node.json.as_str());
    match Signals::parse(text) {
        Ok(signals) => Some(signals),
        Err(signal) => {
            if let Some(node) = fields.get(signal.as_str()) {
                reader.note(Code::BadDecimal, &node.spot, "has more than 28 significant digits");
            }
            None
        }
    }
}

/// The printed step.
pub(crate) fn step_json(step: &Step, rules: &Parameters) -> Json {
    let Step { state, target, reasons } = step;
    let effects = Effects::of(state, rules.withdrawal_delay_cycles());
    Json::object([
        ("level", Json::text(state.level.as_str())),
        ("target", Json::text(target.as_str())),
        ("theta_factor", Json::text(state.theta_factor.to_string())),
        ("calm", Json::text(state.calm.to_string())),
        ("reasons", Json::array(reasons.iter().map(|reason| Json::text(reason.as_str())))),
        ("effects", Json::object(effects.members().map(|(name, words)| (name, Json::text(words))))),
    ])
}
