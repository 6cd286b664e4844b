//! DSSE envelopes: what was signed, under which purpose, by whom.
//!
//! Source: DSSE v1 and the audit specification §2. The envelope's text may vary on the way in; what
//! is stored, hashed and served is one form, and the id rests on the signed bytes alone.

use std::fmt;

use data_encoding::BASE64;

use crate::base64;
use crate::digest::Digest;
use crate::json::{self, Json};
use crate::key::{KeyId, SecretKey};

/// The most bytes a signature covers (PAE), so that any HSM or cloud KMS can sign a command.
pub const PAE_MAX: usize = 4_096;

/// What a signature is for. One type a purpose, so none can be used for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// A command: recorded.
    Command,
    /// An approval of a command: recorded.
    Approval,
    /// A session: never recorded.
    Session,
    /// A custodian's statement: a document.
    CustodianStatement,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 4] = [Self::Command, Self::Approval, Self::Session, Self::CustodianStatement];

    /// The DSSE payload type.
    #[must_use]
    pub fn payload_type(self) -> &'static str {
        match self {
            Self::Command => "application/vnd.pledger.command.v1+json",
            Self::Approval => "application/vnd.pledger.approval.v1+json",
            Self::Session => "application/vnd.pledger.session.v1+json",
            Self::CustodianStatement => "application/vnd.pledger.custodian-statement.v1+json",
        }
    }
}

/// Pre-authentication encoding: the exact bytes that are signed.
///
/// ```
/// let pae = ledger::envelope::pae("http://example.com/HelloWorld", b"hello world");
/// assert_eq!(pae, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
/// ```
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Why bytes are not an envelope.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON at all.
    #[error("the body is not JSON: {0}")]
    NotJson(json::JsonError),
    /// A member is missing, given twice, of the wrong kind or badly encoded.
    #[error("{pointer}: {reason}")]
    Malformed {
        /// RFC 6901 pointer to what is wrong.
        pointer: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A member that DSSE v1 does not have.
    #[error("{pointer}: not a member of a DSSE envelope")]
    UnknownMember {
        /// RFC 6901 pointer to the member.
        pointer: String,
    },
    /// No signature.
    #[error("/signatures is empty: sign the payload")]
    SignatureMissing,
}

/// One signature over the PAE.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvelopeSignature {
    /// The key's name as given: a hint, and checked to be the verifying key's.
    pub keyid: String,
    /// The signature.
    pub sig: [u8; 64],
}

/// A DSSE envelope.
///
/// Its `Display` is the stored form: canonical JSON, padded standard base64.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// The signed payload.
    pub payload: Vec<u8>,
    /// Its type: the signature's purpose.
    pub payload_type: String,
    /// At least one.
    pub signatures: Vec<EnvelopeSignature>,
}

impl Envelope {
    /// Reads an envelope in any spelling that DSSE allows.
    ///
    /// # Errors
    /// [`EnvelopeError`], the first that holds.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if let Some(stored) = Self::parse_stored(bytes) {
            return Ok(stored);
        }
        let tree = json::read(bytes).map_err(EnvelopeError::NotJson)?;
        let [payload, payload_type, signatures] =
            members(&tree, "", ["payload", "payloadType", "signatures"])?;
        let payload = decode(text(payload, "/payload")?, "/payload")?;
        let payload_type = text(payload_type, "/payloadType")?.to_owned();
        let signatures = signatures
            .as_array()
            .ok_or_else(|| malformed("/signatures", "not an array"))?
            .iter()
            .enumerate()
            .map(|(place, signature)| read_signature(signature, &format!("/signatures/{place}")))
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.is_empty() {
            return Err(EnvelopeError::SignatureMissing);
        }
        Ok(Self { payload, payload_type, signatures })
    }

    /// The form that is stored, without a tree; `None` says only that it may be another.
    fn parse_stored(bytes: &[u8]) -> Option<Self> {
        let mut rest = std::str::from_utf8(bytes).ok()?;
        // What is no text of its own form stops at its own quote or is not plain.
        let mut text = |before: &str| {
            let (text, after) = rest.strip_prefix(before)?.split_once('"')?;
            rest = after;
            let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\');
            is_plain.then_some(text)
        };
        let payload = base64::decode(text("{\"payload\":\"")?)?;
        let payload_type = text(",\"payloadType\":\"")?.to_owned();
        let mut signatures = Vec::with_capacity(1);
        let mut before = ",\"signatures\":[{\"keyid\":\"";
        while let Some(keyid) = text(before) {
            let sig = base64::decode(text(",\"sig\":\"")?)?.try_into().ok()?;
            signatures.push(EnvelopeSignature { keyid: keyid.to_owned(), sig });
            before = "},{\"keyid\":\"";
        }
        (rest == "}]}" && !signatures.is_empty()).then_some(Self { payload, payload_type, signatures })
    }

    /// Signs a payload for a purpose with each key, in order.
    #[must_use]
    pub fn sign(purpose: Purpose, payload: &[u8], keys: &[&SecretKey]) -> Self {
        let message = pae(purpose.payload_type(), payload);
        let signatures = keys
            .iter()
            .map(|key| EnvelopeSignature { keyid: key.public().id().to_string(), sig: key.sign(&message) })
            .collect();
        Self { payload: payload.to_vec(), payload_type: purpose.payload_type().to_owned(), signatures }
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// SHA-256 of the PAE: for a command, its id.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&self.pae())
    }

    /// The purpose, if the type is one of ours.
    #[must_use]
    pub fn purpose(&self) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|purpose| purpose.payload_type() == self.payload_type)
    }

    /// The keys' names, where they are spelled as such.
    pub fn key_ids(&self) -> impl Iterator<Item = Option<KeyId>> + '_ {
        self.signatures.iter().map(|signature| KeyId::parse(&signature.keyid))
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let signatures = self.signatures.iter().map(|signature| {
            Json::object([
                ("keyid", Json::text(&signature.keyid)),
                ("sig", Json::text(BASE64.encode(&signature.sig))),
            ])
        });
        let tree = Json::object([
            ("payload", Json::text(BASE64.encode(&self.payload))),
            ("payloadType", Json::text(&self.payload_type)),
            ("signatures", Json::array(signatures)),
        ]);
        f.write_str(&tree.to_jcs())
    }
}

