//! A table of text, as CSV and as JSON.

use std::fmt::Write as _;

use ledger::json::Json;

/// Rows of text under named columns; each row rests on a record.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [&'static str],
    rows: Vec<(u64, Vec<String>)>,
}

impl Table {
    pub(super) fn new(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, rows: Vec::new() }
    }

    /// Adds a row that rests on that record.
    ///
    /// # Panics
    /// If it has another number of cells than there are columns.
    pub(super) fn add(&mut self, seq: u64, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "a cell for each column of {}", self.name);
        self.rows.push((seq, cells));
    }

    /// The records that rows rest on.
    pub(super) fn seqs(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.iter().map(|(seq, _)| *seq)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe.
    pub(super) fn to_csv(&self) -> String {
        let mut csv = String::new();
        let names = self.columns.iter().copied().chain(["seq", "receipt"]);
        push_line(&mut csv, names.map(str::to_owned));
        for (seq, cells) in &self.rows {
            push_line(&mut csv, cells.iter().cloned().chain([seq.to_string(), receipt_of(*seq)]));
        }
        csv
    }

    pub(super) fn to_json(&self) -> Json {
        Json::array(self.rows.iter().map(|(seq, cells)| {
            let cells = self.columns.iter().copied().zip(cells.iter().cloned());
            let last = [("seq", seq.to_string()), ("receipt", receipt_of(*seq))];
            Json::object(cells.chain(last).map(|(name, text)| (name, Json::text(text))))
        }))
    }
}

/// Where a record's receipt lies in a pack.
pub(super) fn receipt_of(seq: u64) -> String {
    format!("receipts/{seq}.tlog-proof")
}

fn push_line(csv: &mut String, cells: impl Iterator<Item = String>) {
    for (place, cell) in cells.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let cell = format!("{guard}{cell}");
        let written = if cell.contains(['"', ',', '\n', '\r']) {
            write!(csv, "{comma}\"{}\"", cell.replace('"', "\"\""))
        } else {
            write!(csv, "{comma}{cell}")
        };
        written.expect("a string takes any text");
    }
    csv.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_are_text() {
        let mut table = Table::new("t", &["a", "b"]);
        table.add(7, vec!["=1+1".to_owned(), "say \"x\", y".to_owned()]);
        let want = "a,b,seq,receipt\r\n'=1+1,\"say \"\"x\"\", y\",7,receipts/7.tlog-proof\r\n";
        assert_eq!(table.to_csv(), want);
        let json = r#"[{"a":"=1+1","b":"say \"x\", y","seq":"7","receipt":"receipts/7.tlog-proof"}]"#;
        assert_eq!(table.to_json().to_string(), json);
    }
}
