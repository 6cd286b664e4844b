//! Assets and documents.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::asset::Asset;
use crate::command::{AssetDefine, AssetSuspend, DocumentPut};
use crate::rejection::Rejection;
use crate::state::{Change, State};

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
