//! A chart of figures over dates, as SVG that stands in the page itself.
//!
//! Places on the picture are whole tenths of a unit, from exact numbers, so that one input always
//! gives the same bytes.

use std::fmt::Write as _;

use ledger::decimal::Exact;
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

use super::escaped;

const WIDTH: i64 = 900;
const HEIGHT: i64 = 240;
/// Room for the labels at the left and below.
const LEFT: i64 = 90;
const BELOW: i64 = 24;
const ABOVE: i64 = 8;

/// What is drawn of one figure a date.
pub(crate) struct Line<'a> {
    pub(crate) label: &'a str,
    pub(crate) colour: &'static str,
    pub(crate) values: &'a [Exact],
}

/// A line over bars, both from zero.
pub(crate) struct Chart<'a> {
    pub(crate) dates: &'a [String],
    pub(crate) line: Line<'a>,
    /// One bar for each of the first dates; what is below zero has none.
    pub(crate) bars: Line<'a>,
    /// Bars of another colour, one answer for each bar.
    pub(crate) marked: &'a [bool],
    pub(crate) mark: (&'a str, &'static str),
    /// How a value is printed.
    pub(crate) print: &'a dyn Fn(&Exact) -> String,
}

impl Chart<'_> {
    /// The chart as one `<svg>` element.
    pub(crate) fn svg(&self) -> String {
        let top = self.line.values.iter().chain(self.bars.values).max().cloned().unwrap_or_default();
        let top = if top.is_positive() { top } else { Exact::from(BigInt::from(1)) };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} and {} by date\">\n",
            escaped(self.line.label),
            escaped(self.bars.label)
        );
        self.axes(&mut svg, &top);
        for (place, value) in self.bars.values.iter().enumerate().filter(|(_, value)| value.is_positive()) {
            let marked = self.marked.get(place).copied().unwrap_or_default();
            let (label, colour) = if marked { self.mark } else { (self.bars.label, self.bars.colour) };
            let (x, y) = (self.across(place), down(value, &top));
            let date = self.dates.get(place).map_or("", String::as_str);
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\">\
                 <title>{} {}: {}</title></line>",
                tenths(10 * (HEIGHT - BELOW)),
                escaped(date),
                escaped(label),
                escaped(&(self.print)(value))
            );
        }
        let points = self.line.values.iter().enumerate();
        let points: Vec<String> =
            points.map(|(place, value)| format!("{},{}", self.across(place), down(value, &top))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>",
            points.join(" "),
            self.line.colour
        );
        self.legend(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn axes(&self, svg: &mut String, top: &Exact) {
        for part in 0..=4 {
            let value = top * Exact::new(part.into(), 4.into());
            let y = down(&value, top);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#d8dee4\"/>\
                 <text x=\"{}\" y=\"{y}\" text-anchor=\"end\" dominant-baseline=\"middle\">{}</text>",
                LEFT - 6,
                escaped(&(self.print)(&value))
            );
        }
        for (place, anchor) in [(0, "start"), (self.dates.len().saturating_sub(1), "end")] {
            let date = self.dates.get(place).map_or("", String::as_str);
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                self.across(place),
                HEIGHT - 6,
                escaped(date)
            );
        }
    }

    fn legend(&self, svg: &mut String) {
        let entries = [(self.line.label, self.line.colour), (self.bars.label, self.bars.colour), self.mark];
        for (place, (label, colour)) in (0..).zip(entries) {
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:{colour}\">{}</text>",
                LEFT + 200 + 220 * place,
                HEIGHT - 6,
                escaped(label)
            );
        }
    }

    fn across(&self, place: usize) -> String {
        let (place, last) = (BigInt::from(place), BigInt::from(self.dates.len().max(2) - 1));
        let share = Exact::new(place * 10 * (WIDTH - LEFT - 4), last);
        tenths(10 * LEFT + share.to_integer().to_i64().unwrap_or_default())
    }
}

/// Where a value stands, the largest at the top and zero at the bottom.
fn down(value: &Exact, top: &Exact) -> String {
    let room = BigInt::from(10 * (HEIGHT - BELOW - ABOVE));
    let height = if value.is_positive() { value / top * room } else { Exact::zero() };
    tenths(10 * (HEIGHT - BELOW) - height.to_integer().to_i64().unwrap_or_default())
}

fn tenths(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}
