//! What comes from outside the agreement: what is owed and required, disputed and in default.

use crate::valuation::{BySide, Side, Value};

/// Initial margin that one side may ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MarginFigure {
    /// The regulatory amount.
    pub amount: Value,
    /// The independent amount beside it, which `greater_of` compares.
    pub ia: Option<Value>,
}

/// What one side disputes of a leg.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disputed {
    /// The leg, by its secured party.
    pub secured: Side,
    /// How much of it, unrounded.
    pub amount: Value,
}

/// The figures that an amount is computed from, in the base currency.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Net replacement value as seen from `a`: positive means `b` owes `a`. Not asked by `im_2018`.
    pub exposure: Option<Value>,
    /// The margin statement's figure for the other side's book, which each side may ask
    /// (`crypto_247`).
    pub requirement: BySide<Option<Value>>,
    /// Initial margin, which each side may ask (`im_2018`).
    pub margin: BySide<Option<MarginFigure>>,
    /// What is disputed, of one leg.
    pub disputed: Option<Disputed>,
    /// Which parties are in default.
    pub in_default: BySide<bool>,
}
