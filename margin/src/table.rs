//! Results for people: one line per figure, money aligned, the unfavourable lines included.
//!
//! Reads the printed result, so that a table can never say anything else than the JSON.

use ledger::json::Json;

/// A run: for each rule book and account, each figure.
pub(crate) fn of_run(result: &Json) -> String {
    let mut lines = Lines::default();
    lines.heading(&format!("as of {}, in {}", text(result, "as_of"), text(result, "reporting_currency")));
    for regime in elements(result, "results") {
        let overridden =
            if regime.get("overridden") == Some(&Json::Bool(true)) { ", overridden" } else { "" };
        lines.heading(&format!(
            "{} version {}: {} assumed parameters{overridden}",
            text(regime, "regime"),
            text(regime, "version"),
            text(regime, "assumed")
        ));
        for account in elements(regime, "accounts") {
            let name = text(account, "account");
            for (figure, value) in members(account, "figures") {
                match value {
                    Json::Object(silos) => {
                        for (silo, value) in silos {
                            lines.figure(&format!("{name} {figure} {silo}"), value);
                        }
                    }
                    Json::String(_) | Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::Null => {
                        lines.figure(&format!("{name} {figure}"), value);
                    }
                }
            }
        }
        if let Some(total) = regime.get("total") {
            lines.figure("total", total);
        }
    }
    for step in elements(result, "what_if") {
        lines.heading(&format!("what if: {} {}", text(step, "change"), text(step, "instrument")));
        for regime in elements(step, "regimes") {
            let name = text(regime, "regime");
            for figure in ["before", "after", "incremental"] {
                if let Some(value) = regime.get(figure) {
                    lines.figure(&format!("{name} {figure}"), value);
                }
            }
            for (line, value) in members(regime, "lines") {
                lines.figure(&format!("{name} {line}"), value);
            }
        }
    }
    lines.print()
}

/// A comparison: the ladder and what stands beside it.
pub(crate) fn of_comparison(comparison: &Json) -> String {
    let mut lines = Lines::default();
    lines.heading(&format!(
        "as of {}, in {}",
        text(comparison, "as_of"),
        text(comparison, "reporting_currency")
    ));
    let plain =
        ["status_quo", "harmonized", "saving", "percent", "haircut_difference", "immobile_excess", "trapped"];
    for key in plain {
        if let Some(value) = comparison.get(key) {
            lines.figure(key, value);
        }
    }
    if let Some(note) = comparison.get("text").and_then(Json::as_str) {
        lines.heading(note);
    }
    for (key, heading) in [
        ("silos", "silos today"),
        ("lines", "the difference by reason (negative: a cost of merging)"),
        ("shapley", "each wall, whatever the order they fall in"),
        ("yearly_costs", "funding each line for a year"),
    ] {
        if comparison.get(key).is_some() {
            lines.heading(heading);
        }
        for (name, value) in members(comparison, key) {
            lines.figure(name, value);
        }
    }
    let classes: Vec<&str> =
        elements(comparison, "property_classes").iter().filter_map(Json::as_str).collect();
    lines.heading(&format!("customer protection follows the class of the property: {}", classes.join(", ")));
    lines.print()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn elements<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).unwrap_or_default()
}

fn members<'a>(json: &'a Json, key: &str) -> &'a [(String, Json)] {
    json.get(key).and_then(Json::as_object).unwrap_or_default()
}

/// Lines of a table: headings, and figures whose points stand below each other.
#[derive(Default)]
struct Lines(Vec<(String, Option<String>)>);

impl Lines {
    fn heading(&mut self, text: &str) {
        self.0.push((text.to_owned(), None));
    }

    fn figure(&mut self, name: &str, value: &Json) {
        self.0.push((format!("  {name}"), value.as_str().map(str::to_owned)));
    }

    fn print(&self) -> String {
        let whole = |value: &str| value.find('.').unwrap_or(value.len());
        let figures = || self.0.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let name_width = figures().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let whole_width = figures().map(|(_, value)| whole(value)).max().unwrap_or(0);
        let line = |(name, value): &(String, Option<String>)| match value {
            None => format!("{name}\n"),
            Some(value) => {
                let indent = whole_width - whole(value);
                format!("{name:name_width$}  {:indent$}{value}\n", "")
            }
        };
        self.0.iter().map(line).collect()
    }
}
