//! Laws and edges of reconciliation; worked cases stand in tests/golden/custody.json.

use proptest::prelude::*;

use super::*;
use crate::day::{AsOf, parse_day};
use crate::statement::{Balance, BalanceKind, Basis, Check, Movement, MovementStatus};

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

fn quantity(number: impl std::fmt::Display) -> Quantity {
    Quantity::parse(&number.to_string()).unwrap()
}

/// `A1 USD 1000`: account, asset, amount; a fourth word is the class.
fn holding(text: &str) -> LedgerHolding {
    let words: Vec<_> = text.split_whitespace().collect();
    let class = label(words.get(3).unwrap_or(&"uncleared"));
    LedgerHolding { account: label(words[0]), asset: label(words[1]), class, amount: quantity(words[2]) }
}

/// `m1 USD 100 settled 1 R1`: id, asset, amount, state, day of September, reference or `-`; account A1.
fn movement(text: &str) -> LedgerMovement {
    let words: Vec<_> = text.split_whitespace().collect();
    LedgerMovement {
        id: label(words[0]),
        account: label("A1"),
        asset: label(words[1]),
        amount: quantity(words[2]),
        state: if words[3] == "settled" { MovementState::Settled } else { MovementState::InFlight },
        value_on: parse_day(&format!("2026-09-{:0>2}", words[4])).unwrap(),
        reference: (words[5] != "-").then(|| label(words[5])),
    }
}

/// `USD 100 booked 1 R1`: as [`movement`], without the id.
fn line(text: &str) -> Movement {
    let words: Vec<_> = text.split_whitespace().collect();
    Movement {
        reference: (words[4] != "-").then(|| label(words[4])),
        asset: label(words[0]),
        amount: quantity(words[1]),
        status: MovementStatus::parse(words[2]).unwrap(),
        booked_on: None,
        value_on: parse_day(&format!("2026-09-{:0>2}", words[3])),
        reversal: false,
    }
}

fn extract(holdings: &[&str], movements: &[&str]) -> LedgerExtract {
    let rules =
        Rules { tolerance: [(label("USD"), quantity("0.05"))].into(), date_window_days: 1, max_group: 6 };
    LedgerExtract {
        as_of: Timestamp::parse("2026-09-01T23:59:59.999Z").unwrap(),
        custodian: label("CUST-1"),
        assets: [(label("BTC"), 8), (label("USD"), 2)].into(),
        holdings: holdings.iter().map(|text| holding(text)).collect(),
        movements: movements.iter().map(|text| movement(text)).collect(),
        rules,
    }
}

/// Balances are `USD closing 1000`.
fn statement(id: &str, account: &str, balances: &[&str], lines: &[&str]) -> Statement {
    let balance = |text: &&str| {
        let words: Vec<_> = text.split_whitespace().collect();
        let kind = BalanceKind::parse(words[1]).unwrap();
        Balance { asset: label(words[0]), kind, unit: None, amount: quantity(words[2]) }
    };
    Statement {
        format: label("typed"),
        id: label(id),
        account: label(account),
        custodian: None,
        as_of: AsOf::parse("2026-09-01").unwrap(),
        sequence: None,
        basis: Basis::Booked,
        balances: balances.iter().map(balance).collect(),
        movements: lines.iter().map(|text| line(text)).collect(),
        observed: None,
        checks: Vec::new(),
    }
}

fn breaks_of(result: &Reconciliation) -> Vec<String> {
    let show = |b: &Break| {
        format!("{} {} {} {} {}", b.kind().name(), b.account(), b.asset(), b.amount(), b.refs().join(","))
            .trim_end()
            .to_owned()
    };
    result.breaks().iter().map(show).collect()
}

fn matches_of(result: &Reconciliation) -> Vec<String> {
    let show = |m: &Matched| {
        format!("{} {} {} {}", m.rule.name(), m.ledger.join(","), m.statement.join(","), m.difference)
    };
    result.matches().iter().map(show).collect()
}

