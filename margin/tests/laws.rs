//! Laws that hold for every book, each on a book of its own: of order, of the ladder, of steps and
//! pools. Laws that can share one market among many books stand in `many_books`.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cases;

use cases::{Lot, book, check_sums, exact, input, input_with};
use ledger::decimal::Exact;
use ledger::json::Json;
use margin::explain::Node;
use margin::{RegimeRef, compare_tree, run_tree};
use num_bigint::BigInt;
use proptest::prelude::*;

const HARMONIZED: &[RegimeRef] = &[RegimeRef::Named("us-harmonized")];

fn explained(json: &Json, regimes: &[RegimeRef]) -> Option<Node> {
    let result = run_tree(json, regimes).unwrap();
    result.results()[0].accounts().first().map(|account| account.explain().clone())
}

/// The tree figure of a book to 1e-8.
fn tree(json: &Json) -> Exact {
    let node = explained(json, HARMONIZED);
    let tree = node.iter().flat_map(Node::children).find(|child| child.label() == "tree");
    tree.map_or_else(Exact::default, |tree| tree.value().exact())
}

fn joined(a: &[Lot], b: &[Lot]) -> Vec<Lot> {
    a.iter().chain(b).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_and_merging_change_nothing(lots in book(8), split in -9_000_i64..9_000) {
        let reversed: Vec<Lot> = lots.iter().rev().copied().collect();
        let mut cut = lots.clone();
        if let Some(last) = cut.last_mut() {
            last.1 -= split;
            let rest = (last.0, split);
            cut.push(rest);
        }
        for regime in cases::regimes() {
            let accounts = |lots: &[Lot]| {
                let result = run_tree(&input(lots), &[RegimeRef::Named(regime)]).unwrap().to_json();
                result.pointer("/results/0/accounts").cloned()
            };
            let whole = accounts(&lots);
            prop_assert_eq!(&accounts(&reversed), &whole);
            prop_assert_eq!(&accounts(&cut), &whole);
        }
    }

    /// In a halt the factor stands still, so a pool there is the credit at the root times its factor,
    /// and nothing else of the figure changes.
    #[test]
    fn a_pool_scales_the_credit_at_the_root(lots in book(10), fifths in 0_u32..=5) {
        let [factor, theta] = [20 * fifths, 3 * fifths].map(|percent| {
            ledger::decimal::print_scaled(&percent.into(), 2)
        });
        let pool = format!(
            r#""pool":{{"state":{{"level":"halt","theta_factor":"{factor}","calm":"0"}},"signals":{{
            "index_fall":"0.2","peg":"0","confidence":"1","correlation":"1","call_share":"0"}}}},"#
        );
        let overrides = format!(r#""overrides":{{"us-harmonized":{{"theta/root":"{theta}"}}}},"#);
        let (pooled, reduced) = (input_with(&lots, &pool), input_with(&lots, &overrides));
        prop_assert_eq!(tree(&pooled), tree(&reduced));
        let [pooled, reduced] =
            [pooled, reduced].map(|input| run_tree(&input, HARMONIZED).unwrap().results()[0].total());
        prop_assert_eq!(pooled, reduced);
    }

    #[test]
    fn the_ladder_holds(lots in book(10)) {
        let comparison = compare_tree(&input(&lots)).unwrap();
        let lines = comparison.lines();
        prop_assert_eq!(lines.iter().map(|(_, line)| line).sum::<BigInt>(), comparison.saving());
        for (name, line) in &lines[2..6] {
            prop_assert!(*line >= BigInt::ZERO, "{} {}", name, line);
        }
        let shapley: BigInt = comparison.shapley().iter().map(|(_, share)| share).sum();
        prop_assert_eq!(shapley, lines[2..6].iter().map(|(_, line)| line).sum::<BigInt>());
        let reversed: Vec<Lot> = lots.iter().rev().copied().collect();
        let again = compare_tree(&input(&reversed)).unwrap();
        prop_assert_eq!(again.rungs(), comparison.rungs());
        let run = run_tree(&input(&lots), &[RegimeRef::Named("us-siloed"), RegimeRef::Named("us-harmonized")]).unwrap();
        let printed = |place: usize| run.to_json().pointer(&format!("/results/{place}/total")).cloned();
        prop_assert_eq!(printed(0), comparison.to_json().get("status_quo").cloned());
        prop_assert_eq!(printed(1), comparison.to_json().get("harmonized").cloned());
    }

    #[test]
    fn a_book_in_one_silo_has_no_walls(lots in book(10)) {
        // Spot positions only: all at home in one silo.
        let spot: Vec<Lot> = lots.iter().map(|(place, quantity)| ([0, 8, 15, 16][place % 4], *quantity)).collect();
        let comparison = compare_tree(&input(&spot)).unwrap();
        for (name, line) in &comparison.lines()[2..6] {
            prop_assert_eq!(line, &BigInt::ZERO, "{}", name);
        }
        prop_assert_eq!(&comparison.lines()[0].1, &BigInt::ZERO);
    }

    #[test]
    fn a_step_stays_within_its_limit(lots in book(8), previous in 0_u32..20_000_000) {
        let lots = joined(&lots, &[(0, 100)]);
        let mut json = input(&lots);
        let unstepped = run_tree(&json, HARMONIZED).unwrap().results()[0].accounts()[0].requirement();
        if let Json::Object(members) = &mut json {
            let book = members.iter_mut().find(|(key, _)| key == "book").unwrap();
            if let Json::Object(book) = &mut book.1 {
                book.push(("previous".into(), Json::object([("requirement", Json::text(previous.to_string()))])));
            }
        }
        let result = run_tree(&json, HARMONIZED).unwrap();
        let account = &result.results()[0].accounts()[0];
        check_sums(account.explain());
        let most = Exact::from(BigInt::from(previous)) * exact("1.25");
        let least = Exact::from(BigInt::from(previous)) * exact("0.75");
        let stepped = account.requirement().exact();
        prop_assert!(stepped >= least.clone().min(unstepped.exact()));
        let joint = account.to_json().pointer("/figures/joint").and_then(Json::as_str).map(exact).unwrap();
        prop_assert!(stepped <= most.max(joint));
        prop_assert!(stepped >= least || stepped >= unstepped.exact());
    }
}

