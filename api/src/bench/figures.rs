//! Figures in their order, as a table for people and as JSON for programs.

use std::fmt;
use std::time::Duration;

use ledger::amount::print_units;
use ledger::json::Json;

/// All figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    sections: Vec<(&'static str, Section)>,
}

/// Figures that belong together: key and value.
pub type Section = Vec<(&'static str, String)>;

impl Figures {
    /// Adds a section; the one without a name stands at the top.
    pub fn add(&mut self, name: &'static str, section: Section) {
        self.sections.push((name, section));
    }

    /// The figure of that name.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let (_, section) = self.sections.iter().find(|(name, _)| *name == section)?;
        section.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }

    /// One object, a member for each section.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members = Vec::new();
        for (name, section) in &self.sections {
            let figures = section.iter().map(|(key, value)| (*key, Json::text(value)));
            if name.is_empty() {
                members.extend(figures);
            } else {
                members.push((*name, Json::object(figures)));
            }
        }
        Json::object(members)
    }
}

/// A line for each figure.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (name, section) in &self.sections {
            for (place, (key, value)) in section.iter().enumerate() {
                let name = if place == 0 { name } else { "" };
                writeln!(f, "{name:<8} {key:<26} {value:>24}")?;
            }
        }
        Ok(())
    }
}

/// The middle one; of an even number the earlier of the two.
pub(super) fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// Milliseconds with three decimals.
pub(super) fn millis(duration: Duration) -> String {
    print_units(duration.as_micros(), 3)
}

/// How many of `count` in a second.
pub(super) fn per_second(count: u64, duration: Duration) -> String {
    (u128::from(count) * 1_000_000_000 / duration.as_nanos().max(1)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_rates_are_whole_numbers_printed() {
        let ms = Duration::from_millis;
        assert_eq!(median(vec![ms(9), ms(1), ms(5)]), ms(5));
        assert_eq!(median(vec![ms(9), ms(1)]), ms(1));
        assert_eq!(millis(Duration::from_micros(1_234_500)), "1234.5");
        assert_eq!(per_second(3, ms(2_000)), "1");
        let mut figures = Figures::default();
        figures.add("", vec![("format", "x".to_owned())]);
        figures.add("size", vec![("bytes", "7".to_owned())]);
        assert_eq!(figures.to_json().to_string(), r#"{"format":"x","size":{"bytes":"7"}}"#);
        assert_eq!(figures.get("size", "bytes"), Some("7"));
    }
}
