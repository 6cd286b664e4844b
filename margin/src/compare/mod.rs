//! How much capital the wall between securities and commodities margining traps on one book, and
//! why: measured, with the costs of merging beside the savings.

pub(crate) mod collateral;
mod ladder;
mod shapley;

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::{Exact, print_scaled};
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::time::Timestamp;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

use crate::error::Failure;
use crate::input::{self, Purpose};
use crate::money::{Currency, Figure, half_even};
use crate::regime::harmonized::{Desk, Harmonized};
use crate::regime::prepared::siloed_desk;
use crate::regime::siloed::Siloed;
use crate::regime::{RegimeRef, Rules};
use crate::run::Checked;
use ladder::{Climb, LINES, RUNGS, WALLS};

/// The schema of a printed comparison.
const COMPARE_SCHEMA: &str = "pledger.margin.compare.v1";
/// Decimals of `percent`.
const PERCENT_DECIMALS: usize = 4;

/// The status quo against the harmonised rule book on one book, in whole cents (or 1e-8 of a coin).
#[derive(Clone, Debug)]
pub struct Comparison {
    as_of: Timestamp,
    input_sha256: Digest,
    currency: Currency,
    regimes: Vec<(String, Digest)>,
    rungs: Vec<BigInt>,
    /// Each account's ladder to 1e-8; the rungs are their sums.
    accounts: Vec<(String, [Figure; RUNGS])>,
    silos: BTreeMap<String, Figure>,
    haircut_difference: BigInt,
    immobile_excess: BigInt,
    funding_rate: Option<Exact>,
    property_classes: BTreeSet<String>,
}

/// Compares the shipped `us-siloed` with the shipped `us-harmonized` on one input.
///
/// # Errors
/// As [`crate::run()`].
pub fn compare(input: &[u8]) -> Result<Comparison, Failure> {
    compare_tree(&input::parse(input)?)
}

/// The same for an input already read or put together by [`crate::compose`].
///
/// # Errors
/// As [`crate::run()`].
pub fn compare_tree(input: &Json) -> Result<Comparison, Failure> {
    let asked = [RegimeRef::Named("us-siloed"), RegimeRef::Named("us-harmonized")];
    let checked = Checked::new(input, &asked, Purpose::Compare)?;
    let (siloed, harmonized) = both_rules(&checked);
    let Checked { input, library, portfolio, circumstances, posted } = &checked;
    let held = vec![true; portfolio.contracts.len()];
    let climb = Climb {
        portfolio,
        siloed_rules: siloed,
        siloed: &siloed_desk(siloed, library, portfolio, circumstances)?,
        harmonized_rules: harmonized,
        harmonized: &Desk::new(harmonized, portfolio, circumstances, &held)?,
    };
    let mut sums = [Figure::ZERO; RUNGS];
    let mut silos: BTreeMap<String, Figure> = BTreeMap::new();
    let mut accounts = Vec::new();
    for (account, holdings) in &portfolio.accounts {
        let ladder = climb.account(account, holdings)?;
        for (sum, rung) in sums.iter_mut().zip(ladder.rungs) {
            *sum = sum.plus(rung)?;
        }
        for (silo, figure) in ladder.silos {
            let held = silos.entry(silo).or_default();
            *held = held.plus(figure)?;
        }
        accounts.push((account.clone(), ladder.rungs));
    }
    let currency = &input.currency;
    let by_silo = collateral::counted_by_silo(posted, siloed);
    let counted = collateral::counted_harmonized(posted, harmonized);
    let counted_today: Exact = by_silo.values().sum();
    let open = input.book.positions.iter().filter(|position| !position.quantity.is_zero());
    Ok(Comparison {
        as_of: input.market.as_of,
        input_sha256: input.sha256,
        currency: currency.clone(),
        regimes: library.chosen.iter().map(|regime| (regime.id().to_owned(), regime.sha256())).collect(),
        rungs: sums.iter().map(|sum| currency.minor_up(&sum.exact())).collect(),
        accounts,
        haircut_difference: currency.minor_down(&counted) - currency.minor_down(&counted_today),
        immobile_excess: currency.minor_down(&collateral::immobile_excess(&by_silo, &silos)),
        silos,
        funding_rate: input.funding_rate.clone(),
        property_classes: open.map(|position| position.property_class.clone()).collect(),
    })
}

fn both_rules(checked: &Checked) -> (&Siloed, &Harmonized) {
    let chosen = &checked.library.chosen;
    let (Rules::Siloed(siloed), Rules::Harmonized(harmonized)) = (chosen[0].rules(), chosen[1].rules())
    else {
        unreachable!("both are shipped, and no override reaches the kind of a rule book");
    };
    (siloed, harmonized)
}

