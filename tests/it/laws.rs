//! Laws that hold whatever is asked: random commands on one ledger, each checked, in a random order of
//! good and bad ones.

use std::collections::BTreeMap;

use ledger::account::Book;
use ledger::amount::print_units;
use ledger::breaker::{self, BreakerState, Parameters, Signals, Step};
use ledger::call::CallState;
use ledger::digest::Digest;
use ledger::merkle::{Frontier, leaf_hash, root_of};
use ledger::record::Record;
use ledger::rejection::Rejection;
use ledger::replay;
use ledger::snapshot;
use ledger::state::{Change, State};
use ledger::store::StoredRecord;
use num_bigint::BigInt;
use proptest::prelude::*;
use rust_decimal::Decimal;
use tests::driver::{Driver, Refused};
use tests::world;

const ACCOUNTS: [&str; 12] = [
    "acme.btc",
    "acme.btc.p",
    "acme.usdc",
    "acme.usdc.p",
    "acme.tok",
    "acme.fut",
    "acme.vault",
    "zeta.btc",
    "zeta.btc.p",
    "ext.btc",
    "ext.usdc",
    "ext.vault",
];
const PARTIES: [&str; 6] = ["pb", "acme", "zeta", "bank", "vault", "aud"];
const ASSETS: [&str; 3] = ["BTC", "USDC", "TOK"];
const AMOUNTS: [&str; 8] = [
    "0.00000001",
    "1",
    "2.5",
    "100000",
    "0",
    "0.0000000000000000001",
    "170141183460469231731687303715",
    "3402823669209384634633746074317.68211455",
];

/// One choice among many, small numbers more often: most commands then meet what others left.
#[derive(Clone, Debug)]
struct Choice(Vec<u32>);

impl Choice {
    fn of<'a>(&self, place: usize, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.0[place]).expect("small") % from.len()]
    }

    fn id(&self, place: usize, kind: &str) -> String {
        format!("{kind}{}", self.0[place] % 5)
    }
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let one = prop::collection::vec(any::<u32>(), 12).prop_map(Choice);
    prop::collection::vec(one, 120..240)
}

/// Where postings usually go, so that many hold.
const WAYS: [&str; 8] = [
    "ext.btc>acme.btc",
    "ext.btc>zeta.btc",
    "acme.btc>acme.btc.p",
    "acme.btc.p>acme.btc",
    "acme.btc>ext.btc",
    "ext.usdc>acme.usdc",
    "acme.usdc>acme.usdc.p",
    "acme.btc>zeta.btc",
];

fn posting(choice: &Choice, place: usize) -> String {
    let amount = choice.of(place, &AMOUNTS[..if choice.0[place + 1].is_multiple_of(4) { 8 } else { 3 }]);
    if !choice.0[place + 2].is_multiple_of(5) {
        let way = choice.of(place + 2, &WAYS);
        let asset = if way.contains("usdc") { "USDC" } else { "BTC" };
        let amount = if asset == "USDC" && amount == "0.00000001" { "0.000001" } else { amount };
        return format!("{way}:{amount}:{asset}");
    }
    let (from, to) = (choice.of(place, &ACCOUNTS), choice.of(place + 1, &ACCOUNTS));
    format!("{from}>{to}:{amount}:{}", choice.of(place + 2, &ASSETS))
}

