//! Seals, and what auditors attest.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ledger::checkpoint::{Checkpoint, parse_decimal};
use ledger::evidence::Attestation;
use ledger::json::Json;
use ledger::note::{Note, SignatureLine};
use ledger::seal::{SealList, TreeLine};
use ledger::seal_record::Seal;
use ledger::state::State as LedgerState;
use ledger::time::Timestamp;

use super::{Shared, json, off_thread, texts};
use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::reading::{Filter, Reading, Resource, View};

/// A list holds seals without their lines.
impl Resource for Seal {
    const NAME: &'static str = "seal";
    const FILTERS: &'static [Filter] = &[];

    fn all(state: &LedgerState, _: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_> {
        Box::new(state.seals())
    }

    fn find<'a>(state: &'a LedgerState, id: &str, _: Timestamp) -> Option<&'a Arc<Self>> {
        parse_decimal(id).or_else(|| id.parse().ok()).and_then(|seq| state.seal(&seq))
    }

    fn object<'a>(&'a self, _: &'a LedgerState) -> Object<'a> {
        Object::Seal
    }

    fn id(&self) -> Cow<'_, str> {
        format!("{:020}", self.seq).into()
    }

    fn tag(&self, _: Timestamp) -> String {
        self.seq.to_string()
    }

    fn passes(&self, _: &str, _: &str, _: &View) -> Result<bool, Problem> {
        Ok(false)
    }

    fn json(&self, _: &View) -> Json {
        Json::object(seal_members(self))
    }
}

/// `GET /v1/seals/{seq}`: a seal, with the lines that the reader may see.
///
/// # Errors
/// `not_found`; `internal` if the list cannot be read back; those of [`Reading::view`].
pub async fn one(reading: Reading, Path(seq): Path<String>) -> Result<Response, Problem> {
    let view = reading.view().await?;
    let seal = Arc::clone(view.find::<Seal>(&seq)?);
    let (store, digest) = (Arc::clone(&view.store), seal.list);
    let damaged = |error: String| {
        tracing::error!(error, %digest, "a seal's list could not be read back");
        Problem::internal()
    };
    let bytes =
        off_thread(move || store.document(&digest)).await?.map_err(|error| damaged(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| damaged("it is not there".to_owned()))?;
    let lines = SealList::read(&bytes).map_err(damaged)?;
    let own = lines.lines().iter().enumerate();
    let own = own.filter(|(_, line)| may_read(&view.principal, Object::SealLine(line.names()), view.state()));
    let mut members = seal_members(&seal);
    members.push(("lines", Json::array(own.map(|(index, line)| line_json(index, line)))));
    Ok(view.answer([("seal", Json::object(members))]))
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
