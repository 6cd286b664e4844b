//! Who deserves which part of a saving, when a permission helps only if all below it are granted.

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_integer::Integer;

/// Shapley values of permissions that stand on each other: the saving d_j is shared equally by
/// the j permissions it needs, φ_i = Σ_{j≥i} d_j/j.
///
/// Source: margin specification, section 9.
pub(crate) fn stacked(savings: &[BigInt]) -> Vec<Exact> {
    let share = |(place, saving): (usize, &BigInt)| Exact::new(saving.clone(), BigInt::from(place + 1));
    let shares: Vec<Exact> = savings.iter().enumerate().map(share).collect();
    (0..shares.len()).map(|from| shares[from..].iter().sum()).collect()
}

/// Whole numbers that sum to the sum of the values, which is whole: each is cut, and what is left
/// goes one by one to the largest remainders, the first on a tie.
pub(crate) fn apportioned(values: &[Exact]) -> Vec<BigInt> {
    let mut whole: Vec<BigInt> = values.iter().map(|value| value.floor().to_integer()).collect();
    let total = values.iter().sum::<Exact>().floor().to_integer();
    let mut left = total - whole.iter().sum::<BigInt>();
    let mut order: Vec<usize> = (0..values.len()).collect();
    let remainder =
        |place: &usize| values[*place].numer().mod_floor(values[*place].denom()) * scale(values, *place);
    order.sort_by_key(|place| (std::cmp::Reverse(remainder(place)), *place));
    for place in order {
        if left <= BigInt::ZERO {
            break;
        }
        whole[place] += 1;
        left -= 1;
    }
    whole
}

/// What brings the denominator of one value to that of all, so that remainders compare whole.
fn scale(values: &[Exact], place: usize) -> BigInt {
    let common = values.iter().fold(BigInt::from(1), |common, value| common.lcm(value.denom()));
    common / values[place].denom()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Averages the marginal saving of each permission over all orders of granting them.
    fn by_orders(savings: &[BigInt]) -> Vec<Exact> {
        fn visit(
            order: &mut Vec<usize>,
            left: &[usize],
            savings: &[BigInt],
            sums: &mut [BigInt],
            count: &mut u32,
        ) {
            if left.is_empty() {
                *count += 1;
                for (place, who) in order.iter().enumerate() {
                    let worth = |granted: &[usize]| -> BigInt {
                        (0..savings.len()).take_while(|p| granted.contains(p)).map(|p| &savings[p]).sum()
                    };
                    sums[*who] += worth(&order[..=place]) - worth(&order[..place]);
                }
                return;
            }
            for who in left {
                order.push(*who);
                let rest: Vec<usize> = left.iter().copied().filter(|other| other != who).collect();
                visit(order, &rest, savings, sums, count);
                order.pop();
            }
        }
        let mut sums = vec![BigInt::ZERO; savings.len()];
        let mut count = 0;
        let all: Vec<usize> = (0..savings.len()).collect();
        visit(&mut Vec::new(), &all, savings, &mut sums, &mut count);
        sums.into_iter().map(|sum| Exact::new(sum, BigInt::from(count))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_formula_is_the_average_over_all_orders(savings in prop::collection::vec(0_i64..1_000_000, 4)) {
            let savings: Vec<BigInt> = savings.into_iter().map(BigInt::from).collect();
            let values = stacked(&savings);
            prop_assert_eq!(&values, &by_orders(&savings));
            let cents = apportioned(&values);
            prop_assert_eq!(cents.iter().sum::<BigInt>(), savings.iter().sum::<BigInt>());
            for (value, cent) in values.iter().zip(&cents) {
                let off = value - Exact::from(cent.clone());
                prop_assert!(off < Exact::from(BigInt::from(1)) && off > Exact::from(BigInt::from(-1)));
            }
        }
    }
}
