//! What might happen: relative moves of the underlying, and how much of the P&L counts.

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::One;

/// Scenarios of the SPAN order.
pub(crate) const SPAN_LEN: usize = 16;

/// One thing that might happen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Scenario {
    /// Relative move of the underlying.
    pub(crate) move_by: Exact,
    /// Share of the P&L that counts.
    pub(crate) cover: Exact,
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
pub(crate) fn span_grid(range: &Exact, extreme: &Extreme) -> Vec<Scenario> {
    let thirds: [i8; 14] = [0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3];
    let ordinary = thirds.map(|third| Scenario {
        move_by: range * Exact::new(third.into(), BigInt::from(3)),
        cover: Exact::one(),
    });
    let far = range * &extreme.multiple;
    let ends = [far.clone(), -far].map(|move_by| Scenario { move_by, cover: extreme.cover.clone() });
    ordinary.into_iter().chain(ends).collect()
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
pub(crate) fn tims_grid(up: &Exact, down: &Exact, points: usize) -> Vec<Scenario> {
    let share = |step: usize| Exact::new(BigInt::from(step), BigInt::from(points));
    let downs = (1..=points).rev().map(|step| -(down * share(step)));
    let ups = (1..=points).map(|step| up * share(step));
    downs.chain(ups).map(|move_by| Scenario { move_by, cover: Exact::one() }).collect()
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
        let grid = span_grid(&Exact::new(3.into(), 10.into()), &extreme());
        assert_eq!(grid.len(), SPAN_LEN);
        for (place, scenario) in grid.iter().enumerate() {
            assert_eq!(grid[mirror(place)].move_by, -scenario.move_by.clone());
            assert_eq!(mirror(mirror(place)), place);
            assert_eq!(grid[twin(place)], *scenario);
            assert_eq!(twin(twin(place)), place);
        }
        assert_eq!(grid.iter().filter(|scenario| scenario.move_by.is_zero()).count(), 2);
    }

    #[test]
    fn tims_points_run_from_the_lowest_to_the_highest() {
        let grid = tims_grid(&Exact::new(6.into(), 100.into()), &Exact::new(8.into(), 100.into()), 5);
        let moves: Vec<String> = grid.iter().map(|s| crate::money::print_exact(&s.move_by)).collect();
        assert_eq!(
            moves,
            ["-0.08", "-0.064", "-0.048", "-0.032", "-0.016", "0.012", "0.024", "0.036", "0.048", "0.06"]
        );
    }
}
