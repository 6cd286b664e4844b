//! The table of a call's life, walked whole, and the worked cases.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::vectors::{self, Outcome};
use super::*;
use crate::csa::{Multiple, RoundingMode};
use crate::time::Timestamp;
use crate::valuation::Value;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn before() -> Timestamp {
    at("2026-09-02T10:00:00.000Z")
}

fn after_grace() -> Timestamp {
    at("2026-09-03T21:00:00.001Z")
}

fn value(text: &str) -> Option<Value> {
    Some(Value::parse(text).unwrap())
}

fn terms(kind: CallKind, leg: CallLeg) -> CallTerms {
    CallTerms {
        id: "C1".into(),
        leg,
        kind,
        raw: Value::whole(3_395_000),
        mta: Value::whole(500_000),
        multiple: Multiple::new(Value::whole(10_000)).unwrap(),
        mode: match leg {
            CallLeg::Delivery => RoundingMode::Up,
            CallLeg::Return => RoundingMode::Down,
        },
        due_at: at("2026-09-02T21:00:00.000Z"),
        dispute_by: at("2026-09-02T21:00:00.000Z"),
        grace_end: at("2026-09-03T21:00:00.000Z"),
    }
}

fn issued() -> Call {
    Call::issue(terms(CallKind::Demand, CallLeg::Delivery), Value::whole(3_400_000))
}

/// A body with which the command succeeds where it fits.
fn good(verb: Verb) -> CallCommand {
    let text = |text: &str| Some(text.to_owned());
    match verb {
        Verb::Issue => CallCommand::Issue,
        Verb::Acknowledge => CallCommand::Acknowledge,
        Verb::Agree => CallCommand::Agree { amount: value("3400000") },
        Verb::Dispute => CallCommand::Dispute { amount: value("3395000"), reason: text("price") },
        Verb::ResolveDispute => CallCommand::ResolveDispute { amount: value("600000") },
        Verb::Pledge => CallCommand::Pledge { value: value("3400000") },
        Verb::AcceptPledge => CallCommand::AcceptPledge,
        Verb::RejectPledge => CallCommand::RejectPledge { reason: text("not_eligible") },
        Verb::Instruct => CallCommand::Instruct,
        Verb::Settle => CallCommand::Settle { amount: value("1") },
        Verb::Fail => CallCommand::Fail { reason: text("chain_dropped") },
        Verb::Retract => CallCommand::Retract { reason: text("revised_terms") },
        Verb::Supersede => CallCommand::Supersede { by: text("C2") },
        Verb::DeclareDefault => CallCommand::DeclareDefault,
        Verb::WaiveDefault => CallCommand::WaiveDefault,
        Verb::CloseoutStart => CallCommand::CloseoutStart,
        Verb::CloseoutStep => CallCommand::CloseoutStep,
        Verb::CloseoutFinish => CallCommand::CloseoutFinish,
    }
}

fn take(call: &Call, command: &CallCommand, now: Timestamp) -> Result<Step, CallRefusal> {
    step(call, command, command.verb().author(call.terms().leg), now)
}

/// When a command is neither too early nor too late.
fn time_of(verb: Verb) -> Timestamp {
    if verb == Verb::DeclareDefault { after_grace() } else { before() }
}

/// A call in each state, reached by commands alone.
fn in_every_state() -> BTreeMap<CallState, Call> {
    let walk = |verbs: &[Verb]| {
        verbs.iter().fold(issued(), |call, verb| take(&call, &good(*verb), time_of(*verb)).unwrap().call)
    };
    let split = CallCommand::Dispute { amount: value("1095000"), reason: Some("price".into()) };
    let settle = CallCommand::Settle { amount: value("3400000") };
    let to_pledged = [Verb::Agree, Verb::Pledge];
    let to_transit = [Verb::Agree, Verb::Pledge, Verb::AcceptPledge, Verb::Instruct];
    let to_liquidating = [Verb::DeclareDefault, Verb::CloseoutStart];
    let calls = [
        issued(),
        walk(&[Verb::Acknowledge]),
        take(&issued(), &split, before()).unwrap().call,
        walk(&[Verb::Dispute]),
        walk(&[Verb::Agree]),
        walk(&to_pledged),
        walk(&to_transit[..3]),
        walk(&to_transit),
        take(&walk(&to_transit), &settle, before()).unwrap().call,
        walk(&[Verb::Retract]),
        walk(&[Verb::Supersede]),
        walk(&[Verb::DeclareDefault]),
        walk(&to_liquidating),
        walk(&[Verb::DeclareDefault, Verb::CloseoutStart, Verb::CloseoutFinish]),
    ];
    calls.into_iter().map(|call| (call.state(), call)).collect()
}

