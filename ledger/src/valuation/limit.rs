//! How much of one thing counts: concentration limits.

use std::collections::BTreeMap;

use super::{Fraction, Match, Subject, Value};
use crate::words::words;

words! {
    /// What a limit's cap is for each of.
    pub enum LimitScope {
        /// Each asset.
        EachAsset = "each_asset",
        /// Each issuer: its group, else itself, else the asset.
        EachIssuer = "each_issuer",
        /// All that match, together.
        Group = "group",
    }
}

words! {
    /// What a percentage is of.
    pub enum CapBase {
        /// The credit support amount.
        Requirement = "requirement",
        /// All that counted before any limit, which does not shrink as limits bite.
        TotalBefore = "total_before",
    }
}

/// The most that counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cap {
    /// A share of something.
    Percent {
        /// The share.
        percent: Fraction,
        /// Of what.
        of: CapBase,
    },
    /// An amount of the base currency.
    Value(Value),
}

/// A concentration limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limit {
    /// The limit's id.
    pub id: String,
    /// What the cap is for each of.
    pub scope: LimitScope,
    /// Which assets; all, if absent.
    pub matches: Option<Match>,
    /// The most that counts.
    pub cap: Cap,
}

/// An item on its way through the limits.
#[derive(Clone, Debug)]
pub struct Counting<'a> {
    /// The item's id.
    pub id: &'a str,
    /// What it is.
    pub subject: Subject<'a>,
    /// What of its value counts so far.
    pub counted: Value,
    /// The last limit that cut it.
    pub limited_by: Option<&'a str>,
}

/// Cuts what counts by each limit in turn, each on what the one before left.
///
/// Within a group, items keep their value in ascending byte order of their id until the cap is
/// reached. `requirement` is the credit support amount.
///
/// Source: specs/calls.md §3.
pub fn apply_limits<'a>(limits: &'a [Limit], items: &mut [Counting<'a>], requirement: &Value) {
    let total_before: Value = items.iter().map(|item| &item.counted).sum();
    items.sort_by(|x, y| x.id.as_bytes().cmp(y.id.as_bytes()));
    for limit in limits {
        let cap = limit.cap.amount(requirement, &total_before);
        let mut room: BTreeMap<&str, Value> = BTreeMap::new();
        for item in items.iter_mut().filter(|item| limit.speaks_of(item.subject)) {
            let left = room.entry(limit.group_of(item.subject)).or_insert_with(|| cap.clone());
            if item.counted > *left {
                item.counted = left.clone();
                item.limited_by = Some(&limit.id);
            }
            *left = &*left - &item.counted;
        }
    }
}

impl Cap {
    fn amount(&self, requirement: &Value, total_before: &Value) -> Value {
        match self {
            Self::Percent { percent, of } => {
                let base = match of {
                    CapBase::Requirement => requirement,
                    CapBase::TotalBefore => total_before,
                };
                Value::truncated(&(base.exact() * percent.exact()))
            }
            Self::Value(value) => Value::truncated(&value.exact()),
        }
    }
}

impl Limit {
    fn speaks_of(&self, subject: Subject) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches.holds(subject))
    }

    fn group_of<'a>(&self, subject: Subject<'a>) -> &'a str {
        match self.scope {
            LimitScope::EachAsset => &subject.asset.id,
            LimitScope::EachIssuer => subject.asset.issuer_key(),
            LimitScope::Group => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::decimal::DecimalText;
    use crate::valuation::{Asset, AssetKind};

    fn limit(id: &str, scope: LimitScope, cap: Cap) -> Limit {
        Limit { id: id.into(), scope, matches: None, cap }
    }

    fn percent(text: &str, of: CapBase) -> Cap {
        Cap::Percent { percent: Fraction::new(DecimalText::parse(text).unwrap().exact()).unwrap(), of }
    }

    /// Items `(id, asset, value)`; the answer is `(id, counted, cut by)` in order of id.
    fn run(limits: &[Limit], items: &[(&str, &str, u64)], requirement: u64) -> Vec<(String, String, String)> {
        let assets: Vec<Asset> =
            items.iter().map(|(_, asset, _)| Asset::plain(*asset, AssetKind::Security, 2)).collect();
        let mut counting: Vec<Counting> = items
            .iter()
            .zip(&assets)
            .map(|((id, _, value), asset)| Counting {
                id,
                subject: Subject { asset, as_of: date(2026, 9, 1), poster_groups: &[] },
                counted: Value::whole(*value),
                limited_by: None,
            })
            .collect();
        apply_limits(limits, &mut counting, &Value::whole(requirement));
        let row = |item: &Counting| {
            (item.id.to_owned(), item.counted.to_string(), item.limited_by.unwrap_or_default().to_owned())
        };
        counting.iter().map(row).collect()
    }

    #[test]
    fn limits_apply_in_order_each_on_what_is_left() {
        let items = [("b", "X", 600), ("a", "X", 300), ("c", "Y", 100)];
        let first = limit("L1", LimitScope::EachAsset, Cap::Value(Value::whole(500)));
        let second = limit("L2", LimitScope::Group, percent("0.45", CapBase::TotalBefore));
        let text = |rows: &[(&str, &str, &str)]| -> Vec<(String, String, String)> {
            rows.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect()
        };
        assert_eq!(
            run(std::slice::from_ref(&first), &items, 0),
            text(&[("a", "300", ""), ("b", "200", "L1"), ("c", "100", "")])
        );
        // 45 % of the 1,000 before any limit, not of the 600 that L1 left.
        assert_eq!(
            run(&[first, second], &items, 0),
            text(&[("a", "300", ""), ("b", "150", "L2"), ("c", "0", "L2")])
        );
        let of_requirement = limit("L3", LimitScope::Group, percent("0.3333", CapBase::Requirement));
        assert_eq!(run(&[of_requirement], &items, 1_000)[1], ("b".into(), "33.3".into(), "L3".into()));
    }

    #[test]
    fn a_value_equal_to_the_cap_is_not_cut() {
        let equal = limit("L", LimitScope::Group, Cap::Value(Value::whole(100)));
        assert_eq!(run(&[equal], &[("a", "X", 60), ("b", "X", 40)], 0)[1].2, "");
    }

    proptest! {
        #[test]
        fn no_group_counts_more_than_its_cap(values in prop::collection::vec(0_u64..1_000, 1..8), cap in 0_u64..2_000) {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let items: Vec<_> = values.iter().zip(names).map(|(value, name)| (name, "X", *value)).collect();
            let rows = run(&[limit("L", LimitScope::Group, Cap::Value(Value::whole(cap)))], &items, 0);
            let counted: u64 = rows.iter().map(|(_, counted, _)| counted.parse::<u64>().unwrap()).sum();
            prop_assert_eq!(counted, cap.min(values.iter().sum()));
        }
    }
}
