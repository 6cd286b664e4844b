//! The typed form as JSON: read strictly, printed in the order of the specification.
//!
//! Source: specs/custody.md §1.

use ledger::json::Json;

use super::{Balance, BalanceKind, Basis, Check, Movement, MovementStatus, Observed, Statement, Unit};
use crate::label::Label;
use crate::refusal::{Refusal, RefusalCode};
use crate::shape::{self, Fault, Faults, Members};

const STATEMENT: [&str; 11] = [
    "format",
    "id",
    "account",
    "custodian",
    "as_of",
    "sequence",
    "basis",
    "balances",
    "movements",
    "observed",
    "checks",
];
const MOVEMENT: [&str; 7] = ["ref", "asset", "amount", "status", "booked_on", "value_on", "reversal"];

/// Reads one typed statement.
///
/// `movements` and `checks` may be absent, as may a movement's `ref`, days and `reversal`.
///
/// # Errors
/// [`Refusal`] with the first code in the order of [`RefusalCode`].
pub fn read_typed(json: &Json) -> Result<Statement, Refusal> {
    read_at(json, String::new())
}

/// Reads a file of typed statements: one statement, an array of them, or the printed outcome of
/// reading a file (`{"accepted","statements"}`).
///
/// # Errors
/// [`Refusal`] of the first statement that is refused; an outcome that holds a refusal and no
/// statements is `missing_field`.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Statement>, Refusal> {
    let tree = shape::tree(bytes)?;
    let (statements, path) = match (tree.as_array(), tree.get("accepted")) {
        (Some(statements), _) => (statements, ""),
        (None, None) => return Ok(vec![read_typed(&tree)?]),
        (None, Some(_)) => {
            let mut faults = Faults::default();
            let known = ["accepted", "error", "statements"];
            let statements = Members::open(&tree, String::new(), &known, &mut faults)
                .and_then(|members| members.value("statements", &mut faults)?.as_array());
            (faults.finish(statements)?, "/statements")
        }
    };
    statements.iter().enumerate().map(|(place, json)| read_at(json, format!("{path}/{place}"))).collect()
}

fn read_at(json: &Json, path: String) -> Result<Statement, Refusal> {
    let mut faults = Faults::default();
    let statement = statement(json, path, &mut faults);
    faults.finish(statement)
}

fn statement(json: &Json, path: String, faults: &mut Faults) -> Option<Statement> {
    let members = Members::open(json, path, &STATEMENT, faults)?;
    // Every member is read before any missing one ends it: the gravest fault may be the last.
    let format = members.label("format", faults);
    let id = members.label("id", faults);
    let account = members.label("account", faults);
    let custodian = optional(&members, "custodian", faults, Members::label);
    let as_of = members.text("as_of", faults, shape::as_of);
    let sequence = optional(&members, "sequence", faults, |m, key, f| m.count(key, u64::MAX, f));
    let basis = members.text("basis", faults, |text| known(Basis::parse(text)));
    let balances = members.each("balances", faults, balance);
    let movements = members.each_or_none("movements", faults, movement);
    let observed = optional(&members, "observed", faults, observed);
    let checks = members.each_or_none("checks", faults, check);
    Some(Statement {
        format: format?,
        id: id?,
        account: account?,
        custodian: custodian?,
        as_of: as_of?,
        sequence: sequence?,
        basis: basis?,
        balances: balances?,
        movements: movements?,
        observed: observed?,
        checks: checks?,
    })
}

fn balance(json: &Json, path: String, faults: &mut Faults) -> Option<Balance> {
    let members = Members::open(json, path, &["asset", "kind", "unit", "amount"], faults)?;
    let asset = members.label("asset", faults);
    let kind = members.text("kind", faults, |text| known(BalanceKind::parse(text)));
    let unit =
        optional(&members, "unit", faults, |m, key, f| m.text(key, f, |text| known(Unit::parse(text))));
    let amount = members.amount("amount", faults, shape::stated);
    Some(Balance { asset: asset?, kind: kind?, unit: unit?, amount: amount? })
}

fn movement(json: &Json, path: String, faults: &mut Faults) -> Option<Movement> {
    let members = Members::open(json, path, &MOVEMENT, faults)?;
    let reference = members.label_or_empty("ref", faults);
    let asset = members.label("asset", faults);
    let amount = members.amount("amount", faults, shape::stated);
    let status = members.text("status", faults, |text| known(MovementStatus::parse(text)));
    let booked_on = optional(&members, "booked_on", faults, |m, key, f| m.text(key, f, shape::day));
    let value_on = optional(&members, "value_on", faults, |m, key, f| m.text(key, f, shape::day));
    let reversal = optional(&members, "reversal", faults, boolean);
    Some(Movement {
        reference: reference?,
        asset: asset?,
        amount: amount?,
        status: status?,
        booked_on: booked_on?,
        value_on: value_on?,
        reversal: reversal?.unwrap_or(false),
    })
}

