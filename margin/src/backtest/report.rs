//! A back-test as a table of dates for machines, and as a page with charts for people.

use std::fmt::Write as _;

use ledger::decimal::{Exact, ten_to};
use ledger::json::Json;
use num_traits::Zero;

use super::{Backtest, Series};
use crate::page::{Chart, Line, escaped, page, table};

/// Columns of a horizon that the page shows.
const SHOWN: [(&str, &str); 10] = [
    ("days", "days"),
    ("observations", "n"),
    ("expected", "expected"),
    ("exceedances", "exceedances"),
    ("kupiec_p", "Kupiec p"),
    ("christoffersen_p", "Christoffersen p"),
    ("conditional_p", "conditional p"),
    ("power_against_twice_the_rate", "power at twice the rate"),
    ("worst_loss", "worst loss"),
    ("worst_date", "from"),
];

impl Backtest {
    /// One row for each rule book and date: requirement, the loss over each horizon from that
    /// date, and whether it exceeded the requirement. A loss that is not known yet is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut csv = String::from("regime,date,vol_ratio,requirement");
        for days in &self.horizons {
            // Writing to a string cannot fail.
            let _ = write!(csv, ",loss_{days},exceeds_{days}");
        }
        csv.push('\n');
        for series in &self.series {
            for (place, date) in self.dates.iter().enumerate() {
                let required = &series.requirements[place];
                let _ = write!(
                    csv,
                    "{},{date},{},{}",
                    quoted(&series.regime),
                    self.vol_ratios[place],
                    self.currency.print_minor(required)
                );
                for losses in &self.losses {
                    match losses.get(place) {
                        Some(loss) => {
                            let exceeds = if self.exceeds(loss, required) { "1" } else { "0" };
                            let _ = write!(csv, ",{},{exceeds}", self.money(loss));
                        }
                        None => csv.push_str(",,"),
                    }
                }
                csv.push('\n');
            }
        }
        csv
    }

    /// A page with a chart of each horizon: what was required, and what was lost.
    #[must_use]
    pub fn html(&self) -> String {
        let json = self.to_json();
        let mut body = String::new();
        let _ = writeln!(
            body,
            "<p>{} dates from {} to {}, in {}. Quantities are those of the input; an exceedance is a loss above \
             the requirement of its first day, expected at a rate of {}. Input <code>{}</code>.</p>",
            self.dates.len(),
            escaped(self.dates.first().map_or("", String::as_str)),
            escaped(self.dates.last().map_or("", String::as_str)),
            escaped(self.currency.code()),
            crate::money::print_exact(&self.rate),
            self.input_sha256
        );
        if self.asynchronous {
            body.push_str("<p class=\"note\">Closes were taken by different clocks, which the input allows: the difference is in the losses.</p>\n");
        }
        if self.has_options {
            body.push_str("<p class=\"note\">Option coverage not measured: volatility is held.</p>\n");
        }
        let regimes = json.get("regimes").and_then(Json::as_array).unwrap_or_default();
        for (series, regime) in self.series.iter().zip(regimes) {
            self.section(&mut body, series, regime);
        }
        page("Back-test of margin", &body)
    }

    fn section(&self, body: &mut String, series: &Series, regime: &Json) {
        let _ = writeln!(body, "<h2>{}</h2>", escaped(&series.regime));
        let horizons = regime.get("horizons").and_then(Json::as_array).unwrap_or_default();
        let cell =
            |json: &Json, key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let rows = horizons.iter().map(|horizon| SHOWN.map(|(key, _)| cell(horizon, key)).to_vec());
        body.push_str(&table(&SHOWN.map(|(_, heading)| heading), rows));
        let apart = horizons.iter().map(|horizon| {
            let mut row = vec![cell(horizon, "days")];
            let tested = horizon.get("non_overlapping");
            row.extend(
                SHOWN[1..8].iter().map(|(key, _)| tested.map(|json| cell(json, key)).unwrap_or_default()),
            );
            row
        });
        body.push_str("<h3>On starts whose windows do not overlap</h3>\n");
        body.push_str(&table(&SHOWN[..8].iter().map(|(_, heading)| *heading).collect::<Vec<_>>(), apart));
        if let Some(members) = regime.get("requirement").and_then(Json::as_object) {
            body.push_str("<h3>The requirement itself</h3>\n");
            let rows = members
                .iter()
                .map(|(key, value)| vec![key.clone(), value.as_str().unwrap_or_default().to_owned()]);
            body.push_str(&table(&["figure", "value"], rows));
        }
        let required: Vec<Exact> = series
            .requirements
            .iter()
            .map(|minor| Exact::new(minor.clone(), ten_to(self.currency.decimals())))
            .collect();
        for (place, days) in self.horizons.iter().enumerate() {
            let hits = self.hits(series, place);
            let _ = writeln!(body, "<h3>Loss over {days} listed dates</h3>");
            let chart = Chart {
                dates: &self.dates,
                line: Line { label: "requirement", colour: "#0969da", values: &required },
                bars: Line { label: "loss", colour: "#8c959f", values: &self.losses[place] },
                marked: &hits,
                mark: ("exceedance", "#cf222e"),
                print: &|value: &Exact| self.money(value),
            };
            body.push_str(&chart.svg());
        }
    }

    fn money(&self, value: &Exact) -> String {
        if value.is_zero() {
            "0".to_owned()
        } else {
            self.currency.print_minor(&self.currency.minor_up(value))
        }
    }
}

/// A field of a CSV file, in quotes if it must be.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
