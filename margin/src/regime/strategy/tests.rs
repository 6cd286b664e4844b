//! The optimum against every split into whole contracts, and the laws of the method.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use proptest::prelude::*;

use super::pairing::{Choice, Holding, Pairing, Piece};
use super::table::{Leg, Market, OptionTerms, Side, Stage, StockTerms};
use crate::regime::document::{self, Shelf};

const STAGES: [Stage; 2] = [Stage::Initial, Stage::Maintenance];

fn ratio(number: i64, of: i64) -> Exact {
    Exact::new(BigInt::from(number), BigInt::from(of))
}

fn stock_terms() -> StockTerms {
    let text = crate::Regime::shipped_text("us-reg-t").unwrap();
    StockTerms::read(&Shelf::root(&document::parse(text).unwrap())).unwrap()
}

/// An option as (call, strike, expiry, price in cents).
type Terms = (bool, i64, u64, i64);

/// Stock and options in whole contracts, with the price of the underlying in cents.
#[derive(Clone, Debug)]
struct Book {
    spot: i64,
    stock: i64,
    options: BTreeMap<Terms, i64>,
}

impl Book {
    fn times(&self, factor: i64) -> Self {
        let options = self.options.iter().map(|(terms, held)| (*terms, held * factor)).collect();
        Self { spot: self.spot, stock: self.stock * factor, options }
    }

    fn with(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.stock += other.stock;
        for (terms, held) in &other.options {
            *sum.options.entry(*terms).or_default() += held;
        }
        sum.options.retain(|_, held| *held != 0);
        sum
    }

    fn holding<'a>(&self, stock_terms: &'a StockTerms) -> Holding<'a> {
        let leg = |((is_call, strike, expiry_ms, cents), held): (&Terms, &i64)| Leg {
            label: String::new(),
            side: if *is_call { Side::Call } else { Side::Put },
            strike: ratio(*strike, 1),
            expiry_ms: *expiry_ms,
            price: ratio(*cents, 100),
            quantity: ratio(*held, 1),
        };
        let option_terms = OptionTerms {
            rate: ratio(1, 5),
            minimum: ratio(1, 10),
            floor_per_unit: ratio(5, 2),
            protective: ratio(1, 10),
        };
        let (spot, stock_is_short) = (ratio(self.spot, 100), self.stock < 0);
        let stock_price = spot.clone();
        Holding {
            market: Market { stock_terms, option_terms, spot, stock_price, stock_is_short },
            stock: ratio(self.stock, 1),
            stock_label: String::new(),
            legs: self.options.iter().map(leg).collect(),
        }
    }

    fn cheapest(&self, stage: Stage) -> Pairing {
        let terms = stock_terms();
        Choice::new(&self.holding(&terms)).cheapest(stage)
    }
}

/// Every split of a book into whole strategies, written down apart from the programme.
struct BruteForce<'a> {
    holding: &'a Holding<'a>,
    stage: Stage,
    expiries: Vec<u64>,
    /// By how many expiries have had their spread set, and what is left: stock first.
    known: BTreeMap<(usize, Vec<i64>), Exact>,
}

