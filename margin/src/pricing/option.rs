//! Options as they are priced: terms, volatility, and what a scenario does to them.

use ledger::decimal::Exact;
use num_bigint::BigInt;

use super::european::{self, Point, at_least};
use super::number::{figure, nearest, units};
use super::surface::Surface;
use super::{implied, tree};
use crate::money::{Figure, Overflow};
use crate::scenario::{Scenario, VolRule};

/// Steps of the tree that finds implied volatilities, whatever a rule book prices with.
const IMPLIED_STEPS: u16 = 200;
/// Volatility after a scenario is not below this.
const VOL_FLOOR: f64 = 1e-4;
/// Half the distance between the two prices that a delta is taken from, relative to the underlier.
const DELTA_STEP: f64 = 1e-4;
const DAYS_PER_YEAR: f64 = 365.0;
/// Days to expiry from which the long-term power of a vega rule holds.
const LONG_TERM_DAYS: f64 = 30.0;
/// 1e-8 units in one unit of currency.
const UNITS: u32 = 100_000_000;

/// A call or a put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Right {
    Call,
    Put,
}

/// When it may be exercised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    European,
    American,
}

/// A formula by its name in documents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Model {
    BlackScholesMerton,
    Black76,
    Tree,
}

/// A volatility of one year, 1 being 100 %.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volatility(pub(super) f64);

impl Volatility {
    pub(crate) fn of(vol: &Exact) -> Self {
        Self(nearest(vol))
    }

    /// To 1e-8.
    pub(crate) fn figure(self) -> Result<Figure, Overflow> {
        figure(self.0)
    }
}

/// How a rule book prices: the depth of its trees, and how much earlier a scenario's day is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pricer {
    steps: u16,
    look_ahead_years: f64,
}

impl Pricer {
    pub(crate) fn new(steps: u16, look_ahead_days: &Exact) -> Self {
        Self { steps, look_ahead_years: nearest(&(look_ahead_days / BigInt::from(365))) }
    }
}

/// By how many steps options are valued where no rule book says it.
impl Default for Pricer {
    fn default() -> Self {
        Self { steps: IMPLIED_STEPS, look_ahead_years: 0.0 }
    }
}

/// The terms of one option and what it is priced from, all but its volatility.
#[derive(Clone, Debug)]
pub(crate) struct OptionTerms {
    pub(crate) right: Right,
    pub(crate) style: Style,
    pub(crate) underlier: Exact,
    pub(crate) strike: Exact,
    /// Remaining life.
    pub(crate) years: Exact,
    pub(crate) rate: Exact,
    /// What the underlier yields; for an option on a future, the rate.
    pub(crate) carry: Exact,
    /// How far the underlier moves when the underlying moves by 1.
    pub(crate) leverage: Exact,
}

impl OptionTerms {
    fn point(&self) -> Point {
        Point {
            sign: match self.right {
                Right::Call => 1.0,
                Right::Put => -1.0,
            },
            underlier: nearest(&self.underlier),
            strike: nearest(&self.strike),
            years: nearest(&self.years),
            rate: nearest(&self.rate),
            carry: nearest(&self.carry),
            vol: 0.0,
        }
    }

    /// The least volatility at which the value reaches the price: European by formula, American by a
    /// tree of 200 steps. `None` if there is none from 0.0001 to 5.
    pub(crate) fn implied_vol(&self, price: &Exact) -> Option<Volatility> {
        self.implied_vol_by(price, IMPLIED_STEPS)
    }

    /// The same by a tree of that many steps.
    pub(crate) fn implied_vol_by(&self, price: &Exact, steps: u16) -> Option<Volatility> {
        let at = self.point();
        let value = |vol: f64| value(&Point { vol, ..at }, self.style, steps);
        implied::least_vol(nearest(price), value).map(Volatility)
    }

    /// The volatility that a surface gives for these terms.
    pub(crate) fn vol_on(&self, surface: &Surface) -> Option<Volatility> {
        let at = self.point();
        let moneyness = if at.underlier == 0.0 { f64::INFINITY } else { at.strike / at.underlier };
        surface.at(at.years, moneyness)
    }

    /// The option at a volatility.
    pub(crate) fn at(self, vol: Volatility) -> Priced {
        let point = Point { vol: vol.0, ..self.point() };
        let leverage = nearest(&self.leverage);
        Priced { terms: self, point, leverage }
    }
}

/// An option with its volatility: everything that its value depends on.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    terms: OptionTerms,
    point: Point,
    leverage: f64,
}

impl Priced {
    /// Value of one unit, in the currency of the underlier's price.
    pub(crate) fn value(&self, pricer: Pricer) -> Result<Figure, Overflow> {
        figure(value(&self.point, self.terms.style, pricer.steps))
    }

