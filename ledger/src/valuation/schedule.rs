//! What counts and for how much: the eligible-collateral schedule.

use num_traits::{One, Signed, Zero};

use super::{Item, Match, PropertyClass, Subject, Value};
use crate::decimal::Exact;
use crate::words::words;

/// A share of something, from 0 to 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fraction(Exact);

impl Fraction {
    /// Checks that the number is within 0 and 1, both included.
    #[must_use]
    pub fn new(number: Exact) -> Option<Self> {
        (!number.is_negative() && number <= Exact::one()).then_some(Self(number))
    }

    /// Nothing of it.
    #[must_use]
    pub fn zero() -> Self {
        Self(Exact::zero())
    }

    /// The number.
    #[must_use]
    pub fn exact(&self) -> &Exact {
        &self.0
    }

    /// Whether it is below 1, as a haircut must be.
    #[must_use]
    pub fn below_one(&self) -> bool {
        self.0 < Exact::one()
    }
}

words! {
    /// The unit in which a row states what counts. The three are never told apart by their size.
    pub enum HaircutUnit {
        /// The share that does not count, `h` in [0, 1): counts `1 − h`.
        Haircut = "haircut",
        /// The percentage that counts, `v` in (0, 100]: counts `v / 100`.
        ValuationPercentage = "valuation_percentage",
        /// Collateral asked per unit of claim, `r` of at least 1: counts `1 / r`.
        MarginRatio = "margin_ratio",
    }
}

/// The share of market value that counts before any further haircut: above 0, at most 1, exact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ValuationFactor(Exact);

impl ValuationFactor {
    /// The share that `number` means in its unit; `None` outside the unit's range.
    ///
    /// ```
    /// use ledger::decimal::DecimalText;
    /// use ledger::valuation::{HaircutUnit, ValuationFactor};
    /// let factor = |unit, text| ValuationFactor::new(unit, &DecimalText::parse(text).unwrap().exact());
    /// assert_eq!(factor(HaircutUnit::Haircut, "0.1"), factor(HaircutUnit::ValuationPercentage, "90"));
    /// assert!(factor(HaircutUnit::MarginRatio, "1.08").is_some());
    /// assert_eq!(factor(HaircutUnit::Haircut, "1"), None);
    /// ```
    #[must_use]
    pub fn new(unit: HaircutUnit, number: &Exact) -> Option<Self> {
        let one = Exact::one();
        let hundred = Exact::from_integer(100.into());
        let share = match unit {
            HaircutUnit::Haircut if number.is_negative() => return None,
            HaircutUnit::Haircut => one - number,
            HaircutUnit::ValuationPercentage => number / hundred,
            HaircutUnit::MarginRatio if *number < one => return None,
            HaircutUnit::MarginRatio => number.recip(),
        };
        (share.is_positive() && share <= Exact::one()).then_some(Self(share))
    }
}

/// One row of a schedule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The row's id.
    pub id: String,
    /// Which assets.
    pub matches: Match,
    /// In which property classes the row exists; in all, if absent.
    pub classes: Option<Vec<PropertyClass>>,
    /// What it says of them.
    pub effect: RowEffect,
    /// A remark for people.
    pub note: Option<String>,
}

/// What a row says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RowEffect {
    /// Worth nothing, whatever other rows say.
    Exclude,
    /// Worth a share of its market value.
    Include {
        /// The share before further haircuts.
        factor: ValuationFactor,
        /// Instead of the agreement's, for a currency that is not exempt.
        fx_haircut: Option<Fraction>,
        /// Taken off in any case.
        additional_haircut: Fraction,
    },
}

/// The haircut for collateral owed in another currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FxHaircut {
    /// What is taken off.
    pub rate: Fraction,
    /// The currencies it is not taken off for.
    pub exempt_currencies: Vec<String>,
}

impl FxHaircut {
    /// What applies where an agreement says nothing: none.
    #[must_use]
    pub fn none() -> Self {
        Self { rate: Fraction::zero(), exempt_currencies: Vec::new() }
    }
}

/// The rows, and the haircut they share.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    /// Rows in the order of the agreement.
    pub rows: Vec<Row>,
    /// The agreement's FX haircut, where a row has none of its own.
    pub fx_haircut: FxHaircut,
}

/// What a schedule says of one item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Eligibility {
    /// That row's value counts.
    Eligible {
        /// The row's id.
        row: String,
    },
    /// That row excludes it.
    Excluded {
        /// The row's id.
        row: String,
    },
    /// No row includes it.
    NotEligible,
}

impl Schedule {
    /// What `item` is worth of its exact `market_value`, and by which row.
    ///
    /// An excluding row wins over any inclusion, whatever the order; among inclusions the lowest
    /// value wins, the earlier row on a tie. Haircuts add; the product is exact and cut once; what
    /// the other side disputes of the value is taken off last, down to zero.
    ///
    /// Source: specs/calls.md §3; haircuts that add: 2016 VM CSA (NY law), "valuation percentage
    /// less FX haircut".
    #[must_use]
    pub fn value(&self, item: &Item, subject: Subject, market_value: &Exact) -> (Value, Eligibility) {
        let mut best: Option<(Value, &Row)> = None;
        for row in self.rows.iter().filter(|row| row.speaks_of(item.class, subject)) {
            match &row.effect {
                RowEffect::Exclude => {
                    return (Value::zero(), Eligibility::Excluded { row: row.id.clone() });
                }
                RowEffect::Include { factor, fx_haircut, additional_haircut } => {
                    let share = self.share(
                        factor,
                        fx_haircut.as_ref(),
                        additional_haircut,
                        subject.asset.currency.as_deref(),
                    );
                    let value = (&Value::truncated(&(market_value * share)) - &item.disputed_value).floored();
                    if best.as_ref().is_none_or(|(lowest, _)| value < *lowest) {
                        best = Some((value, row));
                    }
                }
            }
        }
        match best {
            Some((value, row)) => (value, Eligibility::Eligible { row: row.id.clone() }),
            None => (Value::zero(), Eligibility::NotEligible),
        }
    }

