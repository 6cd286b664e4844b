//! Pools: at which level their circuit breakers stand, why, and what that means.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::breaker::{Effects, Level, Signal};
use ledger::id::RegimeId;
use ledger::json::Json;
use ledger::pool::Pool;
use ledger::state::State;
use ledger::time::Timestamp;

use super::texts;
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

/// Those that have taken a step. A pool has the name of its rule book.
impl Resource for Pool {
    const NAME: &'static str = "pool";
    const FILTERS: &'static [Filter] = &[Filter::word("level", |text| Level::parse(text).is_some())];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.pools())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        RegimeId::parse(id).ok().and_then(|id| state.pool(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Reference
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(filter == "level" && self.level().as_str() == value)
    }

    fn json(&self, _: &View) -> Json {
        pool_json(self)
    }
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
