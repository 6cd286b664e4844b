//! Custodians' statements, reconciliations and breaks.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::evidence::{Break, CustodyStatement, Reconciliation};
use ledger::id::{BreakId, CustodyStatementId, ReconciliationId};
use ledger::json::Json;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

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

    fn json(&self, _: &View) -> Json {
        reconciliation_json(self)
    }
}

fn reconciliation_json(one: &Reconciliation) -> Json {
    let mut members = texts([
        ("id", one.id.to_string()),
        ("author", one.author.to_string()),
        ("as_of", one.as_of.to_string()),
        ("digest", one.digest.tagged()),
        ("fingerprint", one.fingerprint.to_string()),
        ("breaks", one.breaks.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
    ]);
    let compared = one.statements.iter().map(|id| Json::text(id.as_str()));
    members.push(("statements", Json::array(compared)));
    Json::object(members)
}

impl Resource for Break {
    const NAME: &'static str = "break";
    const FILTERS: &'static [Filter] = &[Filter::id("reconciliation"), Filter::id("author")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.breaks())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        BreakId::parse(id).ok().and_then(|id| state.open_break(&id))
    }

    fn object<'a>(&'a self, state: &'a State) -> Object<'a> {
        // A break is read by whoever reads the reconciliation that found it.
        let found_by = state.reconciliation(&self.reconciliation);
        Object::Reconciliation(found_by.map_or(&[], |found_by| &found_by.statements))
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "reconciliation" => self.reconciliation.as_str() == value,
            "author" => self.author.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, _: &View) -> Json {
        break_json(self)
    }
}

fn break_json(one: &Break) -> Json {
    Json::object(texts([
        ("id", one.id.to_string()),
        ("reconciliation", one.reconciliation.to_string()),
        ("line", one.line.clone()),
        ("amount", one.amount.clone()),
        ("author", one.author.to_string()),
        ("opened_at", one.opened_at.to_string()),
        ("changed_seq", one.changed_seq.to_string()),
    ]))
}