fn line(choice: &Choice) -> String {
    let who = |place: usize, likely: &'static str| {
        if !choice.0[place].is_multiple_of(6) { likely } else { choice.of(place, &PARTIES) }
    };
    let movement = format!("m{}", choice.0[1] % 24);
    match choice.0[0] % 27 {
        0..=4 => {
            let mode = choice.of(2, &["immediate", "two_phase", "two_phase"]);
            let expires = if choice.0[3].is_multiple_of(3) { " expires=+5000" } else { "" };
            let mut postings = posting(choice, 4);
            if choice.0[7].is_multiple_of(3) {
                postings = format!("{postings},{}", posting(choice, 8));
            }
            let likely = if choice.0[11].is_multiple_of(2) { "pb" } else { "acme" };
            format!(
                "{} movement.instruct movement={movement} mode={mode}{expires} postings={postings}",
                who(11, likely)
            )
        }
        5..=7 => format!(
            "{} movement.settle movement={movement} evidence=doc:e{}",
            who(2, "bank"),
            choice.0[3] % 3
        ),
        8 => format!("{} movement.void movement={movement} reason=x", who(2, "pb")),
        9 => format!("pb prices set=s{} BTC={} USDC=1", choice.0[1], 40_000 + choice.0[2] % 20_000),
        10 => format!(
            "{} positions portfolio=P{} digest=doc:p{}",
            who(1, "acme"),
            choice.0[2] % 2,
            choice.0[3] % 3
        ),
        11 => format!(
            "{} margin statement=s{} portfolio=P{} agreement=CSA-1 requirement={} collateral_value=160000 regime=doc:book",
            who(1, "pb"),
            choice.0[2],
            choice.0[3] % 2,
            choice.0[4] % 400_000
        ),
        12 => format!(
            "pb call.issue call={} agreement=CSA-1 version=2 statement=last leg=delivery kind=demand amount=last currency=USD due=+0",
            choice.id(1, "c")
        ),
        13 | 20 => format!("{} call.agree call=open amount=last", who(2, "acme")),
        14 | 21 => format!(
            "{} call.pledge call=open items=acme.btc:{}:BTC value=last",
            who(2, "acme"),
            2 + choice.0[3] % 5
        ),
        15 => format!("{} call.accept_pledge call=open pledge=@", who(2, "pb")),
        16 => {
            let steps = ["call.reject_pledge", "call.retract", "call.dispute"];
            match choice.of(2, &steps) {
                "call.reject_pledge" => {
                    "pb call.reject_pledge call=open pledge=@ reason=not_eligible".to_owned()
                }
                "call.retract" => "pb call.retract call=open reason=newer_calculation".to_owned(),
                _ => "acme call.dispute call=open amount=5000 reason=price".to_owned(),
            }
        }
        22..=26 => control(choice),
        17 => format!("{} transfer.instruct call=open movement={movement} postings=items", who(2, "acme")),
        18 => format!(
            "{} transfer.settle call=open movement=carrier amount=last evidence=doc:e0",
            who(2, "bank")
        ),
        _ => format!("{} transfer.fail call=open movement=carrier reason=chain_dropped", who(2, "bank")),
    }
}

/// A step of the breaker, or an override.
fn control(choice: &Choice) -> String {
    let who = if choice.0[1].is_multiple_of(6) { choice.of(1, &PARTIES) } else { "pb" };
    let name = format!("o{}", choice.0[2] % 40);
    match choice.0[0] % 27 {
        22 | 23 => format!("{who} breaker.step pool=book {}", choice.of(2, &SEEN)),
        24 | 25 => format!(
            "{who} override.grant override={name} rule={} object={} limit={} reason=x until=+{}",
            choice.of(3, &["release_uncovers", "statement_stale", "breaker_open"]),
            choice.of(4, &["acme.btc", "acme.btc.p", "zeta.btc"]),
            choice.of(5, &["0.5", "1", "10", "0"]),
            choice.0[6] % 90_000
        ),
        _ => format!("{who} override.revoke override={name} reason=x"),
    }
}

/// What a pool's cycle sees.
const SEEN: [&str; 6] = [
    "signals=0,0,1,1,0",
    "signals=0,0,1,1,0.01",
    "signals=0,0.011,1,1,0",
    "signals=0,0,0.5,1,0",
    "signals=0.2,0,1,1,0",
    "signals=0.13,0.03,1,0.1,0.2",
];

/// The step that the rules make of what is seen, as it would be signed.
fn stepped(line: &str, driver: &Driver) -> String {
    let Some((_, seen)) = line.split_once("signals=") else { return line.to_owned() };
    let numbers: Vec<_> = seen.split(',').filter_map(|text| Decimal::from_str_exact(text).ok()).collect();
    let [index_fall, peg, confidence, correlation, call_share] = numbers[..] else { panic!("{line}") };
    let signals = Signals { index_fall, peg, confidence, correlation, call_share };
    let stood = driver.state.pools().next().map_or(BreakerState::OPEN, |pool| pool.state);
    let rules = Parameters::of_rule_book(world::BOOK.as_bytes()).expect("a book").expect("a breaker");
    let Step { state, reasons, .. } = breaker::step(&stood, &signals, &rules);
    let reasons: Vec<_> = reasons.iter().map(|reason| reason.as_str()).collect();
    let BreakerState { level, theta_factor, calm } = state;
    format!("{line} level={level} theta_factor={theta_factor} calm={calm} reasons={}", reasons.join(","))
}

