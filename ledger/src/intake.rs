//! From bytes to a signed command, without state: what can be done in parallel, before the sequencer.
//!
//! Order of refusal: size, envelope, payload type, signature, payload bytes, schema. An older list
//! of keys only refuses early what no known key signed; whether a key was active *at the sequence*
//! is judged by `apply` alone. Source: audit specification §2, API specification §3.

use crate::command::{Body, Command, CommandError, Signers};
use crate::digest::Digest;
use crate::envelope::{Envelope, EnvelopeError, PAE_MAX, Purpose};
use crate::id::PartyId;
use crate::json::{self, Json};
use crate::key::{KeyId, PublicKey};
use crate::profile::{self, ProfileError, Tree};
use crate::state::State;

/// Who holds which key, at some recent size of the log.
pub trait KeyBook {
    /// Every key the party ever had; `None` if there is no such party.
    fn keys_of(&self, party: &PartyId) -> Option<Vec<PublicKey>>;
}

impl KeyBook for State {
    fn keys_of(&self, party: &PartyId) -> Option<Vec<PublicKey>> {
        self.party(party).map(|party| party.keys.iter().map(|key| key.public).collect())
    }
}

/// A well-formed command with good signatures by keys of its author.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// What is asked.
    pub command: Command,
    /// SHA-256 of the signed bytes.
    pub id: Digest,
    /// The author's key.
    pub signer: KeyId,
    /// The bytes that say so.
    pub payload: Vec<u8>,
    /// The envelope in its stored form.
    pub envelope: Vec<u8>,
}

/// A recorded command, read again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// What is asked.
    pub command: Command,
    /// SHA-256 of the signed bytes.
    pub id: Digest,
    /// The author's key, as the envelope names it.
    pub signer: KeyId,
    /// The bytes that say so.
    pub payload: Vec<u8>,
}

/// Why bytes are not a signed command, in order of precedence.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IntakeError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(EnvelopeError),
    /// The signed bytes are more than 4,096.
    #[error("{size} bytes to sign, at most {PAE_MAX}: put bulk into a document and name its digest")]
    PayloadTooLarge {
        /// How many there are.
        size: usize,
    },
    /// Not a type that is taken here.
    #[error(
        "payload type {given} is not taken here, only {} and {}",
        Purpose::Command.payload_type(), Purpose::Approval.payload_type()
    )]
    PayloadTypeUnknown {
        /// The type as given.
        given: String,
    },
    /// The wrong number of signatures for the type.
    #[error("/signatures: {got}, this type of command takes exactly {expected}")]
    SignatureCount {
        /// How many this type takes.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// No such author.
    #[error("author {author} has no key here")]
    KeyUnknown {
        /// The author as given.
        author: String,
    },
    /// No key of the author made it over these bytes.
    #[error("signature {place} is not of a key of the author over these bytes")]
    SignatureInvalid {
        /// Which signature, from 0.
        place: usize,
    },
    /// The envelope names another key than the one that verifies.
    #[error("/signatures/{place}/keyid is {given}, the key that signed is {expected}")]
    KeyidMismatch {
        /// Which signature, from 0.
        place: usize,
        /// As given.
        given: String,
        /// As it must be.
        expected: KeyId,
    },
    /// The payload's bytes.
    #[error(transparent)]
    Profile(ProfileError),
    /// The payload's meaning.
    #[error(transparent)]
    Command(CommandError),
}

/// Takes an envelope's bytes in.
///
/// # Errors
/// [`IntakeError`], the first that holds.
pub fn take_in(bytes: &[u8], keys: &impl KeyBook) -> Result<Signed, IntakeError> {
    let envelope = Envelope::parse(bytes).map_err(IntakeError::Envelope)?;
    let message = envelope.pae();
    if message.len() > PAE_MAX {
        return Err(IntakeError::PayloadTooLarge { size: message.len() });
    }
    if !matches!(envelope.purpose(), Some(Purpose::Command | Purpose::Approval)) {
        return Err(IntakeError::PayloadTypeUnknown { given: envelope.payload_type });
    }
    let signer = check_signatures(&envelope, &message, keys)?;
    let command = read_command(&envelope)?;
    let (id, stored) = (Digest::of(&message), envelope.to_string().into_bytes());
    Ok(Signed { command, id, signer, payload: envelope.payload, envelope: stored })
}

/// Takes a recorded envelope in again, for replay: form and meaning, not signatures.
///
/// # Errors
/// [`IntakeError`]: what is recorded was good once, so an error is damage or an unknown version.
pub fn take_back(envelope: &[u8]) -> Result<Recorded, IntakeError> {
    let parsed = Envelope::parse(envelope).map_err(IntakeError::Envelope)?;
    let signer = parsed.key_ids().next().flatten().ok_or(IntakeError::SignatureInvalid { place: 0 })?;
    let command = read_command(&parsed)?;
    Ok(Recorded { command, id: parsed.id(), signer, payload: parsed.payload })
}

/// Checks the signatures of a recorded envelope against a key book.
///
/// # Errors
/// [`IntakeError`] of the signature's kind.
pub fn check_recorded(envelope: &[u8], keys: &impl KeyBook) -> Result<KeyId, IntakeError> {
    let envelope = Envelope::parse(envelope).map_err(IntakeError::Envelope)?;
    check_signatures(&envelope, &envelope.pae(), keys)
}

