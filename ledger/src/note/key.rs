//! Keys of notes: names, ids, vkeys, and the log's own signing key.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey};

use super::{NoteError, SignatureLine};
use crate::base64;
use crate::cosignature;
use crate::digest::Digest;
use crate::key::PublicKey;

const ML_DSA_44_KEY_LENGTH: usize = 1_312;

/// A key's name: not empty, no Unicode space, no `+`, no control character.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyName(String);

impl KeyName {
    /// # Errors
    /// [`NoteError::Key`].
    pub fn new(name: &str) -> Result<Self, NoteError> {
        let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(NoteError::Key { reason: "a name is not empty and has no space and no +" });
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs, with the key.
#[derive(Clone, Eq, PartialEq)]
pub enum KeyMaterial {
    /// 0x01: signs the text of notes, as a log does its checkpoints.
    Ed25519(PublicKey),
    /// 0x04: cosigns checkpoints with a time, as a witness does.
    CosignatureV1(PublicKey),
    /// 0x06: the 1,312 bytes of an ML-DSA-44 key. Never checked here.
    MlDsa44(Box<[u8]>),
}

impl KeyMaterial {
    fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let ed25519 = |key: &[u8]| {
            let key = key.try_into().ok().and_then(|key| PublicKey::from_bytes(key).ok());
            key.ok_or(NoteError::Key { reason: "not a sound Ed25519 public key" })
        };
        match bytes.split_first() {
            Some((0x01, key)) => Ok(Self::Ed25519(ed25519(key)?)),
            Some((0x04, key)) => Ok(Self::CosignatureV1(ed25519(key)?)),
            Some((0x06, key)) if key.len() == ML_DSA_44_KEY_LENGTH => Ok(Self::MlDsa44(key.into())),
            Some((0x06, _)) => Err(NoteError::Key { reason: "an ML-DSA-44 key has 1,312 bytes" }),
            Some(_) | None => Err(NoteError::Key { reason: "the key is of none of the types 01, 04, 06" }),
        }
    }

    /// Type byte and public key.
    fn to_bytes(&self) -> Vec<u8> {
        let (kind, key) = match self {
            Self::Ed25519(key) => (0x01, &key.as_bytes()[..]),
            Self::CosignatureV1(key) => (0x04, &key.as_bytes()[..]),
            Self::MlDsa44(key) => (0x06, &key[..]),
        };
        [&[kind], key].concat()
    }
}

/// A public key with its name, as a *vkey*: `name+hex8+base64(type ‖ public key)`.
///
/// Its `Display` is the vkey.
///
/// ```
/// use ledger::note::VerifierKey;
/// let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// assert_eq!(VerifierKey::parse(vkey)?.to_string(), vkey);
/// assert!(VerifierKey::parse(&vkey.replace("c74f20a3", "c74f20a4")).is_err());
/// # Ok::<(), ledger::note::NoteError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct VerifierKey {
    name: KeyName,
    id: [u8; 4],
    material: KeyMaterial,
}

impl VerifierKey {
    /// The key under that name.
    #[must_use]
    pub fn new(name: KeyName, material: KeyMaterial) -> Self {
        let hash = Digest::of_parts(&[name.0.as_bytes(), b"\n", &material.to_bytes()]);
        let [a, b, c, d, ..] = hash.0;
        Self { name, id: [a, b, c, d], material }
    }

    /// Reads a vkey.
    ///
    /// # Errors
    /// [`NoteError::Key`], also if the id is not that of name and key.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key { reason: "a key is written name+id+base64" });
        };
        let bytes = base64::decode(key);
        let bytes = bytes.ok_or(NoteError::Key { reason: "the key is not base64" })?;
        let read = Self::new(KeyName::new(name)?, KeyMaterial::parse(&bytes)?);
        if read.to_string() != vkey {
            return Err(NoteError::Key { reason: "the id is not that of name and key" });
        }
        Ok(read)
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The first four bytes of `H(name ‖ 0x0A ‖ type ‖ public key)`.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key itself.
    #[must_use]
    pub fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// The public key without its type: two keys that share it are one secret's.
    #[must_use]
    pub fn public_bytes(&self) -> &[u8] {
        match &self.material {
            KeyMaterial::Ed25519(key) | KeyMaterial::CosignatureV1(key) => key.as_bytes(),
            KeyMaterial::MlDsa44(key) => key,
        }
    }

    /// Whether name and id on the line are this key's.
    pub(super) fn is_on(&self, line: &SignatureLine) -> bool {
        self.name == line.name && self.id == line.id
    }

    pub(super) fn check(&self, text: &str, line: &SignatureLine) -> Check {
        match &self.material {
            KeyMaterial::Ed25519(key) => match line.signature[..].try_into() {
                Ok(signature) if key.verifies(text.as_bytes(), signature) => Check::Good { time: None },
                Ok(_) | Err(_) => Check::Wrong,
            },
            KeyMaterial::CosignatureV1(key) => match cosignature::verify(key, text, &line.signature) {
                Some(time) => Check::Good { time: Some(time) },
                None => Check::Wrong,
            },
            KeyMaterial::MlDsa44(_) => Check::Skipped,
        }
    }
}

/// A key's verdict on its line.
pub(super) enum Check {
    Good { time: Option<u64> },
    Wrong,
    Skipped,
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let key = BASE64.encode(&self.material.to_bytes());
        write!(f, "{}+{}+{key}", self.name, HEXLOWER.encode(&self.id))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "VerifierKey({}+{})", self.name, HEXLOWER.encode(&self.id))
    }
}

/// A key of type 0x01 that signs checkpoints of one log and nothing else. Its name is the origin.
pub struct LogSigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl LogSigner {
    /// The key grown from a seed of 32 secret bytes.
    #[must_use]
    pub fn new(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, KeyMaterial::Ed25519(public(&key)));
        Self { key, verifier }
    }

    /// The public side.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// This key's line under a text.
    #[must_use]
    pub fn line(&self, text: &str) -> SignatureLine {
        SignatureLine::by(&self.verifier, self.key.sign(text.as_bytes()).to_vec())
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "LogSigner({:?})", self.verifier)
    }
}

/// The public key of a secret one.
pub(crate) fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(key.verifying_key().as_bytes()).expect("a clamped secret key's point is sound")
}
