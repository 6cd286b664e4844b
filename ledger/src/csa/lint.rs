//! What to look at before signing: terms that are allowed and seldom meant.

use super::agreement::{Agreement, Flavour, Threshold};
use crate::time::Timestamp;
use crate::valuation::{Asset, PropertyClass, RowEffect, Side, Subject, Value};

/// Minimum transfer amount of a 2018 IM agreement that regulation allows at most.
const IM_MTA_MAX: u64 = 500_000;
/// Threshold of a 2018 IM agreement that regulation allows at most.
const IM_THRESHOLD_MAX: u64 = 50_000_000;

/// A term that the signers should look at. Not a refusal: currency and law differ by regime.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Warning {
    /// The threshold is above what regulation of initial margin allows in most places.
    ImThresholdAboveCap {
        /// Whose.
        pledgor: Side,
    },
    /// The minimum transfer amount is above what regulation of initial margin allows in most places.
    ImMtaAboveCap {
        /// Whose.
        pledgor: Side,
    },
    /// Several rows include the same asset; the lowest value will count.
    OverlappingInclusions {
        /// The asset.
        asset: String,
        /// The class.
        class: PropertyClass,
        /// The rows, in order.
        rows: Vec<String>,
    },
}

/// Warnings about an agreement, for the assets it is going to see, as of a date.
#[must_use]
pub fn lint(agreement: &Agreement, assets: &[Asset], as_of: Timestamp) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if agreement.flavour == Flavour::Im2018 {
        for pledgor in Side::ALL.iter().copied() {
            let terms = agreement.terms(pledgor);
            let above = match &terms.threshold {
                Threshold::Finite(value) => *value > Value::whole(IM_THRESHOLD_MAX),
                Threshold::Infinite => true,
            };
            if above {
                warnings.push(Warning::ImThresholdAboveCap { pledgor });
            }
            if terms.mta > Value::whole(IM_MTA_MAX) {
                warnings.push(Warning::ImMtaAboveCap { pledgor });
            }
        }
    }
    for asset in assets {
        for class in PropertyClass::ALL.iter().copied() {
            let subject = Subject { asset, as_of: as_of.date(), poster_groups: &[] };
            let includes = |effect: &RowEffect| match effect {
                RowEffect::Include { .. } => true,
                RowEffect::Exclude => false,
            };
            let rows: Vec<String> = agreement
                .schedule
                .rows
                .iter()
                .filter(|row| includes(&row.effect) && row.speaks_of(class, subject))
                .map(|row| row.id.clone())
                .collect();
            if rows.len() > 1 {
                warnings.push(Warning::OverlappingInclusions { asset: asset.id.clone(), class, rows });
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;
    use crate::valuation::AssetKind;

    #[test]
    fn warnings_name_what_to_look_at() {
        let document = read(
            br#"{"id":"IM","version":"1","flavour":"im_2018","parties":{"a":"PB","b":"FUND"},"two_way":true,
            "base_currency":"USD","terms":{"a":{"threshold":"50000000","mta":"500000","independent_amount":"0"},
            "b":{"threshold":"infinite","mta":"500000.01","independent_amount":"0"}},"rounding":{"amount":"1"},
            "schedule":[{"id":"R1","include":true,"match":{"kind":"crypto"},"valuation":{"kind":"haircut","value":"0"}},
            {"id":"R2","include":true,"match":{"asset":"BTC"},"classes":["uncleared"],"valuation":{"kind":"haircut","value":"0"}},
            {"id":"R3","include":false,"match":{"asset":"BTC"}}]}"#,
        )
        .unwrap();
        let agreement = Agreement::read(&document).unwrap();
        let btc = Asset::plain("BTC", AssetKind::Crypto, 8);
        let as_of = Timestamp::parse("2026-09-01T00:00:00.000Z").unwrap();
        assert_eq!(
            lint(&agreement, &[btc], as_of),
            [
                Warning::ImThresholdAboveCap { pledgor: Side::B },
                Warning::ImMtaAboveCap { pledgor: Side::B },
                Warning::OverlappingInclusions {
                    asset: "BTC".into(),
                    class: PropertyClass::Uncleared,
                    rows: vec!["R1".into(), "R2".into()],
                },
            ]
        );
    }
}
