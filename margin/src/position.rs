//! The book: what each account holds, and what is posted against it.

use ledger::decimal::Exact;

use crate::error::Code;
use crate::reader::{Bound, Fields, Node, QUANTITY_DECIMALS, Reader, Spot};

/// One line of the book.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) instrument: String,
    /// Where the instrument is named: the place that mistakes about it point to.
    pub(crate) spot: Spot,
    pub(crate) quantity: Exact,
    pub(crate) account: String,
    pub(crate) property_class: String,
    pub(crate) entry_price: Option<Exact>,
}

/// One asset posted in one silo.
#[derive(Clone, Debug)]
pub(crate) struct Collateral {
    pub(crate) instrument: String,
    pub(crate) spot: Spot,
    pub(crate) amount: Exact,
    pub(crate) silo: String,
    pub(crate) silo_spot: Spot,
}

/// Positions, what is posted, and the last requirement if there was one.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) positions: Vec<Position>,
    pub(crate) collateral: Vec<Collateral>,
    /// What is charged beside what a rule book computes, added up, and where it stands.
    pub(crate) charges: Option<(Exact, Spot)>,
    /// The requirement that the step rule starts from.
    pub(crate) previous: Option<Exact>,
    /// Each instrument that a position names, whatever else is wrong with the position.
    pub(crate) named: Vec<(String, Spot)>,
    /// The same for what is posted.
    pub(crate) posted: Vec<(String, Spot)>,
}

impl Book {
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Self> {
        let fields = reader.fields(node, &["positions", "collateral", "charges", "previous"])?;
        let listed = reader.need(&fields, "positions").and_then(|node| reader.elements(node));
        let mut named = Vec::new();
        let read = listed.iter().flatten().filter_map(|node| read_position(reader, node, &mut named));
        let positions: Vec<Position> = read.collect();
        let collateral = fields.get("collateral").and_then(|node| reader.elements(node)).unwrap_or_default();
        let mut posted = Vec::new();
        let read = collateral.iter().filter_map(|node| read_collateral(reader, node, &mut posted));
        let collateral = read.collect();
        let charges = fields.get("charges").map(|node| {
            let each = reader.members(node).unwrap_or_default().into_iter();
            let each = each.filter_map(|(_, charge)| reader.decimal(&charge, Bound::NonNegative));
            (each.sum(), node.spot.clone())
        });
        let previous = read_previous(reader, &fields, &positions);
        listed.map(|_| Self { positions, collateral, charges, previous, named, posted })
    }
}

/// Reads one position; the instrument that it names is added to `named`, whatever else is wrong.
pub(crate) fn read_position(
    reader: &mut Reader,
    node: &Node,
    named: &mut Vec<(String, Spot)>,
) -> Option<Position> {
    const KNOWN: [&str; 5] = ["instrument", "quantity", "account", "property_class", "entry_price"];
    let fields = reader.fields(node, &KNOWN)?;
    let reference = read_reference(reader, &fields);
    named.extend(reference.clone());
    let quantity = reader
        .need(&fields, "quantity")
        .and_then(|node| reader.decimal_to(node, Bound::Any, QUANTITY_DECIMALS));
    let account = reader.need(&fields, "account").and_then(|node| reader.text(node));
    let property_class = reader.need(&fields, "property_class").and_then(|node| reader.text(node));
    let entry_price = fields.get("entry_price").and_then(|node| reader.decimal(node, Bound::NonNegative));
    let (instrument, spot) = reference?;
    Some(Position {
        instrument,
        spot,
        quantity: quantity?,
        account: account?.to_owned(),
        property_class: property_class?.to_owned(),
        entry_price,
    })
}

fn read_collateral(reader: &mut Reader, node: &Node, posted: &mut Vec<(String, Spot)>) -> Option<Collateral> {
    let fields = reader.fields(node, &["instrument", "amount", "silo"])?;
    let reference = read_reference(reader, &fields);
    posted.extend(reference.clone());
    let amount = reader.need(&fields, "amount").and_then(|node| reader.decimal(node, Bound::NonNegative));
    let silo = reader.need(&fields, "silo");
    let (silo, silo_spot) = (silo.and_then(|node| reader.text(node)), silo.map(|node| node.spot.clone()));
    let (instrument, spot) = reference?;
    Some(Collateral { instrument, spot, amount: amount?, silo: silo?.to_owned(), silo_spot: silo_spot? })
}

/// Reads which instrument is named.
pub(crate) fn read_reference(reader: &mut Reader, fields: &Fields) -> Option<(String, Spot)> {
    let node = reader.need(fields, "instrument")?;
    Some((reader.text(node)?.to_owned(), node.spot.clone()))
}

/// The last requirement, which is one account's: with several it would clamp each by all.
fn read_previous(reader: &mut Reader, fields: &Fields, positions: &[Position]) -> Option<Exact> {
    let node = fields.get("previous")?;
    let inner = reader.fields(node, &["requirement"])?;
    let previous =
        reader.need(&inner, "requirement").and_then(|node| reader.decimal(node, Bound::NonNegative));
    if positions.iter().any(|position| position.account != positions[0].account) {
        let message = "previous is the requirement of one account; give each account a book of its own";
        reader.note(Code::BadField, &node.spot, message);
    }
    previous
}
