//! Where each figure of a leg comes from.

use super::agreement::{Agreement, Flavour};
use super::amount::{Leg, exposure_of};
use super::counting::ItemResult;
use super::figures::Figures;
use crate::valuation::Side;

/// One figure of one leg.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExplainNode {
    /// The leg, by its secured party.
    pub leg: Side,
    /// Which figure.
    pub figure: Figure,
    /// The figure as printed: a decimal, or `infinite`.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl ExplainNode {
    /// The node's id, as `leg_a.exposure`.
    #[must_use]
    pub fn id(&self) -> String {
        node_id(self.leg, &self.figure)
    }
}

/// The figures of a leg.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Figure {
    /// Exposure from the secured party's side.
    Exposure,
    /// The margin requirement on top of it.
    Requirement,
    /// The pledgor's independent amount.
    IaPledgor,
    /// The secured party's independent amount.
    IaSecured,
    /// Initial margin.
    MarginAmount,
    /// The threshold that applied.
    Threshold,
    /// The independent amount beside initial margin.
    MarginIa,
    /// What should be covered.
    CreditSupportAmount,
    /// What one item counts for.
    Item(String),
    /// What all items count for.
    PostedValue,
    /// What is disputed.
    Disputed,
    /// The minimum transfer amount that applied.
    Mta,
    /// The multiple that amounts are rounded to.
    Rounding,
    /// What is due.
    Amount,
}

/// Where a figure comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// From outside the computation.
    Given(Source),
    /// From other figures of the same leg.
    Computed {
        /// How.
        op: Op,
        /// Ids of the nodes it is computed from.
        of: Vec<String>,
    },
}

/// What sets a figure. The caller knows where that stands: a place in a file, or a record's command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The exposure.
    Exposure,
    /// The requirement that this side may ask.
    Requirement(Side),
    /// The margin that this side may ask.
    MarginAmount(Side),
    /// The independent amount beside it.
    MarginIa(Side),
    /// This pledgor's independent amount.
    IndependentAmount(Side),
    /// This pledgor's threshold.
    Threshold(Side),
    /// This party's minimum transfer amount.
    Mta(Side),
    /// The item at this place of the list given.
    Item(usize),
    /// The dispute.
    Disputed,
    /// The agreement's rounding.
    Rounding,
}

/// How a figure is computed from others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Op {
    /// Step 3 of the order of operations.
    CreditSupportAmount,
    /// Their sum.
    Sum,
    /// Steps 7 to 9: dispute, minimum transfer amount, rounding.
    DisputeMtaRound,
}

impl Op {
    /// Its name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreditSupportAmount => "credit_support_amount",
            Self::Sum => "sum",
            Self::DisputeMtaRound => "dispute_mta_round",
        }
    }
}

fn node_id(leg: Side, figure: &Figure) -> String {
    let name = match figure {
        Figure::Exposure => "exposure",
        Figure::Requirement => "requirement",
        Figure::IaPledgor => "ia_pledgor",
        Figure::IaSecured => "ia_secured",
        Figure::MarginAmount => "margin_amount",
        Figure::Threshold => "threshold",
        Figure::MarginIa => "margin_ia",
        Figure::CreditSupportAmount => "credit_support_amount",
        Figure::Item(id) => return format!("leg_{leg}.item.{id}"),
        Figure::PostedValue => "posted_value",
        Figure::Disputed => "disputed",
        Figure::Mta => "mta",
        Figure::Rounding => "rounding",
        Figure::Amount => "amount",
    };
    format!("leg_{leg}.{name}")
}

/// The nodes of one leg, children before parents. `items` are those that count, in order of id, with
/// their places.
///
/// Source: specs/calls.md §4.
pub(crate) fn explain_leg(
    agreement: &Agreement,
    figures: &Figures,
    leg: &Leg,
    items: &[(usize, &ItemResult)],
) -> Vec<ExplainNode> {
    let mut nodes = Nodes { leg: leg.secured, nodes: Vec::new() };
    let asked = asked(agreement, figures, leg, &mut nodes);
    let csa = nodes.computed(
        Figure::CreditSupportAmount,
        &leg.credit_support_amount,
        Op::CreditSupportAmount,
        asked,
    );
    let of = items
        .iter()
        .map(|(place, item)| nodes.given(Figure::Item(item.id.clone()), &item.counted, Source::Item(*place)))
        .collect();
    let posted = nodes.computed(Figure::PostedValue, &leg.posted_value, Op::Sum, of);
    let returns = leg.raw_return.is_positive();
    if returns || leg.raw_delivery.is_positive() {
        let mut of = vec![csa, posted];
        if leg.disputed.is_positive() {
            of.push(nodes.given(Figure::Disputed, &leg.disputed, Source::Disputed));
        }
        let mta_of = if returns { leg.secured } else { leg.pledgor };
        of.push(nodes.given(Figure::Mta, &leg.mta, Source::Mta(mta_of)));
        of.push(nodes.given(Figure::Rounding, agreement.rounding.multiple.value(), Source::Rounding));
        nodes.computed(Figure::Amount, &leg.amount, Op::DisputeMtaRound, of);
    }
    nodes.nodes
}

/// The leaves of the credit support amount.
fn asked(agreement: &Agreement, figures: &Figures, leg: &Leg, nodes: &mut Nodes) -> Vec<String> {
    let (secured, pledgor) = (leg.secured, leg.pledgor);
    let threshold = (Figure::Threshold, Source::Threshold(pledgor));
    let mut of = Vec::new();
    if agreement.flavour == Flavour::Im2018 {
        of.push(nodes.given(Figure::MarginAmount, &leg.requirement_basis, Source::MarginAmount(secured)));
        of.push(nodes.given(threshold.0, &leg.threshold, threshold.1));
        let ia = figures.margin.get(secured).as_ref().and_then(|margin| margin.ia.as_ref());
        if agreement.im_approach == super::ImApproach::GreaterOf
            && let Some(ia) = ia
        {
            of.push(nodes.given(Figure::MarginIa, ia, Source::MarginIa(secured)));
        }
        return of;
    }
    if let Some(exposure) = exposure_of(figures, secured) {
        of.push(nodes.given(Figure::Exposure, &exposure, Source::Exposure));
    }
    if let Some(requirement) = figures.requirement.get(secured) {
        of.push(nodes.given(Figure::Requirement, requirement, Source::Requirement(secured)));
    }
    for (figure, party) in [(Figure::IaPledgor, pledgor), (Figure::IaSecured, secured)] {
        let amount = &agreement.terms(party).independent_amount;
        of.push(nodes.given(figure, amount, Source::IndependentAmount(party)));
    }
    of.push(nodes.given(threshold.0, &leg.threshold, threshold.1));
    of
}

struct Nodes {
    leg: Side,
    nodes: Vec<ExplainNode>,
}

impl Nodes {
    fn given(&mut self, figure: Figure, value: &impl ToString, source: Source) -> String {
        self.push(figure, value, Origin::Given(source))
    }

    fn computed(&mut self, figure: Figure, value: &impl ToString, op: Op, of: Vec<String>) -> String {
        self.push(figure, value, Origin::Computed { op, of })
    }

    fn push(&mut self, figure: Figure, value: &impl ToString, origin: Origin) -> String {
        let node = ExplainNode { leg: self.leg, figure, value: value.to_string(), origin };
        let id = node.id();
        self.nodes.push(node);
        id
    }
}