impl BruteForce<'_> {
    /// The cheapest way to use what is left, when the spread sets of the first `done` expiries
    /// have been chosen.
    fn least(&mut self, done: usize, left: &[i64]) -> Exact {
        if let Some(known) = self.known.get(&(done, left.to_vec())) {
            return known.clone();
        }
        let least = match self.expiries.get(done) {
            Some(expiry) => self.least_with_set(done, *expiry, left),
            None => self.least_of_fixed(left),
        };
        self.known.insert((done, left.to_vec()), least.clone());
        least
    }

    fn least_with_set(&mut self, done: usize, expiry: u64, left: &[i64]) -> Exact {
        let legs = &self.holding.legs;
        let most: Vec<i64> = (0..left.len())
            .map(|place| {
                let Some(leg) = place.checked_sub(1).map(|place| &legs[place]) else { return 0 };
                let short = leg.quantity.is_negative() && leg.expiry_ms == expiry;
                let long = leg.quantity.is_positive() && leg.expiry_ms >= expiry;
                if short || long { left[place] } else { 0 }
            })
            .collect();
        let mut sets = vec![Vec::new()];
        for most in most {
            sets = sets
                .iter()
                .flat_map(|set: &Vec<i64>| {
                    (0..=most).map(|taken| set.iter().copied().chain([taken]).collect())
                })
                .collect();
        }
        let mut least: Option<Exact> = None;
        for set in sets {
            let Some(loss) = self.set_loss(&set) else { continue };
            let rest: Vec<i64> = left.iter().zip(&set).map(|(left, taken)| left - taken).collect();
            let cost = ratio(loss, 1) + self.least(done + 1, &rest);
            least = Some(least.map_or(cost.clone(), |least: Exact| least.min(cost)));
        }
        least.unwrap()
    }

    /// The largest loss of a set at expiry; `None` if it has no end.
    fn set_loss(&self, set: &[i64]) -> Option<i64> {
        let legs: Vec<(i64, bool, i64)> = self
            .holding
            .legs
            .iter()
            .zip(&set[1..])
            .map(|(leg, taken)| {
                let signed = if leg.quantity.is_negative() { -taken } else { *taken };
                let strike = i64::try_from(leg.strike.to_integer()).unwrap();
                (signed, leg.side == Side::Call, strike)
            })
            .collect();
        let calls: i64 = legs.iter().filter(|(_, is_call, _)| *is_call).map(|(signed, _, _)| signed).sum();
        let payoff = |at: i64| -> i64 {
            let one = |is_call: bool, strike: i64| if is_call { at - strike } else { strike - at };
            legs.iter().map(|(signed, is_call, strike)| signed * one(*is_call, *strike).max(0)).sum()
        };
        let prices = legs.iter().map(|(_, _, strike)| *strike).chain([0]);
        (calls >= 0).then(|| prices.map(|at| -payoff(at)).max().unwrap_or(0).max(0))
    }

    fn least_of_fixed(&mut self, left: &[i64]) -> Exact {
        let Some(first) = left.iter().position(|left| *left > 0) else { return Exact::zero() };
        let mut least: Option<Exact> = None;
        for second in 0..left.len() {
            for third in 0..left.len() {
                let mut members = vec![first, second, third];
                members.sort_unstable();
                members.dedup();
                if members.iter().any(|place| left[*place] == 0) {
                    continue;
                }
                let Some(cost) = self.fixed(&members) else { continue };
                let mut rest = left.to_vec();
                members.iter().for_each(|place| rest[*place] -= 1);
                let cost = cost + self.least(self.expiries.len(), &rest);
                least = Some(least.map_or(cost.clone(), |least: Exact| least.min(cost)));
            }
        }
        least.unwrap()
    }

    /// What one strategy of these members needs, if they are one.
    fn fixed(&self, members: &[usize]) -> Option<Exact> {
        let market = &self.holding.market;
        let leg = |place: usize| &self.holding.legs[place - 1];
        let is_short = |place: usize| leg(place).quantity.is_negative();
        let is_call = |place: usize| leg(place).side == Side::Call;
        let split =
            |split: super::table::Split| Some(split.stock.at(self.stage) + split.option.at(self.stage));
        let down = market.stock_is_short;
        match members {
            [0] => Some(market.stock().at(self.stage).clone()),
            [one] if is_short(*one) => Some(market.uncovered(leg(*one))),
            [_] => Some(Exact::zero()),
            [0, one] if is_short(*one) => {
                (is_call(*one) != down).then(|| split(market.covered(leg(*one))))?
            }
            [0, one] => (is_call(*one) == down).then(|| split(market.protective(leg(*one))))?,
            [one, two] if is_short(*one) && is_short(*two) && is_call(*one) != is_call(*two) => {
                let (call, put) = if is_call(*one) { (one, two) } else { (two, one) };
                let (of_call, of_put) = market.combination(leg(*call), leg(*put));
                Some(of_call + of_put)
            }
            [0, one, two] if is_short(*one) != is_short(*two) => {
                let (long, short) = if is_short(*one) { (*two, *one) } else { (*one, *two) };
                let fits = is_call(long) == down && is_call(short) != down;
                if !fits || leg(long).expiry_ms != leg(short).expiry_ms {
                    return None;
                }
                match leg(long).strike.cmp(&leg(short).strike) {
                    std::cmp::Ordering::Equal => split(market.locked(leg(long), leg(short))),
                    std::cmp::Ordering::Less if !down => split(market.collar(leg(long), leg(short))),
                    std::cmp::Ordering::Less | std::cmp::Ordering::Greater => None,
                }
            }
            _ => None,
        }
    }
}

fn by_brute_force(book: &Book, stage: Stage) -> Exact {
    let terms = stock_terms();
    let holding = book.holding(&terms);
    let shorts = holding.legs.iter().filter(|leg| leg.quantity.is_negative());
    let mut expiries: Vec<u64> = shorts.map(|leg| leg.expiry_ms).collect();
    expiries.sort_unstable();
    expiries.dedup();
    let left: Vec<i64> = [book.stock].iter().chain(book.options.values()).map(|held| held.abs()).collect();
    BruteForce { holding: &holding, stage, expiries, known: BTreeMap::new() }.least(0, &left)
}

/// Whether every position is used in whole contracts.
fn is_whole(pairing: &Pairing) -> bool {
    pairing.used.iter().all(|used| used.pieces.iter().all(|(_, amount, _)| amount.is_integer()))
}

/// Books of at most four positions of at most three contracts; strikes are few, so that they meet.
fn book() -> impl Strategy<Value = Book> {
    let terms = (any::<bool>(), 17_i64..24, 1_u64..4);
    let option = (terms, -3_i64..=3, 0_i64..900);
    (7_000_i64..13_000, -3_i64..=3, prop::collection::vec(option, 1..=4)).prop_map(
        |(spot, stock, options)| {
            let options = options.into_iter().filter(|(_, held, _)| *held != 0);
            let priced = options.map(|((is_call, fifths, expiry), held, time)| {
                let strike = 5 * fifths;
                let inner = if is_call { spot - 100 * strike } else { 100 * strike - spot };
                ((is_call, strike, expiry, inner.max(0) + time), held)
            });
            // A fourth option leaves no room for stock.
            let options: BTreeMap<Terms, i64> = priced.collect();
            Book { spot, stock: if options.len() > 3 { 0 } else { stock }, options }
        },
    )
}

