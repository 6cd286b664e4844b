//! Cox-Ross-Rubinstein: a recombining tree, for exercise at any time.
//!
//! Source: Cox, Ross, Rubinstein (1979); margin specification, section 4.

use super::european::{Point, at_least};

/// A step so small that its two ends are one number: nothing is left to grow a tree on.
const STEP_MIN: f64 = 1e-14;

/// The value by a tree of that many steps. With early exercise each node is the larger of going on
/// and of exercising, the root included.
pub(super) fn value(at: &Point, steps: u16, american: bool) -> f64 {
    if at.years <= 0.0 {
        return at.intrinsic();
    }
    let step_years = at.years / f64::from(steps);
    let root = libm::sqrt(step_years);
    // Without this the drift of one step could leave the tree, and a probability the unit interval.
    let vol = at_least(at.vol, 1.01 * libm::fabs(at.rate - at.carry) * root);
    let step = vol * root;
    if step < STEP_MIN {
        let forward = at.forward_intrinsic();
        return if american { at_least(forward, at.intrinsic()) } else { forward };
    }
    let (up, growth) = (libm::exp(step), libm::exp((at.rate - at.carry) * step_years));
    let down = 1.0 / up;
    let rises = (growth - down) / (up - down);
    let discount = libm::exp(-at.rate * step_years);
    let weights = (discount * rises, discount * (1.0 - rises));
    let last = usize::from(steps);
    let exercised = Exercise::new(at, step, steps);
    let mut values: Vec<f64> = exercised.at(last).iter().map(|value| at_least(*value, 0.0)).collect();
    for level in (0..last).rev() {
        let nodes = &mut values[..level + 2];
        if american {
            roll_back_american(nodes, weights, exercised.at(level));
        } else {
            roll_back(nodes, weights);
        }
    }
    values[0]
}

fn roll_back(nodes: &mut [f64], (with_up, with_down): (f64, f64)) {
    for node in 0..nodes.len() - 1 {
        nodes[node] = with_up * nodes[node + 1] + with_down * nodes[node];
    }
}

fn roll_back_american(nodes: &mut [f64], (with_up, with_down): (f64, f64), exercised: &[f64]) {
    for (node, exercised) in exercised.iter().enumerate() {
        nodes[node] = at_least(with_up * nodes[node + 1] + with_down * nodes[node], *exercised);
    }
}

/// What exercise is worth at each node. A node's price depends on its net up-moves alone, so a level
/// is a stretch of the last level of its parity.
struct Exercise {
    steps: usize,
    /// By net up-moves −n, −n + 2 … n, and −n + 1 … n − 1.
    even: Vec<f64>,
    odd: Vec<f64>,
}

impl Exercise {
    fn new(at: &Point, step: f64, steps: u16) -> Self {
        let worth = |ups: i32| at.sign * (at.underlier * libm::exp(step * f64::from(ups)) - at.strike);
        let last = i32::from(steps);
        let level = |most: i32| (-most..=most).step_by(2).map(worth).collect();
        Self { steps: usize::from(steps), even: level(last), odd: level(last - 1) }
    }

    /// At the nodes of one level, from the lowest price up.
    fn at(&self, level: usize) -> &[f64] {
        let above = self.steps - level;
        let stretch = if above.is_multiple_of(2) { &self.even } else { &self.odd };
        let first = above / 2;
        &stretch[first..=first + level]
    }
}