fn observed(outer: &Members, key: &str, faults: &mut Faults) -> Option<Observed> {
    let path = format!("{}/{key}", outer.path());
    let members = Members::open(outer.value(key, faults)?, path, &["height", "hash"], faults)?;
    let height = members.label("height", faults);
    let hash = optional(&members, "hash", faults, Members::label);
    Some(Observed { height: height?, hash: hash? })
}

fn check(json: &Json, path: String, faults: &mut Faults) -> Option<Check> {
    let members = Members::open(json, path, &["name", "expected", "got", "ok"], faults)?;
    let name = members.label("name", faults);
    let expected = members.amount("expected", faults, shape::wide);
    let got = members.amount("got", faults, shape::wide);
    let ok = boolean(&members, "ok", faults);
    Some(Check { name: name?, expected: expected?, got: got?, ok: ok? })
}

/// `None` is a fault, `Some(None)` an absent member.
fn optional<'a, T>(
    members: &Members<'a>,
    key: &str,
    faults: &mut Faults,
    read: impl FnOnce(&Members<'a>, &str, &mut Faults) -> Option<T>,
) -> Option<Option<T>> {
    if members.has(key) { read(members, key, faults).map(Some) } else { Some(None) }
}

fn boolean(members: &Members, key: &str, faults: &mut Faults) -> Option<bool> {
    if let Json::Bool(value) = members.value(key, faults)? {
        return Some(*value);
    }
    faults.add(RefusalCode::SchemaInvalid, members.path(), key, "true or false belongs here");
    None
}

fn known<T>(name: Option<T>) -> Result<T, Fault> {
    name.ok_or_else(|| (RefusalCode::SchemaInvalid, "not one of the names that stand here".into()))
}

impl Statement {
    /// The typed form, which [`read_typed`] reads back to the same statement.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members =
            vec![("format", label(&self.format)), ("id", label(&self.id)), ("account", label(&self.account))];
        members.extend(self.custodian.as_ref().map(|custodian| ("custodian", label(custodian))));
        members.push(("as_of", Json::text(self.as_of.to_string())));
        members.extend(self.sequence.map(|sequence| ("sequence", Json::text(sequence.to_string()))));
        members.push(("basis", Json::text(self.basis.name())));
        members.push(("balances", Json::array(self.balances.iter().map(Balance::to_json))));
        members.push(("movements", Json::array(self.movements.iter().map(Movement::to_json))));
        members.extend(self.observed.as_ref().map(|observed| ("observed", observed.to_json())));
        members.push(("checks", Json::array(self.checks.iter().map(Check::to_json))));
        Json::object(members)
    }
}

impl Balance {
    fn to_json(&self) -> Json {
        let mut members = vec![("asset", label(&self.asset)), ("kind", Json::text(self.kind.name()))];
        members.extend(self.unit.map(|unit| ("unit", Json::text(unit.name()))));
        members.push(("amount", Json::text(self.amount.to_string())));
        Json::object(members)
    }
}

impl Movement {
    fn to_json(&self) -> Json {
        let mut members = vec![
            ("ref", Json::text(self.reference.as_ref().map_or("", Label::as_str))),
            ("asset", label(&self.asset)),
            ("amount", Json::text(self.amount.to_string())),
            ("status", Json::text(self.status.name())),
        ];
        members.extend(self.booked_on.map(|day| ("booked_on", Json::text(day.to_string()))));
        members.extend(self.value_on.map(|day| ("value_on", Json::text(day.to_string()))));
        members.push(("reversal", Json::Bool(self.reversal)));
        Json::object(members)
    }
}

impl Observed {
    fn to_json(&self) -> Json {
        let mut members = vec![("height", label(&self.height))];
        members.extend(self.hash.as_ref().map(|hash| ("hash", label(hash))));
        Json::object(members)
    }
}

impl Check {
    fn to_json(&self) -> Json {
        Json::object([
            ("name", label(&self.name)),
            ("expected", Json::text(self.expected.to_string())),
            ("got", Json::text(self.got.to_string())),
            ("ok", Json::Bool(self.ok)),
        ])
    }
}

