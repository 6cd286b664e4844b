//! Closing prices by date and symbol: a CSV file, or rows of a document.
//!
//! A line that cannot be read is refused by its number; nothing is skipped, because a close that
//! is silently missing changes which dates a test has.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use ledger::digest::Digest;
use ledger::json::Json;
use num_traits::Signed;

use crate::error::{Code, InputError};
use crate::reader::{is_date, read_decimal};

/// The columns, of which the last may be left out.
const COLUMNS: [&str; 4] = ["date", "symbol", "close", "clock"];
/// Digits after the point of a close.
const CLOSE_DECIMALS: usize = 18;

/// Closes by symbol, and when they were taken.
#[derive(Clone, Debug, Default)]
pub struct History {
    closes: BTreeMap<String, BTreeMap<String, Exact>>,
    /// What the clock was called; a history without labels has none.
    clocks: BTreeMap<String, BTreeSet<String>>,
    sha256: Option<Digest>,
}

impl History {
    /// Reads a CSV file with the header `date,symbol,close` or `date,symbol,close,clock`.
    ///
    /// # Errors
    /// [`InputError`] whose path is `/history/<line>`: `malformed_json` for what is not text,
    /// `unknown_field` and `missing_field` for columns, `bad_time`, `bad_decimal` and `bad_field`
    /// for what stands in them, `duplicate_id` for a second close of a symbol on one date.
    ///
    /// ```
    /// use margin::History;
    /// let history = History::from_csv(b"date,symbol,close\n2024-01-02,BTC,44957.97\n")?;
    /// assert_eq!(history.symbols().collect::<Vec<_>>(), ["BTC"]);
    /// # Ok::<(), margin::InputError>(())
    /// ```
    pub fn from_csv(bytes: &[u8]) -> Result<Self, InputError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            refused(Code::MalformedJson, 1, format!("not UTF-8: {error}; save it as UTF-8"))
        })?;
        let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().zip(1..);
        let (header, _) = lines.next().unwrap_or_default();
        let width = read_header(header)?;
        let mut history = Self { sha256: Some(Digest::of(bytes)), ..Self::default() };
        for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
            let fields: Vec<&str> = line.split(',').collect();
            history.take(number, width, &fields)?;
        }
        Ok(history)
    }

    /// Reads rows `[date, symbol, close]` or `[date, symbol, close, clock]`.
    ///
    /// # Errors
    /// As [`History::from_csv`]; the path counts rows from one.
    pub fn from_rows(rows: &Json) -> Result<Self, InputError> {
        let mut history = Self { sha256: Some(Digest::of(rows.to_jcs().as_bytes())), ..Self::default() };
        let elements = rows
            .as_array()
            .ok_or_else(|| refused(Code::BadField, 0, "the history must be an array of rows".to_owned()))?;
        for (row, number) in elements.iter().zip(1..) {
            let fields = row.as_array().map(|row| row.iter().map(Json::as_str).collect::<Option<Vec<_>>>());
            let Some(Some(fields)) = fields else {
                return Err(refused(Code::BadField, number, "a row must be an array of strings".to_owned()));
            };
            history.take(number, fields.len().clamp(3, 4), &fields)?;
        }
        Ok(history)
    }

    /// Every symbol that has a close, in byte order.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.closes.keys().map(String::as_str)
    }

    /// SHA-256 of the file, or of the canonical JSON of the rows.
    #[must_use]
    pub fn sha256(&self) -> Option<Digest> {
        self.sha256
    }

    pub(crate) fn has(&self, symbol: &str) -> bool {
        self.closes.contains_key(symbol)
    }

    pub(crate) fn close(&self, symbol: &str, date: &str) -> Option<&Exact> {
        self.closes.get(symbol)?.get(date)
    }

    /// Dates on which each of the symbols has a close, in order.
    pub(crate) fn dates(&self, symbols: &BTreeSet<String>) -> Vec<String> {
        let mut of_each = symbols.iter().map(|symbol| self.closes.get(symbol));
        let Some(Some(first)) = of_each.next() else { return Vec::new() };
        let rest: Vec<_> = of_each.collect();
        let on = |date: &&String| {
            rest.iter().all(|closes| closes.is_some_and(|closes| closes.contains_key(*date)))
        };
        first.keys().filter(on).cloned().collect()
    }

    /// What the clocks of the symbols are called.
    pub(crate) fn clocks(&self, symbols: &BTreeSet<String>) -> BTreeSet<&str> {
        let of_each = symbols.iter().filter_map(|symbol| self.clocks.get(symbol));
        of_each.flatten().map(String::as_str).collect()
    }

    fn take(&mut self, number: usize, width: usize, fields: &[&str]) -> Result<(), InputError> {
        if fields.len() != width {
            let message = format!("has {} fields, the header has {width}; quotes are not read", fields.len());
            return Err(refused(Code::MissingField, number, message));
        }
        let (date, symbol) = (fields[0], fields[1]);
        if !is_date(date) {
            return Err(refused(Code::BadTime, number, format!("{date:?} is no calendar date: 2026-11-20")));
        }
        if symbol.is_empty() || symbol.contains('"') {
            let message = format!("{symbol:?} is no symbol; write it without quotes");
            return Err(refused(Code::BadField, number, message));
        }
        let close = read_decimal(fields[2], CLOSE_DECIMALS)
            .map_err(|reason| refused(Code::BadDecimal, number, reason))?;
        if !close.is_positive() {
            return Err(refused(
                Code::BadField,
                number,
                format!("the close of {symbol:?} must be above zero"),
            ));
        }
        if fields.get(3).is_some_and(|clock| clock.is_empty()) {
            let message = "the clock is empty; label every row, as us_close or utc_day, or none";
            return Err(refused(Code::BadField, number, message.to_owned()));
        }
        let clock = fields.get(3).copied().unwrap_or_default().to_owned();
        self.clocks.entry(symbol.to_owned()).or_default().insert(clock);
        let held = self.closes.entry(symbol.to_owned()).or_default().insert(date.to_owned(), close);
        if held.is_some() {
            let message = format!("a second close of {symbol:?} on {date}; remove one");
            return Err(refused(Code::DuplicateId, number, message));
        }
        Ok(())
    }
}

