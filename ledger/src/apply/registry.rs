//! Assets and documents.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::asset::Asset;
use crate::command::{AssetDefine, AssetSuspend, DocumentErase, DocumentPut};
use crate::rejection::Rejection;
use crate::state::{Change, DocumentEntry, DocumentPart, Erasure, State};

pub(super) fn define_asset(
    state: &State,
    entry: &Entry,
    define: &AssetDefine,
) -> Result<Vec<Change>, Rejection> {
    check_free(state, "asset", define.asset.as_str())?;
    let asset = Asset {
        id: define.asset.clone(),
        kind: define.kind,
        decimals: define.decimals,
        suspended: false,
        traits: define.traits.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect(),
        ratings: define.ratings.iter().cloned().collect(),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Asset(Arc::new(asset))])
}

/// The document itself is taken up by `apply`, as every document that a command names.
pub(super) fn put_document(
    state: &State,
    entry: &Entry,
    put: &DocumentPut,
) -> Result<Vec<Change>, Rejection> {
    for reader in &put.readers {
        state.need_party(reader, "/body/readers")?;
    }
    let known = state.document(&put.digest).map(|known| known.size);
    let size = entry.documents.fresh.get(&put.digest).copied().or(known);
    match size {
        Some(size) if size != put.size => Err(Rejection::DocumentDigest {
            digest: put.digest,
            reason: format!("it has {size} bytes, not {}", put.size),
        }),
        Some(_) | None => Ok(Vec::new()),
    }
}

/// What is instructed already may still settle.
pub(super) fn suspend_asset(
    state: &State,
    entry: &Entry,
    suspend: &AssetSuspend,
) -> Result<Vec<Change>, Rejection> {
    let asset = state.need_asset(&suspend.asset, "/body/asset")?;
    if asset.suspended {
        return Err(Rejection::WrongState {
            state: "suspended".to_owned(),
            fits: "nothing: define another asset".to_owned(),
        });
    }
    let asset = Asset { suspended: true, changed_seq: entry.seq, ..Asset::clone(asset) };
    Ok(vec![Change::Asset(Arc::new(asset))])
}

/// Serving ends at once. What replay reads, and the secrets that seals are recomputed with, stay: without
/// them no later record, or no balance, could be proven to anyone.
pub(super) fn erase_document(
    state: &State,
    entry: &Entry,
    erase: &DocumentErase,
) -> Result<Vec<Change>, Rejection> {
    let known = state.document(&erase.digest).ok_or_else(|| Rejection::UnknownReference {
        pointer: "/body/digest".to_owned(),
        what: format!("no record names document {}", erase.digest),
    })?;
    let wrong = |state: String| {
        let fits = "nothing: document.erase is for documents that replay does not read".to_owned();
        Err(Rejection::WrongState { state, fits })
    };
    if let Some(erased) = &known.erased {
        return wrong(format!("erased by record {}", erased.seq));
    }
    match known.part {
        DocumentPart::Replayed => return wrong("a document from which the state follows".to_owned()),
        DocumentPart::Salts => return wrong("the secret of a seal's salts".to_owned()),
        DocumentPart::Named => {}
    }
    let erasure = Erasure { seq: entry.seq, recorded_at: entry.recorded_at, reason: erase.reason.clone() };
    let erased = DocumentEntry { erased: Some(Arc::new(erasure)), ..DocumentEntry::clone(known) };
    Ok(vec![Change::Document(erase.digest, Arc::new(erased))])
}
