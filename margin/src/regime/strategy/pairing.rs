//! Which positions stand together: the cheapest split of stock and options of one underlying into
//! the strategies of the table, found as the optimum of a linear programme.
//!
//! Amounts may be fractions, so the optimum is homogeneous and sub-additive; it is unique even
//! where the split is not. Options that margin each other to expiry form one spread set for each
//! expiry of short options, which may be worth anything from the worst of their payoffs.
//!
//! Source: margin specification, section 6.1.

use std::collections::BTreeSet;

use ledger::decimal::Exact;
use num_traits::{One, Signed, Zero};

use super::programme::{Optimum, Programme};
use super::table::{Leg, Market, Need, Side, Split, Stage};

/// Stock and options of one underlying in one account.
pub(super) struct Holding<'a> {
    pub(super) market: Market<'a>,
    /// In contracts of the options; negative is short.
    pub(super) stock: Exact,
    pub(super) stock_label: String,
    pub(super) legs: Vec<Leg>,
}

/// What a strategy is made of: stock, or the option at that place.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Piece {
    Stock,
    Leg(usize),
}

/// One strategy that the holding could use.
#[derive(Clone, Debug)]
struct Play {
    name: &'static str,
    /// One of each, with the part of the requirement that it brings.
    pieces: Vec<(Piece, Need)>,
}

/// One spread set: the columns of its options and of its loss.
struct Spread {
    expiry_ms: u64,
    /// Option and column.
    shorts: Vec<(usize, usize)>,
    longs: Vec<(usize, usize)>,
    loss: usize,
}

/// A strategy in use.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) name: &'static str,
    /// How often, in contracts; one for a spread set, whose pieces have amounts of their own.
    pub(super) amount: Exact,
    /// What it needs, per unit of a contract.
    pub(super) need: Exact,
    /// Each piece with how many contracts of it, and the part of `need` that it brings.
    pub(super) pieces: Vec<(Piece, Exact, Exact)>,
}

/// The cheapest split at one stage, per unit of a contract.
#[derive(Clone, Debug)]
pub(super) struct Pairing {
    pub(super) need: Exact,
    pub(super) used: Vec<Used>,
}

