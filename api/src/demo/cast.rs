//! The parties of the story: each with its own key, asking over HTTP like anybody else.

use std::path::Path;

use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::id::PartyId;
use ledger::json::Json;
use ledger::key::SecretKey;

use super::story::DemoError;
use crate::client::{Client, Draft, default_expiry, fresh_idempotency_key};
use crate::home::write_key;

/// The operator: a prime broker.
pub const BROKER: &str = "harbor";
/// The client: a fund that trades coins and shares.
pub const CLIENT: &str = "meridian";
/// The custodian.
pub const CUSTODIAN: &str = "anchor";
/// The auditor.
pub const AUDITOR: &str = "plumbline";

/// A party with its key and its connection.
pub struct Player {
    /// Its id.
    pub party: PartyId,
    /// Its key.
    pub key: SecretKey,
    client: Client,
    ledger: String,
}

impl Player {
    /// A party that is not registered yet; its key is kept in `keys`.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn new(id: &str, keys: &Path, url: &str, ledger: &str) -> Result<Self, DemoError> {
        let key = SecretKey::generate().map_err(|error| DemoError::Setting(error.to_string()))?;
        write_key(&keys.join(format!("{id}.pem")), &key)?;
        Self::with_key(id, key, url, ledger)
    }

    /// A party whose key exists.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn with_key(id: &str, key: SecretKey, url: &str, ledger: &str) -> Result<Self, DemoError> {
        let party = PartyId::parse(id).map_err(|error| DemoError::Setting(error.to_string()))?;
        Ok(Self { party, key, client: Client::new(url), ledger: ledger.to_owned() })
    }

    /// Opens a session, for reads and uploads.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn sign_in(&mut self) -> Result<(), DemoError> {
        Ok(self.client.sign_in(&self.ledger, &self.party, &self.key)?)
    }

    /// Signs and sends a command; gives the receipt.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn command(&self, type_name: &str, body: Json) -> Result<Json, DemoError> {
        self.send(type_name, body, &[&self.key])
    }

    /// The same with a second signature, by a key that the command brings.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn command_with(&self, type_name: &str, body: Json, new: &SecretKey) -> Result<Json, DemoError> {
        self.send(type_name, body, &[&self.key, new])
    }

    fn send(&self, type_name: &str, body: Json, keys: &[&SecretKey]) -> Result<Json, DemoError> {
        let key = fresh_idempotency_key().map_err(|error| DemoError::Setting(error.to_string()))?;
        let draft = Draft {
            type_name,
            ledger: &self.ledger,
            author: self.party.as_str(),
            idempotency_key: &key,
            expires_at: default_expiry(),
            effective_at: None,
        };
        let envelope = Envelope::sign(Purpose::Command, &draft.payload(body), keys);
        Ok(self.client.submit(envelope.to_string().as_bytes())?)
    }

    /// Uploads a document and gives its name.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn upload(&self, bytes: &[u8]) -> Result<Digest, DemoError> {
        Ok(self.client.upload(bytes)?)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn read(&self, path: &str) -> Result<Json, DemoError> {
        Ok(self.client.get(path)?)
    }
}

/// The text at a pointer of an answer.
///
/// # Errors
/// [`DemoError::Unexpected`] if it is not there.
pub fn text(answer: &Json, pointer: &str) -> Result<String, DemoError> {
    let found = answer.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
    found.ok_or_else(|| DemoError::Unexpected(format!("{pointer} is missing in {answer}")))
}