    fn share(
        &self,
        factor: &ValuationFactor,
        row_fx: Option<&Fraction>,
        additional: &Fraction,
        currency: Option<&str>,
    ) -> Exact {
        let foreign =
            currency.is_some_and(|currency| !self.fx_haircut.exempt_currencies.iter().any(|c| c == currency));
        let fx =
            if foreign { row_fx.unwrap_or(&self.fx_haircut.rate).exact().clone() } else { Exact::zero() };
        let share = &factor.0 - fx - additional.exact();
        if share.is_negative() { Exact::zero() } else { share }
    }
}

impl Row {
    /// Whether the row exists for the class and matches the asset.
    #[must_use]
    pub fn speaks_of(&self, class: PropertyClass, subject: Subject) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.contains(&class)) && self.matches.holds(subject)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::decimal::DecimalText;
    use crate::valuation::{Asset, AssetKind, ItemState, Side};

    fn exact(text: &str) -> Exact {
        DecimalText::parse(text).unwrap().exact()
    }

    fn include(id: &str, haircut: &str, fx: Option<&str>, additional: &str) -> Row {
        Row {
            id: id.into(),
            matches: Match::All(vec![]),
            classes: None,
            effect: RowEffect::Include {
                factor: ValuationFactor::new(HaircutUnit::Haircut, &exact(haircut)).unwrap(),
                fx_haircut: fx.map(|text| Fraction::new(exact(text)).unwrap()),
                additional_haircut: Fraction::new(exact(additional)).unwrap(),
            },
            note: None,
        }
    }

    fn exclude(id: &str) -> Row {
        Row { effect: RowEffect::Exclude, ..include(id, "0", None, "0") }
    }

    fn value(rows: Vec<Row>, currency: Option<&str>, disputed: &str) -> (String, Eligibility) {
        let asset =
            Asset { currency: currency.map(String::from), ..Asset::plain("X", AssetKind::Security, 2) };
        let item = Item {
            id: "i".into(),
            asset: "X".into(),
            amount: exact("1"),
            posted_by: Side::B,
            state: ItemState::Held,
            class: PropertyClass::Uncleared,
            disputed_value: Value::parse(disputed).unwrap(),
        };
        let fx_haircut =
            FxHaircut { rate: Fraction::new(exact("0.08")).unwrap(), exempt_currencies: vec!["USD".into()] };
        let subject = Subject { asset: &asset, as_of: date(2026, 9, 1), poster_groups: &[] };
        let (value, eligibility) = Schedule { rows, fx_haircut }.value(&item, subject, &exact("1000"));
        (value.to_string(), eligibility)
    }

    #[test]
    fn haircuts_add_and_never_go_below_nothing() {
        let eligible = |row: &str| Eligibility::Eligible { row: row.into() };
        for (row, currency, disputed, want) in [
            (include("R", "0.02", None, "0"), Some("EUR"), "0", "900"),
            (include("R", "0.02", None, "0"), Some("USD"), "0", "980"),
            (include("R", "0.02", None, "0"), None, "0", "980"),
            (include("R", "0.02", Some("0.1"), "0.05"), Some("EUR"), "0", "830"),
            (include("R", "0.5", None, "0.6"), None, "0", "0"),
            (include("R", "0.02", None, "0"), None, "80.5", "899.5"),
            (include("R", "0.02", None, "0"), None, "981", "0"),
        ] {
            assert_eq!(value(vec![row], currency, disputed), (want.to_owned(), eligible("R")));
        }
    }

    #[test]
    fn exclusion_wins_then_the_lowest_then_the_earlier() {
        let rows = || vec![include("A", "0.1", None, "0"), include("B", "0.2", None, "0")];
        let tie = vec![include("A", "0.1", None, "0"), include("B", "0", None, "0.1")];
        assert_eq!(value(rows(), None, "0").1, Eligibility::Eligible { row: "B".into() });
        assert_eq!(value(tie, None, "0").1, Eligibility::Eligible { row: "A".into() });
        for place in 0..=2 {
            let mut rows = rows();
            rows.insert(place, exclude("X"));
            rows.push(exclude("Y"));
            assert_eq!(value(rows, None, "0"), ("0".into(), Eligibility::Excluded { row: "X".into() }));
        }
        assert_eq!(value(vec![], None, "0"), ("0".into(), Eligibility::NotEligible));
    }

    #[test]
    fn units_have_ranges() {
        for (unit, number, ok) in [
            (HaircutUnit::Haircut, "0", true),
            (HaircutUnit::Haircut, "0.999999999999999999", true),
            (HaircutUnit::Haircut, "1", false),
            (HaircutUnit::Haircut, "-0.1", false),
            (HaircutUnit::ValuationPercentage, "100", true),
            (HaircutUnit::ValuationPercentage, "100.1", false),
            (HaircutUnit::ValuationPercentage, "0", false),
            (HaircutUnit::MarginRatio, "1", true),
            (HaircutUnit::MarginRatio, "0.99", false),
            (HaircutUnit::MarginRatio, "0", false),
        ] {
            assert_eq!(ValuationFactor::new(unit, &exact(number)).is_some(), ok, "{unit} {number}");
        }
    }
}