/// Movements against lines of one account; the matches, then the breaks but those of the holding.
fn flow(movements: &[&str], lines: &[&str]) -> Vec<String> {
    let statement = statement("S", "A1", &["USD closing 0", "BTC closing 0"], lines);
    let result = reconcile(&extract(&["A1 USD 0", "A1 BTC 0"], movements), &[statement]).unwrap();
    let breaks = breaks_of(&result);
    let breaks = breaks.into_iter().filter(|text| !text.starts_with("holding_"));
    let in_flight = result.in_flight().iter().map(|id| format!("in_flight {id}"));
    matches_of(&result).into_iter().chain(breaks).chain(in_flight).collect()
}

#[test]
fn passes_take_the_nearest_then_the_lowest() {
    for (movements, lines, want) in [
        // A reference binds across any distance of days; the lowest line goes first.
        (
            &["m1 USD 100 settled 1 R1"][..],
            &["USD 100 booked 9 R1", "USD 100 booked 1 R1"][..],
            &["exact_reference m1 S/0 0", "duplicate_at_custodian A1 USD 100 S/1"][..],
        ),
        // The reference of another asset is not the movement's own.
        (
            &["m1 USD 100 settled 1 R1"],
            &["BTC 1 booked 1 R1", "USD 100 booked 1 -"],
            &["exact_amount m1 S/1 0", "missing_in_ledger A1 BTC 1 S/0"],
        ),
        // Nearest day first, and the window is inclusive.
        (
            &["m1 USD 100 settled 2 -", "m2 USD 100 settled 2 -", "m3 USD 100 settled 2 -"],
            &["USD 100 booked 4 -", "USD 100 booked 3 -", "USD 100 booked 2 -"],
            &[
                "exact_amount m1 S/2 0",
                "exact_amount m2 S/1 0",
                "missing_at_custodian A1 USD -100 m3",
                "missing_in_ledger A1 USD 100 S/0",
            ],
        ),
        // An open line with the movement's own reference keeps it from a stranger's like amount.
        (
            &["m1 USD 100 settled 1 R1"],
            &["USD 100 booked 1 X", "USD 90 booked 1 R1"],
            &["amount_differs A1 USD -10 S/1,m1", "missing_in_ledger A1 USD 100 S/0"],
        ),
        // Within tolerance: its own reference, else none in conflict; the smallest difference.
        (
            &["m1 USD 100 settled 1 R1", "m2 USD 100 settled 1 R2", "m3 USD 100 settled 1 -"],
            &["USD 99.95 booked 1 R1", "USD 100.01 booked 1 X", "USD 99.98 booked 1 -"],
            &["tolerance m1 S/0 -0.05", "tolerance m2 S/2 -0.02", "tolerance m3 S/1 0.01"],
        ),
        (
            &["m1 USD 100 settled 1 -"],
            &["USD 99.94 booked 1 -"],
            &["missing_at_custodian A1 USD -100 m1", "missing_in_ledger A1 USD 99.94 S/0"],
        ),
        // What comes in is never what goes out.
        (
            &["m1 USD 0.02 settled 1 -", "m2 USD 10 settled 1 -"],
            &["USD -0.02 booked 1 -", "USD 12 booked 1 -", "USD -2 booked 1 -"],
            &[
                "missing_at_custodian A1 USD -0.02 m1",
                "missing_at_custodian A1 USD -10 m2",
                // By break id.
                "missing_in_ledger A1 USD 12 S/1",
                "missing_in_ledger A1 USD -2 S/2",
                "missing_in_ledger A1 USD -0.02 S/0",
            ],
        ),
        // Groups: exactly, within the window, fewest.
        (
            &["m1 USD -100 settled 1 -"],
            &["USD -30 booked 1 -", "USD -30 booked 1 -", "USD -40 booked 2 -", "USD -70 booked 3 -"],
            &["one_to_many m1 S/0,S/1,S/2 0", "missing_in_ledger A1 USD -70 S/3"],
        ),
        (
            &["m1 USD 60 in_flight 1 R1", "m2 USD 40 settled 2 R2"],
            &["USD 100 pending 1 R9"],
            &["many_to_one m1,m2 S/0 0"],
        ),
        // Under way is no break; what is only announced is no line.
        (
            &["m2 USD 5 in_flight 1 -", "m1 USD 7 in_flight 1 R1"],
            &["USD 9 pending 1 -", "USD 5 info 1 -", "USD 7 future 1 R1"],
            &["in_flight S/0", "in_flight m1", "in_flight m2"],
        ),
        (&["m1 USD 7 in_flight 1 R1"], &["USD 8 pending 1 R1"], &["amount_differs A1 USD 1 S/0,m1"]),
    ] {
        assert_eq!(flow(movements, lines), want, "{movements:?} {lines:?}");
    }
}

