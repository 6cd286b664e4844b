//! What each strategy needs per contract: the strategy table, and nothing of how positions are
//! paired.
//!
//! All amounts are per unit of what the options deliver, in the reporting currency; the caller
//! multiplies by the size of a contract.
//!
//! Source: margin specification, section 6.1; 12 CFR 220.12; FINRA Rule 4210(c), (f)(2).

use ledger::decimal::Exact;
use num_traits::{One, Zero};

use crate::money::positive_part;
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};

/// The parameters of stock.
#[derive(Clone, Debug)]
pub(super) struct StockTerms {
    initial: Exact,
    maintenance_long: Exact,
    maintenance_short: Exact,
    short_floor_per_share: Exact,
    short_floor_price: Exact,
    short_low_per_share: Exact,
}

impl StockTerms {
    pub(super) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        const KNOWN: [&str; 6] = [
            "initial",
            "maintenance_long",
            "maintenance_short",
            "short_floor_per_share",
            "short_floor_price",
            "short_low_per_share",
        ];
        let shelf = shelf.open_only("stock", &KNOWN)?;
        Ok(Self {
            initial: shelf.share("initial")?,
            maintenance_long: shelf.share("maintenance_long")?,
            maintenance_short: shelf.share("maintenance_short")?,
            short_floor_per_share: shelf.decimal("short_floor_per_share", Bound::NonNegative)?,
            short_floor_price: shelf.decimal("short_floor_price", Bound::NonNegative)?,
            short_low_per_share: shelf.decimal("short_low_per_share", Bound::NonNegative)?,
        })
    }

    /// One share without options beside it.
    pub(super) fn alone(&self, price: &Exact, is_short: bool, leverage: &Exact) -> Need {
        if !leverage.is_one() {
            return self.leveraged(price, is_short, &num_traits::abs(leverage.clone()));
        }
        if !is_short {
            return self.beside_options(price, false);
        }
        let least = if *price >= self.short_floor_price {
            self.short_floor_per_share.clone()
        } else {
            price.max(&self.short_low_per_share).clone()
        };
        Need { initial: &self.initial * price, maintenance: (&self.maintenance_short * price).max(least) }
    }

    /// One share on an underlying that has options.
    pub(super) fn beside_options(&self, price: &Exact, is_short: bool) -> Need {
        let maintenance = if is_short {
            (&self.maintenance_short * price).max(self.short_floor_per_share.clone())
        } else {
            &self.maintenance_long * price
        };
        Need { initial: &self.initial * price, maintenance }
    }

    /// A fund that moves by a multiple needs that multiple, at most its whole price.
    ///
    /// Source: FINRA Notice 09-53.
    fn leveraged(&self, price: &Exact, is_short: bool, factor: &Exact) -> Need {
        let rate = if is_short { &self.maintenance_short } else { &self.maintenance_long };
        let rate = (rate * factor).min(Exact::one());
        Need { initial: self.initial.clone().max(rate.clone()) * price, maintenance: rate * price }
    }
}

/// The parameters of options on one underlying.
#[derive(Clone, Debug)]
pub(super) struct OptionTerms {
    /// b: the rate of the risk class.
    pub(super) rate: Exact,
    pub(super) minimum: Exact,
    pub(super) floor_per_unit: Exact,
    pub(super) protective: Exact,
}

/// What a strategy needs when it is opened, and after.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Need {
    pub(super) initial: Exact,
    pub(super) maintenance: Exact,
}

impl Need {
    /// The same at both times.
    pub(super) fn same(need: Exact) -> Self {
        Self { initial: need.clone(), maintenance: need }
    }

    pub(super) fn at(&self, stage: Stage) -> &Exact {
        match stage {
            Stage::Initial => &self.initial,
            Stage::Maintenance => &self.maintenance,
        }
    }
}

/// When a requirement is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    Initial,
    Maintenance,
}

/// What an option gives a right to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Side {
    Call,
    Put,
}

/// The terms of one option and its market price.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) label: String,
    pub(super) side: Side,
    pub(super) strike: Exact,
    pub(super) expiry_ms: u64,
    pub(super) price: Exact,
    /// In contracts; negative is short.
    pub(super) quantity: Exact,
}