/// Puts in what only the state knows: the last statement, a call at a fitting stage, what it asks and
/// what carries it.
fn fit(line: &str, driver: &Driver) -> String {
    let state = &driver.state;
    let mut line = line.to_owned();
    if let Some(newest) = state.statements().max_by_key(|statement| statement.changed_seq) {
        line = line.replace("statement=last", &format!("statement={}", newest.id));
    }
    let verb = line.split_whitespace().nth(1).unwrap_or_default();
    let fits: &[CallState] = match verb {
        "call.agree" | "call.dispute" => &[CallState::Issued, CallState::Acknowledged],
        "call.pledge" => &[CallState::Agreed],
        "call.accept_pledge" | "call.reject_pledge" => &[CallState::Pledged],
        "call.retract" => &[CallState::Pledged, CallState::Accepted, CallState::Disputed],
        "transfer.instruct" => &[CallState::Accepted],
        _ => &[CallState::InTransit],
    };
    let open = state.calls().find(|call| fits.contains(&call.state()));
    if let Some(call) = open.filter(|_| line.contains("call=open")) {
        let carrier = call.movement.as_ref().map_or("carrier", |movement| movement.as_str());
        let amount = if verb == "transfer.settle" { call.call.pledged() } else { call.amount() };
        let items = call.items.iter().map(|item| {
            let amount = print_units(item.units, 8);
            format!("{}>{}.p:{amount}:{}", item.from, item.from, item.asset)
        });
        line = line
            .replace("call=open", &format!("call={}", call.id))
            .replace("movement=carrier", &format!("movement={carrier}"))
            .replace("=last", &format!("={amount}"))
            .replace("postings=items", &format!("postings={}", items.collect::<Vec<_>>().join(",")));
    }
    let line = stepped(&line, driver);
    line.replace("=last", "=1").replace("postings=items", "postings=acme.btc>acme.btc.p:1:BTC")
}

/// Plays a line; a call of a wrong amount is issued again with the right one.
fn play(driver: &mut Driver, line: &str) -> Result<Digest, Refused> {
    let outcome = driver.line(line);
    if let (Ok(id), true) = (&outcome, line.contains("override.grant")) {
        // Whoever is asked may be suspended, or have lost its keys: then it waits.
        let _ = driver.line(&format!("acme approval.give command_id={id}"));
    }
    if let Err(Refused::Rejected(rejection)) = &outcome
        && let Rejection::AmountOutOfRange { expected, .. } = rejection.as_ref()
        && line.contains("call.issue")
        && !expected.contains(' ')
    {
        return driver.line(&line.replace("amount=1 ", &format!("amount={expected} ")));
    }
    outcome
}

/// With or without live overrides: per asset, and per asset and custodian, all accounts sum to zero; what is pending was there; and each
/// account's pending figures are those of the movements and pledges that are open.
fn check(state: &State) {
    let mut sums: BTreeMap<&str, BigInt> = BTreeMap::new();
    let mut out: BTreeMap<&str, BigInt> = BTreeMap::new();
    let mut into: BTreeMap<&str, BigInt> = BTreeMap::new();
    for movement in state.movements() {
        if movement.status == ledger::movement::MovementStatus::Pending {
            for posting in &movement.postings {
                *out.entry(posting.from.as_str()).or_default() += BigInt::from(posting.units);
                *into.entry(posting.to.as_str()).or_default() += BigInt::from(posting.units);
            }
        }
    }
    for call in state.calls().filter(|call| call.movement.is_none()) {
        for item in &call.items {
            *out.entry(item.from.as_str()).or_default() += BigInt::from(item.units);
        }
    }
    for account in state.accounts() {
        let settled = BigInt::from(account.settled);
        let sum = sums.entry(account.asset.as_str()).or_default();
        if account.book == Book::External {
            *sum -= settled;
        } else {
            *sum += settled;
            assert!(account.pending_out <= account.settled, "{}: pending exceeds what is there", account.id);
        }
        let of = |map: &BTreeMap<&str, BigInt>| map.get(account.id.as_str()).cloned().unwrap_or_default();
        assert_eq!(BigInt::from(account.pending_out), of(&out), "{}: pending out", account.id);
        assert_eq!(BigInt::from(account.pending_in), of(&into), "{}: pending in", account.id);
    }
    for (asset, sum) in sums {
        assert_eq!(sum, BigInt::ZERO, "{asset}: postings conserve value");
    }
}

