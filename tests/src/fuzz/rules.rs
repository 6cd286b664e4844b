//! What rules say: policies, the breaker's table of a rule book, and how addresses are written.

use ledger::approval::{Condition, PolicyDocument, RuleResult};
use ledger::breaker::{BreakerState, Parameters, Signals, step};
use ledger::chain::{ADDRESS_MAX, Chain, is_address_text, look_alike};
use ledger::json;
use rust_decimal::Decimal;

use super::corpus::examples;
use super::{Cost, Form, Reading, Target};
use crate::scribe::key;
use crate::world;

pub(super) const TARGETS: [Target; 3] = [
    Target { name: "policy_rules", form: Form::Json, cost: Cost::Light, corpus: policies, read: read_policy },
    Target {
        name: "breaker_table",
        form: Form::Bytes,
        cost: Cost::Light,
        corpus: rule_books,
        read: read_rule_book,
    },
    Target { name: "address", form: Form::Bytes, cost: Cost::Light, corpus: addresses, read: read_address },
];

fn policies() -> Vec<Vec<u8>> {
    let of = |limits: &str, rules: &str| {
        let key = key("pb").public().id();
        format!(
            r#"{{"schema":"pledger.policy.v1","covers":["address.allow","movement.*"],
"principals":[{{"principal":"alice","party":"pb","keys":["{key}"]}},{{"principal":"acme","party":"acme"}}],
"groups":[{{"group":"all","members":["acme","alice"]}}],"change":{{"k":"2","group":"all"}},
{limits}"rules":[{rules}{{"rule":"rest","result":"refuse"}}]}}"#
        )
        .into_bytes()
    };
    let limits = r#""limits":[{"limit":"day","window":"PT24H","amounts":[{"asset":"BTC","most":"12.5"}]},
{"limit":"week","window":"P7D","value":{"currency":"USD","most":"1000000","price_age":"PT1H"}}],"#;
    let pair = r#"{"rule":"pair","types":["movement.instruct"],"assets":["BTC"],"classes":["uncleared"],
"amounts":[{"asset":"BTC","most":"1"}],"hours":{"from":"07:30","until":"24:00"},"destination":"allowed",
"value":{"currency":"USD","most":"5","price_age":"PT1H"},
"rolling":{"window":"PT1H","amounts":[{"asset":"BTC","most":"2"}]},"result":"approve","k":"2","group":"all"},"#;
    let free = r#"{"rule":"free","types":["movement.*"],"result":"allow"},"#;
    // Quorums that cannot be met, that the change does not reach, and of nobody.
    let bad = r#"{"rule":"bad","result":"approve","k":"3","group":"all"},"#;
    let none = r#"{"rule":"bad","result":"approve","k":"0","group":"none"},"#;
    vec![of("", ""), of(limits, pair), of("", &[pair, free].concat()), of("", bad), of("", none)]
}