impl Leg {
    /// What it pays at expiry if the underlying is worth `at` then.
    pub(super) fn payoff(&self, at: &Exact) -> Exact {
        match self.side {
            Side::Call => positive_part(at - &self.strike),
            Side::Put => positive_part(&self.strike - at),
        }
    }

    fn out_of_the_money(&self, spot: &Exact) -> Exact {
        match self.side {
            Side::Call => positive_part(&self.strike - spot),
            Side::Put => positive_part(spot - &self.strike),
        }
    }
}

/// The market of one underlying as the table needs it.
#[derive(Clone, Debug)]
pub(super) struct Market<'a> {
    pub(super) stock_terms: &'a StockTerms,
    pub(super) option_terms: OptionTerms,
    /// S: what a unit of what the options deliver is worth.
    pub(super) spot: Exact,
    /// P: what a unit in stock is worth, each at its own price.
    pub(super) stock_price: Exact,
    /// Whether the stock is short.
    pub(super) stock_is_short: bool,
}

/// What stock and options of one strategy need, each on its own: their sum is the strategy's.
pub(super) struct Split {
    pub(super) stock: Need,
    pub(super) option: Need,
}

impl Market<'_> {
    /// A short option that nothing covers.
    pub(super) fn uncovered(&self, leg: &Leg) -> Exact {
        let terms = &self.option_terms;
        let base = match leg.side {
            Side::Call => &self.spot,
            Side::Put => &leg.strike,
        };
        let by_rate = &terms.rate * &self.spot - leg.out_of_the_money(&self.spot);
        let over_price = by_rate.max(&terms.minimum * base);
        (&leg.price + over_price).max(terms.floor_per_unit.clone())
    }

    /// A short call and a short put: (call's part, put's part), which are the larger side's
    /// requirement and the other's price; the call's on a tie.
    pub(super) fn combination(&self, call: &Leg, put: &Leg) -> (Exact, Exact) {
        let (of_call, of_put) = (self.uncovered(call), self.uncovered(put));
        if of_call >= of_put { (of_call, put.price.clone()) } else { (call.price.clone(), of_put) }
    }

    /// Stock alone on an underlying with options.
    pub(super) fn stock(&self) -> Need {
        self.stock_terms.beside_options(&self.stock_price, self.stock_is_short)
    }

    /// A call covered by stock, or a put covered by short stock.
    pub(super) fn covered(&self, short: &Leg) -> Split {
        let terms = self.stock_terms;
        let maintenance = match short.side {
            Side::Call => &terms.maintenance_long * (&self.stock_price).min(&short.strike),
            Side::Put => &terms.maintenance_short * &self.stock_price,
        };
        self.hedged(maintenance, short.payoff(&self.spot))
    }

    /// Stock with a long put, or short stock with a long call.
    pub(super) fn protective(&self, long: &Leg) -> Split {
        let terms = self.stock_terms;
        let rate = match long.side {
            Side::Put => &terms.maintenance_long,
            Side::Call => &terms.maintenance_short,
        };
        let maintenance = self.protected(long).min(rate * &self.stock_price);
        self.hedged(maintenance, Exact::zero())
    }

    /// Stock, a long put and a short call above it.
    pub(super) fn collar(&self, put: &Leg, call: &Leg) -> Split {
        let most = &self.stock_terms.maintenance_long * &call.strike;
        self.hedged(self.protected(put).min(most), call.payoff(&self.spot))
    }

    /// A conversion or its reverse: stock against a long and a short option of one strike.
    pub(super) fn locked(&self, long: &Leg, short: &Leg) -> Split {
        self.hedged(&self.option_terms.protective * &long.strike, short.payoff(&self.spot))
    }

    fn protected(&self, long: &Leg) -> Exact {
        &self.option_terms.protective * &long.strike + long.out_of_the_money(&self.spot)
    }

    fn hedged(&self, maintenance: Exact, in_the_money: Exact) -> Split {
        let initial = &self.stock_terms.initial * &self.stock_price;
        Split { stock: Need { initial, maintenance }, option: Need::same(in_the_money) }
    }
}
