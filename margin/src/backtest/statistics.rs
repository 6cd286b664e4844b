//! Does a margin cover what it says? Likelihood-ratio tests of exceedances, and the volatility
//! that a margin is scaled by.
//!
//! The one place beside pricing with floating point: logarithms have no exact value. 64 bits,
//! functions of the `libm` crate alone, each printed result rounded once, half to even, to 1e-8.
//!
//! Source: margin specification, sections 10.1 and 10.2; Kupiec, Techniques for verifying the
//! accuracy of risk measurement models (1995); Christoffersen, Evaluating interval forecasts (1998).
#![allow(
    clippy::float_arithmetic,
    reason = "likelihoods and volatilities; no float leaves this file unrounded"
)]

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};

use crate::money::Figure;
use crate::pricing::{figure, nearest};

/// The 95th percentile of χ² with one degree of freedom.
const CHI_SQUARED_95: f64 = 3.841_458_820_694_124;
/// Weight of the last return in the running variance.
const DECAY: f64 = 0.94;

/// How exceedances came out against the rate that was expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Coverage {
    pub(crate) observations: usize,
    pub(crate) exceedances: usize,
    /// Exceedances at the expected rate.
    pub(crate) expected: Figure,
    /// How likely Kupiec's test is to reject at 5 % if the true rate is twice the expected one.
    pub(crate) power: Figure,
    /// The likelihood ratio of unconditional coverage, χ²(1).
    pub(crate) kupiec: Test,
    /// That of independence, χ²(1).
    pub(crate) christoffersen: Test,
    /// That of both, χ²(2).
    pub(crate) conditional: Test,
}

/// A statistic and how likely one as large is by chance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Test {
    pub(crate) statistic: Figure,
    pub(crate) p_value: Figure,
}

/// The three tests on a row of observations, each an exceedance or not.
pub(crate) fn coverage(hits: &[bool], rate: &Exact) -> Coverage {
    let p = nearest(rate);
    let exceedances = hits.iter().filter(|hit| **hit).count();
    let (kupiec, christoffersen) = (kupiec(exceedances, hits.len(), p), christoffersen(hits));
    let one = |value: f64| Test {
        statistic: rounded(value),
        p_value: rounded(libm::erfc(libm::sqrt(value / 2.0))),
    };
    let both = kupiec + christoffersen;
    Coverage {
        observations: hits.len(),
        exceedances,
        expected: rounded(count(hits.len()) * p),
        power: rounded(power(hits.len(), p)),
        kupiec: one(kupiec),
        christoffersen: one(christoffersen),
        conditional: Test { statistic: rounded(both), p_value: rounded(libm::exp(-both / 2.0)) },
    }
}

/// L(k, n, q) = k·ln q + (n − k)·ln(1 − q), with 0·ln 0 = 0.
fn log_likelihood(hits: usize, of: usize, q: f64) -> f64 {
    let term = |times: usize, share: f64| if times == 0 { 0.0 } else { count(times) * libm::log(share) };
    term(hits, q) + term(of - hits, 1.0 - q)
}

fn kupiec(hits: usize, of: usize, p: f64) -> f64 {
    ratio(log_likelihood(hits, of, p), log_likelihood(hits, of, share(hits, of)))
}

/// By consecutive pairs; a row of the table of transitions without any contributes nothing.
fn christoffersen(hits: &[bool]) -> f64 {
    let pairs =
        |from: bool, to: bool| hits.windows(2).filter(|pair| pair[0] == from && pair[1] == to).count();
    let (n00, n01, n10, n11) =
        (pairs(false, false), pairs(false, true), pairs(true, false), pairs(true, true));
    let (calm, hit, all) = (n00 + n01, n10 + n11, n00 + n01 + n10 + n11);
    let apart = log_likelihood(n01, calm, share(n01, calm)) + log_likelihood(n11, hit, share(n11, hit));
    ratio(log_likelihood(n01 + n11, all, share(n01 + n11, all)), apart)
}

/// −2·(restricted − free), which is not below zero but for the last bit.
fn ratio(restricted: f64, free: f64) -> f64 {
    let value = -2.0 * (restricted - free);
    if value > 0.0 { value } else { 0.0 }
}

/// Σ binomial(x; n, 2p) over the counts that Kupiec's test rejects at 5 %.
fn power(of: usize, p: f64) -> f64 {
    let twice = if 2.0 * p < 1.0 { 2.0 * p } else { 1.0 };
    let choose = |hits: usize| {
        libm::lgamma(count(of + 1)) - libm::lgamma(count(hits + 1)) - libm::lgamma(count(of - hits + 1))
    };
    let rejected = (0..=of).filter(|hits| kupiec(*hits, of, p) > CHI_SQUARED_95);
    let sum: f64 = rejected.map(|hits| libm::exp(choose(hits) + log_likelihood(hits, of, twice))).sum();
    if sum < 1.0 { sum } else { 1.0 }
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { count(part) / count(of) }
}

/// Counts of days: far below 2⁵³, so the number is exact.
fn count(of: usize) -> f64 {
    of.to_f64().unwrap_or(f64::MAX)
}