/// The table of specs/calls.md §5: from, command, to.
const TABLE: &str = "
issued       call.acknowledge      acknowledged
issued       call.agree            agreed
issued       call.dispute          disputed
issued       call.retract          retracted
issued       call.supersede        superseded
issued       call.declare_default  defaulted
acknowledged call.agree            agreed
acknowledged call.dispute          disputed
acknowledged call.retract          retracted
acknowledged call.supersede        superseded
acknowledged call.declare_default  defaulted
disputed     call.resolve_dispute  agreed
disputed     call.retract          retracted
disputed     call.supersede        superseded
agreed       call.pledge           pledged
agreed       call.retract          retracted
agreed       call.supersede        superseded
agreed       call.declare_default  defaulted
pledged      call.accept_pledge    accepted
pledged      call.reject_pledge    agreed
pledged      call.retract          retracted
pledged      call.supersede        superseded
pledged      call.declare_default  defaulted
accepted     transfer.instruct     in_transit
accepted     call.retract          retracted
accepted     call.supersede        superseded
accepted     call.declare_default  defaulted
in_transit   transfer.settle       in_transit
in_transit   transfer.fail         agreed
in_transit   call.declare_default  defaulted
defaulted    call.waive_default    agreed
defaulted    closeout.start        liquidating
liquidating  closeout.step         liquidating
liquidating  closeout.finish       closed_out
";

#[test]
fn every_state_takes_every_command_as_the_table_says() {
    let mut table = BTreeMap::new();
    for row in TABLE.trim().lines() {
        let words: Vec<&str> = row.split_whitespace().collect();
        table.insert((words[0], words[1]), words[2]);
    }
    let calls = in_every_state();
    assert_eq!(calls.len(), CallState::ALL.len());
    for (state, call) in &calls {
        for verb in Verb::ALL {
            let got = take(call, &good(*verb), time_of(*verb));
            let want = table.remove(&(state.as_str(), verb.as_str()));
            let got = got.map(|step| step.call.state().as_str()).map_err(|refusal| refusal.code());
            assert_eq!(got, want.ok_or("wrong_state"), "{state} {verb}");
        }
        let terminal =
            [CallState::Settled, CallState::Retracted, CallState::Superseded, CallState::ClosedOut];
        assert_eq!(call.is_terminal(), terminal.contains(state), "{state}");
    }
    assert!(table.is_empty(), "{table:?}");
}

#[test]
fn only_its_author_gives_a_command() {
    for call in in_every_state().values() {
        for verb in Verb::ALL {
            for by in Actor::ALL.iter().filter(|by| **by != verb.author(CallLeg::Delivery)) {
                let refusal = step(call, &good(*verb), *by, time_of(*verb)).unwrap_err();
                assert_eq!(refusal.code(), "not_authorised", "{verb} by {by}");
            }
        }
    }
}

#[test]
fn a_return_exchanges_the_roles() {
    let call = Call::issue(terms(CallKind::Demand, CallLeg::Return), Value::whole(3_390_000));
    assert!(step(&call, &CallCommand::Acknowledge, Actor::Secured, before()).is_ok());
    assert!(step(&call, &CallCommand::Acknowledge, Actor::Pledgor, before()).is_err());
    assert!(step(&call, &good(Verb::Retract), Actor::Pledgor, before()).is_ok());
    // Rounds down: 3,395,000 - 1,000,001 = 2,394,999.
    let dispute = CallCommand::Dispute { amount: value("1000001"), reason: Some("price".into()) };
    let halves = take(&call, &dispute, before()).unwrap().halves.unwrap();
    assert_eq!(halves.map(|half| half.amount().to_string()), ["2390000", "1000000"]);
}

#[test]
fn calls_that_ask_for_nothing_are_only_seen_or_taken_back() {
    for kind in [CallKind::Expected, CallKind::Notification] {
        let call = Call::issue(terms(kind, CallLeg::Delivery), Value::whole(3_400_000));
        for verb in Verb::ALL {
            let got = take(&call, &good(*verb), time_of(*verb)).map(|_| ()).map_err(|refusal| refusal.code());
            let want = if [Verb::Acknowledge, Verb::Retract, Verb::Supersede].contains(verb) {
                Ok(())
            } else if *verb == Verb::Issue {
                Err("wrong_state")
            } else {
                Err("kind_not_due")
            };
            assert_eq!(got, want, "{kind} {verb}");
        }
        assert_eq!(call.reading(after_grace()), None);
    }
}

