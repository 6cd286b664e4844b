//! Margin statements and portfolios.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::id::{PortfolioId, StatementId};
use ledger::json::Json;
use ledger::market::{MarginStatement, Portfolio};
use ledger::state::State;
use ledger::time::Timestamp;

use super::texts;
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

impl Resource for MarginStatement {
    const NAME: &'static str = "margin_statement";
    const FILTERS: &'static [Filter] =
        &[Filter::id("agreement"), Filter::id("portfolio"), Filter::id("pledgor"), Filter::id("author")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.statements())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        StatementId::parse(id).ok().and_then(|id| state.statement(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Statement(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "agreement" => self.agreement.as_str() == value,
            "portfolio" => self.portfolio.as_str() == value,
            "pledgor" => self.pledgor.as_str() == value,
            "author" => self.author.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, _: &View) -> Json {
        statement_json(self)
    }
}

fn statement_json(statement: &MarginStatement) -> Json {
    Json::object(texts([
        ("id", statement.id.to_string()),
        ("author", statement.author.to_string()),
        ("portfolio", statement.portfolio.to_string()),
        ("agreement", statement.agreement.to_string()),
        ("pledgor", statement.pledgor.to_string()),
        ("as_of", statement.as_of.to_string()),
        ("state_size", statement.state_size.to_string()),
        ("positions", statement.positions.tagged()),
        ("prices", statement.prices.tagged()),
        ("regime", statement.regime.tagged()),
        ("engine", statement.engine.clone()),
        ("exposure", statement.exposure.to_string()),
        ("requirement", statement.requirement.to_string()),
        ("collateral_value", statement.collateral_value.to_string()),
        ("excess", statement.excess.to_string()),
        ("report", statement.report.tagged()),
        ("recorded_at", statement.recorded_at.to_string()),
        ("changed_seq", statement.changed_seq.to_string()),
    ]))
}

impl Resource for Portfolio {
    const NAME: &'static str = "portfolio";
    const FILTERS: &'static [Filter] = &[Filter::id("owner"), Filter::id("author")];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.portfolios())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        PortfolioId::parse(id).ok().and_then(|id| state.portfolio(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Portfolio(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, _: &View) -> Result<bool, Problem> {
        Ok(match filter {
            "owner" => self.owner.as_ref().is_some_and(|owner| owner.as_str() == value),
            "author" => self.author.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, _: &View) -> Json {
        Json::object(texts([
            ("id", self.id.to_string()),
            ("positions", self.digest.tagged()),
            ("as_of", self.as_of.to_string()),
            ("count", self.count.to_string()),
            ("author", self.author.to_string()),
            ("changed_seq", self.changed_seq.to_string()),
        ]))
    }
}
