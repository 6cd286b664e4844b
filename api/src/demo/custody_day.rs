//! The custodian's statement, signed by it, against the ledger's mirror of what it holds.

use custody::reconcile::{LedgerExtract, reconcile};
use custody::statement::json as custodian_json;
use ledger::envelope::{Envelope, Purpose};
use ledger::json::Json;

use super::book::object;
use super::cast::{CUSTODIAN, text};
use super::setting::{CUSTODIAN_ACCOUNT, Cast};
use super::story::DemoError;

/// A break as the story tells it.
pub struct FoundBreak {
    /// Its type.
    pub kind: String,
    /// The asset.
    pub asset: String,
    /// Statement less ledger.
    pub amount: String,
}

/// The custodian states, the broker reconciles, both on the record.
///
/// The custodian's figure for USDC is short by a fee that nobody has recorded: a real break.
///
/// # Errors
/// [`DemoError`].
pub fn custody_day(cast: &Cast, as_of: &str) -> Result<Vec<FoundBreak>, DemoError> {
    let mirror = mirror(cast)?;
    let stated = mirror.iter().map(|(asset, amount)| {
        let held = if asset == "USDC" { short_by_a_fee(amount) } else { amount.clone() };
        object(&[("asset", asset), ("kind", "closing"), ("amount", &held)])
    });
    let payload = Json::object([
        ("format", Json::text(custodian_json::FORMAT)),
        ("id", Json::text("ANCHOR-2024-08-05")),
        ("custodian", Json::text(CUSTODIAN)),
        ("account", Json::text(CUSTODIAN_ACCOUNT)),
        ("as_of", Json::text(as_of)),
        ("sequence", Json::text("1")),
        ("basis", Json::text("settled")),
        ("balances", Json::array(stated)),
        ("movements", Json::array([])),
        ("checks", Json::array([])),
    ]);
    let payload = payload.to_jcs().into_bytes();
    let envelope = Envelope::sign(Purpose::CustodianStatement, &payload, &[&cast.custodian.key]).to_string();
    let digest = cast.custodian.upload(envelope.as_bytes())?;
    let body = object(&[
        ("statement", "anchor-2024-08-05"),
        ("custodian", CUSTODIAN),
        ("format", custodian_json::FORMAT),
        ("as_of", as_of),
        ("digest", &digest.tagged()),
        ("provenance", "signed"),
    ]);
    cast.custodian.command("custody.statement", body)?;
    compare(cast, as_of, &mirror, &payload)
}

/// What the ledger says the custodian holds: the mirror accounts, with their sign turned.
fn mirror(cast: &Cast) -> Result<Vec<(String, String)>, DemoError> {
    let accounts = cast.broker.read("/v1/accounts?limit=1000")?;
    let items = accounts.get("items").and_then(Json::as_array).unwrap_or_default();
    let external =
        items.iter().filter(|account| account.get("book").and_then(Json::as_str) == Some("external"));
    external
        .map(|account| {
            let settled = text(account, "/settled")?;
            Ok((text(account, "/asset")?, settled.strip_prefix('-').unwrap_or(&settled).to_owned()))
        })
        .collect()
}

fn short_by_a_fee(amount: &str) -> String {
    let fee = rust_decimal::Decimal::new(125, 1);
    match rust_decimal::Decimal::from_str_exact(amount) {
        Ok(held) => (held - fee).normalize().to_string(),
        Err(_) => amount.to_owned(),
    }
}

fn compare(
    cast: &Cast,
    as_of: &str,
    mirror: &[(String, String)],
    payload: &[u8],
) -> Result<Vec<FoundBreak>, DemoError> {
    let unexpected = |error: String| DemoError::Unexpected(error);
    let statement = custodian_json::read(payload).map_err(|refusal| unexpected(refusal.to_string()))?;
    let listed = cast.broker.read("/v1/assets")?;
    let listed = listed.get("items").and_then(Json::as_array).unwrap_or_default();
    let assets = listed
        .iter()
        .map(|asset| Ok(object(&[("id", &text(asset, "/id")?), ("decimals", &text(asset, "/decimals")?)])))
        .collect::<Result<Vec<_>, DemoError>>()?;
    let holdings = mirror.iter().map(|(asset, amount)| {
        object(&[
            ("account", CUSTODIAN_ACCOUNT),
            ("asset", asset),
            ("class", "cross_margin"),
            ("amount", amount),
        ])
    });
    let rules = Json::object([
        ("tolerance", Json::Object(Vec::new())),
        ("date_window_days", Json::text("1")),
        ("max_group", Json::text("6")),
    ]);
    let extract = Json::object([
        ("as_of", Json::text(as_of)),
        ("custodian", Json::text(CUSTODIAN)),
        ("assets", Json::array(assets)),
        ("holdings", Json::array(holdings)),
        ("movements", Json::array([])),
        ("rules", rules),
    ]);
    let extract = LedgerExtract::from_json(&extract).map_err(|refusal| unexpected(refusal.to_string()))?;
    let result = reconcile(&extract, &[statement]).map_err(|error| unexpected(error.to_string()))?;
    record(cast, as_of, &result.to_json())
}

/// The result on the record, and each break opened.
fn record(cast: &Cast, as_of: &str, result: &Json) -> Result<Vec<FoundBreak>, DemoError> {
    let breaks = result.get("breaks").and_then(Json::as_array).unwrap_or_default();
    let digest = cast.broker.upload(result.to_jcs().as_bytes())?;
    let body = Json::object([
        ("reconciliation", Json::text("recon-2024-08-05")),
        ("statements", Json::array([Json::text("anchor-2024-08-05")])),
        ("as_of", Json::text(as_of)),
        ("digest", Json::text(digest.tagged())),
        ("fingerprint", Json::text(text(result, "/fingerprint")?)),
        ("breaks", Json::text(breaks.len().to_string())),
    ]);
    cast.broker.command("recon.record", body)?;
    let mut found = Vec::new();
    for one in breaks {
        let (kind, asset, amount) = (text(one, "/type")?, text(one, "/asset")?, text(one, "/amount")?);
        let line = format!("{kind} {} {asset}", text(one, "/account")?);
        let body = object(&[
            ("break", &text(one, "/id")?),
            ("reconciliation", "recon-2024-08-05"),
            ("line", &line),
            ("amount", &amount),
        ]);
        cast.broker.command("break.open", body)?;
        found.push(FoundBreak { kind, asset, amount });
    }
    Ok(found)
}
