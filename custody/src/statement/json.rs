//! The preferred form: a typed statement that the custodian signs.
//!
//! Here the payload is read. Opening the envelope and checking its signature is the ledger's,
//! under [`PAYLOAD_TYPE`], so that no other signature of the custodian passes for a statement.
//! What the custodian claims to have checked is kept, and checked again.

use std::collections::BTreeSet;

use super::typed::read_typed;
use super::{Balance, BalanceKind, Check, MovementStatus, Statement, Unit, check_instrument};
use crate::day::AsOf;
use crate::label::Label;
use crate::quantity::Quantity;
use crate::refusal::{Refusal, RefusalCode};
use crate::shape;

/// The DSSE payload type of a signed statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.pledger.custodian-statement.v1+json";

/// The name by which this format is asked for.
pub const FORMAT: &str = "custodian_json";

/// Reads the payload of a signed statement: a typed statement with `custodian`, `as_of` to the
/// millisecond, and `sequence`.
///
/// A statement that does not tie is read; [`Statement::is_accepted`] says that it does not count.
///
/// # Errors
/// [`Refusal`], as [`read_typed`]; `bad_date` if `as_of` has no time; `bad_identifier` for an ISIN
/// with a wrong check digit; `missing_field` without custodian or sequence.
///
/// Source: specs/custody.md §1.
pub fn read(payload: &[u8]) -> Result<Statement, Refusal> {
    let mut statement = read_typed(&shape::tree(payload)?)?;
    let AsOf::Instant(_) = statement.as_of else {
        return Err(Refusal::new(RefusalCode::BadDate, "/as_of", "a signed statement speaks at an instant"));
    };
    check_instruments(&statement)?;
    for (key, present) in
        [("custodian", statement.custodian.is_some()), ("sequence", statement.sequence.is_some())]
    {
        if !present {
            let path = format!("/{key}");
            return Err(Refusal::new(RefusalCode::MissingField, path, "a signed statement has this member"));
        }
    }
    for check in checks(&statement) {
        if !statement.checks.contains(&check) {
            statement.checks.push(check);
        }
    }
    Ok(statement)
}

/// Whether the statement is the next after the custodian's `last` one; the first may bear any number.
///
/// # Errors
/// [`Refusal`] `incomplete` if a number is left out or comes again.
pub fn check_sequence(last: Option<u64>, statement: &Statement) -> Result<(), Refusal> {
    match (last.map(|last| last.checked_add(1)), statement.sequence) {
        (None, Some(_)) => Ok(()),
        (Some(next), got) if next.is_some() && next == got => Ok(()),
        (Some(next), _) => {
            let next = next.map_or_else(|| "none".to_owned(), |next| next.to_string());
            let message = format!("the next number of this custodian is {next}");
            Err(Refusal::new(RefusalCode::Incomplete, "/sequence", message))
        }
        (None, None) => Err(Refusal::new(RefusalCode::MissingField, "/sequence", "a number is needed")),
    }
}

fn check_instruments(statement: &Statement) -> Result<(), Refusal> {
    let balances = statement.balances.iter().enumerate().map(|(at, b)| ("balances", at, &b.asset));
    let movements = statement.movements.iter().enumerate().map(|(at, m)| ("movements", at, &m.asset));
    for (list, place, asset) in balances.chain(movements) {
        check_instrument(asset.as_str()).map_err(|error| {
            Refusal::new(RefusalCode::BadIdentifier, format!("/{list}/{place}/asset"), error.to_string())
        })?;
    }
    Ok(())
}

/// The sums that follow from the statement itself, by asset in order.
fn checks(statement: &Statement) -> Vec<Check> {
    let assets: BTreeSet<&Label> = statement.balances.iter().map(|balance| &balance.asset).collect();
    let ties = assets.iter().flat_map(|asset| {
        let parts = units(statement, asset).into_iter().filter_map(|unit| parts(statement, asset, unit));
        opening_plus_booked(statement, asset).into_iter().chain(parts.collect::<Vec<_>>())
    });
    ties.collect()
}

fn opening_plus_booked(statement: &Statement, asset: &Label) -> Option<Check> {
    let opening = statement.opening(asset)?;
    let expected = sum(statement, |b| b.asset == *asset && b.kind == BalanceKind::Closing)?;
    let booked = statement
        .movements
        .iter()
        .filter(|movement| movement.asset == *asset && movement.status == MovementStatus::Booked)
        .map(|movement| &movement.amount);
    let got = opening + &booked.sum();
    let ok = expected == got;
    Some(Check { name: name("opening_plus_booked"), expected, got, ok })
}