impl Comparison {
    /// The ladder, from the status quo to the harmonised requirement, in whole cents.
    #[must_use]
    pub fn rungs(&self) -> &[BigInt] {
        &self.rungs
    }

    /// Each account's ladder to 1e-8, by name in byte order.
    #[must_use]
    pub fn accounts(&self) -> &[(String, [Figure; RUNGS])] {
        &self.accounts
    }

    /// What each reason makes of the difference, in whole cents; negative is a cost of merging.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, BigInt)> {
        let differences = self.rungs.windows(2).map(|pair| &pair[0] - &pair[1]);
        LINES.into_iter().zip(differences).collect()
    }

    /// Status quo less harmonised, in whole cents; negative if harmonised costs more.
    #[must_use]
    pub fn saving(&self) -> BigInt {
        &self.rungs[0] - &self.rungs[RUNGS - 1]
    }

    /// What each wall is worth whatever the order they fall in, in whole cents.
    #[must_use]
    pub fn shapley(&self) -> Vec<(&'static str, BigInt)> {
        let walls: Vec<BigInt> = self.lines()[WALLS].iter().map(|(_, line)| line.clone()).collect();
        let shared = shapley::apportioned(&shapley::stacked(&walls));
        LINES[WALLS].iter().copied().zip(shared).collect()
    }

    /// Saving in per cent of the status quo, half to even; `None` if that is nothing.
    fn percent(&self) -> Option<String> {
        let status_quo = &self.rungs[0];
        let share = |scale: u32| Exact::new(self.saving() * scale, status_quo.clone());
        // 100 for per cent and 10⁴ for its decimals.
        (!status_quo.is_zero()).then(|| print_scaled(&half_even(&share(1_000_000)), PERCENT_DECIMALS))
    }

    /// The printed comparison, `pledger.margin.compare.v1`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let money = |minor: &BigInt| Json::text(self.currency.print_minor(minor));
        let saving = self.saving();
        let trapped = &saving + &self.haircut_difference + &self.immobile_excess;
        let mut members = vec![
            ("schema", Json::text(COMPARE_SCHEMA)),
            ("engine", Json::text(crate::ENGINE)),
            ("as_of", Json::text(self.as_of.to_string())),
            ("input_sha256", Json::text(self.input_sha256.to_string())),
            ("reporting_currency", Json::text(self.currency.code())),
            ("regimes", self.regimes_json()),
            ("status_quo", money(&self.rungs[0])),
            ("harmonized", money(&self.rungs[RUNGS - 1])),
            ("saving", money(&saving)),
        ];
        members.extend(self.percent().map(|percent| ("percent", Json::text(percent))));
        if saving.is_negative() {
            members.push(("text", Json::text("harmonised costs more")));
        }
        let named = |lines: Vec<(&'static str, BigInt)>| {
            Json::object(lines.into_iter().map(|(name, line)| (name, money(&line))))
        };
        let silos =
            self.silos.iter().map(|(silo, figure)| (silo.as_str(), Json::text(self.currency.print(*figure))));
        members.extend([
            ("haircut_difference", money(&self.haircut_difference)),
            ("immobile_excess", money(&self.immobile_excess)),
            ("trapped", money(&trapped)),
            ("silos", Json::object(silos)),
            ("rungs", Json::array(self.rungs.iter().map(money))),
            ("accounts", Json::array(self.accounts.iter().map(|account| self.account_json(account)))),
            ("lines", named(self.lines())),
            ("shapley", named(self.shapley())),
        ]);
        members.extend(self.yearly_costs().map(|costs| ("yearly_costs", named(costs))));
        let classes = self.property_classes.iter().map(|class| Json::text(class.as_str()));
        members.push(("property_classes", Json::array(classes)));
        Json::object(members)
    }

    fn account_json(&self, (account, rungs): &(String, [Figure; RUNGS])) -> Json {
        let rungs = rungs.iter().map(|rung| Json::text(self.currency.print(*rung)));
        Json::object([("account", Json::text(account.as_str())), ("rungs", Json::array(rungs))])
    }

    fn regimes_json(&self) -> Json {
        Json::object(self.regimes.iter().map(|(id, digest)| (id.as_str(), Json::text(digest.to_string()))))
    }

    /// What funding each line costs in a year, in whole cents toward +∞.
    fn yearly_costs(&self) -> Option<Vec<(&'static str, BigInt)>> {
        let rate = self.funding_rate.as_ref()?;
        let cost = |line: BigInt| (Exact::from(line) * rate).ceil().to_integer();
        Some(self.lines().into_iter().map(|(name, line)| (name, cost(line))).collect())
    }

    /// One line per figure, for people.
    #[must_use]
    pub fn table(&self) -> String {
        crate::table::of_comparison(&self.to_json())
    }
}
