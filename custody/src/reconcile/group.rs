//! Which of several amounts add up exactly to one.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::quantity::Quantity;

/// Sums tried for one target before it is given up.
const STEPS_PER_TARGET: u64 = 1 << 20;
/// Sums tried in one reconciliation.
const STEPS_PER_RUN: u64 = 1 << 24;

/// What is left of the work allowed in one reconciliation.
///
/// Subsets are many; a hostile day of thousands of like amounts must not hold up the run. A
/// target given up stays unmatched and shows as a break: the limit can hide nothing.
#[derive(Debug)]
pub(super) struct Budget {
    run: u64,
    target: u64,
}

impl Budget {
    pub(super) fn for_run() -> Self {
        Self { run: STEPS_PER_RUN, target: 0 }
    }

    /// Whether `candidates` may be looked through for one more target.
    pub(super) fn afford(&mut self, candidates: usize) -> bool {
        let cost = u64::try_from(candidates).unwrap_or(u64::MAX);
        let left = self.run.checked_sub(cost);
        self.run = left.unwrap_or(0);
        left.is_some()
    }

    fn spend(&mut self) -> Option<()> {
        self.target = self.target.checked_sub(1)?;
        self.run = self.run.checked_sub(1)?;
        Some(())
    }
}

/// The places of 2 to `size_max` of `amounts` whose sum is `target`: the fewest, and of these the
/// lowest places. All amounts and the target are positive.
pub(super) fn find(
    target: &Quantity,
    amounts: &[Quantity],
    size_max: usize,
    budget: &mut Budget,
) -> Option<Vec<usize>> {
    budget.target = STEPS_PER_TARGET;
    let search = Search::over(amounts);
    (2..=size_max.min(amounts.len())).find_map(|size| {
        let mut chosen = Vec::with_capacity(size);
        search.extend(target, size, 0, &mut chosen, budget).then_some(chosen)
    })
}

struct Search<'a> {
    amounts: &'a [Quantity],
    /// Places of each amount, ascending.
    places: BTreeMap<&'a Quantity, Vec<usize>>,
    /// Least and greatest amount from each place on.
    bounds: Vec<(&'a Quantity, &'a Quantity)>,
}

impl<'a> Search<'a> {
    fn over(amounts: &'a [Quantity]) -> Self {
        let mut places: BTreeMap<&Quantity, Vec<usize>> = BTreeMap::new();
        for (place, amount) in amounts.iter().enumerate() {
            places.entry(amount).or_default().push(place);
        }
        let mut bounds = Vec::with_capacity(amounts.len());
        for amount in amounts.iter().rev() {
            let (least, greatest) = bounds.last().copied().unwrap_or((amount, amount));
            bounds.push((amount.min(least), amount.max(greatest)));
        }
        bounds.reverse();
        Self { amounts, places, bounds }
    }

    /// Adds `size` places from `start` on to `chosen` so that they make up `rest`. False if there
    /// are none, or none before the work allowed is spent; `chosen` is then as it was.
    fn extend(
        &self,
        rest: &Quantity,
        size: usize,
        start: usize,
        chosen: &mut Vec<usize>,
        budget: &mut Budget,
    ) -> bool {
        if size == 1 {
            let place = self
                .places
                .get(rest)
                .and_then(|places| places.get(places.partition_point(|place| *place < start)).copied());
            chosen.extend(place);
            return place.is_some();
        }
        for place in self.starts(start, size) {
            let (least, greatest) = self.bounds[place];
            if *rest > greatest.times(size) || *rest < least.times(size) {
                // From here on the amounts left are all too small, or all too large.
                return false;
            }
            if budget.spend().is_none() {
                return false;
            }
            if self.amounts[place] >= *rest {
                continue;
            }
            chosen.push(place);
            let rest = rest - &self.amounts[place];
            if self.extend(&rest, size - 1, place + 1, chosen, budget) {
                return true;
            }
            chosen.pop();
        }
        false
    }

    fn starts(&self, start: usize, size: usize) -> Range<usize> {
        start..(self.amounts.len() + 1).saturating_sub(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amounts(numbers: &[u32]) -> Vec<Quantity> {
        numbers.iter().map(|number| Quantity::parse(&number.to_string()).unwrap()).collect()
    }

    fn found(target: u32, numbers: &[u32], size_max: usize) -> Option<Vec<usize>> {
        find(&amounts(&[target])[0], &amounts(numbers), size_max, &mut Budget::for_run())
    }

    #[test]
    fn fewest_then_lowest() {
        for (target, numbers, size_max, want) in [
            (100, &[30, 55, 70][..], 6, Some(vec![0, 2])),
            (100, &[10, 20, 70, 40, 60], 6, Some(vec![3, 4])), // two before three
            (100, &[50, 50, 50], 6, Some(vec![0, 1])),
            (100, &[25, 25, 25, 25], 4, Some(vec![0, 1, 2, 3])),
            (100, &[25, 25, 25, 25], 3, None),
            (100, &[100], 6, None), // one is no group
            (100, &[60, 40], 1, None),
            (100, &[60, 39], 6, None),
            (100, &[], 6, None),
        ] {
            assert_eq!(found(target, numbers, size_max), want, "{target} of {numbers:?}");
        }
    }

    #[test]
    fn a_hostile_day_ends() {
        let even: Vec<u32> = (1..2_000).map(|n| n * 2).collect();
        assert_eq!(found(3_001, &even, 32), None);
    }

    proptest! {
        #[test]
        fn finds_what_trying_all_finds(
            numbers in proptest::collection::vec(1_u32..12, 0..9),
            target in 1_u32..40,
            size_max in 0_usize..7,
        ) {
            let mut all: Vec<Vec<usize>> = (0_u32..1 << numbers.len())
                .map(|mask| (0..numbers.len()).filter(|place| mask >> place & 1 == 1).collect::<Vec<_>>())
                .filter(|places| (2..=size_max).contains(&places.len()))
                .filter(|places| places.iter().map(|place| numbers[*place]).sum::<u32>() == target)
                .collect();
            all.sort_by_key(|places| (places.len(), places.clone()));
            prop_assert_eq!(found(target, &numbers, size_max), all.first().cloned());
        }
    }
}
