//! Which assets a row or a limit speaks of: the match language.

use jiff::civil::Date;

use super::{AgencyRating, Asset, AssetKind, Rating};
use crate::period::Period;
use crate::words::words;

/// A test of one asset, posted by one party, at one date.
///
/// Source: specs/calls.md §3.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// All hold (none given: always).
    All(Vec<Match>),
    /// At least one holds (none given: never).
    Any(Vec<Match>),
    /// It does not hold.
    Not(Box<Match>),
    /// The asset of that id.
    Asset(String),
    /// Assets of that kind.
    Kind(AssetKind),
    /// Assets owed in that currency.
    Currency(String),
    /// Assets of that issuer.
    Issuer(String),
    /// Assets whose issuer belongs to that group.
    IssuerGroup(String),
    /// Assets whose issuer is of that type.
    IssuerType(String),
    /// Assets whose issuer is in that country.
    IssuerCountry(String),
    /// Constituents of that index.
    Index(String),
    /// Whether the issuer's group is one of the poster's: wrong-way risk.
    OwnIssue(bool),
    /// Assets redeemed within a band of time; those without maturity are in none.
    Maturity(MaturityBand),
    /// Assets rated within bounds; unrated ones are in none.
    Rating(RatingBand),
}

/// What a [`Match`] is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The asset.
    pub asset: &'a Asset,
    /// The date that remaining maturity counts from.
    pub as_of: Date,
    /// The issuer groups affiliated with the poster.
    pub poster_groups: &'a [String],
}

impl Match {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, subject: Subject) -> bool {
        let asset = subject.asset;
        let is = |fact: &Option<String>, wanted: &String| fact.as_ref() == Some(wanted);
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(subject)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(subject)),
            Self::Not(test) => !test.holds(subject),
            Self::Asset(id) => asset.id == *id,
            Self::Kind(kind) => asset.kind == *kind,
            Self::Currency(currency) => is(&asset.currency, currency),
            Self::Issuer(issuer) => is(&asset.issuer, issuer),
            Self::IssuerGroup(group) => is(&asset.issuer_group, group),
            Self::IssuerType(kind) => is(&asset.issuer_type, kind),
            Self::IssuerCountry(country) => is(&asset.issuer_country, country),
            Self::Index(index) => is(&asset.index, index),
            Self::OwnIssue(wanted) => *wanted == is_own_issue(subject),
            Self::Maturity(band) => asset.maturity.is_some_and(|date| band.holds(date, subject.as_of)),
            Self::Rating(band) => band.holds(&asset.ratings),
        }
    }
}

fn is_own_issue(subject: Subject) -> bool {
    subject.asset.issuer_group.as_ref().is_some_and(|group| subject.poster_groups.contains(group))
}

/// A band of remaining maturity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MaturityBand {
    /// The nearest redemption.
    pub min: Option<Period>,
    /// Whether the nearest itself is in the band; by default it is.
    pub min_inclusive: bool,
    /// The farthest redemption.
    pub max: Option<Period>,
    /// Whether the farthest itself is in the band; by default it is not.
    pub max_inclusive: bool,
}

impl MaturityBand {
    /// Whether `maturity` is in the band as seen from `as_of`. A bound beyond the year 9999 is
    /// farther than any date.
    fn holds(&self, maturity: Date, as_of: Date) -> bool {
        let above = self.min.is_none_or(|period| {
            period.after(as_of).is_some_and(|min| maturity > min || (self.min_inclusive && maturity == min))
        });
        let below = self.max.is_none_or(|period| {
            period.after(as_of).is_none_or(|max| maturity < max || (self.max_inclusive && maturity == max))
        });
        above && below
    }
}

words! {
    /// Which of several ratings counts.
    pub enum RatingChoice {
        /// The worst.
        Lowest = "lowest",
        /// The best.
        Highest = "highest",
        /// The second best; the only one if there is one.
        Second = "second",
    }
}

/// Bounds of a rating, best and worst both within.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RatingBand {
    /// Only this agency's ratings count; otherwise every agency's.
    pub agency: Option<String>,
    /// The worst that will do.
    pub at_least: Option<Rating>,
    /// The best that will do.
    pub at_most: Option<Rating>,
    /// Which rating counts where there are several.
    pub resolve: RatingChoice,
}