fn read_signature(tree: &Json, pointer: &str) -> Result<EnvelopeSignature, EnvelopeError> {
    let [keyid, sig] = members(tree, pointer, ["keyid", "sig"])?;
    let keyid = text(keyid, &format!("{pointer}/keyid"))?.to_owned();
    let pointer = format!("{pointer}/sig");
    let sig = decode(text(sig, &pointer)?, &pointer)?;
    let sig = sig.try_into().map_err(|_| malformed(&pointer, "not 64 bytes"))?;
    Ok(EnvelopeSignature { keyid, sig })
}

/// Exactly these members, each once.
fn members<'a, const N: usize>(
    tree: &'a Json,
    pointer: &str,
    names: [&str; N],
) -> Result<[&'a Json; N], EnvelopeError> {
    let members = tree.as_object().ok_or_else(|| malformed(pointer, "not an object"))?;
    if let Some((name, _)) = members.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        let name = name.replace('~', "~0").replace('/', "~1");
        return Err(EnvelopeError::UnknownMember { pointer: format!("{pointer}/{name}") });
    }
    let mut found = [&Json::Null; N];
    for (place, name) in names.into_iter().enumerate() {
        let mut same = members.iter().filter(|(member, _)| member == name);
        let wrong = |reason| malformed(&format!("{pointer}/{name}"), reason);
        found[place] = &same.next().ok_or_else(|| wrong("missing"))?.1;
        if same.next().is_some() {
            return Err(wrong("given twice"));
        }
    }
    Ok(found)
}

fn text<'a>(tree: &'a Json, pointer: &str) -> Result<&'a str, EnvelopeError> {
    tree.as_str().ok_or_else(|| malformed(pointer, "not a string"))
}

/// Both alphabets, padded, without spare bits.
fn decode(text: &str, pointer: &str) -> Result<Vec<u8>, EnvelopeError> {
    base64::decode_either(text).ok_or_else(|| malformed(pointer, "not padded base64 without spare bits"))
}

fn malformed(pointer: &str, reason: &'static str) -> EnvelopeError {
    EnvelopeError::Malformed { pointer: pointer.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_stored_form_for_all_spellings() {
        let key = SecretKey::from_seed(&[7; 32]);
        let envelope = Envelope::sign(Purpose::Command, "{\"a\":\"¿¿¿>>>???\"}".as_bytes(), &[&key]);
        let stored = envelope.to_string();
        let url_safe = stored.replace('+', "-").replace('/', "_").replace("application_", "application/");
        let url_safe = url_safe.replace("command.v1-json", "command.v1+json");
        for spelling in [stored.clone(), url_safe, format!(" {stored}\n")] {
            let read = Envelope::parse(spelling.as_bytes()).unwrap();
            assert_eq!((read.to_string(), read.id()), (stored.clone(), envelope.id()));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::parse(&bytes);
        }

        #[test]
        fn parse_print_roundtrip(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let key = SecretKey::from_seed(&[1; 32]);
            let envelope = Envelope::sign(Purpose::Session, &payload, &[&key]);
            prop_assert_eq!(Envelope::parse(envelope.to_string().as_bytes()).unwrap(), envelope);
        }
    }
}