fn label(label: &Label) -> Json {
    Json::text(label.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::json::read;
    use proptest::prelude::*;

    const FULL: &str = r#"{"format":"camt.053.001.08","id":"S1","account":"ACC-1","custodian":"CUST-1","as_of":"2026-09-01T23:59:59.999Z","sequence":"7","basis":"booked","balances":[{"asset":"USD","kind":"closing","amount":"110"},{"asset":"DTI:4H95J0R2X","kind":"pled","unit":"token_unit","amount":"-0.000000000000000001"}],"movements":[{"ref":"","asset":"USD","amount":"10","status":"booked","booked_on":"2026-09-01","value_on":"2026-09-01","reversal":false}],"observed":{"height":"910000","hash":"aa"},"checks":[{"name":"opening_plus_booked","expected":"110","got":"110","ok":true}]}"#;

    #[test]
    fn parse_print_parse_is_stable() {
        let first = read_typed(&read(FULL.as_bytes()).unwrap()).unwrap();
        assert_eq!(first.to_json().to_string(), FULL);
        assert_eq!(read_typed(&first.to_json()), Ok(first));
    }

    #[test]
    fn one_change_one_refusal() {
        for (from, to, code, path) in [
            ("\"110\"}", "110}", "amount_not_string", "/balances/0/amount"),
            ("\"110\"}", "\"110.0\"}", "bad_amount", "/balances/0/amount"),
            ("\"110\"}", "null}", "schema_invalid", "/balances/0/amount"),
            ("\"7\"", "7", "schema_invalid", "/sequence"),
            ("\"7\"", "\"07\"", "schema_invalid", "/sequence"),
            ("23:59:59.999Z", "24:00:00.000Z", "bad_date", "/as_of"),
            (
                "\"value_on\":\"2026-09-01\"",
                "\"value_on\":\"2026-02-30\"",
                "bad_date",
                "/movements/0/value_on",
            ),
            ("\"closing\"", "\"Closing!\"", "schema_invalid", "/balances/0/kind"),
            ("\"basis\":\"booked\"", "\"basis\":\"cash\"", "schema_invalid", "/basis"),
            ("\"id\":\"S1\"", "\"id\":\"\"", "missing_field", "/id"),
            ("\"id\":\"S1\",", "", "missing_field", "/id"),
            ("\"id\":\"S1\"", "\"id\":\"S\\u0007\"", "schema_invalid", "/id"),
            ("\"id\":\"S1\"", "\"id\":\"S1\",\"id\":\"S1\"", "schema_invalid", "/id"),
            ("\"id\":\"S1\"", "\"id\":\"S1\",\"a/b\":\"\"", "schema_invalid", "/a~1b"),
            ("\"reversal\":false", "\"reversal\":\"false\"", "schema_invalid", "/movements/0/reversal"),
            ("\"height\":\"910000\",", "", "missing_field", "/observed/height"),
            (
                "[{\"asset\":\"USD\",\"kind\"",
                "[[],{\"asset\":\"USD\",\"kind\"",
                "schema_invalid",
                "/balances/0",
            ),
        ] {
            let text = FULL.replacen(from, to, 1);
            assert_ne!(text, FULL, "{from}");
            let refusal = read_all(text.as_bytes()).unwrap_err();
            assert_eq!((refusal.code.code(), refusal.path.as_str()), (code, path), "{to}");
        }
    }

    #[test]
    fn the_gravest_fault_is_named_wherever_it_stands() {
        let text = FULL.replacen("\"id\":\"S1\",", "", 1).replacen("\"got\":\"110\"", "\"got\":\"1e2\"", 1);
        assert_eq!(read_all(text.as_bytes()).unwrap_err().code, RefusalCode::BadAmount);
    }

    #[test]
    fn a_file_holds_one_or_several() {
        for (text, count) in [
            (FULL.to_owned(), 1),
            (format!("[{FULL},{FULL}]"), 2),
            (format!("{{\"accepted\":true,\"statements\":[{FULL}]}}"), 1),
            ("[]".to_owned(), 0),
        ] {
            assert_eq!(read_all(text.as_bytes()).unwrap().len(), count);
        }
        let second = read_all(format!("[{FULL},{}]", "{}").as_bytes()).unwrap_err();
        assert_eq!(second.path, "/1/format");
        let refused = read_all(br#"{"accepted":false,"error":{"code":"bad_xml"}}"#).unwrap_err();
        assert_eq!(refused.code, RefusalCode::MissingField);
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(place in 0..FULL.len(), byte in any::<u8>(), cut in 0..FULL.len()) {
            let mut bytes = FULL.as_bytes().to_vec();
            bytes[place] = byte;
            let _ = read_all(&bytes);
            bytes.truncate(cut);
            let _ = read_all(&bytes);
        }
    }
}
