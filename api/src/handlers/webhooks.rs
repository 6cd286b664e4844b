//! A party's own webhooks.

use axum::response::Response;
use ledger::json::Json;
use ledger::webhook::Webhook;

use super::{maybe, texts};
use crate::problem::Problem;
use crate::reading::Reading;

/// `GET /v1/webhooks`: those of the reader's own party that were not removed. A URL may hold a secret, so
/// nobody else is told it here.
///
/// # Errors
/// Those of [`Reading::view`].
pub async fn all(reading: Reading) -> Result<Response, Problem> {
    let view = reading.view().await?;
    let party = &view.principal.party;
    let own = view.state().webhooks().filter(|webhook| webhook.owner == *party && !webhook.removed);
    Ok(view.answer([("items", Json::array(own.map(|webhook| webhook_json(webhook))))]))
}

fn webhook_json(webhook: &Webhook) -> Json {
    let mut members = texts([
        ("id", webhook.id.to_string()),
        ("url", webhook.url.as_str().to_owned()),
        ("set_seq", webhook.set_seq.to_string()),
        ("changed_seq", webhook.changed_seq.to_string()),
    ]);
    maybe(&mut members, "description", webhook.description.as_ref());
    members.push(("events", Json::array(webhook.events.iter().map(Json::text))));
    Json::object(members)
}
