//! Seals, and what auditors attest.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ledger::checkpoint::{Checkpoint, parse_decimal};
use ledger::evidence::Attestation;
use ledger::json::Json;
use ledger::note::{Note, SignatureLine};
use ledger::party::Role;
use ledger::seal::{SealList, TreeLine};
use ledger::seal_record::Seal;
use ledger::state::State as LedgerState;

use super::{Shared, json, list, off_thread, read, texts};
use crate::app::Reader;
use crate::may::{Object, may_read};
use crate::problem::Problem;

/// `GET /v1/seals`: every seal, without its lines.
pub async fn all(State(app): Shared, Reader(principal): Reader) -> Response {
    let state = &app.published().state;
    let readable = may_list(principal.role);
    let seals = state.seals().filter(|_| readable);
    list(state, seals.map(|seal| Json::object(seal_members(seal))))
}

/// Witnesses know leaves alone.
fn may_list(role: Role) -> bool {
    match role {
        Role::Operator | Role::Client | Role::Custodian | Role::Auditor => true,
        Role::Witness => false,
    }
}

/// `GET /v1/seals/{seq}`: a seal, with the lines that the reader may see.
///
/// # Errors
/// `not_found`; `internal` if the list cannot be read back.
pub async fn one(
    State(app): Shared,
    Reader(principal): Reader,
    Path(seq): Path<String>,
) -> Result<Response, Problem> {
    let published = app.published();
    let state = &published.state;
    let seal = parse_decimal(&seq).and_then(|seq| state.seal(&seq));
    let seal = seal.filter(|_| may_list(principal.role)).ok_or_else(Problem::not_found)?;
    let (store, digest) = (Arc::clone(app.ledger.store()), seal.list);
    let damaged = |error: String| {
        tracing::error!(error, %digest, "a seal's list could not be read back");
        Problem::internal()
    };
    let bytes =
        off_thread(move || store.document(&digest)).await?.map_err(|error| damaged(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| damaged("it is not there".to_owned()))?;
    let lines = SealList::read(&bytes).map_err(damaged)?;
    let own = lines.lines().iter().enumerate();
    let own = own.filter(|(_, line)| may_read(&principal, Object::SealLine(line.names()), state));
    let mut members = seal_members(seal);
    members.push(("lines", Json::array(own.map(|(index, line)| line_json(index, line)))));
    Ok(read(state, [("seal", Json::object(members))]))
}

fn seal_members(seal: &Seal) -> Vec<(&'static str, Json)> {
    texts([
        ("seq", seal.seq.to_string()),
        ("recorded_at", seal.recorded_at.to_string()),
        ("kind", seal.kind.to_string()),
        ("size", seal.size.to_string()),
        ("as_of", seal.as_of.to_string()),
        ("trees", seal.trees.to_string()),
        ("root", seal.root.to_string()),
        ("list", seal.list.tagged()),
        ("salts", seal.salts.tagged()),
    ])
}

/// Sums are in smallest units of the asset.
fn line_json(index: usize, line: &TreeLine) -> Json {
    let [custodian, class, asset] = line.names();
    Json::object(texts([
        ("index", index.to_string()),
        ("custodian", custodian.to_owned()),
        ("class", class.to_owned()),
        ("asset", asset.to_owned()),
        ("count", line.count().to_string()),
        ("sum", line.root().sum.to_string()),
        ("root", line.root().hash.to_string()),
    ]))
}

/// `GET /v1/attestations`: public.
pub async fn attestations(State(app): Shared) -> Response {
    let published = app.published();
    let items = published.state.attestations().map(|one| attestation_json(one));
    let body =
        Json::object([("size", Json::text(app.log.head().size.to_string())), ("items", Json::array(items))]);
    let mut response = json(StatusCode::OK, &body);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn attestation_json(one: &Attestation) -> Json {
    Json::object(texts([
        ("id", one.id.to_string()),
        ("auditor", one.author.to_string()),
        ("size", one.size.to_string()),
        ("root", one.root.to_string()),
        ("line", one.line.clone()),
        ("statement", one.statement.clone()),
        ("report", one.report.tagged()),
        ("recorded_at", one.recorded_at.to_string()),
        ("seq", one.changed_seq.to_string()),
    ]))
}

/// A kept checkpoint with the lines of the auditors who attest exactly its root: they count for whoever
/// knows their keys, and as witnesses for nobody who does not say so.
pub(super) fn attested(state: &LedgerState, size: u64, note: String) -> String {
    let parsed = Note::parse(&note).ok();
    let root =
        parsed.as_ref().and_then(|note| Checkpoint::parse(note.text()).ok()).map(|one| one.head().root);
    let Some((parsed, root)) = parsed.zip(root) else { return note };
    let lines = state.attestations().filter(|one| one.size == size && one.root == root);
    let lines = lines.filter_map(|one| SignatureLine::parse(&format!("{}\n", one.line)).ok());
    let mut signed = parsed;
    for line in lines {
        if signed.signatures().contains(&line) {
            continue;
        }
        match signed.clone().sign(line) {
            Ok(more) => signed = more,
            Err(_) => break,
        }
    }
    signed.to_string()
}
