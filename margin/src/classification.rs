//! What the law says an instrument is, and since when.
//!
//! Append-only and dated: correcting an entry means appending one, so a margin of last year is
//! computed with what was held true last year.

use std::collections::BTreeMap;

use crate::error::Code;
use crate::reader::{Node, Reader};

/// The legal form of an instrument.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs, reason = "the names are the law's")]
pub enum LegalForm {
    Security,
    SecurityOption,
    SecurityFuture,
    Future,
    FutureOption,
    SwapCleared,
    Swap,
    SecurityBasedSwap,
    MixedSwap,
    CommoditySpot,
    PaymentStablecoin,
}

impl LegalForm {
    /// Each form with its name in documents and rule books.
    pub const NAMES: [(&'static str, Self); 11] = [
        ("security", Self::Security),
        ("security_option", Self::SecurityOption),
        ("security_future", Self::SecurityFuture),
        ("future", Self::Future),
        ("future_option", Self::FutureOption),
        ("swap_cleared", Self::SwapCleared),
        ("swap", Self::Swap),
        ("sbs", Self::SecurityBasedSwap),
        ("mixed_swap", Self::MixedSwap),
        ("commodity_spot", Self::CommoditySpot),
        ("payment_stablecoin", Self::PaymentStablecoin),
    ];

    /// Whether the form allows these jurisdictions. None at all is a venue outside both, which a
    /// form that needs both cannot have.
    #[must_use]
    pub fn allows(self, jurisdictions: Jurisdictions) -> bool {
        let Jurisdictions { sec, cftc } = jurisdictions;
        match self {
            Self::MixedSwap | Self::SecurityFuture => sec && cftc,
            Self::Security | Self::SecurityOption | Self::SecurityBasedSwap => !cftc,
            Self::Future | Self::FutureOption | Self::Swap | Self::SwapCleared => !sec,
            Self::CommoditySpot | Self::PaymentStablecoin => true,
        }
    }
}

/// Which agencies' law applies; neither is a venue outside both.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Jurisdictions {
    /// The Securities and Exchange Commission.
    pub sec: bool,
    /// The Commodity Futures Trading Commission.
    pub cftc: bool,
}

/// One entry: what an instrument is from a date on.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    effective_from: String,
    pub(crate) legal: LegalForm,
    pub(crate) jurisdictions: Jurisdictions,
    pub(crate) risk_class: String,
}

/// All entries by instrument, each list in document order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classification(BTreeMap<String, Vec<Entry>>);

impl Classification {
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Self {
        let mut entries: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for element in reader.elements(node).unwrap_or_default() {
            if let Some((instrument, entry)) = read_entry(reader, &element) {
                entries.entry(instrument).or_default().push(entry);
            }
        }
        Self(entries)
    }

    /// Another entry, later in the file than all others.
    pub(crate) fn append(&mut self, instrument: &str, entry: Entry) {
        self.0.entry(instrument.to_owned()).or_default().push(entry);
    }

    /// The entry in force on a date: the latest `effective_from` not after it, the later in the
    /// file on a tie.
    pub(crate) fn in_force(&self, instrument: &str, date: &str) -> Option<&Entry> {
        let entries = self.0.get(instrument)?;
        let in_force = entries.iter().filter(|entry| entry.effective_from.as_str() <= date);
        // `max_by` keeps the last of equals, which is the later in the file.
        in_force.max_by(|a, b| a.effective_from.cmp(&b.effective_from))
    }
}

/// Reads one entry with the instrument that it is of.
pub(crate) fn read_entry(reader: &mut Reader, node: &Node) -> Option<(String, Entry)> {
    const KNOWN: [&str; 6] =
        ["instrument", "effective_from", "legal", "jurisdictions", "risk_class", "evidence"];
    let fields = reader.fields(node, &KNOWN)?;
    let instrument = reader.need(&fields, "instrument").and_then(|node| reader.text(node));
    let effective_from = reader.need(&fields, "effective_from").and_then(|node| reader.date(node));
    let legal = reader.need(&fields, "legal").and_then(|node| reader.word(node, &LegalForm::NAMES));
    let jurisdictions =
        reader.need(&fields, "jurisdictions").and_then(|node| read_jurisdictions(reader, node));
    let risk_class = reader.need(&fields, "risk_class").and_then(|node| reader.text(node));
    if let Some(evidence) = fields.get("evidence") {
        for element in reader.elements(evidence).unwrap_or_default() {
            reader.text(&element);
        }
    }
    let entry = Entry {
        effective_from: effective_from?.to_owned(),
        legal: legal?,
        jurisdictions: jurisdictions?,
        risk_class: risk_class?.to_owned(),
    };
    Some((instrument?.to_owned(), entry))
}

fn read_jurisdictions(reader: &mut Reader, node: &Node) -> Option<Jurisdictions> {
    let mut found = Jurisdictions::default();
    for element in reader.elements(node)? {
        match element.json.as_str() {
            Some("sec") => found.sec = true,
            Some("cftc") => found.cftc = true,
            _ => {
                reader.note(Code::BadField, &element.spot, "must be sec or cftc");
                return None;
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_form_against_jurisdictions() {
        let both = Jurisdictions { sec: true, cftc: true };
        let sec = Jurisdictions { sec: true, cftc: false };
        let cftc = Jurisdictions { sec: false, cftc: true };
        let none = Jurisdictions::default();
        for (form, allowed) in [
            (LegalForm::MixedSwap, vec![both]),
            (LegalForm::SecurityFuture, vec![both]),
            (LegalForm::Security, vec![sec, none]),
            (LegalForm::SecurityBasedSwap, vec![sec, none]),
            (LegalForm::Future, vec![cftc, none]),
            (LegalForm::SwapCleared, vec![cftc, none]),
            (LegalForm::CommoditySpot, vec![both, sec, cftc, none]),
        ] {
            for jurisdictions in [both, sec, cftc, none] {
                assert_eq!(
                    form.allows(jurisdictions),
                    allowed.contains(&jurisdictions),
                    "{form:?} {jurisdictions:?}"
                );
            }
        }
    }

    #[test]
    fn the_entry_in_force_is_the_latest_and_the_later_on_a_tie() {
        let text = br#"[
            {"instrument":"U","effective_from":"2020-01-01","legal":"security","jurisdictions":[],"risk_class":"a"},
            {"instrument":"U","effective_from":"2024-01-01","legal":"security","jurisdictions":[],"risk_class":"b"},
            {"instrument":"U","effective_from":"2024-01-01","legal":"security","jurisdictions":[],"risk_class":"c"},
            {"instrument":"U","effective_from":"2022-01-01","legal":"security","jurisdictions":[],"risk_class":"d"}]"#;
        let tree = ledger::json::read(text).unwrap();
        let classification = Classification::read(&mut Reader::default(), &Node::root(&tree));
        for (date, want) in [
            ("2019-12-31", None),
            ("2020-01-01", Some("a")),
            ("2023-12-31", Some("d")),
            ("2024-01-01", Some("c")),
        ] {
            let got = classification.in_force("U", date).map(|entry| entry.risk_class.as_str());
            assert_eq!(got, want, "{date}");
        }
        assert!(classification.in_force("V", "2024-01-01").is_none());
    }
}
