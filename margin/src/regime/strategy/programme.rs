//! A linear programme solved exactly.
//!
//! Knows columns, rows and costs, not what they mean. Rationals and Bland's rule: the optimum is
//! the optimum, the search ends, and nothing depends on a tolerance.
//!
//! Source: Bland, New finite pivoting rules for the simplex method (1977).

use ledger::decimal::Exact;
use num_traits::{One, Signed, Zero};

/// The least cost of non-negative amounts whose rows come out exactly.
///
/// Each row has a *starter*: a column that stands in this row alone, once. All starters together
/// are the first vertex, so no search for one is needed. Costs are not negative, so the optimum
/// is finite.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programme {
    /// What each row must come to; not negative.
    required: Vec<Exact>,
    /// The starter of each row.
    starters: Vec<usize>,
    /// By column: the rows that it stands in, and how often.
    columns: Vec<Vec<(usize, Exact)>>,
}

/// A vertex at which no other is cheaper.
#[derive(Clone, Debug)]
pub(crate) struct Optimum {
    pub(crate) cost: Exact,
    /// By column.
    pub(crate) amounts: Vec<Exact>,
}

impl Programme {
    /// A new row and its starter, which is the last column then.
    pub(crate) fn row(&mut self, required: Exact) -> usize {
        let row = self.required.len();
        self.required.push(required);
        self.starters.push(self.columns.len());
        self.columns.push(vec![(row, Exact::one())]);
        row
    }

    /// A new column; a row may stand in `entries` once.
    pub(crate) fn column(&mut self, entries: Vec<(usize, Exact)>) -> usize {
        self.columns.push(entries);
        self.columns.len() - 1
    }

    /// The optimum at these costs, one for each column.
    pub(crate) fn minimise(&self, costs: &[Exact]) -> Optimum {
        let mut tableau = Tableau::new(self, costs);
        while let Some(entering) = tableau.entering() {
            let leaving = tableau.leaving(entering);
            tableau.pivot(leaving.expect("costs are not negative, so nothing falls for ever"), entering);
        }
        tableau.optimum(self.columns.len())
    }
}

/// The programme at one vertex: each basic column as what is left for it when the others move.
struct Tableau {
    /// By row: the column that is in the basis, and how much of it.
    basic: Vec<(usize, Exact)>,
    /// Columns outside the basis.
    outside: Vec<usize>,
    /// By row, then by place in `outside`: how fast the basic column falls when that one rises.
    falls: Vec<Vec<Exact>>,
    /// By place in `outside`: what a unit more of it costs altogether.
    reduced: Vec<Exact>,
    cost: Exact,
}

impl Tableau {
    fn new(programme: &Programme, costs: &[Exact]) -> Self {
        let Programme { required, starters, columns } = programme;
        let basic: Vec<(usize, Exact)> = starters.iter().copied().zip(required.iter().cloned()).collect();
        let outside: Vec<usize> = (0..columns.len()).filter(|column| !starters.contains(column)).collect();
        let mut falls = vec![vec![Exact::zero(); outside.len()]; basic.len()];
        let mut reduced = Vec::with_capacity(outside.len());
        for (place, column) in outside.iter().enumerate() {
            let mut saved = Exact::zero();
            for (row, entry) in &columns[*column] {
                saved += &costs[starters[*row]] * entry;
                falls[*row][place] = entry.clone();
            }
            reduced.push(&costs[*column] - saved);
        }
        let cost = basic.iter().map(|(column, amount)| &costs[*column] * amount).sum();
        Self { basic, outside, falls, reduced, cost }
    }

    /// The first column by number that lowers the cost.
    fn entering(&self) -> Option<usize> {
        let lowers = (0..self.outside.len()).filter(|place| self.reduced[*place].is_negative());
        lowers.min_by_key(|place| self.outside[*place])
    }

    /// The row that comes to zero first; of several the one whose column has the lowest number.
    fn leaving(&self, entering: usize) -> Option<usize> {
        let falling = (0..self.basic.len()).filter(|row| self.falls[*row][entering].is_positive());
        let until = |row: usize| &self.basic[row].1 / &self.falls[row][entering];
        falling.map(|row| (until(row), self.basic[row].0, row)).min().map(|(_, _, row)| row)
    }