/// Every strategy that a holding could use, and the rows that make each position used exactly.
pub(super) struct Choice<'a> {
    holding: &'a Holding<'a>,
    programme: Programme,
    /// By column; `None` for columns of spread sets.
    plays: Vec<Option<Play>>,
    spreads: Vec<Spread>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(holding: &'a Holding<'a>) -> Self {
        let (programme, plays, spreads) = (Programme::default(), Vec::new(), Vec::new());
        let mut choice = Self { holding, programme, plays, spreads };
        let rows = choice.alone();
        choice.with_stock(&rows);
        choice.combinations(&rows);
        let expiries: BTreeSet<u64> = holding.shorts().map(|(_, leg)| leg.expiry_ms).collect();
        for expiry_ms in expiries {
            choice.spread(&rows, expiry_ms);
        }
        choice
    }

    /// The cheapest split at one stage.
    pub(super) fn cheapest(&self, stage: Stage) -> Pairing {
        let losses: BTreeSet<usize> = self.spreads.iter().map(|spread| spread.loss).collect();
        let cost = |(column, play): (usize, &Option<Play>)| match play {
            Some(play) => play.pieces.iter().map(|(_, need)| need.at(stage)).sum(),
            None if losses.contains(&column) => Exact::one(),
            None => Exact::zero(),
        };
        let costs: Vec<Exact> = self.plays.iter().enumerate().map(cost).collect();
        let optimum = self.programme.minimise(&costs);
        let plays = self.plays.iter().zip(&optimum.amounts);
        let plays = plays.filter_map(|(play, amount)| Some((play.as_ref()?, amount)));
        let mut used: Vec<Used> = plays
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(play, amount)| in_use(play, amount, stage))
            .collect();
        used.extend(self.spreads.iter().filter_map(|spread| self.spread_in_use(spread, &optimum)));
        Pairing { need: optimum.cost, used }
    }

    /// A row for each position; its starter is the position alone.
    fn alone(&mut self) -> Vec<(Piece, usize)> {
        let mut rows = Vec::new();
        let holding = self.holding;
        if !holding.stock.is_zero() {
            let name = if holding.market.stock_is_short { "short_stock" } else { "long_stock" };
            rows.push(self.position(Piece::Stock, &holding.stock, name, holding.market.stock()));
        }
        for (place, leg) in holding.legs.iter().enumerate() {
            let (name, need) = if leg.quantity.is_negative() {
                ("uncovered_option", Need::same(holding.market.uncovered(leg)))
            } else {
                ("long_option", Need::default())
            };
            rows.push(self.position(Piece::Leg(place), &leg.quantity, name, need));
        }
        rows
    }

    fn position(&mut self, piece: Piece, quantity: &Exact, name: &'static str, need: Need) -> (Piece, usize) {
        let row = self.programme.row(quantity.abs());
        self.plays.push(Some(Play { name, pieces: vec![(piece, need)] }));
        (piece, row)
    }

    fn play(&mut self, rows: &[(Piece, usize)], name: &'static str, pieces: Vec<(Piece, Need)>) {
        let entries = pieces.iter().map(|(piece, _)| (row_of(rows, *piece), Exact::one()));
        self.programme.column(entries.collect());
        self.plays.push(Some(Play { name, pieces }));
    }

    /// Stock with one option, or with two.
    fn with_stock(&mut self, rows: &[(Piece, usize)]) {
        let holding = self.holding;
        if holding.stock.is_zero() {
            return;
        }
        let market = &holding.market;
        // Stock covers calls and is protected by puts; short stock the other way.
        let (covers, protects, covered, protective, locked) = if market.stock_is_short {
            (Side::Put, Side::Call, "covered_put", "protective_call", "reverse_conversion")
        } else {
            (Side::Call, Side::Put, "covered_call", "protective_put", "conversion")
        };
        let pieces =
            |split: Split, place: usize| vec![(Piece::Stock, split.stock), (Piece::Leg(place), split.option)];
        for (place, short) in holding.shorts().filter(|(_, leg)| leg.side == covers) {
            self.play(rows, covered, pieces(market.covered(short), place));
        }
        for (place, long) in holding.longs().filter(|(_, leg)| leg.side == protects) {
            self.play(rows, protective, pieces(market.protective(long), place));
            for (other, short) in holding.shorts().filter(|(_, leg)| leg.side == covers) {
                let (name, split) = match long.strike.cmp(&short.strike) {
                    _ if long.expiry_ms != short.expiry_ms => continue,
                    std::cmp::Ordering::Equal => (locked, market.locked(long, short)),
                    std::cmp::Ordering::Less if !market.stock_is_short => {
                        ("collar", market.collar(long, short))
                    }
                    std::cmp::Ordering::Less | std::cmp::Ordering::Greater => continue,
                };
                let mut pieces = pieces(split, other);
                pieces.push((Piece::Leg(place), Need::default()));
                self.play(rows, name, pieces);
            }
        }
    }

    /// Short straddles and strangles.
    fn combinations(&mut self, rows: &[(Piece, usize)]) {
        let holding = self.holding;
        for (call_place, call) in holding.shorts().filter(|(_, leg)| leg.side == Side::Call) {
            for (put_place, put) in holding.shorts().filter(|(_, leg)| leg.side == Side::Put) {
                let (of_call, of_put) = holding.market.combination(call, put);
                let pieces = vec![
                    (Piece::Leg(call_place), Need::same(of_call)),
                    (Piece::Leg(put_place), Need::same(of_put)),
                ];
                self.play(rows, "short_combination", pieces);
            }
        }
    }

    /// The short options of one expiry with long ones that live as long: the loss is at least
    /// what they lose at any price, and long calls are at least short calls, so that it is finite.
    fn spread(&mut self, rows: &[(Piece, usize)], expiry_ms: u64) {
        let holding = self.holding;
        let shorts: Vec<usize> =
            holding.shorts().filter(|(_, leg)| leg.expiry_ms == expiry_ms).map(|(place, _)| place).collect();
        let longs: Vec<usize> =
            holding.longs().filter(|(_, leg)| leg.expiry_ms >= expiry_ms).map(|(place, _)| place).collect();
        let members: Vec<usize> = shorts.iter().chain(&longs).copied().collect();
        let strikes = members.iter().map(|place| holding.legs[*place].strike.clone());
        let prices: BTreeSet<Exact> = strikes.chain([Exact::zero()]).collect();
        let limits: Vec<(Option<Exact>, usize)> =
            prices.into_iter().map(Some).chain([None]).map(|price| (price, self.limit())).collect();
        let mut columns = Vec::new();
        for place in &members {
            let leg = &holding.legs[*place];
            let mut entries = vec![(row_of(rows, Piece::Leg(*place)), Exact::one())];
            for (price, limit) in &limits {
                let entry = match price {
                    Some(price) => leg.payoff(price),
                    None if leg.side == Side::Call => Exact::one(),
                    None => Exact::zero(),
                };
                let entry = if leg.quantity.is_negative() { entry } else { -entry };
                if !entry.is_zero() {
                    entries.push((*limit, entry));
                }
            }
            columns.push((*place, self.unnamed(entries)));
        }
        let priced = limits.iter().filter(|(price, _)| price.is_some());
        let loss = self.unnamed(priced.map(|(_, limit)| (*limit, -Exact::one())).collect());
        let longs = columns.split_off(shorts.len());
        self.spreads.push(Spread { expiry_ms, shorts: columns, longs, loss });
    }

    /// A row that may fall short of zero, by its starter.
    fn limit(&mut self) -> usize {
        self.plays.push(None);
        self.programme.row(Exact::zero())
    }

    fn unnamed(&mut self, entries: Vec<(usize, Exact)>) -> usize {
        self.plays.push(None);
        self.programme.column(entries)
    }

    /// The set as it is used: each option's part is what it loses at the worst price.
    fn spread_in_use(&self, spread: &Spread, optimum: &Optimum) -> Option<Used> {
        let columns = spread.shorts.iter().chain(&spread.longs);
        let held = columns.map(|(place, column)| (*place, &optimum.amounts[*column]));
        let held: Vec<(usize, &Exact)> = held.filter(|(_, amount)| !amount.is_zero()).collect();
        if held.is_empty() {
            return None;
        }
        let legs = &self.holding.legs;
        let loses = |place: usize, amount: &Exact, at: &Exact| {
            let paid = legs[place].payoff(at) * amount;
            if legs[place].quantity.is_negative() { paid } else { -paid }
        };
        let strikes = held.iter().map(|(place, _)| legs[*place].strike.clone());
        let prices: BTreeSet<Exact> = strikes.chain([Exact::zero()]).collect();
        let total = |at: &Exact| held.iter().map(|(place, amount)| loses(*place, amount, at)).sum::<Exact>();
        // The first price with the largest loss.
        let worst = prices.into_iter().rev().max_by_key(|at| total(at)).unwrap_or_default();
        let pieces = held
            .iter()
            .map(|(place, amount)| (Piece::Leg(*place), (*amount).clone(), loses(*place, amount, &worst)));
        let need = optimum.amounts[spread.loss].clone();
        Some(Used {
            name: spread_name(spread, &held, legs),
            amount: Exact::one(),
            need,
            pieces: pieces.collect(),
        })
    }
}