/// How many columns there are.
fn read_header(header: &str) -> Result<usize, InputError> {
    let names: Vec<&str> = header.split(',').collect();
    if let Some(name) = names.iter().find(|name| !COLUMNS.contains(name)) {
        let message =
            format!("{name:?} is no column; the header is date,symbol,close or date,symbol,close,clock");
        return Err(refused(Code::UnknownField, 1, message));
    }
    if names != COLUMNS[..3] && names != COLUMNS {
        let message = "the header must be date,symbol,close or date,symbol,close,clock".to_owned();
        return Err(refused(Code::MissingField, 1, message));
    }
    Ok(names.len())
}

fn refused(code: Code, line: usize, message: String) -> InputError {
    InputError { code, path: format!("/history/{line}"), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_read_or_refused_by_its_number() {
        let good = "date,symbol,close,clock\r\n2024-01-02,BTC,44957.97,utc_day\r\n\r\n2024-01-02,ETH,2356.1,us_close\n";
        let history = History::from_csv(good.as_bytes()).unwrap();
        let both: BTreeSet<String> = ["BTC", "ETH"].map(str::to_owned).into();
        assert_eq!(history.dates(&both), ["2024-01-02"]);
        assert_eq!(history.clocks(&both).len(), 2);
        for (text, code, line) in [
            ("", Code::UnknownField, 1),
            ("date,symbol", Code::MissingField, 1),
            ("date,close,symbol", Code::MissingField, 1),
            ("date,symbol,close,time", Code::UnknownField, 1),
            ("date,symbol,close\n2024-02-30,BTC,1", Code::BadTime, 2),
            ("date,symbol,close\n2024-01-02,BTC,1\n2024-01-03,BTC,1e3", Code::BadDecimal, 3),
            ("date,symbol,close\n2024-01-02,BTC,0", Code::BadField, 2),
            ("date,symbol,close\n2024-01-02,BTC,-1", Code::BadField, 2),
            ("date,symbol,close\n2024-01-02,,1", Code::BadField, 2),
            ("date,symbol,close\n2024-01-02,\"A\",1", Code::BadField, 2),
            ("date,symbol,close\n2024-01-02,BTC", Code::MissingField, 2),
            ("date,symbol,close\n2024-01-02,BTC,1,utc_day", Code::MissingField, 2),
            ("date,symbol,close,clock\n2024-01-02,BTC,1,", Code::BadField, 2),
            ("date,symbol,close\n2024-01-02,BTC,1\n2024-01-02,BTC,1", Code::DuplicateId, 3),
        ] {
            let error = History::from_csv(text.as_bytes()).unwrap_err();
            assert_eq!((error.code, error.path), (code, format!("/history/{line}")), "{text}");
        }
        assert_eq!(History::from_csv(b"\xff").unwrap_err().code, Code::MalformedJson);
    }

    #[test]
    fn a_date_counts_if_every_symbol_has_it() {
        let text = "date,symbol,close\n2024-01-02,A,1\n2024-01-02,B,1\n2024-01-03,A,1\n2024-01-04,B,1\n2024-01-04,A,1\n";
        let history = History::from_csv(text.as_bytes()).unwrap();
        assert_eq!(history.dates(&["A", "B"].map(str::to_owned).into()), ["2024-01-02", "2024-01-04"]);
        assert!(history.dates(&["A", "C"].map(str::to_owned).into()).is_empty());
    }
}
