//! Movements.

use std::borrow::Cow;
use std::sync::Arc;

use ledger::amount::print_units;
use ledger::digest::Digest;
use ledger::id::{AccountId, MovementId};
use ledger::json::Json;
use ledger::movement::{Movement, MovementStatus, MovementStep};
use ledger::state::State;
use ledger::store::Along;
use ledger::time::Timestamp;

use super::{maybe, texts};
use crate::may::Object;
use crate::problem::Problem;
use crate::reading::{Filter, Resource, View};

impl Resource for Movement {
    const NAME: &'static str = "movement";
    const FILTERS: &'static [Filter] = &[
        Filter::id("account"),
        Filter::id("asset"),
        Filter::id("author"),
        Filter::id("call"),
        Filter::word("status", |text| MovementStatus::parse(text).is_some()),
    ];

    fn all(state: &State, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.movements())
    }

    fn find<'a>(state: &'a State, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        MovementId::parse(id).ok().and_then(|id| state.movement(&id))
    }

    fn object<'a>(&'a self, _: &'a State) -> Object<'a> {
        Object::Movement(self)
    }

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.changed_seq.to_string()
    }

    fn passes(&self, filter: &str, value: &str, view: &View) -> Result<bool, Problem> {
        Ok(match (filter, &self.batch) {
            ("account", Some(document)) => batch_touches(self, document, value, view)?,
            ("asset", Some(document)) => batch_names(view, document, &["asset"], value)?,
            ("account", None) => {
                self.postings.iter().any(|one| one.from.as_str() == value || one.to.as_str() == value)
            }
            ("asset", None) => self.postings.iter().any(|one| one.asset.as_str() == value),
            ("author", _) => self.author.as_str() == value,
            ("call", _) => self.call.as_ref().is_some_and(|call| call.as_str() == value),
            ("status", _) => self.status.as_str() == value,
            _ => false,
        })
    }

    fn json(&self, view: &View) -> Json {
        movement_json(view.state(), self)
    }
}

fn movement_json(state: &State, movement: &Movement) -> Json {
    let postings = movement.postings.iter().map(|posting| {
        let decimals = state.asset(&posting.asset).map_or(0, |asset| asset.decimals);
        Json::object(texts([
            ("from", posting.from.to_string()),
            ("to", posting.to.to_string()),
            ("asset", posting.asset.to_string()),
            ("amount", print_units(posting.units, decimals)),
            ("settled", print_units(posting.settled, decimals)),
        ]))
    });
    let mut members = texts([
        ("id", movement.id.to_string()),
        ("author", movement.author.to_string()),
        ("status", movement.status.to_string()),
        ("instructed_seq", movement.instructed_seq.to_string()),
        ("changed_seq", movement.changed_seq.to_string()),
    ]);
    maybe(&mut members, "batch", movement.batch.map(|digest| digest.tagged()));
    maybe(&mut members, "expires", movement.expires);
    maybe(&mut members, "call", movement.call.as_ref());
    maybe(&mut members, "destination", movement.destination.as_ref());
    maybe(&mut members, "effective_at", movement.effective_at);
    maybe(&mut members, "evidence", movement.evidence.map(|digest| digest.tagged()));
    maybe(&mut members, "reason", movement.reason.as_ref());
    maybe(&mut members, "reverses", movement.reverses.as_ref());
    maybe(&mut members, "reversed_by", movement.reversed_by.as_ref());
    if !movement.holds.is_empty() {
        let holds = movement.holds.iter().map(|hold| {
            let until = ("until_cycle", hold.until_cycle.to_string());
            Json::object(texts([("pool", hold.pool.to_string()), until]))
        });
        members.push(("holds", Json::array(holds)));
    }
    members.push(("postings", Json::array(postings)));
    members
        .push(("timeline", Json::array(movement.steps.iter().map(|step| step_json(state, movement, step)))));
    Json::object(members)
}

fn step_json(state: &State, movement: &Movement, step: &MovementStep) -> Json {
    let mut members = texts([("seq", step.seq.to_string()), ("status", step.status.to_string())]);
    maybe(&mut members, "effective_at", step.effective_at);
    let amounts = movement.postings.iter().zip(&step.amounts).map(|(posting, units)| {
        let decimals = state.asset(&posting.asset).map_or(0, |asset| asset.decimals);
        Json::text(print_units(*units, decimals))
    });
    members.push(("amounts", Json::array(amounts)));
    Json::object(members)
}

/// Whether a line of a batch's document names that value under one of these members. Its lines are in
/// their canonical form, so looking for the text is exact.
fn batch_names(view: &View, document: &Digest, members: &[&str], value: &str) -> Result<bool, Problem> {
    let bytes = view.store.document(document).map_err(|error| Problem::unread(&error))?;
    let bytes = bytes.ok_or_else(Problem::internal)?;
    let text = String::from_utf8_lossy(&bytes);
    let value = Json::text(value).to_jcs();
    Ok(members.iter().any(|member| text.contains(&format!("\"{member}\":{value}"))))
}

/// Whether a batch moves into or out of the account: the index tells which may, the document which do.
fn batch_touches(movement: &Movement, document: &Digest, value: &str, view: &View) -> Result<bool, Problem> {
    let Ok(account) = AccountId::parse(value) else { return Ok(false) };
    let seq = movement.instructed_seq;
    let found = view.store.account_seqs(&account, Along::UpFrom(seq), 1);
    if found.map_err(|error| Problem::unread(&error))?.first() != Some(&seq) {
        return Ok(false);
    }
    batch_names(view, document, &["from", "to"], value)
}