fn units(statement: &Statement, asset: &Label) -> BTreeSet<Option<Unit>> {
    statement.balances.iter().filter(|b| b.asset == *asset).map(|b| b.unit).collect()
}

/// Available and not available make the aggregate when all are given; less is never more.
fn parts(statement: &Statement, asset: &Label, unit: Option<Unit>) -> Option<Check> {
    let of = |kind: BalanceKind| sum(statement, |b| b.asset == *asset && b.unit == unit && b.kind == kind);
    let expected = of(BalanceKind::Aggregate)?;
    let (available, blocked) = (of(BalanceKind::Available), of(BalanceKind::NotAvailable));
    let (got, ok) = match (available, blocked) {
        (Some(available), Some(blocked)) => {
            let got = &available + &blocked;
            let ok = got == expected;
            (got, ok)
        }
        (Some(part), None) | (None, Some(part)) => {
            let ok = part.magnitude() <= expected.magnitude();
            (part, ok)
        }
        (None, None) => return None,
    };
    Some(Check { name: name("available_plus_unavailable"), expected, got, ok })
}

fn sum(statement: &Statement, wanted: impl Fn(&Balance) -> bool) -> Option<Quantity> {
    let mut amounts = statement.balances.iter().filter(|b| wanted(b)).map(|b| &b.amount).peekable();
    amounts.peek()?;
    Some(amounts.sum())
}

fn name(text: &str) -> Label {
    Label::parse(text).expect("a name of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = r#"{"account":"A1","as_of":"2026-09-01T23:59:59.999Z","balances":[{"amount":"100","asset":"USD","kind":"opening"},{"amount":"90","asset":"USD","kind":"closing"},{"amount":"9","asset":"US912828U816","kind":"aggregate","unit":"face"},{"amount":"6","asset":"US912828U816","kind":"available","unit":"face"}],"basis":"settled","checks":[],"custodian":"CUST-1","format":"custodian_json","id":"S1","movements":[{"amount":"-10","asset":"USD","ref":"R1","status":"booked"},{"amount":"5","asset":"USD","ref":"R2","status":"pending"}],"sequence":"1"}"#;

    #[test]
    fn sums_are_checked_whatever_the_custodian_claims() {
        let claimed = r#""checks":[{"name":"opening_plus_booked","expected":"1","got":"1","ok":true}]"#;
        for (from, to, accepted, count) in [
            ("{", "{", true, 2),
            ("\"amount\":\"90\"", "\"amount\":\"90.01\"", false, 2),
            ("\"amount\":\"90\"", "\"amount\":\"95\"", false, 2), // pending does not count
            ("\"amount\":\"6\"", "\"amount\":\"9.1\"", false, 2),
            ("\"checks\":[]", claimed, true, 3),
        ] {
            let statement = read(SIGNED.replacen(from, to, 1).as_bytes()).unwrap();
            assert_eq!((statement.is_accepted(), statement.checks.len()), (accepted, count), "{to}");
            let again = read(statement.to_json().to_jcs().as_bytes()).unwrap();
            assert_eq!(again, statement);
        }
        let split = SIGNED.replacen("\"kind\":\"available\"", "\"kind\":\"not_available\"", 1);
        assert!(read(split.as_bytes()).unwrap().is_accepted());
    }

    #[test]
    fn what_only_a_signed_statement_needs() {
        for (from, to, code) in [
            ("T23:59:59.999Z", "", RefusalCode::BadDate),
            ("\"custodian\":\"CUST-1\",", "", RefusalCode::MissingField),
            (",\"sequence\":\"1\"", "", RefusalCode::MissingField),
            ("U816", "U817", RefusalCode::BadIdentifier),
            ("\"90\"", "90", RefusalCode::AmountNotString),
        ] {
            assert_eq!(read(SIGNED.replacen(from, to, 1).as_bytes()).unwrap_err().code, code, "{from}");
        }
    }

    #[test]
    fn the_sequence_has_no_gap() {
        let mut statement = read(SIGNED.as_bytes()).unwrap();
        for (last, got, ok) in [
            (None, Some(41), true),
            (Some(40), Some(41), true),
            (Some(40), Some(42), false),
            (Some(41), Some(41), false),
            (Some(u64::MAX), Some(0), false),
            (Some(u64::MAX), None, false),
            (None, None, false),
        ] {
            statement.sequence = got;
            assert_eq!(check_sequence(last, &statement).is_ok(), ok, "{last:?} {got:?}");
        }
    }
}
