//! Why a figure is what it is: a tree whose children add up to their parent, to the last digit.
//!
//! Credits are negative children, a maximum that lifts a figure is a child `lift`, and what
//! rounding adds is a child `rounding`. Leaves are positions.

use ledger::decimal::Exact;
use ledger::json::Json;
use num_traits::Zero;

use crate::money::{Figure, Fine, Overflow};

/// One figure with its reasons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    rule: String,
    label: String,
    value: Figure,
    formula: &'static str,
    inputs: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

impl Node {
    /// A figure that nothing below it explains: a position, a credit, a lift.
    pub(crate) fn leaf(rule: impl Into<String>, label: impl Into<String>, value: Figure) -> Self {
        let (rule, label) = (rule.into(), label.into());
        Self { rule, label, value, formula: "", inputs: Vec::new(), children: Vec::new() }
    }

    /// A figure and its parts. What they lack of it is a child `rounding`, so a caller gives every
    /// part that is more than rounding.
    pub(crate) fn of(
        rule: impl Into<String>,
        label: impl Into<String>,
        value: Figure,
        mut children: Vec<Self>,
    ) -> Result<Self, Overflow> {
        let rule = rule.into();
        let rest = value.minus(Figure::total(children.iter().map(|child| child.value))?)?;
        if rest != Figure::ZERO && !children.is_empty() {
            children.push(Self::leaf(format!("{rule}/rounding"), "rounding", rest));
        }
        children.sort_by(|a, b| (a.label.as_bytes(), &a.rule).cmp(&(b.label.as_bytes(), &b.rule)));
        Ok(Self { rule, label: label.into(), value, formula: "", inputs: Vec::new(), children })
    }

    /// How the value follows from the inputs.
    pub(crate) fn by(mut self, formula: &'static str, inputs: Vec<(&'static str, String)>) -> Self {
        self.formula = formula;
        self.inputs = inputs;
        self
    }

    /// What the figure is.
    #[must_use]
    pub fn value(&self) -> Figure {
        self.value
    }

    /// Which rule it comes from.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What it is about: an account, a group, an underlying, an instrument.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it is made of.
    #[must_use]
    pub fn children(&self) -> &[Node] {
        &self.children
    }

    /// `{"rule","label","value","formula","inputs","children"}`, in that order.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let inputs = self.inputs.iter().map(|(key, value)| (*key, Json::text(value.as_str())));
        Json::object([
            ("rule", Json::text(self.rule.as_str())),
            ("label", Json::text(self.label.as_str())),
            ("value", Json::text(self.value.to_string())),
            ("formula", Json::text(self.formula)),
            ("inputs", Json::object(inputs)),
            ("children", Json::array(self.children.iter().map(Self::to_json))),
        ])
    }
}

/// The loss of one position in a scenario, cut toward −∞ so that the rest is rounding.
pub(crate) fn position_loss(
    rule: &str,
    instrument: &str,
    pnl: Fine,
    quantity: String,
    scenario: usize,
) -> Result<Node, Overflow> {
    let inputs = vec![("quantity", quantity), ("scenario", scenario.to_string())];
    let leaf = Node::leaf(format!("{rule}/position"), instrument, pnl.negated()?.down());
    Ok(leaf.by("-quantity x P&L of one contract", inputs))
}

/// Exact parts of a figure as leaves, each cut toward −∞; parts of nothing are left out.
pub(crate) fn parts(
    rule: &str,
    shares: impl IntoIterator<Item = (String, Exact)>,
) -> Result<Vec<Node>, Overflow> {
    let shares = shares.into_iter().filter(|(_, share)| !share.is_zero());
    shares
        .map(|(label, share)| Ok(Node::leaf(format!("{rule}/position"), label, Figure::down(&share)?)))
        .collect()
}

/// The child that lifts `reached` to `value`, if anything lifts it.
pub(crate) fn lift(
    rule: &str,
    label: &str,
    value: Figure,
    reached: Figure,
) -> Result<Option<Node>, Overflow> {
    let by = value.minus(reached)?;
    Ok((by != Figure::ZERO).then(|| Node::leaf(format!("{rule}/lift"), label, by)))
}
