//! Laws of books that share one market: each is tried on ten thousand, a few hundred to an input, so
//! that instruments are priced once for all of them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cases;

use cases::{Lot, book, check_sums, exact, grain, input_of};
use ledger::decimal::Exact;
use ledger::json::Json;
use margin::explain::Node;
use margin::{AccountResult, RegimeRef, RunResult, compare_tree, run_tree};
use num_bigint::BigInt;
use proptest::prelude::*;

/// Books in one input, and inputs.
const BATCH: usize = 250;
const BATCHES: u32 = 40;

/// A pair of books, with a factor and a place to cut.
type Pair = (Vec<Lot>, Vec<Lot>, i64, i64);

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    prop::collection::vec((book(6), book(6), 2_i64..50, -9_000_i64..9_000), BATCH..=BATCH)
}

fn joined(a: &[Lot], b: &[Lot]) -> Vec<Lot> {
    a.iter().chain(b).copied().collect()
}

/// The tree figure of an account to 1e-8.
fn tree(account: Option<&AccountResult>) -> Exact {
    let node = account.map(AccountResult::explain);
    let tree = node.iter().flat_map(|node| node.children()).find(|child| child.label() == "tree");
    tree.map_or_else(Exact::default, |tree| tree.value().exact())
}

/// Each book of each pair under a name, in one run.
fn run_books(
    pairs: &[Pair],
    books: impl Fn(&Pair) -> Vec<(&'static str, Vec<Lot>)>,
    regime: &str,
    more: &str,
) -> RunResult {
    let named = pairs.iter().enumerate().flat_map(|(place, pair)| {
        books(pair).into_iter().map(move |(name, lots)| (format!("{place}{name}"), lots))
    });
    let input = input_of(&named.collect::<Vec<_>>(), more);
    run_tree(&input, &[RegimeRef::Named(regime)]).unwrap()
}

fn account<'a>(result: &'a RunResult, place: usize, name: &str) -> Option<&'a AccountResult> {
    result.results()[0].account(&format!("{place}{name}"))
}

/// At each node of a tree that has them, J ≤ M ≤ S.
fn check_bounds(json: &Json) {
    let number = |at: &str| json.pointer(at).and_then(Json::as_str).map(exact);
    if let (Some(sum), Some(joint)) = (number("/inputs/S"), number("/inputs/J")) {
        let margin = number("/value").unwrap();
        assert!(joint <= margin && margin <= sum, "{json}");
    }
    json.get("children").and_then(Json::as_array).unwrap_or_default().iter().for_each(check_bounds);
}

fn reversed_and_cut(lots: &[Lot], cut: i64) -> Vec<Lot> {
    let mut changed: Vec<Lot> = lots.iter().rev().copied().collect();
    if let Some(last) = changed.last_mut() {
        last.1 -= cut;
        let rest = (last.0, cut);
        changed.insert(0, rest);
    }
    changed
}

