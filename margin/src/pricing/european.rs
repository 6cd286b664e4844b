//! Black-Scholes-Merton and Black-76: values and Greeks in closed form.
//!
//! Floating point in and out, and nothing of this crate: `tests/it/determinism.rs` compiles this file,
//! `tree` and `implied` by themselves in several ways and compares bits.
//!
//! Source: Haug, *Option Pricing Formulas*; margin specification, section 4.

use core::f64::consts::{PI, SQRT_2};

/// Total volatility below which only the forward decides.
const TOTAL_VOL_MIN: f64 = 1e-12;

/// Where a formula is evaluated. Black-76 is the case in which the yield is the rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// 1 for a call, −1 for a put.
    pub(super) sign: f64,
    pub(super) underlier: f64,
    pub(super) strike: f64,
    /// Remaining life; zero or less is expiry.
    pub(super) years: f64,
    pub(super) rate: f64,
    /// What the underlier pays: its yield.
    pub(super) carry: f64,
    pub(super) vol: f64,
}

impl Point {
    /// What exercise now is worth.
    pub(super) fn intrinsic(&self) -> f64 {
        at_least(self.sign * (self.underlier - self.strike), 0.0)
    }

    /// Underlier and strike, each discounted from expiry.
    fn discounted(&self) -> (f64, f64) {
        let spot = self.underlier * libm::exp(-self.carry * self.years);
        (spot, self.strike * libm::exp(-self.rate * self.years))
    }

    /// What is left of the value without volatility.
    pub(super) fn forward_intrinsic(&self) -> f64 {
        let (spot, strike) = self.discounted();
        at_least(self.sign * (spot - strike), 0.0)
    }

    /// d1 and d2, if there is volatility and both prices are above zero.
    fn distances(&self) -> Option<(f64, f64)> {
        let total = self.vol * libm::sqrt(self.years);
        if total < TOTAL_VOL_MIN || self.underlier == 0.0 || self.strike == 0.0 {
            return None;
        }
        let drift = (self.rate - self.carry + self.vol * self.vol / 2.0) * self.years;
        let d1 = (libm::log(self.underlier / self.strike) + drift) / total;
        Some((d1, d1 - total))
    }

    /// d1 and d2 where there is no volatility: which side of the strike the forward is on.
    fn sides(&self) -> (f64, f64) {
        let (spot, strike) = self.discounted();
        let side = if spot > strike {
            f64::INFINITY
        } else if spot < strike {
            -f64::INFINITY
        } else {
            0.0
        };
        (side, side)
    }
}

/// The larger of a value and a bound; what is no number stays none.
pub(super) fn at_least(value: f64, bound: f64) -> f64 {
    if value < bound { bound } else { value }
}

/// The standard normal distribution.
fn cumulative(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// Its density.
fn density(x: f64) -> f64 {
    libm::exp(-x * x / 2.0) / libm::sqrt(2.0 * PI)
}

/// The value of a European option.
pub(super) fn value(at: &Point) -> f64 {
    if at.years <= 0.0 {
        return at.intrinsic();
    }
    let Some((d1, d2)) = at.distances() else { return at.forward_intrinsic() };
    let (spot, strike) = at.discounted();
    at.sign * (spot * cumulative(at.sign * d1) - strike * cumulative(at.sign * d2))
}

/// Sensitivities of a European option: per unit of the underlier, per 1.00 of volatility, per year,
/// per 1.00 of the rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Greeks {
    pub(super) delta: f64,
    pub(super) gamma: f64,
    pub(super) vega: f64,
    pub(super) theta: f64,
    pub(super) rho: f64,
}

pub(super) fn greeks(at: &Point) -> Greeks {
    let at = &Point { years: at_least(at.years, 0.0), ..*at };
    let (spot, strike) = at.discounted();
    let root = libm::sqrt(at.years);
    let ((d1, d2), density_at) = match at.distances() {
        Some((d1, d2)) => ((d1, d2), density(d1)),
        None => (at.sides(), 0.0),
    };
    let (of_spot, of_strike) = (cumulative(at.sign * d1), cumulative(at.sign * d2));
    let growth = libm::exp(-at.carry * at.years);
    let (gamma, decay) = if density_at == 0.0 {
        (0.0, 0.0)
    } else {
        (growth * density_at / (at.underlier * at.vol * root), spot * density_at * at.vol / (2.0 * root))
    };
    let carry = at.sign * (at.carry * spot * of_spot - at.rate * strike * of_strike);
    Greeks {
        delta: at.sign * growth * of_spot,
        gamma,
        vega: spot * density_at * root,
        theta: carry - decay,
        rho: at.sign * at.years * strike * of_strike,
    }
}