    /// What one unit of the underlier is worth.
    pub(crate) fn underlier(&self) -> &Exact {
        &self.terms.underlier
    }

    /// Value of one unit some days later and at another price of the underlier.
    pub(crate) fn later(&self, underlier: &Exact, days: usize, pricer: Pricer) -> Result<Figure, Overflow> {
        let years = nearest(&(&self.terms.years - Exact::new(days.into(), 365.into())));
        let then = Point { underlier: nearest(underlier), years, ..self.point };
        figure(value(&then, self.terms.style, pricer.steps))
    }

    /// Sensitivities of one unit by the European formula.
    pub(crate) fn greeks(&self) -> Result<Greeks, Overflow> {
        let european::Greeks { delta, gamma, vega, theta, rho } = european::greeks(&self.point);
        Ok(Greeks {
            delta: figure(delta)?,
            gamma: figure(gamma)?,
            vega: figure(vega)?,
            theta: figure(theta)?,
            rho: figure(rho)?,
        })
    }

    /// Change of value per change of the underlier: a central difference, whatever the model.
    pub(crate) fn delta(&self, pricer: Pricer) -> Result<Figure, Overflow> {
        figure(self.difference(pricer))
    }

    /// Delta notional of one contract, which is `units` of the underlier: units × S × delta, and by
    /// the underlier's leverage what it is in the underlying.
    pub(crate) fn delta_notional(&self, units: &Exact, pricer: Pricer) -> Result<Figure, Overflow> {
        figure(nearest(units) * self.point.underlier * self.difference(pricer) * self.leverage)
    }

    fn difference(&self, pricer: Pricer) -> f64 {
        let step = DELTA_STEP * self.point.underlier;
        if step == 0.0 {
            return 0.0;
        }
        let at = |underlier: f64| value(&Point { underlier, ..self.point }, self.terms.style, pricer.steps);
        (at(self.point.underlier + step) - at(self.point.underlier - step)) / (2.0 * step)
    }

    /// P&L of one long contract of that many units in each scenario, against the value now.
    ///
    /// Source: margin specification, section 5.
    pub(crate) fn array(
        &self,
        units_each: &Exact,
        pricer: Pricer,
        shocks: &[Shock],
    ) -> Result<Vec<i64>, Overflow> {
        let scale = nearest(&(units_each * BigInt::from(UNITS)));
        let now = value(&self.point, self.terms.style, pricer.steps);
        let years = self.point.years - pricer.look_ahead_years;
        let pnl = |shock: &Shock| {
            let then = Point {
                underlier: at_least(self.point.underlier * (1.0 + shock.move_by * self.leverage), 0.0),
                vol: at_least(shock.vol.after(self.point.vol, self.point.years), VOL_FLOOR),
                years,
                ..self.point
            };
            units((value(&then, self.terms.style, pricer.steps) - now) * scale * shock.cover)
        };
        shocks.iter().map(pnl).collect()
    }

    /// Everything the value depends on, as text: what a digest is made of.
    pub(crate) fn name(&self) -> String {
        let Point { sign, underlier, strike, years, rate, carry, vol } = self.point;
        let numbers = [sign, underlier, strike, years, rate, carry, vol, self.leverage];
        let bits: Vec<String> = numbers.iter().map(|number| format!("{:016x}", number.to_bits())).collect();
        format!("{:?} {}", self.terms.style, bits.join(" "))
    }
}

fn value(at: &Point, style: Style, steps: u16) -> f64 {
    match style {
        Style::European => european::value(at),
        Style::American => tree::value(at, steps, true),
    }
}

/// Sensitivities, each to 1e-8: per unit of the underlier, per 1.00 of volatility, per year, per 1.00
/// of the rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Greeks {
    pub(crate) delta: Figure,
    pub(crate) gamma: Figure,
    pub(crate) vega: Figure,
    pub(crate) theta: Figure,
    pub(crate) rho: Figure,
}

/// A scenario in floating point, made once for all options of a grid.
#[derive(Clone, Debug)]
pub(crate) struct Shock {
    move_by: f64,
    cover: f64,
    vol: VolShock,
}

#[derive(Clone, Copy, Debug)]
enum VolShock {
    Same,
    Relative(f64),
    Absolute(f64),
    Termed { least: f64, share: f64, short_power: f64, long_power: f64 },
}

impl Shock {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let vol = match &scenario.vol {
            VolRule::Same => VolShock::Same,
            VolRule::Relative(factor) => VolShock::Relative(nearest(factor)),
            VolRule::Absolute(step) => VolShock::Absolute(nearest(step)),
            VolRule::Termed(rule) => VolShock::Termed {
                least: nearest(&rule.least),
                share: nearest(&rule.share),
                short_power: nearest(&rule.short_power),
                long_power: nearest(&rule.long_power),
            },
        };
        Self { move_by: nearest(&scenario.move_by), cover: nearest(&scenario.cover), vol }
    }
}

