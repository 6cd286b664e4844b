//! The approval machine against a model of a dozen lines, over random histories of what people say.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tests::driver::Driver;

use crate::policies::{stage, two_of_three};

/// What somebody says of the one command that waits.
#[derive(Clone, Copy, Debug)]
enum Said {
    Give(usize),
    Refuse(usize),
    Withdraw(usize),
    Wait(u64),
}

/// The broker's people, by the key they sign with; the last one is the maker's own key.
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "pb"];

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        6 => (0..4_usize).prop_map(Said::Give),
        1 => (0..4_usize).prop_map(Said::Refuse),
        2 => (0..4_usize).prop_map(Said::Withdraw),
        1 => (1..400_000_u64).prop_map(Said::Wait),
    ]
}

/// What must come of it: who approved, and whether it is over.
#[derive(Default)]
struct Model {
    approved: BTreeSet<usize>,
    over: bool,
    waited: u64,
}

impl Model {
    fn says(&mut self, said: Said) -> &'static str {
        let who = match said {
            Said::Wait(ms) => {
                self.waited += ms;
                return "ok";
            }
            Said::Give(who) | Said::Refuse(who) | Said::Withdraw(who) => who,
        };
        let maker = PEOPLE[who] == "pb";
        if !self.over && self.waited >= 600_000 {
            return "expired";
        }
        match said {
            Said::Give(_) | Said::Refuse(_) if maker => return "maker_may_not_approve",
            Said::Give(_) if self.approved.contains(&who) => return "already_approved",
            Said::Give(_) | Said::Refuse(_) | Said::Withdraw(_) if self.over => return "already_decided",
            Said::Give(_) => {
                self.approved.insert(who);
                self.over = self.approved.len() == 2;
            }
            Said::Refuse(_) => self.over = true,
            // One's own approval; without one, the command of one's party.
            Said::Withdraw(_) => self.over = !self.approved.remove(&who),
            Said::Wait(_) => {}
        }
        "ok"
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_history_applies_what_two_others_did_not_approve(history in prop::collection::vec(said(), 1..12)) {
        let mut driver: Driver = stage(&[("p1", two_of_three())]);
        for line in [
            "pb policy.set policy=main scope=pb rules=doc:p1 version=1",
            "pb/alice approval.give command_id=@main",
            "pb/bob approval.give command_id=@main",
            "pb asset.define asset=X kind=crypto decimals=1",
        ] {
            prop_assert!(driver.line(line).is_ok(), "{}", line);
        }
        let mut model = Model::default();
        for said in history {
            let expected = model.says(said);
            let (verb, who) = match said {
                Said::Wait(ms) => { driver.wait(ms); continue }
                Said::Give(who) => ("give", who),
                Said::Refuse(who) => ("refuse", who),
                Said::Withdraw(who) => ("withdraw", who),
            };
            let line = format!("pb/{} approval.{verb} command_id=@X", PEOPLE[who]);
            let got = driver.line(&line).err().map_or("ok", |refused| refused.code());
            prop_assert_eq!(got, expected, "{}", line);
            let applied = driver.state.assets().any(|asset| asset.id.as_str() == "X");
            prop_assert_eq!(applied, model.over && model.approved.len() == 2);
        }
        prop_assert_eq!(driver.replayed(), driver.state);
    }
}
