//! Custodians' statements, reconciliations, and observations of chains.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::command::Provenance;
use ledger::evidence::{CustodyStatement, Observation, Reconciliation};
use ledger::id::{CustodyStatementId, ObservationId, ReconciliationId};
use ledger::json::Json;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};
use crate::session::Principal;

impl Resource for CustodyStatement {
    const NAME: &'static str = "statement";
    const FILTERS: &'static [Filter] = &[Filter::id("custodian"), Filter::id("author"), Filter::id("format")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.custody_statements())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        CustodyStatementId::parse(id).ok().and_then(|id| state.custody_statement(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::CustodyStatement(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "custodian" => self.custodian.as_str() == value,
            "author" => self.author.as_str() == value,
            "format" => self.format == value,
            _ => false,
        })
    }

    fn json(&self, _: &View) -> Json {
        statement_json(self)
    }
}

fn statement_json(statement: &CustodyStatement) -> Json {
    let mut members = texts([
        ("id", statement.id.to_string()),
        ("custodian", statement.custodian.to_string()),
        ("author", statement.author.to_string()),
        ("format", statement.format.clone()),
        ("as_of", statement.as_of.to_string()),
        ("digest", statement.digest.tagged()),
        ("provenance", statement.provenance.to_string()),
        ("changed_seq", statement.changed_seq.to_string()),
    ]);
    maybe(&mut members, "supersedes", statement.supersedes.as_ref());
    Json::object(members)
}

impl Resource for Reconciliation {
    const NAME: &'static str = "reconciliation";
    const FILTERS: &'static [Filter] = &[Filter::id("author"), Filter::id("statement")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.reconciliations())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        ReconciliationId::parse(id).ok().and_then(|id| state.reconciliation(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Reconciliation(&self.statements)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "author" => self.author.as_str() == value,
            "statement" => self.statements.iter().any(|statement| statement.as_str() == value),
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        reconciliation_json(view.state(), self)
    }
}

fn reconciliation_json(state: &State, one: &Reconciliation) -> Json {
    let mut members = texts([
        ("id", one.id.to_string()),
        ("author", one.author.to_string()),
        ("as_of", one.as_of.to_string()),
        ("digest", one.digest.tagged()),
        ("fingerprint", one.fingerprint.to_string()),
        ("breaks", one.breaks.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
    ]);
    maybe(&mut members, "provenance", provenance(state, &one.statements));
    let compared = one.statements.iter().map(|id| Json::text(id.as_str()));
    members.push(("statements", Json::array(compared)));
    Json::object(members)
}

/// The weaker word of all that something rests on: `relayed` if any statement was.
pub(super) fn provenance<'a>(
    state: &State,
    statements: impl IntoIterator<Item = &'a CustodyStatementId>,
) -> Option<Provenance> {
    statements.into_iter().filter_map(|id| state.custody_statement(id)).map(|one| one.provenance).max()
}

impl Resource for Observation {
    const NAME: &'static str = "observation";
    const FILTERS: &'static [Filter] = &[Filter::id("chain"), Filter::id("author")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.observations())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        ObservationId::parse(id).ok().and_then(|id| state.observation(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Observation(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "chain" => self.chain == value,
            "author" => self.author.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        observation_json(view.state(), &view.principal, self)
    }
}

/// With those of the same height that the reader may see and that found another block there: sources in
/// conflict are shown, never averaged.
fn observation_json(state: &State, reader: &Principal, one: &Observation) -> Json {
    let mut members = texts([
        ("id", one.id.to_string()),
        ("author", one.author.to_string()),
        ("chain", one.chain.clone()),
        ("height", one.height.to_string()),
        ("block_hash", one.block_hash.clone()),
        ("digest", one.digest.tagged()),
        ("recorded_at", one.recorded_at.to_string()),
        ("seq", one.seq.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
        ("status", if one.voided_by.is_some() { "void" } else { "stands" }.to_owned()),
    ]);
    if let Some(by) = &one.voided_by {
        members.extend(texts([("void_reason", "chain_reorg"), ("voided_by", by.as_str())]));
    }
    let conflicts = state.observed_at(&one.chain, one.height).filter(|other| {
        other.block_hash != one.block_hash
            && other.voided_by.is_none()
            && may_read(reader, Object::Observation(other), state)
    });
    members.push(("conflicts_with", Json::array(conflicts.map(|other| Json::text(other.id.as_str())))));
    Json::object(members)
}