/// `spread`, or `calendar_spread` where a long option outlives the short ones.
fn spread_name(spread: &Spread, held: &[(usize, &Exact)], legs: &[Leg]) -> &'static str {
    let outlives = held.iter().any(|(place, _)| legs[*place].expiry_ms > spread.expiry_ms);
    if outlives { "calendar_spread" } else { "spread" }
}

fn in_use(play: &Play, amount: &Exact, stage: Stage) -> Used {
    let pieces = play.pieces.iter().map(|(piece, need)| (*piece, amount.clone(), need.at(stage) * amount));
    let pieces: Vec<(Piece, Exact, Exact)> = pieces.collect();
    let need = pieces.iter().map(|(_, _, part)| part).sum();
    Used { name: play.name, amount: amount.clone(), need, pieces }
}

fn row_of(rows: &[(Piece, usize)], piece: Piece) -> usize {
    let found = rows.iter().find(|(held, _)| *held == piece);
    found.map(|(_, row)| *row).expect("a strategy is made of positions that are held")
}

impl Holding<'_> {
    fn shorts(&self) -> impl Iterator<Item = (usize, &Leg)> {
        self.legs.iter().enumerate().filter(|(_, leg)| leg.quantity.is_negative())
    }

    fn longs(&self) -> impl Iterator<Item = (usize, &Leg)> {
        self.legs.iter().enumerate().filter(|(_, leg)| leg.quantity.is_positive())
    }

    /// What a piece is called.
    pub(super) fn label(&self, piece: Piece) -> &str {
        match piece {
            Piece::Stock => &self.stock_label,
            Piece::Leg(place) => &self.legs[place].label,
        }
    }
}