fn read_policy(bytes: &[u8]) -> Reading {
    let read = PolicyDocument::read(bytes);
    match &read {
        Ok(policy) => {
            let items = policy.covers().len()
                + policy.principals().len()
                + policy.groups().len()
                + policy.limits().len()
                + policy.rules().len();
            assert!(items <= bytes.len(), "what it holds stands in it");
            for rule in policy.rules() {
                let RuleResult::Approve(quorum) = &rule.result else { continue };
                let members = policy.members(&quorum.group).count();
                assert!((1..=policy.change().k).contains(&quorum.k), "the change needs the highest quorum");
                assert!(usize::try_from(quorum.k).is_ok_and(|k| k <= members), "a quorum can be met");
            }
            let last = policy.rules().last().expect("a rule");
            assert!(last.when == Condition::default() && last.result == RuleResult::Refuse);
            let tree = json::read(bytes).expect("it was read");
            let again = PolicyDocument::read(tree.to_jcs().as_bytes());
            assert_eq!(again.as_ref(), Ok(policy), "whatever its spelling");
        }
        Err(fault) => assert!(!fault.to_string().is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

fn rule_books() -> Vec<Vec<u8>> {
    let inline: String = world::BOOK.lines().skip(2).map(|line| format!("breaker.{line}\n")).collect();
    let steady = world::BOOK.replace("\"0.5\"", "\"0\"").replace("\"1\"", "\"10000\"");
    let mut all = vec![world::BOOK.into(), inline.into_bytes(), steady.into_bytes()];
    all.extend(examples([
        "breaker = \"none\"\n",
        "[breaker]\nindex_moves = [[]]\n",
        "[other]\n",
        "= no toml",
    ]));
    all.push(format!("breaker = {}", "[".repeat(20_000)).into_bytes());
    all
}

fn read_rule_book(bytes: &[u8]) -> Reading {
    let read = Parameters::of_rule_book(bytes);
    match &read {
        Ok(None) => return Reading::Refused,
        Ok(Some(rules)) => {
            assert_eq!(Parameters::of_rule_book(print(rules).as_bytes()).as_ref(), Ok(&Some(rules.clone())));
            // Whatever the table says, a cycle ends at a level: the worst that can be seen, then nothing.
            let numbers = |worst: Decimal, best: Decimal| Signals {
                index_fall: worst,
                peg: worst,
                confidence: best,
                correlation: best,
                call_share: worst,
            };
            let shut = step(&BreakerState::OPEN, &numbers(Decimal::MAX, Decimal::MIN), rules).state;
            let calm = step(&shut, &numbers(Decimal::MIN, Decimal::MAX), rules).state;
            assert!(BreakerState::OPEN.level <= shut.level && calm.level <= shut.level);
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
    }
    Reading::of(&read)
}

/// The table of a rule book that says the same.
fn print(rules: &Parameters) -> String {
    let [guarded, no_credit, halt] = rules.index_moves();
    let mut table = format!("[breaker]\nindex_moves = [\"{guarded}\", \"{no_credit}\", \"{halt}\"]\n");
    for (name, value) in [
        ("peg_deviation", rules.peg_deviation().to_string()),
        ("min_confidence", rules.min_confidence().to_string()),
        ("min_correlation", rules.min_correlation().to_string()),
        ("call_share", rules.call_share().to_string()),
        ("guarded_factor", rules.guarded_factor().to_string()),
        ("ramp_cycles", rules.ramp_cycles().to_string()),
        ("calm_cycles", rules.calm_cycles().to_string()),
        ("withdrawal_delay_cycles", rules.withdrawal_delay_cycles().to_string()),
    ] {
        table.push_str(&format!("{name} = \"{value}\"\n"));
    }
    table
}

/// A chain, a space and an address on it.
fn addresses() -> Vec<Vec<u8>> {
    examples([
        "bitcoin BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bitcoin bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "bitcoin-testnet tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
        "Bitcoin 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "bitcoin 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "ethereum 0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        "base 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "ethereum 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "stellar GDQP2KPQ?memo=12",
    ])
}

fn read_address(bytes: &[u8]) -> Reading {
    let text = std::str::from_utf8(bytes).ok();
    let Some((chain, text)) = text.and_then(|text| text.split_once(' ')) else { return Reading::Refused };
    let Ok(chain) = Chain::parse(chain) else { return Reading::Refused };
    assert_eq!(Chain::parse(chain.as_str()).as_ref(), Ok(&chain), "a chain's name has one spelling");
    let read = chain.normal(text);
    if let Ok(normal) = &read {
        assert!(is_address_text(text) && normal.len() == text.len() && normal.len() <= ADDRESS_MAX);
        assert!(normal.eq_ignore_ascii_case(text), "only the case of letters is made one");
        assert_eq!(chain.normal(normal).as_ref(), Ok(normal), "the normal form is its own");
        assert!(!look_alike(normal, normal), "nothing is taken for itself");
    }
    Reading::of(&read)
}
