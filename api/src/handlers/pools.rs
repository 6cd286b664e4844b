//! Pools: at which level their circuit breakers stand, why, and what that means.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::breaker::{Effects, Signal};
use ledger::id::RegimeId;
use ledger::json::Json;
use ledger::pool::Pool;

use super::{Shared, list_own, read_own, texts};
use crate::app::Reader;
use crate::may::Object;
use crate::problem::Problem;

/// `GET /v1/pools`: those that have taken a step. A pool has the name of its rule book.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.pools(), |_| Object::Reference, pool_json)
}

/// `GET /v1/pools/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = RegimeId::parse(&id).ok().and_then(|id| state.pool(&id));
    read_own(state, &principal, found, |_| Object::Reference, ("pool", pool_json))
}

fn pool_json(pool: &Pool) -> Json {
    let mut members = texts([
        ("id", pool.id.to_string()),
        ("regime", pool.regime.tagged()),
        ("level", pool.level().to_string()),
        ("theta_factor", pool.state.theta_factor.to_string()),
        ("calm", pool.state.calm.to_string()),
        ("cycle", pool.cycle.to_string()),
        ("stepped_at", pool.recorded_at.to_string()),
        ("changed_seq", pool.changed_seq.to_string()),
    ]);
    let seen = Signal::ALL.iter().map(|signal| (signal.as_str(), pool.signals.get(*signal).to_string()));
    members.push(("signals", Json::object(texts(seen))));
    members.push(("reasons", Json::array(pool.reasons.iter().map(|reason| Json::text(reason.as_str())))));
    let effects = Effects::of(&pool.state, pool.parameters.withdrawal_delay_cycles());
    members.push(("effects", Json::object(texts(effects.members()))));
    Json::object(members)
}