#[test]
fn lines_keep_the_order_of_their_numbers() {
    // Ten comes after two, although its text does not.
    let lines: Vec<String> = (0..11).map(|n| format!("USD 5 booked 1 R{}", n % 2)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let movements = ["a USD 5 settled 1 R0", "b USD 5 settled 1 R0", "c USD 5 settled 1 R0"];
    let got = flow(&movements, &lines);
    assert_eq!(got[..3], ["exact_reference a S/0 0", "exact_reference b S/2 0", "exact_reference c S/4 0"]);
}

#[test]
fn a_line_without_a_day_matches_by_reference_only() {
    let mut without = statement("S", "A1", &["USD closing 0"], &["USD 5 booked 1 -", "USD 6 booked 1 R6"]);
    for movement in &mut without.movements {
        movement.value_on = None;
    }
    let extract = extract(&["A1 USD 0"], &["m1 USD 5 in_flight 1 -", "m2 USD 6 in_flight 1 R6"]);
    let result = reconcile(&extract, &[without.clone()]).unwrap();
    assert_eq!(matches_of(&result), ["exact_reference m2 S/1 0"]);
    without.movements[0].booked_on = parse_day("2026-09-02");
    let result = reconcile(&extract, &[without]).unwrap();
    assert_eq!(matches_of(&result), ["exact_reference m2 S/1 0", "exact_amount m1 S/0 0"]);
}

#[test]
fn holdings_alone_are_enough() {
    let ledger = ["A1 USD 600 uncleared", "A1 USD 400 proprietary", "A1 BTC 2", "A2 BTC 0", "A3 USD 0"];
    for (balances, want) in [
        (&["USD aggregate 1000", "BTC aggregate 2"][..], &["no_statement A3 USD 0"][..]),
        (
            &["USD available 900", "USD not_available 99", "BTC aggregate 2.00000001"],
            &["holding_shortfall A1 USD -1", "holding_surplus A1 BTC 0.00000001", "no_statement A3 USD 0"],
        ),
        // Within the tolerance of dollars; bitcoin has none.
        (
            &["USD aggregate 1000.05", "BTC closing 1.99999999"],
            &["holding_shortfall A1 BTC -0.00000001", "no_statement A3 USD 0"],
        ),
        (
            &["USD aggregate 1000", "DOGE aggregate 5", "USD pled 7"],
            &["no_statement A1 BTC -2", "no_statement A3 USD 0", "unknown_asset A1 DOGE 5"],
        ),
    ] {
        // A2 has a statement that lists nothing, and holds nothing: both sides agree.
        let statements = [statement("S1", "A1", balances, &[]), statement("S2", "A2", &[], &[])];
        let result = reconcile(&extract(&ledger, &[]), &statements).unwrap();
        assert_eq!(breaks_of(&result), want, "{balances:?}");
        let dollars = result.holdings().iter().find(|holding| holding.asset().as_str() == "USD").unwrap();
        assert_eq!(dollars.ledger(), &quantity(1000), "classes are added");
        assert!(result.to_json().to_string().contains(
            r#""classes":[{"class":"proprietary","ledger":"400"},{"class":"uncleared","ledger":"600"}]"#
        ));
    }
}

#[test]
fn statements_of_one_day_continue_each_other_or_are_refused() {
    let morning = statement("S1", "A1", &["USD opening 0", "USD closing 10"], &[]);
    let evening = statement("S2", "A1", &["USD opening 10", "USD closing 7"], &[]);
    let stranger = statement("S3", "A1", &["USD opening 5", "USD closing 6"], &[]);
    let extract = extract(&["A1 USD 7"], &[]);
    for day in [[morning.clone(), evening.clone()], [evening.clone(), morning.clone()]] {
        assert_eq!(breaks_of(&reconcile(&extract, &day).unwrap()), [""; 0]);
    }
    let mut again = evening.clone();
    again.id = label("S4");
    assert_eq!(breaks_of(&reconcile(&extract, &[evening, again]).unwrap()), [""; 0]);
    let refused = reconcile(&extract, &[morning, stranger]).unwrap_err();
    assert_eq!(refused.code(), "statement_not_accepted");
}

#[test]
fn refusals_in_their_order() {
    let good = statement("S1", "A1", &["USD closing 0"], &[]);
    let with = |change: fn(&mut Statement)| {
        let mut changed = good.clone();
        changed.id = label("S2");
        change(&mut changed);
        changed
    };
    let failing = with(|statement| {
        let (expected, got) = (quantity(1), quantity(2));
        statement.checks.push(Check { name: label("opening_plus_booked"), expected, got, ok: false });
    });
    let late = with(|statement| statement.as_of = AsOf::parse("2026-09-02T00:00:00.000Z").unwrap());
    let foreign = with(|statement| statement.custodian = Some(label("CUST-2")));
    let twice = with(|statement| statement.id = label("S1"));
    let timed = with(|statement| statement.as_of = AsOf::parse("2026-09-01T00:00:00.000Z").unwrap());
    let extract = extract(&["A1 USD 0"], &[]);
    for (statements, want) in [
        (vec![good.clone(), failing.clone(), late], Err(("as_of_mismatch", "/statements/2/as_of"))),
        (vec![good.clone(), failing], Err(("statement_not_accepted", "/statements/1"))),
        (vec![good.clone(), foreign], Err(("statement_not_accepted", "/statements/1"))),
        (vec![good.clone(), twice], Err(("statement_not_accepted", "/statements/1"))),
        (vec![good.clone(), timed], Ok(0)),
        (vec![], Ok(1)),
    ] {
        let got = reconcile(&extract, &statements);
        let got = got.map(|result| result.breaks().len()).map_err(|error| error.to_json());
        let got = got.map_err(|e| {
            [e.get("code"), e.get("path")].map(|j| j.and_then(Json::as_str).unwrap().to_owned())
        });
        assert_eq!(got, want.map_err(|(code, path)| [code.to_owned(), path.to_owned()]));
    }
}

#[test]
fn a_break_half_repaired_is_the_same_break() {
    let run = |closing: &str| {
        let statement = statement("S1", "A1", &[&format!("USD closing {closing}")], &[]);
        reconcile(&extract(&["A1 USD 0"], &[]), &[statement]).unwrap()
    };
    let (first, second) = (run("10"), run("4"));
    assert_eq!(first.breaks()[0].id(), second.breaks()[0].id());
    assert_ne!(first.fingerprint(), second.fingerprint());
    assert_eq!(first, run("10"));
}

/// Small numbers, so that amounts, sums, references and days meet often.
fn sides() -> impl Strategy<Value = (LedgerExtract, Vec<Statement>)> {
    let state = prop_oneof![Just("settled"), Just("in_flight")];
    let reference = prop_oneof![Just("-"), Just("R1"), Just("R2"), Just("R3")];
    let status = prop_oneof![Just("booked"), Just("pending"), Just("info")];
    let asset = prop_oneof![Just("USD"), Just("BTC")];
    let cents = (-8_i64..9).prop_map(|n| Quantity::parse(&n.to_string()).unwrap());
    let movement = (asset.clone(), cents.clone(), state, 1..5, reference.clone());
    let line = (asset, cents, status, 1..5, reference, 0..2_usize);
    let balances = proptest::collection::vec(-20_i64..20, 6);
    (proptest::collection::vec(movement, 0..8), proptest::collection::vec(line, 0..8), balances).prop_map(
        |(movements, lines, balances)| {
            let movements = movements.iter().enumerate();
            let movements: Vec<String> = movements
                .map(|(n, (asset, amount, state, day, r))| format!("m{n} {asset} {amount} {state} {day} {r}"))
                .collect();
            let texts = |of: usize| -> Vec<String> {
                let lines = lines.iter().filter(|line| line.5 == of);
                lines
                    .map(|(asset, amount, status, day, r, _)| format!("{asset} {amount} {status} {day} {r}"))
                    .collect()
            };
            let refs = |texts: &[String]| -> Vec<String> { texts.to_vec() };
            let build = |id: &str, account: &str, balance: i64, lines: Vec<String>| {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                statement(id, account, &[&format!("USD closing {balance}")], &lines)
            };
            let mut second = build("S2", "A1", 0, refs(&texts(1)));
            second.balances = vec![Balance {
                asset: label("BTC"),
                kind: BalanceKind::Aggregate,
                unit: None,
                amount: quantity(balances[0]),
            }];
            let statements = vec![
                build("S1", "A1", balances[1], refs(&texts(0))),
                second,
                build("S3", "A2", balances[2], vec![]),
            ];
            let held = [
                format!("A1 USD {}", balances[3]),
                format!("A1 BTC {}", balances[4]),
                format!("A1 USD {} proprietary", balances[5]),
            ];
            let held: Vec<&str> = held.iter().map(String::as_str).collect();
            let movements: Vec<&str> = movements.iter().map(String::as_str).collect();
            (extract(&held, &movements), statements)
        },
    )
}

fn sum(result: &Reconciliation, of: impl Fn(&Holding) -> Quantity) -> Quantity {
    result.holdings().iter().map(of).collect::<Vec<_>>().iter().sum()
}

proptest! {
    #[test]
    fn explained_and_unexplained_make_the_drift((extract, statements) in sides()) {
        let result = reconcile(&extract, &statements).unwrap();
        let parts = &sum(&result, Holding::unexplained) + &sum(&result, |holding| holding.explained().clone());
        prop_assert_eq!(parts, sum(&result, Holding::drift));
    }

    #[test]
    fn the_order_of_inputs_changes_nothing((extract, statements) in sides(), turn in 0..7_usize) {
        let result = reconcile(&extract, &statements).unwrap();
        let (mut turned, mut shuffled) = (extract.clone(), statements.clone());
        turned.movements.reverse();
        let middle = turn.min(turned.movements.len());
        turned.movements.rotate_left(middle);
        turned.holdings.rotate_left(turn % 3);
        shuffled.rotate_left(turn % 3);
        shuffled.swap(0, 1);
        let again = reconcile(&turned, &shuffled).unwrap();
        prop_assert_eq!(again.fingerprint(), result.fingerprint());
        prop_assert_eq!(again, result);
    }

    #[test]
    fn each_line_and_movement_is_accounted_for_once((extract, statements) in sides()) {
        let result = reconcile(&extract, &statements).unwrap();
        let mut seen: Vec<String> = result.matches().iter().flat_map(|m| m.ledger.iter().chain(&m.statement)).cloned().collect();
        seen.extend(result.breaks().iter().flat_map(|b| b.refs().to_vec()));
        seen.extend(result.in_flight().iter().cloned());
        seen.sort();
        let mut all: Vec<String> = extract.movements.iter().map(|movement| movement.id.to_string()).collect();
        for statement in &statements {
            let counts = |m: &Movement| matches!(m.status, MovementStatus::Booked | MovementStatus::Pending);
            let lines = statement.movements.iter().enumerate().filter(|(_, m)| counts(m));
            all.extend(lines.map(|(place, _)| format!("{}/{place}", statement.id)));
        }
        all.sort();
        prop_assert_eq!(seen, all);
    }
}
