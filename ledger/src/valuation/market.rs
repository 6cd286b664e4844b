//! What the market says: prices, exchange rates, and how old they may be.

use std::collections::BTreeMap;

use num_traits::One;

use super::{Asset, AssetKind, Item, Value};
use crate::decimal::Exact;
use crate::period::Duration;
use crate::time::Timestamp;

/// The price of one asset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Price {
    /// For one whole asset.
    pub price: Exact,
    /// In this currency.
    pub currency: String,
    /// When it was seen.
    pub as_of: Timestamp,
}

/// What one unit of a currency is worth in the base currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FxRate {
    /// Base currency for one unit.
    pub rate: Exact,
    /// When it was seen.
    pub as_of: Timestamp,
}

/// Everything that values need of the world, as of one instant.
#[derive(Clone, Debug)]
pub struct Market {
    /// The instant that values are for.
    pub as_of: Timestamp,
    /// The currency they are in.
    pub base_currency: String,
    /// The oldest that a price or rate in use may be; exactly that old is fresh.
    pub max_price_age: Duration,
    /// Assets by id.
    pub assets: BTreeMap<String, Asset>,
    /// Prices by asset.
    pub prices: BTreeMap<String, Price>,
    /// Rates by currency; the base currency needs none.
    pub fx: BTreeMap<String, FxRate>,
}

/// Why an item has no value, in order of precedence.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum ValuationError {
    /// The item is of an asset nobody defined.
    #[error("item {item}: define asset {asset} or name another")]
    AssetUnknown {
        /// The item.
        item: String,
        /// The asset.
        asset: String,
    },
    /// The asset has no price, and is not cash in a known currency.
    #[error("item {item}: give a price for asset {asset}")]
    PriceMissing {
        /// The item.
        item: String,
        /// The asset.
        asset: String,
    },
    /// The price is of a later instant than the valuation.
    #[error("the price of asset {asset} is later than as_of: use one seen at or before it")]
    PriceAfterAsOf {
        /// The asset.
        asset: String,
    },
    /// The exchange rate is of a later instant than the valuation.
    #[error("the rate of {currency} is later than as_of: use one seen at or before it")]
    FxAfterAsOf {
        /// The currency.
        currency: String,
    },
    /// The price is older than the agreement allows.
    #[error("the price of asset {asset} is older than max_price_age: give a newer one")]
    PriceStale {
        /// The asset.
        asset: String,
    },
    /// The exchange rate is older than the agreement allows.
    #[error("the rate of {currency} is older than max_price_age: give a newer one")]
    FxStale {
        /// The currency.
        currency: String,
    },
    /// No rate between the price's currency and the base currency.
    #[error("item {item}: give the rate of {currency} to the base currency")]
    FxMissing {
        /// The item.
        item: String,
        /// Its asset.
        asset: String,
        /// The currency.
        currency: String,
    },
    /// The market value is 10^20 or more.
    #[error("item {item}: its market value is 10^20 or more; split the agreement or check amount and price")]
    MarketValueOverflow {
        /// The item.
        item: String,
    },
    /// The values posted by one party sum to 10^20 or more.
    #[error("what is posted sums to 10^20 or more; check amounts and prices")]
    TotalOverflow,
}

impl Market {
    /// An item's asset, and what the item would sell for, exactly: amount × price × rate, not yet cut
    /// to eight decimals.
    ///
    /// Cash without a price is worth 1 of its currency.
    ///
    /// # Errors
    /// All that stands in the way, see [`ValuationError`]; never an empty list.
    pub fn value(&self, item: &Item) -> Result<(&Asset, Exact), Vec<ValuationError>> {
        let (id, asset) = (item.id.clone(), item.asset.clone());
        let Some(facts) = self.assets.get(&asset) else {
            return Err(vec![ValuationError::AssetUnknown { item: id, asset }]);
        };
        let mut errors = Vec::new();
        let (price, currency) = match (self.prices.get(&asset), facts.kind, &facts.currency) {
            (Some(price), _, _) => {
                errors.extend(self.age_of_price(&asset, price.as_of));
                (price.price.clone(), &price.currency)
            }
            (None, AssetKind::Cash, Some(currency)) => (Exact::one(), currency),
            (None, _, _) => return Err(vec![ValuationError::PriceMissing { item: id, asset }]),
        };
        let rate = if *currency == self.base_currency {
            Exact::one()
        } else if let Some(rate) = self.fx.get(currency) {
            errors.extend(self.age_of_rate(currency, rate.as_of));
            rate.rate.clone()
        } else {
            errors.push(ValuationError::FxMissing { item: id.clone(), asset, currency: currency.clone() });
            return Err(errors);
        };
        let value = &item.amount * price * rate;
        if Value::truncated(&value).overflows() {
            errors.push(ValuationError::MarketValueOverflow { item: id });
        }
        if errors.is_empty() { Ok((facts, value)) } else { Err(errors) }
    }

    fn age_of_price(&self, asset: &str, as_of: Timestamp) -> Option<ValuationError> {
        let asset = asset.to_owned();
        match self.as_of.millis_since(as_of) {
            None => Some(ValuationError::PriceAfterAsOf { asset }),
            Some(age) if age > self.max_price_age.millis() => Some(ValuationError::PriceStale { asset }),
            Some(_) => None,
        }
    }

    fn age_of_rate(&self, currency: &str, as_of: Timestamp) -> Option<ValuationError> {
        let currency = currency.to_owned();
        match self.as_of.millis_since(as_of) {
            None => Some(ValuationError::FxAfterAsOf { currency }),
            Some(age) if age > self.max_price_age.millis() => Some(ValuationError::FxStale { currency }),
            Some(_) => None,
        }
    }
}