#[test]
fn strict_eligibility_takes_an_underlying_out_of_the_tree() {
    // Long and short of two coins offset in the tree; ETH has no traded value, so it may not.
    let lots = [(0, 1_000), (7, -600)];
    let (report, strict) = (input(&lots), input_with(&lots, "\"eligibility\":\"strict\","));
    let eth = tree(&input(&[(7, -600)]));
    let btc = tree(&input(&[(0, 1_000)]));
    assert!(tree(&report) < &btc + &eth);
    assert_eq!(tree(&strict), btc + eth);
    check_sums(&explained(&strict, HARMONIZED).unwrap());
}

/// The printed step: one cycle on from the state that was given.
#[test]
fn a_run_takes_the_step_of_its_pool() {
    let pool = |level: &str, signals: &str| {
        format!(
            r#""pool":{{"state":{{"level":"{level}","theta_factor":"0.7","calm":"4"}},"signals":{signals}}},"#
        )
    };
    let calm = r#"{"index_fall":"0","peg":"0","confidence":"1","correlation":"1","call_share":"0"}"#;
    let worse = calm.replace("\"peg\":\"0\"", "\"peg\":\"0.021\"");
    for (level, signals, after) in [
        ("guarded", calm, r#"["normal","normal","0.9","0",[],"at once"]"#),
        ("no_credit", calm, r#"["guarded","normal","0.5","0",[],"delayed by 1 cycles"]"#),
        (
            "normal",
            worse.as_str(),
            r#"["no_credit","no_credit","0.5","0",["peg"],"delayed by 1 cycles; none while any class is short"]"#,
        ),
        (
            "halt",
            worse.as_str(),
            r#"["no_credit","no_credit","0.5","0",["peg"],"delayed by 1 cycles; none while any class is short"]"#,
        ),
    ] {
        let result = run_tree(&input_with(&[], &pool(level, signals)), HARMONIZED).unwrap().to_json();
        let breaker = result.pointer("/results/0/breaker").unwrap();
        let member = |name: &str| breaker.pointer(name).unwrap().clone();
        let told =
            ["/level", "/target", "/theta_factor", "/calm", "/reasons", "/effects/withdrawals"].map(member);
        assert_eq!(Json::array(told).to_jcs(), after, "{level}");
    }
    let plain = run_tree(&input_with(&[], ""), HARMONIZED).unwrap().to_json();
    assert_eq!(plain.pointer("/results/0/breaker"), None);
}