impl VolShock {
    /// The volatility after the shock, of an option with that life.
    fn after(self, vol: f64, years: f64) -> f64 {
        match self {
            Self::Same => vol,
            Self::Relative(factor) => vol * factor,
            Self::Absolute(step) => vol + step,
            Self::Termed { least, share, short_power, long_power } => {
                let days = years * DAYS_PER_YEAR;
                let power = if days < LONG_TERM_DAYS { short_power } else { long_power };
                at_least(vol, least) * (1.0 + share * libm::pow(LONG_TERM_DAYS / days, power))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An option with numbers of the sizes that markets have.
    fn points() -> impl Strategy<Value = Point> {
        (
            0.1_f64..200_000.0,
            0.3_f64..3.0,
            0.002_f64..3.0,
            -0.05_f64..0.15,
            -0.05_f64..0.15,
            0.02_f64..2.0,
            any::<bool>(),
        )
            .prop_map(|(underlier, moneyness, years, rate, carry, vol, call)| Point {
                sign: if call { 1.0 } else { -1.0 },
                underlier,
                strike: underlier * moneyness,
                years,
                rate,
                carry,
                vol,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 20_000, ..ProptestConfig::default() })]

        #[test]
        fn put_call_parity(at in points()) {
            let side = |sign: f64| european::value(&Point { sign, ..at });
            let forward = at.underlier * libm::exp(-at.carry * at.years) - at.strike * libm::exp(-at.rate * at.years);
            let apart = side(1.0) - side(-1.0) - forward;
            prop_assert!(apart.abs() <= 1e-8 * at.underlier.max(at.strike));
        }

        #[test]
        fn american_above_european_above_intrinsic(at in points()) {
            let european = tree::value(&at, 100, false);
            prop_assert!(tree::value(&at, 100, true) >= european * (1.0 - 1e-12));
            prop_assert!(tree::value(&at, 100, true) >= at.intrinsic());
            let slack = 1e-9 * at.underlier.max(at.strike);
            prop_assert!(european::value(&at) >= at.forward_intrinsic() - slack);
        }

        #[test]
        fn a_tree_comes_near_the_formula(at in points()) {
            // Below the least volatility of a tree its value is that of a higher one.
            let least = 1.01 * (at.rate - at.carry).abs() * (at.years / 200.0).sqrt();
            let at = Point { vol: at.vol.min(1.0 / at.years.sqrt()).max(least), ..at };
            let apart = tree::value(&at, 200, false) - european::value(&at);
            prop_assert!(apart.abs() <= 0.002 * at.underlier, "{apart} of {}", at.underlier);
        }

        #[test]
        fn a_price_gives_back_its_volatility(at in points()) {
            let vega = at.underlier * (european::value(&Point { vol: at.vol + 1e-5, ..at })
                - european::value(&Point { vol: at.vol - 1e-5, ..at })) / (2e-5 * at.underlier);
            prop_assume!(vega > 1e-4 * at.underlier);
            let implied = implied::least_vol(european::value(&at), |vol| european::value(&Point { vol, ..at }));
            prop_assert!((implied.unwrap() - at.vol).abs() <= 1e-6);
        }

        #[test]
        fn the_implied_volatility_is_the_least(at in points()) {
            let price = tree::value(&at, 50, true);
            let value = |vol: f64| tree::value(&Point { vol, ..at }, 50, true);
            // Where the value hardly rises, its last bits decide.
            prop_assume!(price - value(0.99 * at.vol) > 1e-6 * at.strike);
            let implied = implied::least_vol(price, value).unwrap();
            prop_assert!(value(implied) >= price && value(implied - 1e-7) < price);
            prop_assert!(implied <= at.vol + 1e-7);
        }
    }

    fn exact(text: &str) -> Exact {
        ledger::decimal::DecimalText::parse(text).unwrap().exact()
    }

    fn terms(right: Right, style: Style, years: &str) -> OptionTerms {
        let number = exact;
        OptionTerms {
            right,
            style,
            underlier: number("100"),
            strike: number("95"),
            years: number(years),
            rate: number("0.03"),
            carry: number("0.01"),
            leverage: number("1"),
        }
    }

    fn shock(move_by: &str, vol: VolRule) -> Shock {
        Shock::of(&Scenario { move_by: exact(move_by), vol, cover: exact("1") })
    }

    #[test]
    fn a_scenario_moves_price_volatility_and_day() {
        let pricer = Pricer::new(50, &exact("1"));
        for style in [Style::European, Style::American] {
            let priced = terms(Right::Put, style, "0.25").at(Volatility(0.4));
            let now = value(&priced.point, style, 50);
            let years = 0.25 - 1.0 / 365.0;
            for (rule, vol) in [
                (VolRule::Same, 0.4),
                (VolRule::Relative(exact("1.25")), 0.5),
                (VolRule::Absolute(exact("-0.1")), 0.3),
                (VolRule::Absolute(exact("-0.9")), 1e-4),
                (VolRule::Relative(exact("0")), 1e-4),
            ] {
                let row = priced.array(&exact("10"), pricer, &[shock("-0.3", rule.clone())]).unwrap();
                let then = value(&Point { underlier: 70.0, vol, years, ..priced.point }, style, 50);
                let want = (then - now) * 1e9;
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let got = row[0] as f64;
                assert!((got - want).abs() <= 0.6, "{style:?} {rule:?} {got} {want}");
            }
        }
    }

    #[test]
    fn after_its_expiry_an_option_is_worth_its_exercise() {
        let pricer = Pricer::new(50, &exact("10"));
        for style in [Style::European, Style::American] {
            let priced = terms(Right::Call, style, "0.01").at(Volatility(0.4));
            let now = priced.value(pricer).unwrap().units();
            let row =
                priced.array(&exact("1"), pricer, &[shock("0.1", VolRule::Same), shock("-2", VolRule::Same)]);
            let row = row.unwrap();
            assert!((i128::from(row[0]) - (1_500_000_000 - now)).abs() <= 1);
            assert!((i128::from(row[1]) + now).abs() <= 1);
        }
    }

    #[test]
    fn a_termed_rule_bends_with_life() {
        let rule = crate::scenario::TermedVol {
            least: exact("0.5"),
            share: exact("0.5"),
            short_power: exact("0.3"),
            long_power: exact("0.13"),
        };
        let shock = shock("0", VolRule::Termed(rule));
        for (vol, days, want) in [
            (0.8, 30.0, 1.2),
            (0.2, 30.0, 0.75),
            (0.8, 7.5, 0.8 * (1.0 + 0.5 * libm::pow(4.0, 0.3))),
            (0.8, 120.0, 0.8 * (1.0 + 0.5 * libm::pow(0.25, 0.13))),
        ] {
            assert!((shock.vol.after(vol, days / 365.0) - want).abs() < 1e-12, "{vol} {days}");
        }
    }

    #[test]
    fn leverage_of_the_underlier_reaches_move_and_delta() {
        let pricer = Pricer::default();
        let one = terms(Right::Call, Style::European, "0.5").at(Volatility(0.4));
        let twice = OptionTerms { leverage: exact("2"), ..one.terms.clone() }.at(Volatility(0.4));
        let rows = [(&one, "0.2"), (&twice, "0.1")].map(|(option, move_by)| {
            option.array(&exact("100"), pricer, &[shock(move_by, VolRule::Same)]).unwrap()
        });
        assert_eq!(rows[0], rows[1]);
        let notional = |option: &Priced| option.delta_notional(&exact("100"), pricer).unwrap().units();
        assert!((notional(&twice) - 2 * notional(&one)).abs() <= 2);
    }

    #[test]
    fn what_is_worth_nothing_has_a_value_all_the_same() {
        for (underlier, strike, call, put) in
            [("0", "95", "0", "95"), ("100", "0", "100", "0"), ("0", "0", "0", "0")]
        {
            for (right, want) in [(Right::Call, call), (Right::Put, put)] {
                let mut terms = terms(right, Style::American, "0.5");
                (terms.underlier, terms.strike) = (exact(underlier), exact(strike));
                (terms.rate, terms.carry) = (exact("0"), exact("0"));
                let priced = terms.at(Volatility(0.3));
                let value = priced.value(Pricer::default()).unwrap().exact();
                let apart = value - exact(want);
                assert!(
                    apart <= exact("0.000001") && apart >= exact("-0.000001"),
                    "{underlier} {strike} {right:?}"
                );
                assert!(priced.greeks().is_ok() && priced.delta(Pricer::default()).is_ok());
            }
        }
    }

    #[test]
    fn numbers_beyond_all_markets_are_an_overflow() {
        let mut terms = terms(Right::Call, Style::European, "1");
        terms.rate = exact("-1000");
        let priced = terms.clone().at(Volatility(0.3));
        assert_eq!(priced.value(Pricer::default()), Err(Overflow));
        assert!(terms.implied_vol(&exact("1")).is_none());
        let array = priced.array(&exact("1"), Pricer::default(), &[shock("0.1", VolRule::Same)]);
        assert_eq!(array, Err(Overflow));
    }
}