/// Checks the signatures of a recorded envelope whose command was read from it, against the keys that
/// its author ever had; `None` if there is no such party.
///
/// # Errors
/// [`IntakeError`]: of size, type or signature.
pub fn check_read(
    envelope: &Envelope,
    command: &Command,
    keys: Option<Vec<PublicKey>>,
) -> Result<KeyId, IntakeError> {
    let message = envelope.pae();
    if message.len() > PAE_MAX {
        return Err(IntakeError::PayloadTooLarge { size: message.len() });
    }
    let signers = Signers::of(Some(command.body.type_name()));
    let (expected, got) = (signers.count(), envelope.signatures.len());
    if expected != got {
        return Err(IntakeError::SignatureCount { expected, got });
    }
    let own = command.body.new_key().and_then(|new| new.public_key().ok());
    let candidates = match signers {
        Signers::NewKey => own.into_iter().collect(),
        Signers::Author | Signers::AuthorAndNewKey => {
            keys.ok_or_else(|| IntakeError::KeyUnknown { author: command.author.to_string() })?
        }
    };
    let signer = check_signature(envelope, &message, 0, &candidates)?;
    if let (Signers::AuthorAndNewKey, Some(own)) = (signers, own) {
        check_signature(envelope, &message, 1, &[own])?;
    }
    Ok(signer)
}

fn read_command(envelope: &Envelope) -> Result<Command, IntakeError> {
    let tree = profile::read(&envelope.payload).map_err(IntakeError::Profile)?;
    // A type signed for another purpose is none of that purpose's.
    if let Some(given) = tree.get("type").and_then(Tree::as_str)
        && envelope.purpose() != Some(Body::purpose(given))
    {
        return Err(IntakeError::Command(CommandError::TypeUnknown { given: given.to_owned() }));
    }
    Command::read(&tree).map_err(IntakeError::Command)
}

/// The author's key that made the first signature.
///
/// Author, type and new key are looked up in the payload before it has any other meaning; a payload
/// in which they cannot be found is answered with what is wrong with it.
fn check_signatures(envelope: &Envelope, message: &[u8], keys: &impl KeyBook) -> Result<KeyId, IntakeError> {
    let Named { type_name, author, public_key } = Named::in_payload(&envelope.payload)?;
    let signers = Signers::of(type_name.as_deref());
    let (expected, got) = (signers.count(), envelope.signatures.len());
    if expected != got {
        return Err(IntakeError::SignatureCount { expected, got });
    }
    let own = public_key.and_then(|text| PublicKey::parse(&text).ok());
    let author = author.as_deref();
    let candidates = match signers {
        Signers::NewKey => own.into_iter().collect(),
        Signers::Author | Signers::AuthorAndNewKey => {
            let Some(author) = author.and_then(|author| PartyId::parse(author).ok()) else {
                return Err(no_author(envelope, author));
            };
            keys.keys_of(&author).ok_or(IntakeError::KeyUnknown { author: author.to_string() })?
        }
    };
    let signer = check_signature(envelope, message, 0, &candidates)?;
    // A new key that cannot be read is refused for itself, by the body's reading.
    if let (Signers::AuthorAndNewKey, Some(own)) = (signers, own) {
        check_signature(envelope, message, 1, &[own])?;
    }
    Ok(signer)
}

/// What signatures depend on.
struct Named {
    type_name: Option<String>,
    author: Option<String>,
    public_key: Option<String>,
}

impl Named {
    fn in_payload(payload: &[u8]) -> Result<Self, IntakeError> {
        let text = |text: &str| Some(text.to_owned());
        if let Ok(tree) = profile::read(payload) {
            let find = |from: Option<&Tree>, name| from?.get(name)?.as_str().and_then(text);
            let (top, body) = (Some(&tree), tree.get("body"));
            let (type_name, author) = (find(top, "type"), find(top, "author"));
            return Ok(Self { type_name, author, public_key: find(body, "public_key") });
        }
        let json = json::read(payload).map_err(|error| IntakeError::Profile(ProfileError::NotJson(error)))?;
        let find = |from: Option<&Json>, name| from?.get(name)?.as_str().and_then(text);
        let (top, body) = (Some(&json), json.get("body"));
        let (type_name, author) = (find(top, "type"), find(top, "author"));
        Ok(Self { type_name, author, public_key: find(body, "public_key") })
    }
}

/// Without a readable author nobody's keys can be tried: what the body's reading says, or that.
fn no_author(envelope: &Envelope, author: Option<&str>) -> IntakeError {
    let author = author.unwrap_or_default().to_owned();
    read_command(envelope).err().unwrap_or(IntakeError::KeyUnknown { author })
}

fn check_signature(
    envelope: &Envelope,
    message: &[u8],
    place: usize,
    candidates: &[PublicKey],
) -> Result<KeyId, IntakeError> {
    let signature = &envelope.signatures[place];
    // The hint first; then every other key of the author.
    let (hinted, others): (Vec<&PublicKey>, Vec<&PublicKey>) =
        candidates.iter().partition(|key| key.id().to_string() == signature.keyid);
    let verifying = hinted.into_iter().chain(others).find(|key| key.verifies(message, &signature.sig));
    let expected = verifying.ok_or(IntakeError::SignatureInvalid { place })?.id();
    if expected.to_string() == signature.keyid {
        Ok(expected)
    } else {
        Err(IntakeError::KeyidMismatch { place, given: signature.keyid.clone(), expected })
    }
}