#[test]
fn refusals_by_body_come_in_order() {
    let text = |text: &str| Some(text.to_owned());
    let dispute = |amount: Option<&str>, reason: Option<&str>| CallCommand::Dispute {
        amount: amount.and_then(value),
        reason: reason.map(String::from),
    };
    let calls = in_every_state();
    for (state, command, want) in [
        (CallState::Issued, CallCommand::Agree { amount: value("3400000.01") }, "amount_out_of_range"),
        (CallState::Issued, CallCommand::Agree { amount: None }, "ok"),
        (CallState::Issued, dispute(Some("0"), Some("price")), "amount_out_of_range"),
        (CallState::Issued, dispute(Some("-1"), Some("price")), "amount_out_of_range"),
        (CallState::Issued, dispute(Some("3395000.01"), None), "amount_out_of_range"),
        (CallState::Issued, dispute(Some("1"), Some("whim")), "reason_unknown"),
        (CallState::Issued, dispute(None, Some("whim")), "reason_unknown"),
        (CallState::Issued, dispute(Some("1"), None), "missing_field"),
        (CallState::Issued, dispute(None, Some("price")), "missing_field"),
        (CallState::Issued, CallCommand::Retract { reason: text("whim") }, "reason_unknown"),
        (CallState::Issued, CallCommand::Retract { reason: None }, "missing_field"),
        (CallState::Issued, CallCommand::Supersede { by: None }, "missing_field"),
        (
            CallState::Disputed,
            CallCommand::ResolveDispute { amount: value("3400000.01") },
            "amount_out_of_range",
        ),
        (CallState::Disputed, CallCommand::ResolveDispute { amount: value("-1") }, "amount_out_of_range"),
        (CallState::Disputed, CallCommand::ResolveDispute { amount: None }, "missing_field"),
        (CallState::Agreed, CallCommand::Pledge { value: value("3399999.99") }, "insufficient_value"),
        (CallState::Agreed, CallCommand::Pledge { value: None }, "missing_field"),
        (CallState::Pledged, CallCommand::RejectPledge { reason: text("price") }, "reason_unknown"),
        (CallState::InTransit, CallCommand::Settle { amount: value("0") }, "amount_out_of_range"),
        (CallState::InTransit, CallCommand::Settle { amount: value("3400000.01") }, "amount_out_of_range"),
        (CallState::InTransit, CallCommand::Settle { amount: None }, "missing_field"),
        (CallState::InTransit, CallCommand::Fail { reason: text("price") }, "reason_unknown"),
        (CallState::InTransit, CallCommand::Fail { reason: None }, "missing_field"),
    ] {
        let got = take(&calls[&state], &command, before()).map_or_else(|refusal| refusal.code(), |_| "ok");
        assert_eq!(got, want, "{state} {command:?}");
    }
}

#[test]
fn times_are_inclusive() {
    let dispute = good(Verb::Dispute);
    assert!(take(&issued(), &dispute, at("2026-09-02T21:00:00.000Z")).is_ok());
    let late = take(&issued(), &dispute, at("2026-09-02T21:00:00.001Z")).unwrap_err();
    assert_eq!(late.code(), "too_late");
    let early = take(&issued(), &CallCommand::DeclareDefault, at("2026-09-03T21:00:00.000Z")).unwrap_err();
    assert_eq!(early.code(), "too_early");
    for (now, want) in [
        ("2026-09-02T21:00:00.000Z", Reading::Due),
        ("2026-09-02T21:00:00.001Z", Reading::InGrace),
        ("2026-09-03T21:00:00.000Z", Reading::InGrace),
        ("2026-09-03T21:00:00.001Z", Reading::Overdue),
    ] {
        assert_eq!(issued().reading(at(now)), Some(want), "{now}");
    }
    assert_eq!(in_every_state()[&CallState::Disputed].reading(after_grace()), None);
}

#[test]
fn a_dispute_leaves_the_undisputed_part_owed() {
    for (disputed, state, halves) in [
        ("3395000", "disputed", None),
        ("2895000.01", "disputed", None), // 499,999.99 is below the MTA: rounding must not lift it
        ("2895000", "split", Some(["500000", "2900000"])),
        ("1095000", "split", Some(["2300000", "1100000"])),
        ("5000", "split", Some(["3390000", "10000"])),
        ("4999.99", "agreed", None), // rounds up to the whole call
    ] {
        let command = CallCommand::Dispute { amount: value(disputed), reason: Some("haircut".into()) };
        let step = take(&issued(), &command, before()).unwrap();
        let got = step.halves.map(|halves| halves.map(|half| half.amount().to_string()));
        assert_eq!((step.call.state().as_str(), got), (state, halves.map(|pair| pair.map(String::from))));
    }
}

