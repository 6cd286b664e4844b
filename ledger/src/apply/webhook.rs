//! Webhooks: each party's own.

use std::sync::Arc;

use super::{Entry, check_free};
use crate::command::{EventName, WebhookRemove, WebhookSet};
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::webhook::Webhook;

/// Makes one, or changes the author's own. One that was removed, or is another's, keeps its id.
pub(super) fn set(state: &State, entry: &Entry, set: &WebhookSet) -> Result<Vec<Change>, Rejection> {
    let author = &entry.command.author;
    let own = state.webhook(&set.webhook).filter(|known| known.owner == *author && !known.removed);
    if own.is_none() {
        check_free(state, "webhook", set.webhook.as_str())?;
    }
    let webhook = Webhook {
        id: set.webhook.clone(),
        owner: author.clone(),
        url: set.url.clone(),
        events: set.events.iter().map(EventName::as_str).map(str::to_owned).collect(),
        description: set.description.clone(),
        removed: false,
        set_seq: own.map_or(entry.seq, |own| own.set_seq),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Webhook(Arc::new(webhook))])
}

/// Another's looks like what is not there.
pub(super) fn remove(state: &State, entry: &Entry, remove: &WebhookRemove) -> Result<Vec<Change>, Rejection> {
    let known = state.webhook(&remove.webhook).filter(|known| known.owner == entry.command.author);
    let known = known.ok_or_else(|| Rejection::UnknownReference {
        pointer: "/body/webhook".to_owned(),
        what: format!("no webhook {}", remove.webhook),
    })?;
    if known.removed {
        let fits = "webhook.set under another id".to_owned();
        return Err(Rejection::WrongState { state: "removed".to_owned(), fits });
    }
    let removed = Webhook { removed: true, changed_seq: entry.seq, ..Webhook::clone(known) };
    Ok(vec![Change::Webhook(Arc::new(removed))])
}
