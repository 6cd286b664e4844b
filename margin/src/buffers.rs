//! Margin that does not run after the market: a buffer that is drawn when volatility is high, a
//! weight on stressed ranges, and a limit on how far one step may go.
//!
//! Source: margin specification, sections 7.5 and 8.2.

use ledger::decimal::Exact;
use num_traits::{One, Zero};

use crate::money::{Figure, Overflow, positive_part, rounded};
use crate::reader::Bound;
use crate::regime::document::{RegimeError, Shelf};

/// Decimals of the share of the buffer that is released.
const RELEASE_DECIMALS: usize = 6;

/// The parameters.
#[derive(Clone, Debug)]
pub(crate) struct Buffers {
    stress_weight: Exact,
    buffer: Exact,
    release_from: Exact,
    release_to: Exact,
    max_step: Exact,
}

impl Buffers {
    pub(crate) fn read(shelf: &Shelf) -> Result<Self, RegimeError> {
        const KNOWN: [&str; 5] = ["stress_weight", "buffer", "release_from", "release_to", "max_step"];
        let shelf = shelf.open_only("apc", &KNOWN)?;
        let read = Self {
            stress_weight: shelf.decimal("stress_weight", Bound::NonNegative)?,
            buffer: shelf.decimal("buffer", Bound::NonNegative)?,
            release_from: shelf.decimal("release_from", Bound::NonNegative)?,
            release_to: shelf.decimal("release_to", Bound::NonNegative)?,
            max_step: shelf.share("max_step")?,
        };
        if read.release_to <= read.release_from {
            return Err(shelf.error("release_to", "must be above release_from"));
        }
        Ok(read)
    }

    /// How much of the buffer is released: from 0 to 1, rounded to 1e-6.
    pub(crate) fn release(&self, vol_ratio: &Exact) -> Exact {
        let way = (vol_ratio - &self.release_from) / (&self.release_to - &self.release_from);
        rounded(&way.clamp(Exact::zero(), Exact::one()), RELEASE_DECIMALS)
    }

    /// The larger of the weighted stress and of what is left of the buffer, toward +∞, with each
    /// as (share of the tree, share of the stressed tree) so that it can be explained.
    pub(crate) fn charge(
        &self,
        tree: Figure,
        stressed: Figure,
        release: &Exact,
    ) -> Result<Cushion, Overflow> {
        let by_stress = &self.stress_weight * positive_part(stressed.minus(tree)?.exact());
        let kept = &self.buffer * (Exact::one() - release);
        let by_buffer = &kept * tree.exact();
        let stress_binds = by_stress > by_buffer;
        let value = Figure::up(&by_stress.max(by_buffer))?;
        let (of_tree, of_stressed) = if stress_binds {
            (-&self.stress_weight, self.stress_weight.clone())
        } else {
            (kept, Exact::zero())
        };
        Ok(Cushion { value, of_tree, of_stressed })
    }

    /// A requirement within one step of the last, never below the joint loss.
    pub(crate) fn step(
        &self,
        unstepped: Figure,
        previous: &Exact,
        joint: Figure,
    ) -> Result<Figure, Overflow> {
        let least = Figure::up(&(previous * (Exact::one() - &self.max_step)))?;
        let most = Figure::up(&(previous * (Exact::one() + &self.max_step)))?;
        Ok(unstepped.clamp(least, most).max(joint))
    }
}

/// What anti-procyclicality adds, and from which shares of the two trees it comes.
pub(crate) struct Cushion {
    pub(crate) value: Figure,
    pub(crate) of_tree: Exact,
    pub(crate) of_stressed: Exact,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        ledger::decimal::DecimalText::parse(text).unwrap().exact()
    }

    fn buffers() -> Buffers {
        Buffers {
            stress_weight: exact("0.25"),
            buffer: exact("0.1"),
            release_from: exact("1.5"),
            release_to: exact("2.5"),
            max_step: exact("0.25"),
        }
    }

    fn money(text: &str) -> Figure {
        Figure::up(&exact(text)).unwrap()
    }

    #[test]
    fn the_buffer_is_drawn_as_volatility_rises() {
        for (vol_ratio, want) in
            [("0", "0"), ("1.5", "0"), ("1.8333333", "0.333333"), ("2", "0.5"), ("2.5", "1"), ("9", "1")]
        {
            assert_eq!(buffers().release(&exact(vol_ratio)), exact(want), "{vol_ratio}");
        }
    }

    #[test]
    fn the_larger_of_stress_and_buffer_counts() {
        for (tree, stressed, release, want) in [
            ("27945", "46575", "0", "4657.5"),
            ("100", "110", "0", "10"),
            ("100", "110", "1", "2.5"),
            ("100", "90", "1", "0"),
            ("0", "0", "0", "0"),
        ] {
            let cushion = buffers().charge(money(tree), money(stressed), &exact(release)).unwrap();
            assert_eq!(cushion.value, money(want), "{tree} {stressed} {release}");
            let parts = cushion.of_tree * exact(tree) + cushion.of_stressed * exact(stressed);
            assert_eq!(Figure::up(&parts).unwrap(), cushion.value);
        }
    }

    #[test]
    fn a_step_is_limited_but_never_below_the_joint_loss() {
        for (unstepped, previous, joint, want) in [
            ("110", "100", "50", "110"),
            ("130", "100", "50", "125"),
            ("60", "100", "50", "75"),
            ("130", "100", "128", "128"),
            ("10", "0", "5", "5"),
        ] {
            let stepped = buffers().step(money(unstepped), &exact(previous), money(joint)).unwrap();
            assert_eq!(stepped, money(want), "{unstepped} {previous} {joint}");
        }
    }
}
