//! The client's hybrid book, and the agreement it is margined under.

use ledger::json::Json;

use super::facts::Day;
use crate::margin_statement::POSITIONS_SCHEMA;

/// Positions: instrument, quantity, property class. Entered at the first day's close.
///
/// IBIT, MSTR and SPY shares are securities; the bitcoin future and the perpetual are not; the swap on
/// a share and a coin together is a mixed swap, under both agencies.
const POSITIONS: [(&str, &str, &str, &str); 6] = [
    ("IBIT", "180000", "sec_15c3_3", "IBIT"),
    ("MSTR", "9000", "sec_15c3_3", "MSTR"),
    ("SPY", "2500", "sec_15c3_3", "SPY"),
    ("BTC-FUT", "-12", "cftc_4d_futures", "BTC"),
    ("BTC-PERP", "-25", "cftc_4d_futures", "BTC"),
    ("COIN-TRS", "-6000", "uncleared", "COIN"),
];

/// How many positions the book has.
#[must_use]
pub fn count() -> usize {
    POSITIONS.len()
}

/// The position document, entered at that day's prices.
#[must_use]
pub fn document(entered: &Day) -> Json {
    let positions = POSITIONS.map(|(instrument, quantity, class, priced_by)| {
        let entry = entered.prices.get(priced_by).map_or("0", String::as_str);
        object(&[
            ("instrument", instrument),
            ("quantity", quantity),
            ("account", "meridian"),
            ("property_class", class),
            ("entry_price", entry),
        ])
    });
    Json::object([
        ("schema", Json::text(POSITIONS_SCHEMA)),
        ("book", Json::object([("positions", Json::array(positions))])),
        ("instruments", instruments()),
        ("classification", classification()),
    ])
}

fn instruments() -> Json {
    let share = |id: &str, underlying: &str, kind: &str, wrapper: &str, ratio: &str| {
        object(&[
            ("id", id),
            ("kind", kind),
            ("underlying_id", underlying),
            ("currency", "USD"),
            ("ratio", ratio),
            ("wrapper", wrapper),
        ])
    };
    Json::array([
        // A share of IBIT stands for about 0.00057 BTC.
        share("IBIT", "BTC", "etf", "etf", "0.00057"),
        share("MSTR", "MSTR", "equity", "direct", "1"),
        share("SPY", "SPY", "etf", "etf", "1"),
        object(&[
            ("id", "BTC-FUT"),
            ("kind", "future"),
            ("underlying_id", "BTC"),
            ("currency", "USD"),
            ("multiplier", "5"),
            ("expiry", "2024-08-30T15:00:00.000Z"),
            ("wrapper", "future"),
        ]),
        object(&[
            ("id", "BTC-PERP"),
            ("kind", "perpetual"),
            ("underlying_id", "BTC"),
            ("currency", "USD"),
            ("wrapper", "perpetual"),
        ]),
        object(&[
            ("id", "COIN-TRS"),
            ("kind", "total_return_swap"),
            ("underlying_id", "COIN"),
            ("currency", "USD"),
            ("expiry", "2025-08-01T20:00:00.000Z"),
            ("wrapper", "swap"),
        ]),
    ])
}

fn classification() -> Json {
    let entry = |instrument: &str, legal: &str, agencies: &[&str], risk_class: &str, evidence: &str| {
        Json::object([
            ("instrument", Json::text(instrument)),
            ("effective_from", Json::text("2024-01-11")),
            ("legal", Json::text(legal)),
            ("jurisdictions", Json::array(agencies.iter().copied().map(Json::text))),
            ("risk_class", Json::text(risk_class)),
            ("evidence", Json::array([Json::text(evidence)])),
        ])
    };
    Json::array([
        entry("IBIT", "security", &["sec"], "crypto-etf", "exchange-traded product, SEC rel. 34-99306"),
        entry("MSTR", "security", &["sec"], "equity", "listed share"),
        entry("SPY", "security", &["sec"], "index-high-cap", "registered fund"),
        entry("BTC-FUT", "future", &["cftc"], "crypto-major", "contract market rulebook"),
        entry("BTC-PERP", "future", &["cftc"], "crypto-major", "contract market rulebook"),
        entry("COIN-TRS", "mixed_swap", &["sec", "cftc"], "equity", "a share and a coin: CEA 1a(47)(D)"),
    ])
}

/// The agreement both sides sign: prime brokerage, one call for variation and initial margin.
#[must_use]
pub fn agreement(broker: &str, client: &str) -> Json {
    let terms = |mta: &str| object(&[("threshold", "0"), ("mta", mta), ("independent_amount", "0")]);
    let row = |id: &str, asset: &str, haircut: &str| {
        Json::object([
            ("id", Json::text(id)),
            ("include", Json::Bool(true)),
            ("match", object(&[("asset", asset)])),
            ("valuation", object(&[("kind", "haircut"), ("value", haircut)])),
        ])
    };
    let clock = [("kind", "continuous"), ("settle", "PT12H"), ("dispute", "PT6H"), ("grace", "PT4H")];
    Json::object([
        ("id", Json::text("CSA-MERIDIAN")),
        ("version", Json::text("1")),
        ("effective_from", Json::text("2024-08-01T00:00:00.000Z")),
        ("flavour", Json::text("crypto_247")),
        ("parties", object(&[("a", broker), ("b", client)])),
        ("two_way", Json::Bool(false)),
        ("base_currency", Json::text("USD")),
        ("regime", Json::text("us-harmonized")),
        ("terms", Json::object([("a", terms("50000")), ("b", terms("50000"))])),
        ("rounding", object(&[("amount", "1000"), ("delivery", "up"), ("return", "down")])),
        (
            "schedule",
            Json::array([
                row("BTC-20", "BTC", "0.2"),
                row("USDC-2", "USDC", "0.02"),
                row("BILL-1", "T-BILL", "0.01"),
                row("USD-0", "USD", "0"),
            ]),
        ),
        ("valuation_agent", Json::text("a")),
        ("statement_max_age", Json::text("P1D")),
        ("clock", object(&clock)),
    ])
}

/// An object of texts.
pub fn object(members: &[(&str, &str)]) -> Json {
    Json::object(members.iter().map(|(name, text)| (*name, Json::text(*text))))
}