/// An explanation without the name of its account.
fn parts(account: Option<&AccountResult>) -> Option<(margin::Figure, Vec<Node>)> {
    account.map(|account| (account.requirement(), account.explain().children().to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: BATCHES, max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// Sub-additive, also by one lot; J ≤ M ≤ S at each node; homogeneous; the same whatever the order,
    /// and with two positions of one instrument as with one.
    #[test]
    fn the_tree_keeps_its_laws(pairs in pairs()) {
        let result = run_books(&pairs, |(a, b, times, cut)| {
            let scaled = a.iter().map(|(place, quantity)| (*place, quantity * times)).collect();
            let lot = b.iter().take(1).copied().collect::<Vec<_>>();
            vec![
                ("a", a.clone()),
                ("b", b.clone()),
                ("lot", lot.clone()),
                ("a+b", joined(a, b)),
                ("a+lot", joined(a, &lot)),
                ("scaled", scaled),
                ("cut", reversed_and_cut(a, *cut)),
            ]
        }, "us-harmonized", "");
        for (place, (.., times, _)) in pairs.iter().enumerate() {
            let of = |name: &str| tree(account(&result, place, name));
            prop_assert!(of("a+b") <= of("a") + of("b"));
            prop_assert!(of("a+lot") <= of("a") + of("lot"));
            let apart = of("a") * BigInt::from(*times) - of("scaled");
            let slack = grain() * BigInt::from(times * 40);
            prop_assert!(apart <= slack && apart >= -slack);
            if let Some(whole) = account(&result, place, "a+b") {
                check_bounds(&whole.explain().to_json());
            }
            let (whole, cut) = (account(&result, place, "a"), account(&result, place, "cut"));
            prop_assert_eq!(parts(whole), parts(cut));
        }
    }

    #[test]
    fn more_credit_never_costs(
        pairs in pairs(), level in 0_usize..3, cap in any::<bool>(), low in 0_u32..100, more in 0_u32..100,
    ) {
        let (level, parameter) = (["root", "class", "group"][level], if cap { "cap" } else { "theta" });
        let with = |percent: u32| {
            let share = ledger::decimal::print_scaled(&percent.min(100).into(), 2);
            let overrides = format!(r#""overrides":{{"us-harmonized":{{"{parameter}/{level}":"{share}"}}}},"#);
            run_books(&pairs, |(a, b, ..)| vec![("a", joined(a, b))], "us-harmonized", &overrides)
        };
        let (less, more) = (with(low), with(low + more));
        for place in 0..pairs.len() {
            prop_assert!(tree(account(&more, place, "a")) <= tree(account(&less, place, "a")));
        }
    }

    #[test]
    fn a_tims_scan_of_one_underlying_is_sub_additive(pairs in pairs()) {
        // The first seven instruments are wrappers of one coin, without a minimum; so is the option on
        // the future by what it scans.
        let one = |lots: &[Lot]| -> Vec<Lot> {
            let place = |place: usize| if place % 8 == 7 { 19 } else { place % 8 };
            lots.iter().map(|(at, quantity)| (place(*at), *quantity)).collect()
        };
        let result = run_books(&pairs, |(a, b, ..)| {
            let (a, b) = (one(a), one(b));
            vec![("a+b", joined(&a, &b)), ("a", a), ("b", b)]
        }, "us-tims", "");
        let scan = |place: usize, name: &str| {
            let account = account(&result, place, name).map(AccountResult::explain);
            let group = account.and_then(|node| Some(node.children().first()?.to_json()));
            group.and_then(|group| group.pointer("/inputs/scan").and_then(Json::as_str).map(exact)).unwrap_or_default()
        };
        for place in 0..pairs.len() {
            prop_assert!(scan(place, "a+b") <= scan(place, "a") + scan(place, "b"));
        }
    }

    #[test]
    fn explanations_sum_at_each_node(pairs in pairs()) {
        for regime in cases::regimes() {
            let result = run_books(&pairs, |(a, b, ..)| vec![("a", joined(a, b))], regime, "");
            for account in result.results()[0].accounts() {
                check_sums(account.explain());
                prop_assert_eq!(account.explain().value(), account.requirement());
            }
        }
    }

    /// The rungs of each book sum to the whole difference to the last digit, no wall is negative,
    /// order and cutting change nothing, and the Shapley shares of all of them sum to the walls.
    #[test]
    fn every_ladder_holds(pairs in pairs()) {
        let named = |change: &dyn Fn(&[Lot], i64) -> Vec<Lot>| {
            let books = pairs.iter().enumerate();
            let books = books.map(|(place, (a, b, _, cut))| (format!("{place}"), change(&joined(a, b), *cut)));
            compare_tree(&input_of(&books.collect::<Vec<_>>(), "")).unwrap()
        };
        let (whole, cut) = (named(&|lots, _| lots.to_vec()), named(&reversed_and_cut));
        prop_assert_eq!(whole.accounts(), cut.accounts());
        for (account, rungs) in whole.accounts() {
            let lines: Vec<Exact> = rungs.windows(2).map(|pair| pair[0].exact() - pair[1].exact()).collect();
            prop_assert_eq!(lines.iter().sum::<Exact>(), rungs[0].exact() - rungs[8].exact());
            for line in &lines[2..6] {
                prop_assert!(*line >= Exact::default(), "{account} {line}");
            }
        }
        let printed = whole.to_json();
        let money = |json: &Json| json.as_str().map(exact).unwrap_or_default();
        let members = |key: &str| -> Vec<Exact> {
            printed.get(key).and_then(Json::as_object).unwrap().iter().map(|(_, value)| money(value)).collect()
        };
        let lines = members("lines");
        prop_assert_eq!(lines.iter().sum::<Exact>(), money(printed.get("saving").unwrap()));
        prop_assert_eq!(members("shapley").iter().sum::<Exact>(), lines[2..6].iter().sum::<Exact>());
    }
}
