//! `GET /v1/seals/{seq}/balance-proof?account=`: a client's offline proof of its own balance.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ledger::account::Account;
use ledger::checkpoint::parse_decimal;
use ledger::party::Role;
use ledger::record::Record;
use ledger::seal_record::Seal;

use super::off_thread;
use crate::app::App;
use crate::balance::{BalanceError, SealAtHand};
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::reading::{Reading, state_after};
use crate::session::Principal;

/// The proof of an account's balance in a seal, or in the newest (`latest`).
///
/// # Errors
/// `not_found`, also for what one may not read, and for an account that the seal does not hold;
/// `query_invalid` without an account; those of [`Reading::view`].
pub async fn get(mut reading: Reading, Path(seq): Path<String>) -> Result<Response, Problem> {
    let account = reading.take("account").ok_or_else(|| Problem::query("give account="))?;
    let app = reading.app();
    let view = reading.view().await?;
    let account = Arc::clone(view.find::<Account>(&account)?);
    // A custodian sees the accounts it keeps, and not what proves its clients' balances.
    if view.principal.role == Role::Custodian
        || !may_read(&view.principal, Object::Account(&account), view.newest())
    {
        return Err(Problem::not_found());
    }
    let newest = view.newest();
    let seal = if seq == "latest" {
        newest.last_seal()
    } else {
        parse_decimal(&seq).and_then(|seq| newest.seal(&seq))
    };
    let seal = Arc::clone(seal.ok_or_else(Problem::not_found)?);
    let at_hand = seal_at_hand(&app, &view.principal, &seal).await?;
    let id = account.id.clone();
    let proof = off_thread(move || -> Result<_, BalanceError> {
        let missing = |what: String| BalanceError::Missing(what);
        let stored = app.ledger.store().record(seal.seq)?;
        let stored = stored.ok_or_else(|| missing(format!("record {} is not at hand", seal.seq)))?;
        let leaf = Record::of(seal.seq, &stored).leaf();
        let receipt = app.log.tlog_proof(seal.seq, &leaf).map_err(|error| missing(error.to_string()))?;
        at_hand.prove(&account, receipt)
    });
    match proof.await? {
        Ok(proof) => Ok(text(&proof.to_string(), &format!("{id}.balance-proof"))),
        Err(error) if error.is_not_sealed() => Err(Problem::not_found()),
        Err(error) => Err(failed(&error)),
    }
}

/// The seal with its trees, made again if it is not at hand.
async fn seal_at_hand(
    app: &Arc<App>,
    principal: &Principal,
    seal: &Arc<Seal>,
) -> Result<Arc<SealAtHand>, Problem> {
    if let Some(kept) = app.newest_seal.get(seal.seq) {
        return Ok(kept);
    }
    let at_size = state_after(app, principal, seal.size).await?;
    let (asked, seal) = (Arc::clone(app), Arc::clone(seal));
    let made = off_thread(move || {
        let made = SealAtHand::make(&at_size.state, &seal, asked.ledger.store().as_ref())?;
        let made = Arc::new(made);
        asked.newest_seal.keep(&made);
        Ok(made)
    });
    made.await?.map_err(|error: BalanceError| failed(&error))
}

fn failed(error: &BalanceError) -> Problem {
    tracing::error!(%error, "a balance proof could not be made");
    Problem::internal()
}

fn text(proof: &str, name: &str) -> Response {
    let mut response = Body::from(proof.to_owned()).into_response();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