/// Two books on one market, in which no option is long in one and short in the other. Where an
/// option is, merging closes it, and a hedge that it was to the rest of one book goes with it: of
/// short C90, long C85 and long C105 the last is part of a spread, which a merged short C105 undoes.
fn books() -> impl Strategy<Value = (Book, Book)> {
    let quote = |is_call: bool, fifths: i64, expiry: u64, spot: i64| -> Terms {
        let strike = 5 * fifths;
        let inner = if is_call { spot - 100 * strike } else { 100 * strike - spot };
        (is_call, strike, expiry, inner.max(0) + 37 * i64::try_from(expiry).unwrap())
    };
    let option = ((any::<bool>(), 17_i64..24, 1_u64..4), -3_i64..=3);
    let half = || (-3_i64..=3, prop::collection::vec(option.clone(), 0..=5));
    (7_000_i64..13_000, half(), half()).prop_map(move |(spot, a, b)| {
        let [a, mut b] = [a, b].map(|(stock, options)| {
            let mut book = Book { spot, stock, options: BTreeMap::new() };
            for ((is_call, fifths, expiry), held) in options.into_iter().filter(|(_, held)| *held != 0) {
                book.options.insert(quote(is_call, fifths, expiry, spot), held);
            }
            book
        });
        for (terms, held) in &mut b.options {
            if a.options.get(terms).is_some_and(|other| other.signum() != held.signum()) {
                *held = -*held;
            }
        }
        (a, b)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_above_whole_contracts_and_equal_where_the_optimum_is_whole(book in book()) {
        for stage in STAGES {
            let (pairing, brute) = (book.cheapest(stage), by_brute_force(&book, stage));
            prop_assert!(pairing.need <= brute, "{stage:?} {} {}", pairing.need, brute);
            if is_whole(&pairing) {
                prop_assert_eq!(&pairing.need, &brute, "{:?} {:?}", stage, pairing);
            }
        }
    }

    #[test]
    fn what_is_used_is_what_is_held_and_costs_what_it_says(book in book()) {
        let terms = stock_terms();
        let holding = book.holding(&terms);
        for stage in STAGES {
            let pairing = Choice::new(&holding).cheapest(stage);
            let mut used: BTreeMap<Piece, Exact> = BTreeMap::new();
            for (piece, amount, _) in pairing.used.iter().flat_map(|used| &used.pieces) {
                *used.entry(*piece).or_default() += amount;
            }
            let mut held: BTreeMap<Piece, Exact> = holding.legs.iter().enumerate()
                .map(|(place, leg)| (Piece::Leg(place), leg.quantity.abs())).collect();
            if book.stock != 0 {
                held.insert(Piece::Stock, holding.stock.abs());
            }
            prop_assert_eq!(used, held);
            prop_assert_eq!(pairing.used.iter().map(|used| &used.need).sum::<Exact>(), pairing.need);
        }
    }

    #[test]
    fn merging_books_never_costs_and_scaling_scales((a, b) in books(), factor in 2_i64..9) {
        for stage in STAGES {
            let need = |book: &Book| book.cheapest(stage).need;
            prop_assert!(need(&a.with(&b)) <= need(&a) + need(&b), "{stage:?}");
            prop_assert_eq!(need(&a.times(factor)), need(&a) * BigInt::from(factor));
        }
    }
}

/// A long put of 110 pays for 22/17 short puts of 85, so of two short ones 12/17 stand uncovered.
/// Whole contracts would leave one uncovered.
#[test]
fn fractions_are_allowed() {
    let options = BTreeMap::from([((false, 85, 1, 1_500), -2), ((false, 110, 1, 4_000), 1)]);
    let book = Book { spot: 7_000, stock: 0, options };
    assert_eq!(book.cheapest(Stage::Initial).need, ratio(348, 17));
    assert_eq!(by_brute_force(&book, Stage::Initial), ratio(29, 1));
}

/// Sixteen options on one underlying, with more and with fewer short expiries: it ends, and soon.
#[test]
fn the_largest_books_end() {
    for shorts in [4, 8, 12, 15] {
        let option = |place: i64| {
            let expiry = u64::try_from(place + 1).unwrap();
            let held = if place < shorts { -(place % 5 + 1) } else { place % 4 + 1 };
            let expiry = if place < shorts { expiry } else { 20 - expiry % 3 };
            ((place % 3 == 0, 80 + 37 * place % 50, expiry, 150 + 17 * place), held)
        };
        let book = Book { spot: 10_000, stock: 2, options: (0..16).map(option).collect() };
        for stage in STAGES {
            let need = book.cheapest(stage).need;
            assert!(need.is_positive());
            assert_eq!(book.times(2).cheapest(stage).need, need * ratio(2, 1));
        }
    }
}
