//! The demo's own figures: closing prices of two days, with their source, in `facts.toml`.

use std::collections::BTreeMap;

use ledger::json::Json;
use serde::Deserialize;

/// The prices of one day.
#[derive(Clone, Debug, Deserialize)]
pub struct Day {
    /// The day in words.
    pub label: String,
    /// The instant the prices are of.
    pub as_of: String,
    /// Closing prices in US dollars.
    pub prices: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Facts {
    day: Vec<Day>,
}

/// The two days, in order.
///
/// # Panics
/// If the embedded file is not what this module expects: a test reads it.
#[must_use]
pub fn days() -> [Day; 2] {
    let facts: Facts =
        toml::from_str(include_str!("facts.toml")).expect("the embedded facts are read by a test");
    facts.day.try_into().expect("the embedded facts are of two days")
}

/// Assets that can be posted.
pub const COLLATERAL: [&str; 4] = ["BTC", "T-BILL", "USD", "USDC"];

impl Day {
    /// The price document: what collateral is worth, and the market that margin is computed from.
    #[must_use]
    pub fn price_document(&self) -> Json {
        let price = |name: &str| Json::text(self.prices.get(name).map_or("1", String::as_str));
        let assets = COLLATERAL.into_iter().filter(|name| *name != "USD").map(|name| (name, price(name)));
        let underlying = |name: &str, adv: &str, spread: &str| {
            let members = [("price", price(name)), ("rate", Json::text("0.05"))];
            let traded = [("adv_value", Json::text(adv)), ("spread", Json::text(spread))];
            (name.to_owned(), Json::object(members.into_iter().chain(traded)))
        };
        let quoted = |id: &str, name: &str| (id.to_owned(), Json::object([("price", price(name))]));
        let market = Json::object([
            ("as_of", Json::text(&self.as_of)),
            ("source", Json::text(SOURCE)),
            (
                "underlyings",
                Json::object([
                    underlying("BTC", "20000000000", "0.0004"),
                    underlying("COIN", "2500000000", "0.0008"),
                    underlying("MSTR", "2000000000", "0.0008"),
                    underlying("SPY", "30000000000", "0.0001"),
                ]),
            ),
            (
                "instruments",
                Json::object([
                    quoted("BTC-FUT", "BTC"),
                    quoted("BTC-PERP", "BTC"),
                    quoted("COIN-TRS", "COIN"),
                    quoted("IBIT", "IBIT"),
                    quoted("MSTR", "MSTR"),
                    quoted("SPY", "SPY"),
                ]),
            ),
        ]);
        Json::object([
            ("schema", Json::text(ledger::market::PRICES_SCHEMA)),
            ("as_of", Json::text(&self.as_of)),
            ("source", Json::text(SOURCE)),
            ("currency", Json::text("USD")),
            ("assets", Json::object(assets)),
            ("fx", Json::Object(Vec::new())),
            ("market", market),
        ])
    }

    /// The asset prices of the price document: `(asset, price)`.
    pub fn collateral_prices(&self) -> impl Iterator<Item = (&str, &str)> {
        COLLATERAL.into_iter().filter_map(|name| Some((name, self.prices.get(name)?.as_str())))
    }
}

/// What the price sets name as their source.
pub const SOURCE: &str = "daily closes, collected";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_facts_are_read() {
        for day in days() {
            let document = ledger::market::PriceDocument::read(day.price_document().to_jcs().as_bytes());
            assert_eq!(document.unwrap().assets.len(), 3);
        }
    }
}