/// Current over long-run volatility after each return but the first closes: √(s_t / mean of r²),
/// with s_t = 0.94·s_{t−1} + 0.06·r_t². One without any volatility is one.
///
/// The answer has one entry for each close; the first, before any return, is one.
pub(crate) fn volatility_ratios(closes: &[Exact]) -> Vec<Figure> {
    let one = Figure::from_units(100_000_000);
    let mut ratios = vec![one; closes.len().min(1)];
    let (mut current, mut sum) = (0.0, 0.0);
    for (place, pair) in closes.windows(2).enumerate() {
        let log_return = libm::log(nearest(&(&pair[1] / &pair[0])));
        let square = log_return * log_return;
        sum += square;
        current = if place == 0 { square } else { DECAY * current + (1.0 - DECAY) * square };
        let long_run = sum / count(place + 1);
        ratios.push(if long_run > 0.0 { rounded(libm::sqrt(current / long_run)) } else { one });
    }
    ratios
}

/// To 1e-8, half to even. A likelihood of counts is finite, whatever they are.
fn rounded(value: f64) -> Figure {
    figure(value).unwrap_or_default()
}

/// A ratio of two amounts, to 1e-8, half to even; `None` if the second is nothing.
pub(crate) fn quotient(of: &BigInt, by: &BigInt) -> Option<Figure> {
    if by.is_zero() {
        return None;
    }
    Figure::nearest(&Exact::new(of.clone(), by.clone())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact_of(text: &str) -> Exact {
        ledger::decimal::DecimalText::parse(text).unwrap().exact()
    }

    fn near(figure: Figure, want: &str, within: &str) {
        let apart = figure.exact() - exact_of(want);
        assert!(apart <= exact_of(within) && apart >= -exact_of(within), "{figure} against {want}");
    }

    /// Hits at the places given, of so many days.
    fn days(of: usize, hits: &[usize]) -> Vec<bool> {
        (0..of).map(|day| hits.contains(&day)).collect()
    }

    /// Source: J. P. Morgan's exceptions of 1998 at 95 %: 20 in 252 days, likelihood ratio 3.91.
    /// Jorion, Value at Risk, 3rd ed., ch. 6.
    #[test]
    fn a_published_kupiec_ratio_comes_out() {
        let hits: Vec<usize> = (0..20).map(|hit| 12 * hit).collect();
        let coverage = coverage(&days(252, &hits), &exact_of("0.05"));
        near(coverage.kupiec.statistic, "3.91", "0.005");
        near(coverage.expected, "12.6", "0");
    }

    /// The regions of acceptance at 5 % that Kupiec (1995) prints, table 2: how many failures the
    /// test does not reject.
    #[test]
    fn published_regions_of_acceptance_come_out() {
        for (rate, days, from, to) in [
            (0.01, 255, 0, 7),
            (0.01, 510, 1, 11),
            (0.01, 1000, 4, 17),
            (0.025, 255, 2, 12),
            (0.05, 255, 6, 21),
            (0.05, 1000, 37, 65),
            (0.1, 510, 38, 65),
        ] {
            // No failure in 255 days is rejected too, which the table's "N < 7" does not show.
            for hits in 0..=days {
                let accepted = kupiec(hits, days, rate) <= CHI_SQUARED_95;
                assert_eq!(accepted, hits > from && hits < to, "{rate} {days} {hits}");
            }
        }
    }

    #[test]
    fn the_edges_have_values() {
        for hits in [days(0, &[]), days(1, &[]), days(1, &[0]), days(5, &[0, 1, 2, 3, 4])] {
            let coverage = coverage(&hits, &exact_of("0.01"));
            assert_eq!(coverage.christoffersen.statistic, Figure::ZERO);
            near(coverage.christoffersen.p_value, "1", "0");
            assert!(coverage.conditional.statistic >= Figure::ZERO);
        }
        // Every observation an exceedance: −2·ln p each.
        let all = coverage(&days(5, &[0, 1, 2, 3, 4]), &exact_of("0.01"));
        near(all.kupiec.statistic, "46.05170186", "0");
    }

    /// Without exceedances the ratio is −2·n·ln(1 − p), and the power is what rejects by too many.
    #[test]
    fn power_counts_both_tails() {
        let none = coverage(&days(250, &[]), &exact_of("0.01"));
        near(none.kupiec.statistic, "5.02516793", "0");
        // None and seven or more are rejected: 1 − Σ binomial(1..6; 250, 0.02), by an exact sum.
        near(none.power, &exact_tail(), "0.00000001");
    }

    /// 1 − Σ binomial(x; 250, 1/50) over the counts that are accepted, in whole numbers.
    fn exact_tail() -> String {
        let (n, mut choose) = (250_u32, BigInt::from(1));
        let mut accepted = BigInt::from(0);
        for hits in 0..=n {
            if hits > 0 {
                choose = choose * (n - hits + 1) / hits;
            }
            if (1..=6).contains(&hits) {
                accepted += &choose * BigInt::from(49).pow(n - hits);
            }
        }
        let value = Exact::from(BigInt::from(1)) - Exact::new(accepted, BigInt::from(50).pow(n));
        crate::money::print_exact(&crate::money::rounded(&value, 12))
    }

    #[test]
    fn volatility_is_one_while_nothing_changes_and_rises_after_a_jump() {
        let flat = vec![exact_of("5"); 4];
        assert!(volatility_ratios(&flat).iter().all(|ratio| ratio.units() == 100_000_000));
        let closes: Vec<Exact> = ["100", "101", "100", "120"].map(exact_of).to_vec();
        let ratios = volatility_ratios(&closes);
        assert_eq!(ratios.len(), 4);
        assert_eq!(ratios[1].units(), 100_000_000);
        // r² = 9.9009e-5 twice and 0.03324115: s = 0.94·9.9009e-5 + 0.06·0.03324115 = 0.00208754.
        near(ratios[3], "0.43276", "0.00001");
    }
}
