//! Volatility between quoted points: linear in v along the strike, linear in v²t along time, flat
//! outside.
//!
//! Source: margin specification, section 3, market.

use ledger::decimal::Exact;

use super::number::nearest;
use super::option::Volatility;

/// One quoted point: years, strike over the price of what the option is on, volatility.
#[derive(Clone, Debug)]
pub(crate) struct SurfacePoint {
    pub(crate) years: Option<Exact>,
    pub(crate) moneyness: Exact,
    pub(crate) vol: Exact,
}

/// The quoted points of one underlying.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surface {
    /// By years, each with its points by moneyness; both rise.
    smiles: Vec<(f64, Vec<Node>)>,
    /// Points without years, in the order of the file.
    timeless: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    moneyness: f64,
    vol: f64,
}

impl Surface {
    /// Sorts the points. Of two at the same place the later in the file counts.
    pub(crate) fn new(points: &[SurfacePoint]) -> Self {
        let mut surface = Self::default();
        for point in points {
            let node = Node { moneyness: nearest(&point.moneyness), vol: nearest(&point.vol) };
            let Some(years) = point.years.as_ref().map(nearest) else {
                surface.timeless.push(node);
                continue;
            };
            let place = surface.smiles.partition_point(|(other, _)| *other < years);
            if surface.smiles.get(place).is_none_or(|(other, _)| *other > years) {
                surface.smiles.insert(place, (years, Vec::new()));
            }
            let nodes = &mut surface.smiles[place].1;
            let place = nodes.partition_point(|other| other.moneyness < node.moneyness);
            match nodes.get_mut(place) {
                Some(other) if other.moneyness == node.moneyness => *other = node,
                Some(_) | None => nodes.insert(place, node),
            }
        }
        surface
    }

    /// The volatility at a life and a moneyness; `None` without any point. Points without years are
    /// asked only where no point has them: then the nearest moneyness counts, the first on a tie.
    pub(super) fn at(&self, years: f64, moneyness: f64) -> Option<Volatility> {
        let after = self.smiles.partition_point(|(other, _)| *other <= years);
        let later = self.smiles.get(after);
        let earlier = after.checked_sub(1).and_then(|place| self.smiles.get(place));
        let vol = match (earlier, later) {
            (None, None) => self.nearest_timeless(moneyness)?,
            (Some((_, smile)), None) | (None, Some((_, smile))) => along_smile(smile, moneyness),
            (Some((from, earlier)), Some((to, later))) => {
                let (first, last) = (along_smile(earlier, moneyness), along_smile(later, moneyness));
                let (first, last) = (first * first * from, last * last * to);
                let total = first + (last - first) * ((years - from) / (to - from));
                libm::sqrt(total / years)
            }
        };
        Some(Volatility(vol))
    }

    fn nearest_timeless(&self, moneyness: f64) -> Option<f64> {
        let mut best: Option<(f64, f64)> = None;
        for node in &self.timeless {
            let distance = libm::fabs(node.moneyness - moneyness);
            if best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, node.vol));
            }
        }
        best.map(|(_, vol)| vol)
    }
}

/// Linear between two points, flat outside. A smile has a point, or it would not be one.
fn along_smile(smile: &[Node], moneyness: f64) -> f64 {
    let after = smile.partition_point(|node| node.moneyness <= moneyness);
    let later = smile.get(after);
    let earlier = after.checked_sub(1).and_then(|place| smile.get(place));
    match (earlier, later) {
        (Some(earlier), Some(later)) => {
            let share = (moneyness - earlier.moneyness) / (later.moneyness - earlier.moneyness);
            earlier.vol + (later.vol - earlier.vol) * share
        }
        (Some(node), None) | (None, Some(node)) => node.vol,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(points: &[(&str, &str, &str)]) -> Surface {
        let exact = |text: &str| ledger::decimal::DecimalText::parse(text).unwrap().exact();
        let point = |(years, moneyness, vol): &(&str, &str, &str)| SurfacePoint {
            years: (!years.is_empty()).then(|| exact(years)),
            moneyness: exact(moneyness),
            vol: exact(vol),
        };
        Surface::new(&points.iter().map(point).collect::<Vec<_>>())
    }

    #[test]
    fn between_points_and_outside() {
        let surface = surface(&[
            ("0.5", "1.2", "0.5"),
            ("0.25", "0.8", "0.6"),
            ("0.25", "1", "0.4"),
            ("0.25", "1.2", "0.5"),
            ("0.5", "0.8", "0.4"),
        ]);
        let between = libm::sqrt((0.36 * 0.25 + (0.16 * 0.5 - 0.36 * 0.25) * 0.2) / 0.3);
        for (years, moneyness, want) in [
            (0.25, 0.8, 0.6),
            (0.25, 0.9, 0.5),
            (0.25, 1.1, 0.45),
            (0.1, 0.8, 0.6),  // flat before the first
            (0.25, 0.1, 0.6), // flat below
            (0.25, 9.0, 0.5), // flat above
            (0.9, 1.0, 0.45), // flat after the last
            (0.3, 0.8, between),
        ] {
            let got = surface.at(years, moneyness).unwrap().0;
            assert!((got - want).abs() < 1e-12, "{years} {moneyness}: {got} {want}");
        }
        assert!(Surface::default().at(1.0, 1.0).is_none());
    }

    #[test]
    fn without_time_the_nearest_strike_counts() {
        let timeless = surface(&[("", "0.75", "0.6"), ("", "1", "0.4"), ("", "1.25", "0.5")]);
        for (moneyness, want) in
            [(0.5, 0.6), (0.875, 0.6), (0.88, 0.4), (1.125, 0.4), (1.13, 0.5), (7.0, 0.5)]
        {
            assert_eq!(timeless.at(0.3, moneyness).unwrap().0, want, "{moneyness}");
        }
        let timed = surface(&[("", "1", "0.9"), ("0.5", "1", "0.4")]);
        assert_eq!(timed.at(0.3, 1.0).unwrap().0, 0.4);
    }
}