    fn pivot(&mut self, leaving: usize, entering: usize) {
        let pivot = std::mem::take(&mut self.falls[leaving]);
        let rate = pivot[entering].clone();
        let amount = &self.basic[leaving].1 / &rate;
        let mut line: Vec<Exact> = pivot.into_iter().map(|fall| shared(fall, &rate)).collect();
        line[entering] = rate.recip();
        for row in (0..self.basic.len()).filter(|row| *row != leaving) {
            let factor = std::mem::take(&mut self.falls[row][entering]);
            if !factor.is_zero() {
                self.basic[row].1 -= &factor * &amount;
                subtract(&mut self.falls[row], &factor, &line);
            }
        }
        let factor = std::mem::take(&mut self.reduced[entering]);
        self.cost += &factor * &amount;
        subtract(&mut self.reduced, &factor, &line);
        self.falls[leaving] = line;
        let left = std::mem::replace(&mut self.basic[leaving], (self.outside[entering], amount));
        self.outside[entering] = left.0;
    }

    fn optimum(self, columns: usize) -> Optimum {
        let mut amounts = vec![Exact::zero(); columns];
        for (column, amount) in self.basic {
            amounts[column] = amount;
        }
        Optimum { cost: self.cost, amounts }
    }
}

fn shared(fall: Exact, rate: &Exact) -> Exact {
    if fall.is_zero() { fall } else { fall / rate }
}

fn subtract(from: &mut [Exact], factor: &Exact, line: &[Exact]) {
    for (held, entry) in from.iter_mut().zip(line).filter(|(_, entry)| !entry.is_zero()) {
        *held -= factor * entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;

    fn whole(number: i64) -> Exact {
        Exact::from(BigInt::from(number))
    }

    /// Wyndor Glass: the textbook programme, as a cost that profit lowers.
    /// Source: Hillier and Lieberman, Introduction to Operations Research, ch. 3.
    #[test]
    fn a_published_programme_comes_out() {
        let mut programme = Programme::default();
        let rows = [4, 12, 18].map(|hours| programme.row(whole(hours)));
        let doors = programme.column(vec![(rows[0], whole(1)), (rows[2], whole(3))]);
        let windows = programme.column(vec![(rows[1], whole(2)), (rows[2], whole(2))]);
        // 3 and 5 are earned by what is made; what idle hours cost is chosen so that the cost is 36 less it.
        let mut costs = vec![whole(0); 5];
        costs[programme.starters[rows[1]]] = Exact::new(3.into(), 2.into());
        costs[programme.starters[rows[2]]] = whole(1);
        let optimum = programme.minimise(&costs);
        assert_eq!(optimum.amounts[doors], whole(2));
        assert_eq!(optimum.amounts[windows], whole(6));
        assert_eq!(optimum.cost, whole(0));
    }

    /// Beale's example, on which the rule of the largest coefficient goes round for ever.
    #[test]
    fn a_programme_that_cycles_elsewhere_ends_here() {
        let ratio = |n: i64, d: i64| Exact::new(n.into(), d.into());
        let mut programme = Programme::default();
        let rows = [0, 0, 1].map(|bound| programme.row(whole(bound)));
        let entries: [(&[(usize, Exact)], Exact); 4] = [
            (&[(0, ratio(1, 4)), (1, ratio(1, 2))], ratio(-3, 4)),
            (&[(0, whole(-60)), (1, whole(-90))], whole(150)),
            (&[(0, ratio(-1, 25)), (1, ratio(-1, 50)), (2, whole(1))], ratio(-1, 50)),
            (&[(0, whole(9)), (1, whole(3))], whole(6)),
        ];
        let mut costs = vec![whole(0); rows.len()];
        for (entries, cost) in entries {
            programme.column(entries.to_vec());
            costs.push(cost);
        }
        assert_eq!(programme.minimise(&costs).cost, ratio(-1, 20));
    }
}