#[test]
fn what_settled_stays_settled() {
    let transit = in_every_state().remove(&CallState::InTransit).unwrap();
    let part = take(&transit, &CallCommand::Settle { amount: value("1400000") }, before()).unwrap().call;
    let failed = take(&part, &good(Verb::Fail), before()).unwrap().call;
    assert_eq!((failed.state(), failed.amount().to_string()), (CallState::Agreed, "2000000".to_owned()));
    let defaulted = take(&part, &CallCommand::DeclareDefault, after_grace()).unwrap().call;
    let waived = take(&defaulted, &CallCommand::WaiveDefault, after_grace()).unwrap().call;
    assert_eq!(waived.amount().to_string(), "2000000");
}

#[test]
fn golden_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/calls.json");
    let report = vectors::run(&std::fs::read(path).unwrap()).unwrap();
    let failed: Vec<_> = report.cases.iter().filter(|case| case.outcome == Outcome::Fail).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let not_yet: Vec<&str> = report
        .cases
        .iter()
        .filter(|case| case.outcome == Outcome::NotYet)
        .map(|case| case.name.as_str())
        .collect();
    assert_eq!(
        not_yet,
        [
            "interest_a360_simple",
            "interest_negative_not_applicable",
            "interest_a365",
            "interest_floor_on_the_period",
            "reuse_140",
            "reuse_fully_paid",
            "reuse_bounded_by_market_value",
            "day_sheet_deficit_offset",
            "weekly_digital_report",
            "waterfall_order",
            "allocate_four_assets",
            "allocate_infeasible",
            "allocate_group_limit",
            "import_margin_ratio_band",
            "import_mixed_bands_refused",
            "import_haircut_that_is_a_percentage",
            "import_haircut_answered",
            "import_limits_mixed_units",
            "import_exclusion_kept",
            "cdm_schedule_1",
            "cdm_schedule_3_mixed_limits",
            "cdm_schedule_3_no_single_answer",
            "cdm_schedule_4_haircuts",
            "cdm_vm_csa_2016_ny",
            "cdm_csa_1994_row_without_valuation",
        ]
    );
    assert_eq!(report.count(Outcome::Pass), 85);
}

proptest! {
    /// Whatever the commands, a split's halves sum to their parent, nothing is owed below zero, and
    /// what is over stays over.
    #[test]
    fn no_sequence_breaks_the_books(
        picks in prop::collection::vec((0_usize..3, 0_usize..18, 0_u64..4_000_000, any::<bool>()), 0..60),
    ) {
        let mut calls = vec![issued()];
        let mut parent_amount = None;
        for (place, verb, amount, late) in picks {
            let Some(call) = calls.get(place).cloned() else { continue };
            let amount = Some(Value::whole(amount));
            let verb = Verb::ALL[verb];
            let command = if verb == Verb::Dispute {
                CallCommand::Dispute { amount, reason: Some("price".into()) }
            } else if verb == Verb::ResolveDispute {
                CallCommand::ResolveDispute { amount }
            } else if verb == Verb::Pledge {
                CallCommand::Pledge { value: amount }
            } else if verb == Verb::Settle {
                CallCommand::Settle { amount }
            } else if verb == Verb::Agree {
                CallCommand::Agree { amount: None }
            } else {
                good(verb)
            };
            let now = if late { after_grace() } else { before() };
            let Ok(step) = take(&call, &command, now) else { continue };
            prop_assert!(!call.is_terminal());
            prop_assert!(*step.call.amount() >= Value::zero());
            prop_assert!(*step.call.amount() <= *call.amount());
            prop_assert!(step.call.state() == CallState::Settled || *step.call.settled() < *step.call.amount()
                || step.call.amount().is_zero());
            if let Some(halves) = step.halves {
                let sum = halves[0].amount() + halves[1].amount();
                prop_assert_eq!(&sum, step.call.amount());
                prop_assert!(*halves[0].amount() >= halves[0].terms().mta);
                parent_amount = Some(sum);
                calls.extend(*halves);
            }
            calls[place] = step.call;
        }
        if let Some(amount) = parent_amount {
            prop_assert_eq!(calls[0].amount(), &amount);
        }
    }
}
