//! The two parties of an agreement.

use crate::words::words;

words! {
    /// One of the two parties, as the agreement names them.
    pub enum Side {
        /// Party `a`: exposure is seen from here.
        A = "a",
        /// Party `b`.
        B = "b",
    }
}

impl Side {
    /// The counterparty.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// One of something for each party.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BySide<T> {
    /// Party `a`'s.
    pub a: T,
    /// Party `b`'s.
    pub b: T,
}

impl<T> BySide<T> {
    /// That party's.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// That party's, to change.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}
