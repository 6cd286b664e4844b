//! Credit ratings on one scale of twenty-two notches.

/// Standard & Poor's notations from best to worst; Fitch writes the same.
const NOTATIONS: [&str; 22] = [
    "AAA", "AA+", "AA", "AA-", "A+", "A", "A-", "BBB+", "BBB", "BBB-", "BB+", "BB", "BB-", "B+", "B", "B-",
    "CCC+", "CCC", "CCC-", "CC", "C", "D",
];
/// Moody's notations from best to worst. There is none for the last notch.
const MOODYS: [&str; 21] = [
    "Aaa", "Aa1", "Aa2", "Aa3", "A1", "A2", "A3", "Baa1", "Baa2", "Baa3", "Ba1", "Ba2", "Ba3", "B1", "B2",
    "B3", "Caa1", "Caa2", "Caa3", "Ca", "C",
];

/// A rating: how many notches below the best. A better rating is less.
///
/// Source: specs/calls.md §3.
///
/// ```
/// use ledger::valuation::Rating;
/// assert_eq!(Rating::parse("Aa3"), Rating::parse("AA-"));
/// assert!(Rating::parse("AAA") < Rating::parse("A1"));
/// assert_eq!(Rating::parse("aaa"), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Rating(usize);

impl Rating {
    /// Reads either notation. They share one spelling, `C`, and mean the same notch by it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let place = |notations: &[&str]| notations.iter().position(|notation| *notation == text);
        place(&NOTATIONS).or_else(|| place(&MOODYS)).map(Self)
    }

    /// The notation of Standard & Poor's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NOTATIONS[self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moodys_maps_notch_by_notch() {
        for (moodys, sp) in
            [("Aaa", "AAA"), ("A1", "A+"), ("Baa3", "BBB-"), ("Ba1", "BB+"), ("Caa3", "CCC-"), ("C", "C")]
        {
            assert_eq!(Rating::parse(moodys).map(Rating::as_str), Some(sp));
        }
        for (place, text) in NOTATIONS.iter().enumerate() {
            assert_eq!(Rating::parse(text), Some(Rating(place)));
        }
        assert_eq!(Rating::parse("NR"), None);
    }
}