impl RatingBand {
    fn holds(&self, ratings: &[AgencyRating]) -> bool {
        let mut best_first: Vec<Rating> = ratings
            .iter()
            .filter(|rating| self.agency.as_ref().is_none_or(|agency| *agency == rating.agency))
            .map(|rating| rating.rating)
            .collect();
        best_first.sort_unstable();
        let counts = match self.resolve {
            RatingChoice::Lowest => best_first.last(),
            RatingChoice::Highest => best_first.first(),
            RatingChoice::Second => best_first.get(1).or(best_first.first()),
        };
        counts.is_some_and(|rating| {
            self.at_least.is_none_or(|worst| *rating <= worst)
                && self.at_most.is_none_or(|best| *rating >= best)
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn bond(maturity: Date, ratings: &[(&str, &str)]) -> Asset {
        let ratings = ratings.iter().map(|(agency, notation)| AgencyRating {
            agency: (*agency).into(),
            rating: Rating::parse(notation).unwrap(),
        });
        Asset {
            maturity: Some(maturity),
            ratings: ratings.collect(),
            issuer_group: Some("G".into()),
            ..Asset::plain("B", AssetKind::Security, 2)
        }
    }

    fn holds(test: &Match, asset: &Asset) -> bool {
        test.holds(Subject { asset, as_of: date(2028, 2, 29), poster_groups: &["G".into()] })
    }

    #[test]
    fn maturity_bounds_include_as_they_say() {
        let year = Period::parse("P1Y");
        let band =
            |min, min_inclusive, max, max_inclusive| MaturityBand { min, min_inclusive, max, max_inclusive };
        let far = Period::parse("P9000Y");
        for (band, maturity, want) in [
            (band(year, true, None, false), date(2029, 2, 28), true),
            (band(year, false, None, false), date(2029, 2, 28), false),
            (band(year, false, None, false), date(2029, 3, 1), true),
            (band(None, true, year, false), date(2029, 2, 28), false),
            (band(None, true, year, true), date(2029, 2, 28), true),
            (band(None, true, far, false), date(9999, 12, 31), true),
            (band(far, true, None, false), date(9999, 12, 31), false),
        ] {
            assert_eq!(holds(&Match::Maturity(band.clone()), &bond(maturity, &[])), want, "{band:?}");
        }
    }

    #[test]
    fn ratings_resolve_before_they_are_compared() {
        let asset = bond(date(2030, 1, 1), &[("sp", "AA"), ("moodys", "A1"), ("fitch", "BBB")]);
        for (agency, at_least, at_most, resolve, want) in [
            (None, Some("AA"), None, RatingChoice::Highest, true),
            (None, Some("AA"), None, RatingChoice::Second, false),
            (None, Some("A+"), None, RatingChoice::Second, true),
            (None, Some("A+"), None, RatingChoice::Lowest, false),
            (None, None, Some("A+"), RatingChoice::Highest, false),
            (None, None, Some("BBB"), RatingChoice::Lowest, true),
            (Some("moodys"), Some("A+"), Some("A+"), RatingChoice::Second, true),
            (Some("dbrs"), None, None, RatingChoice::Lowest, false),
        ] {
            let band = RatingBand {
                agency: agency.map(String::from),
                at_least: at_least.and_then(Rating::parse),
                at_most: at_most.and_then(Rating::parse),
                resolve,
            };
            assert_eq!(holds(&Match::Rating(band.clone()), &asset), want, "{band:?}");
        }
    }

    #[test]
    fn combinations_are_boolean() {
        let asset = bond(date(2030, 1, 1), &[]);
        let yes = || Match::Kind(AssetKind::Security);
        let no = || Match::Currency("USD".into());
        for (test, want) in [
            (Match::All(vec![]), true),
            (Match::Any(vec![]), false),
            (Match::All(vec![yes(), no()]), false),
            (Match::Any(vec![no(), yes()]), true),
            (Match::Not(Box::new(no())), true),
            (Match::OwnIssue(true), true),
            (Match::OwnIssue(false), false),
            (Match::Asset("B".into()), true),
            (Match::IssuerGroup("G".into()), true),
            (Match::Issuer("G".into()), false),
        ] {
            assert_eq!(holds(&test, &asset), want, "{test:?}");
        }
    }
}
