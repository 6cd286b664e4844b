//! What might happen: relative moves of the underlying, what becomes of volatility, and how much of
//! the P&L counts.

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::One;

use crate::money::print_exact;
use crate::pricing::Shock;

/// Scenarios of the SPAN order.
pub(crate) const SPAN_LEN: usize = 16;

/// One thing that might happen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Scenario {
    /// Relative move of the underlying.
    pub(crate) move_by: Exact,
    pub(crate) vol: VolRule,
    /// Share of the P&L that counts.
    pub(crate) cover: Exact,
}

/// What becomes of an option's volatility.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum VolRule {
    /// It stays.
    Same,
    /// It is multiplied.
    Relative(Exact),
    /// It is added to.
    Absolute(Exact),
    /// It rises by a share that depends on the option's life.
    Termed(TermedVol),
}

impl VolRule {
    /// By a share of itself: 0.25 is a quarter more.
    pub(crate) fn by_share(share: &Exact) -> Self {
        Self::Relative(Exact::one() + share)
    }

    fn name(&self) -> String {
        match self {
            Self::Same => String::new(),
            Self::Relative(factor) => format!("*{}", print_exact(factor)),
            Self::Absolute(step) => format!("+{}", print_exact(step)),
            Self::Termed(TermedVol { least, share, short_power, long_power }) => {
                [least, share, short_power, long_power].map(print_exact).join("^")
            }
        }
    }
}

/// Volatility, first raised to `least`, × (1 + share × (30/days)^power), the power by whether fewer
/// than 30 days are left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TermedVol {
    pub(crate) least: Exact,
    pub(crate) share: Exact,
    pub(crate) short_power: Exact,
    pub(crate) long_power: Exact,
}

/// Scenarios in order, ready for options.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) shocks: Vec<Shock>,
    /// Moves and covers as text: what digests are made of.
    pub(crate) moves: String,
    /// What becomes of volatilities, as text.
    pub(crate) vols: String,
}

impl Grid {
    pub(crate) fn new(scenarios: Vec<Scenario>) -> Self {
        let joined = |name: fn(&Scenario) -> String| scenarios.iter().map(name).collect::<Vec<_>>().join(" ");
        let moves =
            joined(|scenario| format!("{}x{}", print_exact(&scenario.move_by), print_exact(&scenario.cover)));
        let vols = joined(|scenario| scenario.vol.name());
        Self { shocks: scenarios.iter().map(Shock::of).collect(), scenarios, moves, vols }
    }
}

/// A move that matters more than its likelihood: a multiple of the range, covered in part.
#[derive(Clone, Debug)]
pub(crate) struct Extreme {
    pub(crate) multiple: Exact,
    pub(crate) cover: Exact,
}

/// The sixteen scenarios of the SPAN order on a range: none, ±1/3, ±2/3, ±3/3 of it, each with
/// volatility up and down, then the extreme up and down.
///
/// Source: margin specification, section 5.
pub(crate) fn span_grid(range: &Exact, extreme: &Extreme, [up, down]: &[VolRule; 2]) -> Grid {
    let thirds: [i8; 7] = [0, 1, -1, 2, -2, 3, -3];
    let ordinary = thirds.into_iter().flat_map(|third| {
        let move_by = range * Exact::new(third.into(), BigInt::from(3));
        [up, down].map(|vol| Scenario { move_by: move_by.clone(), vol: vol.clone(), cover: Exact::one() })
    });
    let far = range * &extreme.multiple;
    let ends = [far.clone(), -far].map(|move_by| {
        let cover = extreme.cover.clone();
        Scenario { move_by, vol: VolRule::Same, cover }
    });
    Grid::new(ordinary.chain(ends).collect())
}

/// The scenario with the same size of move and the same volatility, the other way.
pub(crate) fn mirror(scenario: usize) -> usize {
    const MIRROR: [usize; SPAN_LEN] = [0, 1, 4, 5, 2, 3, 8, 9, 6, 7, 12, 13, 10, 11, 15, 14];
    MIRROR[scenario]
}

/// The scenario with the same move and the other volatility; the extremes have none but
/// themselves.
pub(crate) fn twin(scenario: usize) -> usize {
    if scenario >= 14 { scenario } else { scenario ^ 1 }
}

/// The points of the TIMS order: the down-range in equal steps from its end, then the up-range to
/// its end. Zero is not a point.
///
/// Source: FINRA Rule 4210(g); margin specification, section 5.
pub(crate) fn tims_grid(up: &Exact, down: &Exact, points: usize) -> Grid {
    let share = |step: usize| Exact::new(BigInt::from(step), BigInt::from(points));
    let downs = (1..=points).rev().map(|step| -(down * share(step)));
    let ups = (1..=points).map(|step| up * share(step));
    let scenario = |move_by| Scenario { move_by, vol: VolRule::Same, cover: Exact::one() };
    Grid::new(downs.chain(ups).map(scenario).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_traits::Zero;

    fn extreme() -> Extreme {
        Extreme { multiple: Exact::from(BigInt::from(2)), cover: Exact::new(7.into(), 20.into()) }
    }

    #[test]
    fn mirrors_and_twins_follow_the_grid() {
        let vols = [VolRule::by_share(&Exact::one()), VolRule::Absolute(Exact::zero())];
        let grid = span_grid(&Exact::new(3.into(), 10.into()), &extreme(), &vols).scenarios;
        assert_eq!(grid.len(), SPAN_LEN);
        for (place, scenario) in grid.iter().enumerate() {
            let mirrored = Scenario { move_by: -scenario.move_by.clone(), ..scenario.clone() };
            assert_eq!(grid[mirror(place)], mirrored);
            assert_eq!(mirror(mirror(place)), place);
            let twin_of = &grid[twin(place)];
            assert_eq!(twin_of.move_by, scenario.move_by);
            assert_eq!(twin_of.vol != scenario.vol, place < 14);
            assert_eq!(twin(twin(place)), place);
        }
        assert_eq!(grid.iter().filter(|scenario| scenario.move_by.is_zero()).count(), 2);
    }

    #[test]
    fn tims_points_run_from_the_lowest_to_the_highest() {
        let grid =
            tims_grid(&Exact::new(6.into(), 100.into()), &Exact::new(8.into(), 100.into()), 5).scenarios;
        let moves: Vec<String> = grid.iter().map(|s| crate::money::print_exact(&s.move_by)).collect();
        assert_eq!(
            moves,
            ["-0.08", "-0.064", "-0.048", "-0.032", "-0.016", "0.012", "0.024", "0.036", "0.048", "0.06"]
        );
    }
}