/// Prefix stability: the state after n records and the root of their tree are what they were when the
/// ledger had no more than those, whatever followed; the records alone give them, to the end; and a
/// snapshot from half-way leads to the same end. `take_up` compares the effects of each record.
fn check_prefixes(driver: &Driver, lived: &[State]) {
    let records = &driver.kept.records;
    let leaves: Vec<Digest> =
        (0..).zip(records).map(|(seq, stored)| leaf_hash(&Record::of(seq, stored).leaf())).collect();
    let mut tree = Frontier::default();
    let mut roots = vec![tree.head().root];
    for leaf in &leaves {
        tree.push(*leaf);
        roots.push(tree.head().root);
    }
    let length_of = |state: &State| usize::try_from(state.length()).expect("tests are short");
    let take_up = |state: &State, records: &[StoredRecord]| {
        records.iter().fold(state.clone(), |state, stored| {
            match replay::take_up(&state, stored, &driver.kept) {
                Ok(taken) => taken.state,
                Err(error) => panic!("{error}"),
            }
        })
    };
    let mut replayed = State::new(world::ORIGIN);
    for state in lived.iter().chain([&driver.state]) {
        let length = length_of(state);
        replayed = take_up(&replayed, &records[length_of(&replayed)..length]);
        assert!(replayed == *state, "the state after {length} records is what it was");
        assert_eq!(root_of(leaves[..length].iter().copied()), roots[length], "and so is the root");
    }
    if let Some(state) = lived.get(lived.len() / 2) {
        let root = roots[length_of(state)];
        let (kept, _) = snapshot::load(&snapshot::store(state, root), world::ORIGIN).expect("a snapshot");
        let end = take_up(&kept, &records[length_of(state)..]);
        assert!(end == driver.state, "a snapshot leads to the same end");
    }
}

thread_local! {
    static STAGE: Driver = {
        let mut driver = Driver::with_world(false);
        driver.play(world::FOUR_EYES);
        driver
    };
}

fn on_stage() -> Driver {
    STAGE.with(|stage| {
        let mut driver = Driver {
            state: stage.state.clone(),
            kept: tests::driver::Kept {
                records: stage.kept.records.clone(),
                documents: stage.kept.documents.clone(),
            },
            scribe: stage.scribe.clone(),
            now: stage.now,
            effects: stage.effects.clone(),
        };
        driver.play(
            "pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
             bank movement.settle movement=rich evidence=doc:rich",
        );
        driver.play(world::POOL);
        driver
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked(choices in choices()) {
        let mut driver = on_stage();
        let first = driver.state.length();
        let mut lived = Vec::new();
        for choice in &choices {
            driver.wait(u64::from(choice.0[10] % 1_500));
            let line = fit(&line(choice), &driver);
            let (before, records) = (driver.state.clone(), driver.kept.records.len());
            match play(&mut driver, &line) {
                Ok(_) => {
                    // An override comes with what is said of it.
                    let more = u64::from(line.contains("override.grant"));
                    let recorded = driver.state.length() - before.length();
                    prop_assert!((1..=1 + more).contains(&recorded), "{}: {} records", line, recorded);
                    check(&driver.state);
                    lived.push(driver.state.clone());
                }
                Err(_) => {
                    prop_assert!(driver.state == before, "a refusal changes nothing: {}", line);
                    prop_assert_eq!(driver.kept.records.len(), records);
                }
            }
        }
        prop_assert!(driver.state.length() >= first);
        // A snapshot is the state, and what follows it is the same after either.
        let root = Digest::of(b"root");
        let kept = snapshot::store(&driver.state, root);
        let loaded = snapshot::load(&kept, world::ORIGIN);
        prop_assert_eq!(loaded, Some((driver.state.clone(), root)));
        check_prefixes(&driver, &lived);
    }
}

/// The random commands reach what the laws are about: else they would prove nothing.
#[test]
fn random_commands_reach_every_kind_of_step() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut held: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..60 {
        let choices = choices().new_tree(&mut runner).expect("choices").current();
        let mut driver = on_stage();
        for choice in &choices {
            driver.wait(u64::from(choice.0[10] % 1_500));
            let line = fit(&line(choice), &driver);
            if play(&mut driver, &line).is_ok() {
                let kind = line.split_whitespace().nth(1).expect("a type").to_owned();
                *held.entry(kind).or_default() += 1;
                for change in &driver.effects.0 {
                    if let Change::Pool(pool) = change {
                        *held.entry(pool.level().to_string()).or_default() += 1;
                    }
                    if let Change::Override(granted) = change
                        && !granted.uses.is_empty()
                    {
                        *held.entry(format!("lifted {}", granted.rule)).or_default() += 1;
                    }
                    if let Change::Call(call) = change
                        && call.held.is_some()
                    {
                        *held.entry("held call".to_owned()).or_default() += 1;
                    }
                }
            }
        }
    }
    println!("{held:?}");
    for kind in [
        "movement.instruct",
        "movement.settle",
        "movement.void",
        "prices",
        "margin",
        "call.issue",
        "call.agree",
        "call.pledge",
        "call.accept_pledge",
        "call.retract",
        "call.dispute",
        "call.reject_pledge",
        "transfer.instruct",
        "transfer.settle",
        "transfer.fail",
        "breaker.step",
        "guarded",
        "no_credit",
        "halt",
        "held call",
        "override.grant",
        "override.revoke",
        "lifted release_uncovers",
        "lifted breaker_open",
    ] {
        assert!(held.contains_key(kind), "no {kind} ever held: {held:?}");
    }
}
