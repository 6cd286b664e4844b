//! Webhooks: where a party wants to be told.

use super::body::{Ask, Body};
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::id::WebhookId;
use crate::webhook::HookUrl;

/// `webhook.set`: makes an endpoint of the author's own, or changes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookSet {
    /// The webhook.
    pub webhook: WebhookId,
    /// Where it is told.
    pub url: HookUrl,
    /// The types of commands it is told of, ascending.
    pub events: Vec<EventName>,
    /// A note for people.
    pub description: Option<String>,
}

/// The type of a command, as an event is called.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct EventName(String);

impl EventName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ReadText for EventName {
    const HELP: &'static str = "a type of command";
    fn read_text(text: &str) -> Option<Self> {
        Body::knows(text).then(|| Self(text.to_owned()))
    }
}

impl ReadText for HookUrl {
    const HELP: &'static str =
        "https, a host name or a public address, no user, password or fragment, written as it is asked for";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Ask for WebhookSet {
    fn read(fields: &mut Fields) -> Option<Self> {
        let webhook = fields.parsed("webhook");
        let url = fields.parsed("url");
        let events = fields.set("events");
        let description = fields.text_optional("description");
        Some(Self { webhook: webhook?, url: url?, events: events?, description: description? })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }
}

/// `webhook.remove`: ends an endpoint of the author's own for ever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookRemove {
    /// The webhook.
    pub webhook: WebhookId,
}

impl Ask for WebhookRemove {
    fn read(fields: &mut Fields) -> Option<Self> {
        let webhook = fields.parsed("webhook");
        Some(Self { webhook: webhook? })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }
}
