//! Agreements and rule books.

use axum::extract::{Path, State};
use axum::response::Response;
use ledger::agreement::{Agreement, AgreementVersion};
use ledger::id::AgreementId;
use ledger::json::{self, Json};

use super::{Shared, list, list_own, maybe, read_own, texts};
use crate::app::{Reader, now};
use crate::may::Object;
use crate::problem::Problem;

/// `GET /v1/agreements`.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    list_own(state, &principal, state.agreements(), Object::Agreement, agreement_json)
}

/// `GET /v1/agreements/{id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let state = &app.published().state;
    let found = AgreementId::parse(&id).ok().and_then(|id| state.agreement(&id));
    read_own(state, &principal, found, Object::Agreement, ("agreement", agreement_json))
}

fn agreement_json(agreement: &Agreement) -> Json {
    let mut members = texts([("id", agreement.id.to_string())]);
    let parties = agreement.parties.iter().map(|party| Json::text(party.as_str()));
    members.push(("parties", Json::array(parties)));
    members.push(("versions", Json::array(agreement.versions.iter().map(version_json))));
    members.extend(agreement.proposal.as_ref().map(|proposal| ("proposal", version_json(proposal))));
    members.extend(agreement.termination.as_ref().map(|end| {
        let told = [("from", end.from.to_string()), ("by", end.by.to_string()), ("seq", end.seq.to_string())];
        ("termination", Json::object(texts(told)))
    }));
    members.push(("changed_seq", Json::text(agreement.changed_seq.to_string())));
    Json::object(members)
}

fn version_json(version: &AgreementVersion) -> Json {
    let mut members = texts([
        ("version", version.version.to_string()),
        ("digest", version.digest.tagged()),
        ("effective_from", version.effective_from.to_string()),
        ("proposed_by", version.proposed_by.to_string()),
        ("proposed_seq", version.proposed_seq.to_string()),
    ]);
    maybe(&mut members, "accepted_seq", version.accepted_seq);
    let terms = json::read(version.signed.text().as_bytes()).expect("signed terms were read from this text");
    members.push(("terms", terms));
    Json::object(members)
}

/// `GET /v1/regimes`: the rule books in force.
pub async fn regimes(State(app): Shared, _: Reader) -> Response {
    let state = &app.published().state;
    list(
        state,
        state.regimes_at(now()).map(|adopted| {
            Json::object(texts([
                ("id", adopted.id.to_string()),
                ("digest", adopted.digest.tagged()),
                ("from", adopted.from.to_string()),
                ("changed_seq", adopted.changed_seq.to_string()),
            ]))
        }),
    )
}
