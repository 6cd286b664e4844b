use proptest::prelude::*;

use super::*;

const BOOK: &str = r#"
[breaker]
index_moves = ["0.07", "0.13", "0.2"]
peg_deviation = "0.01"
min_confidence = "0.55"
min_correlation = "0.5"
call_share = "0.1"
guarded_factor = "0.5"
ramp_cycles = "5"
calm_cycles = "3"
withdrawal_delay_cycles = "1"
"#;

fn rules() -> Parameters {
    Parameters::of_rule_book(BOOK.as_bytes()).unwrap().unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// `index_fall peg confidence correlation call_share`
fn signals(text: &str) -> Signals {
    let numbers: Vec<_> = text.split(' ').map(decimal).collect();
    let [index_fall, peg, confidence, correlation, call_share] = numbers[..] else { panic!("{text}") };
    Signals { index_fall, peg, confidence, correlation, call_share }
}

const CALM: &str = "0 0 1 1 0";

#[test]
fn each_signal_asks_at_its_threshold() {
    for (seen, target, reasons) in [
        (CALM, "normal", ""),
        ("-0.5 0 1 1 0", "normal", ""), // a rise
        ("0.0699999999999999999999999999 0 1 1 0", "normal", ""),
        ("0.07 0 1 1 0", "guarded", "index_fall"), // at least
        ("0.13 0 1 1 0", "no_credit", "index_fall"),
        ("0.2 0 1 1 0", "halt", "index_fall"),
        ("0 0.01 1 1 0", "normal", ""), // more than
        ("0 0.0100000000000000000000000001 1 1 0", "guarded", "peg"),
        ("0 0.02 1 1 0", "guarded", "peg"),
        ("0 0.021 1 1 0", "no_credit", "peg"),
        ("0 0 0.55 1 0", "normal", ""), // less than
        ("0 0 0.5499 1 0", "no_credit", "confidence"),
        ("0 0 1 0.5 0", "normal", ""),
        ("0 0 1 0.49 0", "guarded", "correlation"),
        ("0 0 1 -1 0", "guarded", "correlation"),
        ("0 0 1 1 0.1", "normal", ""),
        ("0 0 1 1 0.11", "guarded", "call_share"),
        ("0 0 1 1 0.3", "guarded", "call_share"),
        ("0 0 1 1 0.31", "no_credit", "call_share"),
        ("0.07 0.03 0.1 0.1 0.2", "no_credit", "index_fall peg confidence correlation call_share"),
    ] {
        let step = step(&BreakerState::OPEN, &signals(seen), &rules());
        let told: Vec<_> = step.reasons.iter().map(|reason| reason.as_str()).collect();
        assert_eq!((step.target.as_str(), told.join(" ").as_str()), (target, reasons), "{seen}");
    }
}

/// One row for each cycle: what the target is, then level, factor and calm after it.
#[test]
fn up_at_once_and_down_one_level_at_a_time() {
    let [guarded, no_credit, halt] = ["0.07 0 1 1 0", "0.13 0 1 1 0", "0.2 0 1 1 0"];
    let mut state = BreakerState::OPEN;
    for (seen, after) in [
        (CALM, "normal 1 0"),
        (guarded, "guarded 0.8 0"),
        (guarded, "guarded 0.6 0"),
        (guarded, "guarded 0.5 0"), // the goal, not beyond
        (no_credit, "no_credit 0.3 0"),
        (halt, "halt 0.3 0"), // stands still
        (CALM, "halt 0.3 1"),
        (no_credit, "halt 0.3 2"), // below the level is calm enough
        (halt, "halt 0.3 0"),      // and starts anew
        (CALM, "halt 0.3 1"),
        (CALM, "halt 0.3 2"),
        (CALM, "no_credit 0.1 0"), // one level, however calm
        (CALM, "no_credit 0 1"),
        (CALM, "no_credit 0 2"),
        (CALM, "guarded 0.2 0"),
        (CALM, "guarded 0.4 1"),
        (CALM, "guarded 0.5 2"),
        (CALM, "normal 0.7 0"),
        (CALM, "normal 0.9 0"),
        (CALM, "normal 1 0"),
        (halt, "halt 1 0"), // from the top at once: all of the credit stays where it was
    ] {
        state = step(&state, &signals(seen), &rules()).state;
        assert_eq!(format!("{} {} {}", state.level, state.theta_factor, state.calm), after, "{seen}");
    }
}

/// A third has no last decimal: the pace is rounded down, and one cycle more ends it.
#[test]
fn a_pace_that_does_not_divide_is_never_more() {
    let book = BOOK.replace("ramp_cycles = \"5\"", "ramp_cycles = \"3\"");
    let rules = Parameters::of_rule_book(book.as_bytes()).unwrap().unwrap();
    let mut state = BreakerState::OPEN;
    let factors: Vec<_> = (0..5)
        .map(|_| {
            state = step(&state, &signals("0.13 0 1 1 0"), &rules).state;
            state.theta_factor.to_string()
        })
        .collect();
    assert_eq!(factors, ["0.66666667", "0.33333334", "0.00000001", "0", "0"]);
}

#[test]
fn tables_that_are_none() {
    for (from, to, pointer) in [
        ("\"0.07\", ", "", "/index_moves"),
        ("0.07", "0.14", "/index_moves"),
        ("0.07", "-0.07", "/index_moves"),
        ("peg_deviation = \"0.01\"", "peg_deviation = \"1.01\"", "/peg_deviation"),
        ("peg_deviation = \"0.01\"", "peg_deviation = 1", "/peg_deviation"),
        ("peg_deviation = \"0.01\"", "", "/peg_deviation"),
        ("min_confidence = \"0.55\"", "min_confidence = \"-0.55\"", "/min_confidence"),
        ("guarded_factor = \"0.5\"", "guarded_factor = \"0.123456789\"", "/guarded_factor"),
        ("guarded_factor = \"0.5\"", "guarded_factor = \"1.5\"", "/guarded_factor"),
        ("ramp_cycles = \"5\"", "ramp_cycles = \"0\"", "/ramp_cycles"),
        ("ramp_cycles = \"5\"", "ramp_cycles = \"1.5\"", "/ramp_cycles"),
        ("calm_cycles = \"3\"", "calm_cycles = \"0\"", "/calm_cycles"),
        ("calm_cycles = \"3\"", "calm_cycles = \"10001\"", "/calm_cycles"),
        ("[breaker]", "[breaker]\nlimit = \"1\"", "/limit"),
        (BOOK, "breaker = \"none\"", ""),
    ] {
        let error = Parameters::of_rule_book(BOOK.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error.pointer, pointer, "{to}: {error}");
    }
    for none in ["", "a = \"b\"", "not toml at all {", "{\"breaker\":{}}"] {
        assert_eq!(Parameters::of_rule_book(none.as_bytes()), Ok(None), "{none}");
    }
    assert_eq!(Parameters::of_rule_book(&[0xff]), Ok(None));
}

#[test]
fn factors_have_one_spelling() {
    for text in ["0", "0.5", "0.00000001", "1"] {
        assert_eq!(Factor::parse(text).unwrap().to_string(), text);
    }
    for bad in ["1.00000001", "-0.5", "0.123456789", "0.50", "", "2"] {
        assert_eq!(Factor::parse(bad), None, "{bad}");
    }
}

fn any_share() -> impl Strategy<Value = Decimal> {
    (0..=1_000_u32).prop_map(|thousandths| Decimal::new(thousandths.into(), 3))
}

prop_compose! {
    fn any_signals()(
        index_fall in any_share(), peg in any_share(), confidence in any_share(),
        correlation in any_share(), call_share in any_share(), calm in any::<bool>(),
    ) -> Signals {
        if calm { signals(CALM) } else { Signals { index_fall, peg, confidence, correlation, call_share } }
    }
}

prop_compose! {
    fn any_rules()(
        mut moves in [any_share(), any_share(), any_share()],
        peg_deviation in any_share(), min_confidence in any_share(), min_correlation in any_share(),
        call_share in any_share(), guarded_factor in any_share(), ramp in 1..9_u32, calm in 1..6_u32,
    ) -> Parameters {
        moves.sort();
        let [one, two, three] = moves;
        let book = format!(
            "[breaker]\nindex_moves = [{:?}, {:?}, {:?}]\npeg_deviation = {:?}\nmin_confidence = {:?}\n\
             min_correlation = {:?}\ncall_share = {:?}\nguarded_factor = {:?}\nramp_cycles = \"{ramp}\"\n\
             calm_cycles = \"{calm}\"\nwithdrawal_delay_cycles = \"1\"\n",
            print(one), print(two), print(three), print(peg_deviation), print(min_confidence),
            print(min_correlation), print(call_share), print(guarded_factor),
        );
        Parameters::of_rule_book(book.as_bytes()).unwrap().unwrap()
    }
}

fn print(decimal: Decimal) -> String {
    decimal.normalize().to_string()
}

proptest! {
    /// Over any path: the level never falls before its calm cycles, and then by one; it never stays
    /// below the target; the factor never moves by more than its pace, and in a halt not at all.
    #[test]
    fn no_path_skips_calm_or_ramp(rules in any_rules(), path in prop::collection::vec(any_signals(), 1..60)) {
        let pace = Ratio::new(BigInt::from(1), rules.ramp_cycles().into());
        let mut state = BreakerState::OPEN;
        let mut calm_in_a_row = 0;
        for seen in path {
            let Step { state: next, target, reasons } = step(&state, &seen, &rules);
            calm_in_a_row = if target < state.level { calm_in_a_row + 1 } else { 0 };
            prop_assert!(next.level >= target, "never below the target");
            prop_assert_eq!(target == Level::Normal, reasons.is_empty());
            if next.level < state.level {
                prop_assert!(calm_in_a_row >= rules.calm_cycles());
                prop_assert_eq!(next.level, below(state.level));
                calm_in_a_row = 0;
            }
            let (before, after) = (state.theta_factor.exact(), next.theta_factor.exact());
            let moved = if before > after { &before - &after } else { &after - &before };
            prop_assert!(moved <= pace, "moved {moved}");
            if next.level == Level::Halt {
                prop_assert_eq!(next.theta_factor, state.theta_factor);
            }
            if next.level >= Level::NoCredit {
                prop_assert!(after <= before, "no credit comes back while it is withdrawn");
            }
            state = next;
        }
    }

    /// After enough calm everything is open again, whatever came before.
    #[test]
    fn calm_opens_everything(rules in any_rules(), path in prop::collection::vec(any_signals(), 0..20)) {
        let mut state = BreakerState::OPEN;
        for seen in path {
            state = step(&state, &seen, &rules).state;
        }
        let asks = step(&BreakerState::OPEN, &signals(CALM), &rules).target;
        prop_assume!(asks == Level::Normal);
        for _ in 0..3 * rules.calm_cycles() + rules.ramp_cycles() + 1 {
            state = step(&state, &signals(CALM), &rules).state;
        }
        prop_assert_eq!(state, BreakerState::OPEN);
    }
}
